"""The files of a Ray Tune experiment, read as data."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo_bridge.errors import HistoryError

STATE = "experiment_state-*.json"
LONGEST = 2**20
"""Most bytes of an error's text that are read."""


@dataclass(frozen=True)
class Run:
    """One trial's files.

    Attributes:
        label: Tune's id.
        config: Its parameters, flat.
        results: What it reported, in order, flat.
        status: Tune's word for where it stands; ``None`` if no state of the experiment is there.
        started: Seconds since the epoch, or ``None``.
        error: The last line of ``error.txt``; ``None`` without one.
    """

    label: str
    config: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    status: str | None
    started: float | None
    error: str | None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise HistoryError(f"{path}: cannot be read: {error}") from None


def read_states(folder: Path) -> tuple[dict[str, tuple[str, Any]], str | None, list[str]]:
    """Return trial id to status and start, the metric if it is named, and notes.

    They are in the last state of the experiment. Since Ray 2.4 its ``trial_data`` has a pair for
    each trial, its state and what changed at run time; before, ``checkpoints`` had the states
    alone. Each is an object, or that as JSON text.
    """
    notes = []
    for file in sorted(folder.glob(STATE), reverse=True):
        try:
            data = json.loads(file.read_bytes())
            entries = data["trial_data"] if "trial_data" in data else data["checkpoints"]
            found = dict(map(_entry, entries))
            metric = (data.get("runner_data") or {}).get("_metric")
        except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
            notes.append(f"{file.name}: not of a form that is known, left out")
        else:
            return found, metric if isinstance(metric, str) else None, notes
    return {}, None, notes


def _entry(entry: Any) -> tuple[str, tuple[str, Any]]:
    """Return a trial's id, its status and its start."""
    parts = entry if isinstance(entry, (list, tuple)) else [entry]
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= json.loads(part) if isinstance(part, str) else part
    return str(merged["trial_id"]), (str(merged["status"]), merged.get("start_time"))


def read_run(params: Path, states: Mapping[str, tuple[str, Any]]) -> Run:
    """Return a trial, given its ``params.json`` and the statuses by id.

    Raises:
        HistoryError: If a file of it cannot be read.
    """
    folder = params.parent
    config = _json(params)
    if not isinstance(config, dict):
        raise HistoryError(f"{params}: expected an object")
    results = list(_results(folder))
    label = next((str(r["trial_id"]) for r in results if "trial_id" in r), "")
    ids = re.findall(r"(?<=_)[0-9a-f]{5,}(?:_\d{5})?(?=_)", folder.name)
    known = [each for each in ids if each in states] or [each for each in ids if "_" in each]
    label = label or (known[0] if known else folder.name)
    status, started = states.get(label, (None, None))
    return Run(
        label, dict(_flat(config)), results, status,
        float(started) if isinstance(started, (int, float)) else None, _error(folder),
    )  # fmt: skip


def _results(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the results that a trial reported; a last line that a crash cut off is left out."""
    path = folder / "result.json"
    if not path.is_file() and (folder / "progress.csv").is_file():
        yield from _progress(folder / "progress.csv")
        return
    try:
        lines = path.read_bytes().decode(errors="replace").splitlines() if path.is_file() else []
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        try:
            result = json.loads(line)
            if not isinstance(result, dict):
                raise ValueError("expected an object")
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise HistoryError(f"{path}, line {number}: {error}") from None
        yield dict(_flat(result))


def _progress(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield {
                    name: _cell(cell)
                    for name, cell in row.items()
                    if name and isinstance(cell, str) and cell
                }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HistoryError(f"{path}: cannot be read: {error}") from None


def _cell(cell: str) -> Any:
    if cell in ("True", "False"):
        return cell == "True"
    if "_" in cell:  # an id, which Python would take for a number: 93327_00000
        return cell
    try:
        return float(cell)
    except ValueError:
        return cell


def _error(folder: Path) -> str | None:
    """The last line of an error's text, which says what it was."""
    path = folder / "error.txt"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        text = file.read(LONGEST).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "failed in Ray Tune"


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings with the paths as keys, as Tune itself writes them: ``a/b``."""
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value
