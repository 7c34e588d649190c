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
from optuna.trial import FrozenTrial

from hpo_bridge.contracts.format import ExportResult
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import HistoryError

from .exported_names import METRIC_NAMES, STUDY_ATTRIBUTE
from .frozen_trials import WAYS, frozen_trial, study_attributes
from .opening import error_line, file_of, scheme_of, tables_of
from .parameter_forms import ParameterForms
from .rows import insert_trials


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
        own = study_attributes(study.definition, forms)
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
            yield frozen_trial(trial, list(study.directions), forms, now)
