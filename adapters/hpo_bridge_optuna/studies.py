"""An Optuna study in memory that logs nothing, told through public calls of Optuna."""

from __future__ import annotations

import copy
import logging
import threading
import warnings
from collections.abc import Container, Iterator
from contextlib import contextmanager

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as State

NAME = "hpo_bridge"
"""The name of every study; Hyperband's brackets depend on it."""


class MemoryStorage(InMemoryStorage):
    """A storage in memory for one study and one thread; a trial's id is its number.

    It sets a parameter without copying the trial: Optuna copies it each time, for readers in
    other threads, which costs 0.06 ms for five parameters. And it can hide trials: samplers go
    through all trials at each ask, to leave out those that failed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._hidden: set[int] = set()

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Set a parameter of a running trial."""
        trial = self.get_trial(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[State] | None = None
    ) -> list[FrozenTrial]:
        """Return every trial that is not hidden."""
        if states == (State.WAITING,):
            return []  # nothing is ever enqueued
        trials = super().get_all_trials(study_id, deepcopy=False, states=states)
        if self._hidden:
            trials = [trial for trial in trials if trial.number not in self._hidden]
        return copy.deepcopy(trials) if deepcopy else trials

    def hide(self, trial_id: int) -> None:
        """Leave a trial out of ``get_all_trials``, for good, and drop its attributes."""
        self._hidden.add(trial_id)
        self.get_trial(trial_id).system_attrs = {}


def new_study(
    sampler: BaseSampler, pruner: BasePruner | None = None, n_objectives: int = 1
) -> tuple[Study, MemoryStorage, int]:
    """Return a study that minimises, its storage, and its id there."""
    storage = MemoryStorage()
    with _silence():
        study_id = storage.create_new_study([StudyDirection.MINIMIZE] * n_objectives, NAME)
    return Study(NAME, storage, sampler, pruner or NopPruner()), storage, study_id


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back "A new study created" of this thread; leave Optuna's verbosity alone."""
    logger = logging.getLogger("optuna.storages._in_memory")
    here = threading.get_ident()
    logger.addFilter(is_other := lambda record: record.thread != here)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


@contextmanager
def experimental() -> Iterator[None]:
    """Build an experimental class of Optuna without its warning: the study asks for it by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
