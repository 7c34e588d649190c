"""An Optuna study in memory that keeps quiet, told through its public calls.

With one exception, see :func:`_tell`; where that private name is gone, the public call serves.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as State

from hpo_bridge.optimizer import Observation
from hpo_bridge.trial import TrialState

from .translation import Table

NAME = "hpo_bridge"
"""The name of every study; Hyperband's brackets depend on it."""
STATES = {
    TrialState.COMPLETE: State.COMPLETE,
    TrialState.PRUNED: State.PRUNED,
    TrialState.FAILED: State.FAIL,
}
_VIOLATED = {"space": 1.0}

_tell_with_warning: Callable[..., Any] | None
try:
    from optuna.study._tell import _tell_with_warning
except ImportError:  # pragma: no cover
    _tell_with_warning = None


class Storage(InMemoryStorage):
    """A storage in memory for one thread: sets a parameter without copying the trial.

    Optuna copies the trial at each parameter, so that readers in other threads see it whole.
    Without that an ask of five parameters costs 0.06 ms less.
    """

    def set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
    ) -> None:
        """Sets a parameter of a running trial."""
        trial = self.get_trial(trial_id)
        trial.params[param_name] = distribution.to_external_repr(param_value_internal)
        trial.distributions[param_name] = distribution


class ToldStudy:
    """A study whose trials are asked for and told by number.

    Args:
        table: The space.
        sampler: What proposes.
        n_objectives: Number of losses.
    """

    def __init__(self, table: Table, sampler: BaseSampler, n_objectives: int) -> None:
        self._table = table
        self.study, self._storage, self._id = new_study(sampler, n_objectives=n_objectives)
        self._single = n_objectives == 1
        self._mark = create_trial(state=State.RUNNING, constraints=_VIOLATED).system_attrs

    def suggest(self) -> tuple[int, dict[str, Any]]:
        """A new trial's number and parameters."""
        return self._table.suggest(self.study)

    def tell(self, seen: Observation) -> None:
        """Ends the trial that the observation's token numbers, or adds a foreign one."""
        if seen.token is None:
            if is_lesson(seen):
                self.study.add_trial(self._frozen(seen))
            return
        if seen.losses is not None:
            _tell(self.study, seen.token, seen.losses)
            return
        trial = self._storage.get_trial_id_from_study_id_trial_number(self._id, seen.token)
        if seen.infeasible:
            for key, value in self._mark.items():
                self._storage.set_trial_system_attr(trial, key, value)
        for step, loss in self._last(seen).items():
            self._storage.set_trial_intermediate_value(trial, step, loss)
        self.study.tell(seen.token, state=_state(seen))

    def running(self) -> list[FrozenTrial]:
        """The trials that were not told."""
        return self.study.get_trials(deepcopy=False, states=(State.RUNNING,))

    @property
    def size(self) -> int:
        """Number of trials, running ones included."""
        return len(self.study.get_trials(deepcopy=False))

    def add(self, seen: Observation) -> None:
        """Adds a trial that has ended, with the next number."""
        self.study.add_trial(self._frozen(seen))

    def add_running(self, params: dict[str, Any], attrs: dict[str, Any]) -> None:
        """Adds a trial that was asked for, with the next number."""
        distributions = self._table.active(params)
        self.study.add_trial(
            create_trial(
                state=State.RUNNING,
                params=params,
                distributions=distributions,
                system_attrs=attrs,
            )
        )

    def _frozen(self, seen: Observation) -> FrozenTrial:
        params = self._table.stored(seen.params)
        last = self._last(seen)
        values = list(seen.losses) if seen.losses is not None else list(last.values())
        return create_trial(
            state=_state(seen),
            values=values or None,
            params=params,
            distributions=self._table.active(params),
            intermediate_values=last,
            constraints=_VIOLATED if seen.infeasible else None,
        )

    def _last(self, seen: Observation) -> dict[int, float]:
        """The last report of a pruned trial: all that a sampler ever looks at."""
        if seen.state is not TrialState.PRUNED or not seen.reports or not self._single:
            return {}  # Optuna has no reports where there are several objectives
        step, loss = seen.reports[-1]
        return {step: loss}


def _tell(study: Study, number: int, losses: tuple[float, ...]) -> None:
    """Ends a trial as ``study.optimize`` does: ``study.tell`` also copies it, deeply.

    The copy costs as much as all the rest of telling and asking beside the model: 0.07 ms.
    """
    if _tell_with_warning is None:
        study.tell(number, losses)
    else:
        _tell_with_warning(study, number, losses, suppress_warning=True)


def is_lesson(seen: Observation) -> bool:
    """Whether a foreign point can teach a sampler anything: one that failed cannot."""
    return seen.infeasible or seen.state is not TrialState.FAILED


def _state(seen: Observation) -> State:
    return State.PRUNED if seen.infeasible else STATES[seen.state]


def new_study(
    sampler: BaseSampler, pruner: BasePruner | None = None, n_objectives: int = 1
) -> tuple[Study, InMemoryStorage, int]:
    """A study that minimises, its storage, and its id there."""
    storage = Storage()
    with _silence():
        study_id = storage.create_new_study([StudyDirection.MINIMIZE] * n_objectives, NAME)
    return Study(NAME, storage, sampler, pruner or NopPruner()), storage, study_id


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps back "A new study created" of this thread; leaves Optuna's verbosity alone."""
    logger = logging.getLogger("optuna.storages._in_memory")
    here = threading.get_ident()

    def others(record: logging.LogRecord) -> bool:
        return threading.get_ident() != here

    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)


@contextmanager
def experimental() -> Iterator[None]:
    """Builds what a study asks for by name without a warning that it is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def in_order(trials: Sequence[FrozenTrial]) -> list[list[Any]]:
    """Running trials as plain data: number, parameters, and what the sampler noted."""
    return [[trial.number, trial.params, trial.system_attrs] for trial in trials]
