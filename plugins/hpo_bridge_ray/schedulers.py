"""Pruners that are Ray Tune's schedulers, where each trial is one of Tune's.

The options are Tune's, under Tune's names, but for three that follow from the study: ``metric``
and ``mode`` (the loss that is reported, to be minimised) and ``time_attr`` (the steps: after
step 4, counted from 0, a trial has done 5 units of its time, whatever smaller step follows).
For Tune's ``grace_period`` of median stopping that means steps where Tune itself counts seconds.

What one might not expect:

* A trial is stopped by Tune as it reports: ``trial.report`` then raises ``TrialPruned`` itself. An
  objective that catches it has a second to end; then its process is ended.
* Tune's ASHA and HyperBand stop every trial at ``max_t``, and one that is stopped counts as
  pruned: no trial would be complete. Here ``stop_last_trials`` is ``False`` unless it is given:
  who comes to the last rung goes on to its own end. ASHA judges at ``max_t`` too, if its rungs
  meet it (9 for ``max_t=9, reduction_factor=3``).
* HyperBand pauses trials between its rungs. A paused trial goes on from its last checkpoint;
  without checkpoints it begins anew, and what it reports again is not counted twice. Its
  brackets are made of trials that Tune sees at once, waiting ones too: they are asked for ahead
  of need (17 of them for ``max_t=9, reduction_factor=3``, 143 for ``max_t=81``), so that it suits
  random search better than a model. Tune runs as many at once as there is room for.
* Tune starts with what it sees: after a restart of the driver it knows nothing of earlier trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import InvalidOptions, short
from hpo_bridge.space import Space

PARAMS = "params"
"""In the config of a trial of Tune's: the study's parameters, as pairs."""
TIME, LOSS = "hpo_bridge_time", "hpo_bridge_loss"
"""What Tune's results call the units a trial has done, and its loss."""


class TunePruner:
    """A pruner whose verdicts Tune gives, and not the study."""

    def check(self, space: Space) -> None:
        """Refuses a space that it cannot work on, with ``InvalidOptions``."""

    def should_prune(self, number: int, reports: Sequence[tuple[int, float]]) -> bool:
        """``False``: Tune has been asked already."""
        return False

    def finished(
        self,
        number: int,
        state: TrialState,
        loss: float | None,
        reports: Sequence[tuple[int, float]],
    ) -> None:
        """Tune knows."""


class Asha(TunePruner):
    """Asynchronous successive halving (Li et al. 2018, https://arxiv.org/abs/1810.05934).

    Args:
        max_t: Units of time of a whole trial.
        grace_period: Units before which none is stopped.
        reduction_factor: Of so many trials that come to a rung, one goes on.
        brackets: How many brackets, each with another first rung.
        stop_last_trials: Whether a trial is stopped at ``max_t``, as pruned.

    Example:
        >>> Asha(max_t=20, reduction_factor=3).should_prune(0, [(0, 1.0)])
        False
    """

    def __init__(
        self,
        *,
        max_t: int = 100,
        grace_period: int = 1,
        reduction_factor: float = 4,
        brackets: int = 1,
        stop_last_trials: bool = False,
    ) -> None:
        self.max_t = number("max_t", max_t, 1)
        self.grace_period = number("grace_period", grace_period, 1)
        self.reduction_factor = _above_one(reduction_factor)
        self.brackets = number("brackets", brackets, 1, whole=True)
        self.stop_last_trials = flag("stop_last_trials", stop_last_trials)
        if self.grace_period > self.max_t:
            raise InvalidOptions(f"found {grace_period}, more than max_t {max_t}", "grace_period")

    def scheduler(self, space: Space) -> Any:
        """Tune's ``ASHAScheduler``."""
        from ray.tune.schedulers import ASHAScheduler

        return ASHAScheduler(
            time_attr=TIME, metric=LOSS, mode="min", max_t=self.max_t,
            grace_period=self.grace_period, reduction_factor=self.reduction_factor,
            brackets=self.brackets, stop_last_trials=self.stop_last_trials,
        )  # fmt: skip


