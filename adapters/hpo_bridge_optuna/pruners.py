"""Optuna's pruners, which decide as they do inside ``study.optimize``.

Each keeps an Optuna study beside the real one, with the same trial numbers, and puts its
question to Optuna's pruner there. The options are Optuna's own.

What one might not expect:

* Everything is a loss: for an objective that is maximised, ``upper: 0.1`` of ``threshold``
  is a bound on minus the value.
* Hyperband picks a trial's bracket by a hash of the study's name and the trial's number; the
  name is always ``hpo_bridge``. In Optuna itself a sampler then learns from trials of the
  same bracket only; here every backend learns from all.
* Steps may come in any order. As in Optuna, the last step is the largest one.
* Optuna repeats no trial. Here a further attempt may withdraw reports: it begins anew, or goes
  on from a checkpoint before them. Their places in the rungs of successive halving go, too.
* Successive halving counts a trial in a rung when it is asked about it. A trial that is only
  known by its end, as after a restart, counts as asked after each of its reports.
* ``wilcoxon`` compares step by step: report one instance or fold per step, in any order; each
  trial should have its own, so that the worst does not come last everywhere. Optuna warns where
  the best trial lacks a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna.pruners as library

from hpo_bridge.errors import InvalidOptions, nearest, short

from .shadow import Shadow
from .studies import experimental


class Median(Shadow):
    """Stops a trial whose best loss so far is above the median of complete trials at its step.

    Args:
        n_startup_trials: How many trials must be complete before any is stopped.
        n_warmup_steps: No trial is stopped before this step.
        interval_steps: Number of steps between two checks.
        n_min_trials: How many complete trials must have reported at the step.

    Example:
        >>> from hpo_bridge.contracts.record import TrialState
        >>> pruner = Median(n_startup_trials=1)
        >>> pruner.finished(0, TrialState.COMPLETE, 1.0, [(0, 2.0), (1, 1.0)])
        >>> pruner.should_prune(1, [(0, 3.0)])
        True
    """

    def __init__(
        self,
        *,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        n_min_trials: int = 1,
    ) -> None:
        super().__init__(
            library.MedianPruner(
                n_startup_trials, n_warmup_steps, interval_steps, n_min_trials=n_min_trials
            )
        )


class Percentile(Shadow):
    """Stops a trial whose best loss so far is not among the best of complete trials.

    Args:
        percentile: What share of the trials goes on, from 0 to 100.
        n_startup_trials, n_warmup_steps, interval_steps, n_min_trials: See :class:`Median`.
    """

    def __init__(
        self,
        *,
        percentile: float,
        n_startup_trials: int = 5,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
        n_min_trials: int = 1,
    ) -> None:
        super().__init__(
            library.PercentilePruner(
                percentile,
                n_startup_trials,
                n_warmup_steps,
                interval_steps,
                n_min_trials=n_min_trials,
            )
        )


class Asha(Shadow):
    """Asynchronous successive halving (Li et al., 2020, https://arxiv.org/abs/1810.05934).

    Args:
        min_resource: The step of the first rung, at least 1; ``auto``: a hundredth of the
            last step of the first complete trial.
        reduction_factor: One of so many trials goes on to the next rung.
        min_early_stopping_rate: Number of rungs left out at the beginning.
        bootstrap_count: How many trials a rung must have seen before one goes on.
    """

    def __init__(
        self,
        *,
        min_resource: str | int = "auto",
        reduction_factor: int = 4,
        min_early_stopping_rate: int = 0,
        bootstrap_count: int = 0,
    ) -> None:
        super().__init__(
            library.SuccessiveHalvingPruner(
                min_resource, reduction_factor, min_early_stopping_rate, bootstrap_count
            ),
            rungs=True,
        )


class Hyperband(Shadow):
    """Hyperband (Li et al., 2018, https://arxiv.org/abs/1603.06560): several halvings.

    Args:
        min_resource: The step of the first rung.
        max_resource: Number of steps of a trial; ``auto``: as in the first complete trial.
        reduction_factor: One of so many trials goes on to the next rung.
        bootstrap_count: How many trials a rung must have seen before one goes on.
    """

    def __init__(
        self,
        *,
        min_resource: int = 1,
        max_resource: str | int = "auto",
        reduction_factor: int = 3,
        bootstrap_count: int = 0,
    ) -> None:
        super().__init__(
            library.HyperbandPruner(min_resource, max_resource, reduction_factor, bootstrap_count),
            rungs=True,
        )


class Threshold(Shadow):
    """Stops a trial whose loss leaves a range.

    Args:
        lower: Smallest loss allowed.
        upper: Largest loss allowed; at least one of the two.
        n_warmup_steps, interval_steps: See :class:`Median`.
    """

    def __init__(
        self,
        *,
        lower: float | None = None,
        upper: float | None = None,
        n_warmup_steps: int = 0,
        interval_steps: int = 1,
    ) -> None:
        super().__init__(library.ThresholdPruner(lower, upper, n_warmup_steps, interval_steps))


class Wilcoxon(Shadow):
    """Stops a trial that a Wilcoxon signed-rank test finds worse than the best one.

    Experimental in Optuna.

    Args:
        p_threshold: Largest p-value at which a trial is stopped, from 0 to 1.
        n_startup_steps: How many steps must be compared first; at least 2 are.
    """

    def __init__(self, *, p_threshold: float = 0.1, n_startup_steps: int = 2) -> None:
        with experimental():
            pruner = library.WilcoxonPruner(
                p_threshold=p_threshold, n_startup_steps=n_startup_steps
            )
        super().__init__(pruner)


class Patient(Shadow):
    """Stops a trial that has not improved for some reports, if another pruner agrees.

    Experimental in Optuna.

    Args:
        patience: Number of reports to wait for an improvement.
        min_delta: By how much the loss must fall to count as improved.
        wrapped_pruner: Another pruner, by its name or as ``{name: …, options: {…}}``, that
            must agree; ``None``: nobody needs to.

    Raises:
        InvalidOptions: If ``wrapped_pruner`` is none of this module's.
    """

    def __init__(
        self,
        *,
        patience: int,
        min_delta: float = 0.0,
        wrapped_pruner: str | Mapping[str, Any] | None = None,
    ) -> None:
        wrapped = None if wrapped_pruner is None else _wrapped(wrapped_pruner)
        with experimental():
            pruner = library.PatientPruner(
                wrapped.pruner if wrapped else None, patience, min_delta
            )
        super().__init__(pruner, rungs=wrapped is not None and wrapped.rungs)


_WRAPPED: dict[str, type[Shadow]] = {
    "median": Median,
    "percentile": Percentile,
    "asha": Asha,
    "hyperband": Hyperband,
    "threshold": Threshold,
    "wilcoxon": Wilcoxon,
}


def _wrapped(named: str | Mapping[str, Any]) -> Shadow:
    declared = {"name": named} if isinstance(named, str) else dict(named)
    name: Any = declared.pop("name", None)
    options: Any = declared.pop("options", {})
    if name not in _WRAPPED or declared or not isinstance(options, Mapping):
        hint = nearest(str(name), list(_WRAPPED))
        raise InvalidOptions(
            f"found {short(named)}, expected a name or {{name: …, options: …}} "
            f"with one of {', '.join(_WRAPPED)}{hint}",
            "wrapped_pruner",
        )
    return _WRAPPED[name](**options)
