"""Histories as JSON: all that the store has of a study's trials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ...contracts.format import (
    FORMAT,
    ExportResult,
    History,
    ImportedTrial,
    ImportRequest,
)
from ...contracts.record import Direction, TrialState
from ...contracts.study_history import StudyHistory
from ...errors import HistoryError, SpaceError, short
from ...history.plain_trial import plain_trial, read_optional_fields
from ...space.values import as_float
from .files import is_file, read_text, written_whole

SUFFIX = ".json"
VERSION = 1


class Json:
    """Reads and writes our own exports; reads what ``trials --json`` prints, too."""

    def recognises(self, source: Any) -> bool:
        """Return True for a file with the suffix."""
        return is_file(source, SUFFIX)

    def suits(self, target: str) -> bool:
        """Return True for a name with the suffix."""
        return target.lower().endswith(SUFFIX)

    def write(self, target: str, study: StudyHistory, *, overwrite: bool) -> ExportResult:
        """One JSON object with a list ``trials``, one a line."""
        head = {
            "format": FORMAT, "version": VERSION, "study": study.name,
            "definition": dict(study.definition),
        }  # fmt: skip
        count, separator = 0, "\n"
        with written_whole(target, overwrite=overwrite) as file:
            file.write(json.dumps(head)[:-1] + ', "trials": [')
            for trial in study.trials:
                file.write(separator + json.dumps(plain_trial(trial), allow_nan=False))
                count, separator = count + 1, ",\n"
            file.write("\n]}\n")
        return ExportResult(count)

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """The trials of an export, or of a bare list of them."""
        try:
            data = json.loads(read_text(source))
        except (ValueError, RecursionError) as error:
            raise HistoryError(f"{source}: is no JSON: {error}") from None
        name, directions = source, dict.fromkeys(wanted.objectives)
        if isinstance(data, dict) and data.get("format") == FORMAT:
            name, directions, data = _export(data, source)
        if not isinstance(data, list):
            raise HistoryError(
                f"{source}: expected an export of hpo-bridge, or a list of trials as "
                "`hpo-bridge trials --json` prints it"
            )
        return History(name, directions, list(_trials(data, source)))


def _export(data: dict[str, Any], source: str) -> tuple[str, dict[str, Any], Any]:
    if data.get("version") != VERSION:
        raise HistoryError(
            f"{source}: has version {short(data.get('version'))} of the format, this hpo-bridge "
            f"knows {VERSION}",
            fix="upgrade hpo-bridge",
        )
    try:
        found = data["definition"]["directions"].items()
        directions = {str(name): Direction(way) for name, way in found}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise HistoryError(f"{source}: its definition has no directions") from None
    return str(data.get("study")), directions, data.get("trials")


def _trials(data: list[Any], source: str) -> Iterator[ImportedTrial]:
    for position, plain in enumerate(data):
        label = f"trial {position}"
        try:
            if not isinstance(plain, dict):
                raise SpaceError(f"found {short(plain)}, expected an object")
            label = f"trial {plain.get('number', position)}"
            yield _trial(label, plain)
        except SpaceError as error:
            raise HistoryError(f"{source}, {label}: {error}") from None


def _trial(label: str, plain: dict[str, Any]) -> ImportedTrial:
    found: dict[str, Any] = {}
    for name, kind in (("params", dict), ("values", dict), ("backend", str), ("error", str)):
        value = plain.get(name)
        if value is not None and not isinstance(value, kind):
            raise SpaceError(f"found {short(value)}, expected {kind.__name__}", name)
        found[name] = value
    try:
        state = TrialState(plain.get("state", "COMPLETE"))
    except ValueError:
        known = ", ".join(s.value for s in TrialState)
        found_state = short(plain.get("state"))
        raise SpaceError(f"found {found_state}, expected one of {known}", "state") from None
    times = [plain.get(name) for name in ("started", "finished")]
    started, finished = (None if time is None else as_float(time) for time in times)
    attempts = plain.get("attempts", 1)
    return ImportedTrial(
        label, state, found["params"] or {}, found["values"], started, finished, found["error"],
        backend=found["backend"], attempts=attempts if type(attempts) is int else 1,
        **read_optional_fields(plain),
    )  # fmt: skip
