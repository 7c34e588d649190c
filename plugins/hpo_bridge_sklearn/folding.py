"""The function of a trial: folds in order, one after the other or beside each other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from hpo_bridge import Folded, FoldScore, Measured, Trial
from hpo_bridge.errors import StopStudy
from hpo_bridge.objectives import Failure

from .fold_pool import FoldPool
from .prepared import FoldOutcome, Params, Prepared


class CrossValidation:
    """The function of a trial: evaluates its folds in order, here or in processes beside.

    Args:
        prepared: What is evaluated.
        pool: The processes beside; ``None`` to do without.
        stops: Whether a fold that fails stops the study.
    """

    def __init__(self, prepared: Prepared, pool: FoldPool | None, *, stops: bool) -> None:
        self._prepared = prepared
        self._pool = pool
        self._stops = stops

    def __call__(self, trial: Trial) -> Measured:
        """The mean score over the folds, with its standard error.

        Raises:
            TrialPruned: If the pruner has seen enough.
            Failure: If a fold fails; names it, and why.
            StopStudy: Likewise, under ``error_score="raise"``.
        """
        with self._outcomes(trial.params) as outcome_of:

            def score(trial: Trial, fold: int) -> FoldScore:
                return self._score(outcome_of(fold), fold)

            if self._prepared.folds == 1:
                return _single(trial, score(trial, 0))
            return Folded(score, self._prepared.folds)(trial)

    def _outcomes(self, params: Params) -> AbstractContextManager[Callable[[int], FoldOutcome]]:
        """Return a function from a fold to its outcome, to be called in order."""
        if self._pool is not None:
            return self._pool.evaluating(params, self._prepared.folds)
        return nullcontext(lambda fold: self._prepared.fold(params, fold))

    def _score(self, outcome: FoldOutcome, fold: int) -> FoldScore:
        if outcome.failure:
            why = f"fold {fold}: {outcome.failure}"
            if self._stops and not outcome.whole:
                raise StopStudy(f"error_score: raise: {why}")
            raise Failure(why, retriable=outcome.retriable)
        values: Any = outcome.values
        return FoldScore(next(iter(values.values())) if len(values) == 1 else values,
                         outcome.metrics)  # fmt: skip


def _single(trial: Trial, score: FoldScore) -> Measured:
    """A cross-validation with one fold: a validation set, which knows no standard error."""
    first = next(iter(score.value.values())) if isinstance(score.value, dict) else score.value
    trial.report(first, 0, score.metrics)
    return Measured(score.value)
