"""A study's trials as a study of Optuna's, for its dashboard, plots and importances.

Every parameter is the distribution that it is; a condition is a parameter that is absent. What
Optuna cannot hold is written in another form, which the study's attribute ``hpo_bridge`` names
and the import undoes: a vector as one parameter a component, choices that Optuna cannot tell
apart or store (``1`` beside ``True``, lists) as their JSON text.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from hpo_bridge.contracts.format import FORMAT, ExportResult
from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import HistoryError

from .exported_names import METRIC_NAMES, STUDY_ATTRIBUTE, TRIAL_PREFIX
from .opening import error_line, file_of, scheme_of, tables_of
from .parameter_forms import ParameterForms
from .rows import insert_trials

STATES = {
    TrialState.COMPLETE: OptunaState.COMPLETE, TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL, TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.WAITING: OptunaState.WAITING,
}  # fmt: skip
WAYS = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}


class _Buffer(BaseJournalBackend):
    """A journal in memory: to a file, each entry would cost a lock and a wait for the disk."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The entries from a number on, as they would come back from a file."""
        return json.loads(json.dumps(self.logs[log_number_from:]))  # type: ignore[no-any-return]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Keep entries."""
        self.logs.extend(logs)


def write_storage(target: str, study: StudyHistory, *, overwrite: bool) -> ExportResult:
    """Write a study into a storage, whole or not at all.

    Args:
        target: The URL of a database, or the path of a journal; created if it is not there.
        study: What to write.
        overwrite: Whether to replace a study of that name.

    Raises:
        HistoryError: If there is one and ``overwrite`` is false, or it cannot be written.
    """
    forms = ParameterForms(study.space)
    write = _to_database if scheme_of(target) else _to_journal
    with _quiet():
        count = write(target, study, forms, overwrite=overwrite)
    return ExportResult(count, forms.notes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's words on studies that are created."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _to_database(
    target: str, study: StudyHistory, forms: ParameterForms, *, overwrite: bool
) -> int:
    shown = target.rpartition("@")[2]
    local = scheme_of(target) == "sqlite"
    if local:
        path = file_of(target)
        if "hpo_meta" in tables_of(path):
            raise HistoryError(f"{shown}: is a store of hpo-bridge", fix="choose another file")
        if not path.parent.is_dir():
            raise HistoryError(f"{shown}: its folder does not exist", fix="create it first")
    new = local and not path.exists()
    try:
        storage = RDBStorage(target)
        try:
            insert = insert_trials if local else _one_by_one
            return _write(storage, study, forms, insert, shown, overwrite=overwrite)
        finally:
            storage.engine.dispose()
    except HistoryError:
        raise
    except Exception as error:
        if new:
            path.unlink(missing_ok=True)
        raise HistoryError(f"{shown}: cannot be written: {error_line(error)}") from error


def _to_journal(
    target: str, study: StudyHistory, forms: ParameterForms, *, overwrite: bool
) -> int:
    if not Path(target).absolute().parent.is_dir():
        raise HistoryError(f"{target}: its folder does not exist", fix="create it first")
    new = not os.path.exists(target)
    try:
        if new:
            buffer = _Buffer()
            storage = JournalStorage(buffer)
            count = _write(storage, study, forms, _one_by_one, target, overwrite=overwrite)
            JournalFileBackend(target).append_logs(buffer.logs)
            return count
        storage = JournalStorage(JournalFileBackend(target))
        return _write(storage, study, forms, _one_by_one, target, overwrite=overwrite)
    except HistoryError:
        raise
    except Exception as error:
        raise HistoryError(f"{target}: cannot be written: {error_line(error)}") from error


def _write(
    storage: BaseStorage, study: StudyHistory, forms: ParameterForms, insert: Any, shown: str, *,
    overwrite: bool,
) -> int:  # fmt: skip
    """Creates the study and adds its trials; takes it away again if that fails."""
    there = {each.study_name: each._study_id for each in storage.get_all_studies()}
    if study.name in there and not overwrite:
        raise HistoryError(f"{shown}: has a study {study.name!r} already; --overwrite replaces it")
    if study.name in there:
        storage.delete_study(there[study.name])
    ways = [WAYS[way.value] for way in study.directions.values()]
    number = storage.create_new_study(ways, study.name)
    try:
        own = {
            "format": FORMAT, "version": 1, "definition": dict(study.definition),
            "as_json": forms.as_json, "vectors": forms.vectors,
        }  # fmt: skip
        storage.set_study_user_attr(number, STUDY_ATTRIBUTE, own)
        storage.set_study_system_attr(number, METRIC_NAMES, list(study.directions))
        return int(insert(storage, number, _frozen_trials(study, forms)))
    except BaseException:
        storage.delete_study(number)
        raise


def _one_by_one(storage: BaseStorage, study: int, trials: Iterator[FrozenTrial]) -> int:
    count = 0
    for trial in trials:
        storage.create_new_trial(study, template_trial=trial)
        count += 1
    return count


def _frozen_trials(study: StudyHistory, forms: ParameterForms) -> Iterator[FrozenTrial]:
    now = datetime.now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for trial in study.trials:
            yield _frozen(trial, study, forms, now)


def _frozen(
    trial: TrialRecord, study: StudyHistory, forms: ParameterForms, now: datetime
) -> FrozenTrial:
    params = forms.params(trial.params)
    state = STATES[trial.state]
    begun = trial.state is not TrialState.WAITING
    ended = trial.state.is_final
    started, finished = trial.started, trial.finished
    begin = (_moment(started if started is not None else finished) or now) if begun else None
    end = (_moment(finished if finished is not None else started) or now) if ended else None
    values = None if trial.values is None else [trial.values[name] for name in study.directions]
    if trial.state is TrialState.PRUNED and trial.reports and len(study.directions) == 1:
        values = [max(trial.reports)[1]]  # of the largest step, as Optuna itself does
    frozen = FrozenTrial(
        number=trial.number, trial_id=trial.number, state=state, value=None, values=values,
        datetime_start=begin, datetime_complete=end, params=params,
        distributions={name: forms.distributions[name] for name in params},
        user_attrs=_attributes(trial),
        # What waits is to be evaluated as it is, should anybody go on with Optuna.
        system_attrs={} if begun else {"fixed_params": params},
        intermediate_values=dict(trial.reports),
    )  # fmt: skip
    frozen._validate()
    return frozen


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds)


def _attributes(trial: TrialRecord) -> dict[str, Any]:
    """Return the facts for which Optuna has no place."""
    reports = [list(report) for report in trial.reports]
    metrics = [
        {n: None if value != value else value for n, value in each.items()}
        for each in trial.metrics
    ]
    found = {
        "times": [trial.started, trial.finished], "backend": trial.backend,
        "error": trial.error, "attempts": None if trial.attempts == 1 else trial.attempts,
        "metrics": metrics if any(metrics) else None,
        # Optuna's databases keep no order.
        "reports": None if reports == sorted(reports) else reports,
        "standard_errors": None if trial.standard_errors is None else dict(trial.standard_errors),
        "estimate": trial.estimate,
        "gradients": None if trial.gradients is None else dict(trial.gradients),
        "changes": [
            {"step": change.step, "params": dict(change.params), "source": change.source}
            for change in trial.changes
        ] or None,
    }  # fmt: skip
    return {TRIAL_PREFIX + name: value for name, value in found.items() if value is not None}
