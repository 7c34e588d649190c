"""Studies of the bridge as studies of Optuna's, for everything that reads them.

Optuna's plots, importances and tables, its dashboard and other tools take any storage: this one
reads from a store of the bridge, whatever backend proposed the trials, also while the study
runs. Nothing is copied, and nothing can be written.

Example:
    >>> import hpo_bridge as hpo
    >>> from hpo_bridge_optuna import as_study
    >>> study = hpo.Study({"x": hpo.Float(0, 1)}, seed=0)
    >>> study.optimize(lambda trial: trial["x"] ** 2, trials=8)
    >>> theirs = as_study(study)
    >>> theirs.best_trial.number == study.best.number, len(theirs.trials)
    (True, 8)
"""

from __future__ import annotations

from collections.abc import Container
from copy import deepcopy
from threading import RLock
from typing import Any, NoReturn, Protocol

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from hpo_bridge.errors import HpoBridgeError, StudyNotFound

from .study_reader import ReadableStore, StudyReader

IDS_OF_STUDY = 10**9
"""The distance between the ids of two studies' first trials."""


class OwnStudy(Protocol):
    """A study of the bridge."""

    name: str

    @property
    def store(self) -> Any:
        """The store."""


def as_study(study: OwnStudy) -> optuna.Study:
    """Return a study as one of Optuna's, to be read; also while it runs.

    Each access sees the trials as they are then; only those that have changed are read again.
    What Optuna has no place for is in attributes: see :mod:`hpo_bridge_optuna.frozen_trials`.

    Args:
        study: A study, such as :class:`hpo_bridge.Study`.

    Raises:
        StudyNotFound: If its store has it no more.
        HistoryError: If Optuna cannot have its parameters.
    """
    storage = ReadOnlyStorage(study.store, study.name)
    storage.get_study_user_attrs(storage.id_of(study.name))
    return optuna.Study(study.name, storage)


class ReadOnlyStorage(BaseStorage):  # type: ignore[misc,unused-ignore]
    """The studies of a store as Optuna reads them.

    Args:
        store: The store, open.
        name: The only study to be seen; by default all are, also those that come later.
    """

    def __init__(self, store: ReadableStore, name: str | None = None) -> None:
        self._store, self._name, self._lock = store, name, RLock()
        self._studies: list[StudyReader] = []

    def reader_of(self, study_id: int) -> StudyReader:
        """Return the study of an id.

        Raises:
            KeyError: If there is none.
        """
        with self._lock:
            if study_id >= len(self._studies):
                self._find_studies()
            if 0 <= study_id < len(self._studies):
                return self._studies[study_id]
        raise KeyError(f"No study with study_id {study_id} exists.")

    def _find_studies(self) -> None:
        """Give ids to studies that are new, in the order of their creation."""
        known = {each.name for each in self._studies}
        names = [self._name] if self._name is not None else self._store.names()
        rows = [(name, self._store.study(name)) for name in names if name not in known]
        found = sorted((row.created, name) for name, row in rows if row is not None)
        for _, name in found:
            number = len(self._studies)
            self._studies.append(StudyReader(self._store, name, number, number * IDS_OF_STUDY))

    def studies(self) -> list[StudyReader]:
        """Return the studies, in the order of their creation."""
        with self._lock:
            self._find_studies()
            return list(self._studies)

    def id_of(self, name: str) -> int:
        """Return the id of a study.

        Raises:
            StudyNotFound: If there is none of that name.
        """
        for study in self.studies():
            if study.name == name:
                return study.study_id
        raise StudyNotFound(f"no study {name!r} in {self._store.url}")

    # -- studies -------------------------------------------------------------------------

    def get_all_studies(self) -> list[FrozenStudy]:
        """Return the studies, in the order of their creation."""
        return [study.summary() for study in self.studies()]

    def get_study_id_from_name(self, study_name: str) -> int:
        """Return the id of a study."""
        try:
            return self.id_of(study_name)
        except StudyNotFound:
            raise KeyError(f"No study with study_name {study_name!r} exists.") from None

    def get_study_name_from_id(self, study_id: int) -> str:
        """Return the name of a study."""
        return self.reader_of(study_id).name

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return the directions of a study."""
        return self.reader_of(study_id).directions()

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attribute with the study's definition."""
        return self.reader_of(study_id).summary().user_attrs

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """Return the attribute with the names of the objectives."""
        return self.reader_of(study_id).summary().system_attrs

    # -- trials --------------------------------------------------------------------------

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[OptunaState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials by number, as they are now."""
        trials = self.reader_of(study_id).trials()
        if states is not None:
            trials = [trial for trial in trials if trial.state in states]
        return _copied(trials) if deepcopy else trials

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return one trial, as it is now."""
        study_id, number = divmod(trial_id, IDS_OF_STUDY)
        study = self.reader_of(study_id)
        study.update()
        if number >= len(study.records):
            raise KeyError(f"No trial with trial_id {trial_id} exists.")
        return deepcopy(study.frozen(study.records[number]))

    # -- writing -------------------------------------------------------------------------

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise HpoBridgeError(
            "a study of hpo_bridge is read-only for Optuna",
            fix="change it by hpo_bridge, or export it to a storage of Optuna's and change that",
        )

    create_new_study = delete_study = create_new_trial = _refuse
    set_study_user_attr = set_study_system_attr = _refuse
    set_trial_param = set_trial_state_values = set_trial_intermediate_value = _refuse
    set_trial_user_attr = set_trial_system_attr = _refuse


def _copied(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return copies that may be changed without changing the originals.

    The distributions, which are the same objects for all trials of a study and are not meant to
    be changed, are shared: that is most of the time of a deep copy.
    """
    shared = {id(d): d for trial in trials for d in trial.distributions.values()}
    return deepcopy(trials, shared)