class HyperBand(TunePruner):
    """HyperBand (Li et al. 2018, https://arxiv.org/abs/1603.06560), which pauses trials.

    Args:
        max_t: Units of time of a whole trial.
        reduction_factor: Of so many trials in a rung, one goes on.
        stop_last_trials: Whether a trial is stopped at ``max_t``, as pruned.

    Example:
        >>> HyperBand(max_t=9).trials_at_once
        17
    """

    def __init__(
        self, *, max_t: int = 81, reduction_factor: float = 3, stop_last_trials: bool = False
    ) -> None:
        self.max_t: int = number("max_t", max_t, 1, whole=True)
        self.reduction_factor = _above_one(reduction_factor)
        self.stop_last_trials = flag("stop_last_trials", stop_last_trials)

    @property
    def trials_at_once(self) -> int:
        """Number of trials in one round of all brackets; Tune has to see them at once."""
        eta = self.reduction_factor
        most = round(math.log(self.max_t) / math.log(eta)) + 1
        return sum(math.ceil(most / (s + 1) * eta**s) for s in range(most))

    def scheduler(self, space: Space) -> Any:
        """Tune's ``HyperBandScheduler``."""
        from ray.tune.schedulers import HyperBandScheduler

        return HyperBandScheduler(
            time_attr=TIME, metric=LOSS, mode="min", max_t=self.max_t,
            reduction_factor=self.reduction_factor, stop_last_trials=self.stop_last_trials,
        )  # fmt: skip


class Median(TunePruner):
    """Stops a trial whose best loss is worse than the median of the others' running means.

    Golovin et al. 2017, https://dl.acm.org/doi/10.1145/3097983.3098043.

    Args:
        grace_period: Units of time before which none is stopped.
        min_samples_required: How many other trials must have come as far.
        min_time_slice: Units that a trial runs before it yields to another.
        hard_stop: Whether a trial is stopped; else it is paused.

    Example:
        >>> Median(grace_period=3).grace_period
        3
    """

    def __init__(
        self,
        *,
        grace_period: float = 1,
        min_samples_required: int = 3,
        min_time_slice: int = 0,
        hard_stop: bool = True,
    ) -> None:
        self.grace_period = number("grace_period", grace_period, 0)
        self.min_samples_required = number(
            "min_samples_required", min_samples_required, 1, whole=True
        )
        self.min_time_slice = number("min_time_slice", min_time_slice, 0, whole=True)
        self.hard_stop = flag("hard_stop", hard_stop)

    def scheduler(self, space: Space) -> Any:
        """Tune's ``MedianStoppingRule``."""
        from ray.tune.schedulers import MedianStoppingRule

        return MedianStoppingRule(
            time_attr=TIME, metric=LOSS, mode="min", grace_period=self.grace_period,
            min_samples_required=self.min_samples_required,
            min_time_slice=self.min_time_slice, hard_stop=self.hard_stop,
        )  # fmt: skip


def number(name: str, value: Any, least: float, *, whole: bool = False) -> Any:
    """An option that is a number, an integer if ``whole``, and at least ``least``.

    Raises:
        InvalidOptions: If it is anything else.
    """
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:
        kind = "an integer" if whole else "a number"
        raise InvalidOptions(f"found {short(value)}, expected {kind} of at least {least}", name)
    return value


def _above_one(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 1:
        raise InvalidOptions(
            f"found {short(value)}, expected a number above 1", "reduction_factor"
        )
    return value


def flag(name: str, value: Any) -> bool:
    """An option that is true or false.

    Raises:
        InvalidOptions: If it is anything else.
    """
    if not isinstance(value, bool):
        raise InvalidOptions(f"found {short(value)}, expected true or false", name)
    return value
