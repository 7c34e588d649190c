"""Tune's source of trials, where each is one of the study's: asks the hub for them.

It lives in Tune's own process, as an algorithm of Tune's (``SearchAlgorithm`` and no
``Searcher``, so that a trial has the name, the parameters and the resources that the driver
gave it). A paused trial holds no place: another may start instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray.tune import PlacementGroupFactory
from ray.tune.experiment import Trial
from ray.tune.search import SearchAlgorithm

from .schedulers import PARAMS

SOON, LATER = 0.02, 2.0
"""Seconds to wait for a trial while others run, and while none does."""
_OPEN = (Trial.PENDING, Trial.RUNNING)


class StudySearch(SearchAlgorithm):
    """Gives Tune the study's trials.

    Args:
        hub: The hub's handle.
        places: How many trials may run at once, or wait to.
        trials_at_once: How many trials the scheduler has to see at once, paused ones too; or 0.
        over: Whether the run is at its end.
        common: What the configs of all trials have.
    """

    def __init__(
        self,
        hub: Any,
        places: int,
        trials_at_once: int,
        over: Callable[[], bool],
        common: Mapping[str, Any],
    ) -> None:
        self._hub = hub
        self._places = places
        self._trials_at_once = trials_at_once
        self._over = over
        self._common = common
        self._spec: dict[str, Any] = {}
        self._open: dict[str, Trial] = {}

    def add_configurations(self, experiments: Any) -> None:
        """Takes what all trials have in common."""
        (experiment,) = experiments
        self._spec = experiment.spec

    def next_trial(self) -> Trial | None:
        """One trial more; ``None`` if there is no place, or no trial to be had now."""
        live = sum(trial.status in _OPEN for trial in self._open.values())
        free = max(self._places - live, self._trials_at_once - len(self._open))
        if self._over() or free <= 0:
            return None
        patience = SOON if self._open else LATER
        order = ray.get(self._hub.take.remote(free, patience))
        if order is None:
            return None
        name, params, resources = order
        trial = Trial(
            self._spec["run"],
            config={**self._common, PARAMS: list(params.items())},
            trial_id=name,
            experiment_tag=name,
            placement_group_factory=PlacementGroupFactory([resources]),
            checkpoint_config=self._spec["checkpoint_config"],
            storage=self._spec["storage"],
        )
        self._open[name] = trial
        return trial

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """A trial has ended, however that was."""
        self._open.pop(trial_id, None)

    def is_finished(self) -> bool:
        """Return ``True`` once the run is over: no trial is to come."""
        return self._over()
