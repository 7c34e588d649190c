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
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from hpo_bridge.contracts.history import FORMAT, StudyToWrite, Written
from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.errors import HistoryError
from hpo_bridge.space import Categorical, Float, Int, Space

from .rows import insert_trials
from .storage import ATTRIBUTE, METRIC_NAMES, OWN, _line, _path, _scheme, _tables, component

STATES = {
    TrialState.COMPLETE: OptunaState.COMPLETE, TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL, TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.WAITING: OptunaState.WAITING,
}  # fmt: skip
WAYS = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}


class Forms:
    """How the parameters of a space are written.

    Args:
        space: The space.

    Raises:
        HistoryError: If a vector's component would have the name of another parameter.

    Attributes:
        distributions: Optuna's name of a parameter to its distribution.
        vectors: Names of vectors to their lengths.
        as_json: Names of the parameters whose choices are written as JSON text.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.distributions: dict[str, BaseDistribution] = {}
        self.vectors: dict[str, int] = {}
        self.as_json: list[str] = []
        for name, parameter in space.items():
            if isinstance(parameter, Float) and parameter.shape is not None:
                self.vectors[name] = parameter.dimension
                for at in range(parameter.dimension):
                    self._add(component(name, at), _of_float(parameter))
            elif isinstance(parameter, Float):
                self._add(name, _of_float(parameter))
            elif isinstance(parameter, Int):
                step = parameter.step or 1
                self._add(name, IntDistribution(parameter.low, parameter.high,
                                                log=parameter.log, step=step))  # fmt: skip
            else:
                self._add(name, self._of_choices(name, parameter))

    def _add(self, name: str, distribution: BaseDistribution) -> None:
        if name in self.distributions:
            raise HistoryError(f"parameter {name!r} has the name of a component of a vector")
        self.distributions[name] = distribution

    def _of_choices(self, name: str, parameter: Categorical) -> BaseDistribution:
        choices = list(parameter.choices)
        plain = not any(isinstance(choice, list) for choice in choices)
        if plain and len(set(choices)) == len(choices):
            return CategoricalDistribution(choices)
        self.as_json.append(name)
        return CategoricalDistribution([json.dumps(choice) for choice in choices])

    def params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """A point's active parameters as Optuna gets them."""
        found: dict[str, Any] = {}
        for name in self.space:
            if name not in params:
                continue
            value = params[name]
            if name in self.vectors:
                found |= {component(name, at): part for at, part in enumerate(value)}
            else:
                found[name] = json.dumps(value) if name in self.as_json else value
        return found

    @property
    def notes(self) -> list[str]:
        """What is written in another form than the study has it."""
        notes = [
            f"{name}: a vector, written as the parameters {component(name, 0)} … "
            f"{component(name, length - 1)}"
            for name, length in self.vectors.items()
        ]
        return notes + [
            f"{name}: its choices are written as JSON text, as Optuna cannot tell them apart"
            for name in self.as_json
        ]


def _of_float(parameter: Float) -> FloatDistribution:
    """Its distribution; without the step where Optuna would cut the range by a rounding error."""
    step = None if parameter.is_even else parameter.step
    return FloatDistribution(parameter.low, parameter.high, log=parameter.log, step=step)


class _Buffer(BaseJournalBackend):
    """A journal in memory: to a file, each entry would cost a lock and a wait for the disk."""

    def __init__(self) -> None:
        self.logs: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The entries from a number on, as they would come back from a file."""
        return json.loads(json.dumps(self.logs[log_number_from:]))  # type: ignore[no-any-return]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Keeps entries."""
        self.logs.extend(logs)


def write_storage(target: str, study: StudyToWrite, *, overwrite: bool) -> Written:
    """Writes a study into a storage, whole or not at all.

    Args:
        target: The URL of a database, or the path of a journal; created if it is not there.
        study: What to write.
        overwrite: Whether to replace a study of that name.

    Raises:
        HistoryError: If there is one and ``overwrite`` is false, or it cannot be written.
    """
    forms = Forms(study.space)
    write = _to_database if _scheme(target) else _to_journal
    with _quiet():
        count = write(target, study, forms, overwrite=overwrite)
    return Written(count, forms.notes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's words on studies that are created."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _to_database(target: str, study: StudyToWrite, forms: Forms, *, overwrite: bool) -> int:
    shown = target.rpartition("@")[2]
    local = _scheme(target) == "sqlite"
    if local:
        path = _path(target)
        if "hpo_meta" in _tables(path):
            raise HistoryError(f"{shown}: is a store of hpo-bridge; choose another file")
        if not path.parent.is_dir():
            raise HistoryError(f"{shown}: its folder does not exist; create it first")
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
        raise HistoryError(f"{shown}: cannot be written: {_line(error)}") from error


def _to_journal(target: str, study: StudyToWrite, forms: Forms, *, overwrite: bool) -> int:
    if not Path(target).absolute().parent.is_dir():
        raise HistoryError(f"{target}: its folder does not exist; create it first")
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
        raise HistoryError(f"{target}: cannot be written: {_line(error)}") from error


def _write(
    storage: BaseStorage, study: StudyToWrite, forms: Forms, insert: Any, shown: str, *,
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
        storage.set_study_user_attr(number, OWN, own)
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


def _frozen_trials(study: StudyToWrite, forms: Forms) -> Iterator[FrozenTrial]:
    now = datetime.now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for trial in study.trials:
            yield _frozen(trial, study, forms, now)


def _frozen(trial: TrialRecord, study: StudyToWrite, forms: Forms, now: datetime) -> FrozenTrial:
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
    """What Optuna has no place for."""
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
    return {ATTRIBUTE + name: value for name, value in found.items() if value is not None}
