"""Optuna's storages as sources of trials: SQLite, other databases, journals, and studies.

A SQLite database is copied before it is opened, and the copy is brought up to Optuna's present
schema: the file stays as it is, whatever version wrote it. Another database is opened in place,
and must have that schema already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from hpo_bridge.contracts.format import (
    ExportResult,
    History,
    ImportedTrial,
    ImportRequest,
)
from hpo_bridge.contracts.record import Change, Direction, TrialState
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import HistoryError, nearest

from .exported_names import METRIC_NAMES, STUDY_ATTRIBUTE, TRIAL_PREFIX, component
from .opening import TABLES, file_of, is_journal, open_storage, scheme_of, tables_of

FILES = (".db", ".sqlite", ".sqlite3")
"""Endings of SQLite files that are written."""
STATES = {
    "COMPLETE": TrialState.COMPLETE, "PRUNED": TrialState.PRUNED, "FAIL": TrialState.FAILED,
    "RUNNING": TrialState.RUNNING, "WAITING": TrialState.WAITING,
}  # fmt: skip


class Storage:
    """Reads any storage that Optuna opens, and its ``Study`` objects; writes storages."""

    def recognises(self, source: Any) -> bool:
        """Return true for a study, or the URL or file of a database of Optuna's or a journal."""
        if not isinstance(source, str):
            kind = type(source)
            return kind.__name__ == "Study" and kind.__module__.startswith("optuna.")
        scheme = scheme_of(source)
        if scheme and scheme != "sqlite":
            return True
        path = file_of(source)
        return tables_of(path) >= TABLES or (not scheme and is_journal(path))

    def suits(self, target: str) -> bool:
        """Return true for the URL of a database, or a name like that of one or of a journal."""
        return bool(scheme_of(target)) or target.lower().endswith((*FILES, ".log", ".journal"))

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """The trials of one study."""
        if not isinstance(source, str):
            return _history(
                source.study_name, source.directions, source.metric_names, source.user_attrs,
                source.get_trials(deepcopy=False),
            )  # fmt: skip
        with open_storage(source) as storage:
            name = _named(storage, wanted.study, source)
            study = storage.get_study_id_from_name(name)
            return _history(
                name,
                storage.get_study_directions(study),
                storage.get_study_system_attrs(study).get(METRIC_NAMES),
                storage.get_study_user_attrs(study),
                storage.get_all_trials(study, deepcopy=False),
            )

    def write(self, target: str, study: StudyHistory, *, overwrite: bool) -> ExportResult:
        """A study of the same name in a storage, which may have others."""
        from .exporting import write_storage

        if not scheme_of(target) and target.lower().endswith(FILES):
            target = f"sqlite:///{target}"
        return write_storage(target, study, overwrite=overwrite)


def _named(storage: Any, name: str | None, source: str) -> str:
    """Return the name of the study that is meant."""
    names = [study.study_name for study in storage.get_all_studies()]
    if name is None and len(names) == 1:
        return str(names[0])
    known = ", ".join(names) or "none"
    if name is None:
        raise HistoryError(f"{source}: has {len(names)} studies; --study takes one of {known}")
    if name not in names:
        hint = nearest(name, names)
        raise HistoryError(f"{source}: has no study {name!r}{hint}; it has {known}")
    return name


def _history(
    name: str, directions: Sequence[Any], names: Sequence[str] | None,
    attributes: Mapping[str, Any], trials: Sequence[Any],
) -> History:  # fmt: skip
    if names is None:
        several = [f"values_{n}" for n in range(len(directions))]
        names = several if len(several) > 1 else ["value"]
    ways = {n: Direction(d.name.lower()) for n, d in zip(names, directions, strict=True)}
    own = attributes.get(STUDY_ATTRIBUTE)
    forms = own if isinstance(own, dict) else {}
    past = [_past(trial, list(names), forms) for trial in trials]
    return History(f"study {name!r}", ways, past)


def _past(trial: Any, names: list[str], forms: Mapping[str, Any]) -> ImportedTrial:
    values = None if trial.values is None else dict(zip(names, trial.values, strict=True))
    told = {
        key.removeprefix(TRIAL_PREFIX): value
        for key, value in trial.user_attrs.items()
        if key.startswith(TRIAL_PREFIX)
    }
    reports = [tuple(report) for report in told.get("reports", ())]
    state, error = STATES[trial.state.name], told.get("error", _reason(trial))
    violated = next((name for name, much in trial.constraints.items() if much > 0), None)
    if violated is not None and state is TrialState.COMPLETE:  # can be best as little as there
        state, error = TrialState.FAILED, f"violates the constraint {violated!r} in Optuna"
    started, finished = told.get(
        "times", (_seconds(trial.datetime_start), _seconds(trial.datetime_complete))
    )
    return ImportedTrial(
        f"trial {trial.number}", state, _params(trial.params, forms), values, started, finished,
        error,
        reports or sorted(trial.intermediate_values.items()),
        told.get("backend"), told.get("attempts", 1),
        [_numbers(each) for each in told.get("metrics", ())],
        told.get("standard_errors"), told.get("estimate"), told.get("gradients"),
        [Change(**change) for change in told.get("changes", ())],
    )  # fmt: skip


def _params(params: Mapping[str, Any], forms: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters, put together again where we exported them in another form."""
    found = dict(params)
    for name in forms.get("as_json", ()):
        if isinstance(found.get(name), str):
            with suppress(ValueError):
                found[name] = json.loads(found[name])
    for name, length in forms.get("vectors", {}).items():
        parts = [component(name, at) for at in range(length)]
        if all(part in found for part in parts):
            found[name] = [found.pop(part) for part in parts]
    return found


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {n: float("nan") if value is None else float(value) for n, value in metrics.items()}


def _seconds(moment: datetime | None) -> float | None:
    """Seconds since the epoch; Optuna's times are local."""
    return None if moment is None else moment.timestamp()


def _reason(trial: Any) -> str | None:
    """Why a trial failed, where Optuna kept it."""
    for key in ("fail_reason", "STUDY_TELL_WARNING"):
        if isinstance(trial.system_attrs.get(key), str):
            return str(trial.system_attrs[key])
    return None
