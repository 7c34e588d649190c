"""Stops a trial once its folds, one by one against those of the best, say that it will not win.

Trials are compared on the same folds, never by the means of different ones: a fold that is hard
for one configuration is hard for all. The idea is that of racing (Maron and Moore, 1994, for
models by cross-validation; F-Race, Birattari and others, 2002, and irace, López-Ibáñez and others,
2016, for configurations of algorithms, by paired tests).

With ``K`` folds of the best trial and the differences ``d = loss(trial) - loss(best)`` on the
``n`` that the trial has had, what is asked is whether the mean of all ``K`` differences will be
below 0. That mean is taken to be Student's t around the mean so far, with the scale
``s * sqrt(1/n - 1/K)``: nothing is unsure once all folds are there. ``s`` is the standard
deviation of the differences, from the trial's own folds and, as if they were ``prior`` folds more,
from what is usual: the median over earlier complete trials, the nearer half to the best of them,
as hopeless ones scatter more. With one fold that alone speaks.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from ..contracts.options import number as checked
from ..contracts.options import one_of, whole
from ..contracts.record import TrialState
from .folds_inference import signed_rank_p, student_cdf

Reports = Sequence[tuple[int, float]]

KEPT = 64
"""How many of the best complete trials the usual scatter is taken from."""
NEAREST = 3
"""At least so many, where there are as many."""


@dataclass
class _Field:
    """The complete trials that have had the same folds.

    Attributes:
        kept: ``(loss, number, losses by fold)`` of the best of them, the best first.
        count: How many there are.
        variance: That of the differences from the best; ``None`` if it is not known.
    """

    kept: list[tuple[float, int, tuple[float, ...]]] = field(default_factory=list)
    count: int = 0
    variance: float | None = None

    def add(self, loss: float, number: int, losses: tuple[float, ...]) -> None:
        self.count += 1
        if len(self.kept) == KEPT and (loss, number) > self.kept[-1][:2]:
            return
        insort(self.kept, (loss, number, losses))
        del self.kept[KEPT:]
        self.variance = self._usual()

    def _usual(self) -> float | None:
        best = self.kept[0][2]
        found = []
        for _, _, losses in self.kept[1:]:
            differences = [a - b for a, b in zip(losses, best, strict=True)]
            if any(differences):  # else the same configuration again, which says nothing
                found.append((abs(_mean(differences)), _variance(differences)))
        found.sort()
        nearest = found[: max(NEAREST, math.ceil(len(found) / 2))]
        return median(variance for _, variance in nearest) if nearest else None


class Folds:
    """Stops a trial that, fold by fold, is unlikely to beat the best complete one.

    For objectives that report a fold, or a repetition, as a step, and end in the mean of all: see
    :class:`hpo_bridge.Folded`. The folds must be the same for every trial. A trial with folds that
    the best has not had is judged by those that both have, and never after the last of them.

    Args:
        level: A trial is stopped when the probability that it ends below the best is less, in
            ``(0, 0.5)``. For ``test: wilcoxon`` the level of the test.
        test: ``predictive``: as in the text of this module. ``wilcoxon``: the exact one-sided
            signed-rank test of the differences; it assumes no distribution, and cannot speak
            before the fifth fold (at a level of 0.05; 0.1: the fourth), so that it is of use with
            ten folds and more.
        startup: How many trials must be complete before any is stopped, at least 1. For
            ``predictive`` two of them must differ, too.
        prior: How many folds what is usual among differences counts for, above 0; few: a trial
            is not stopped after one fold unless it is far off.

    Example:
        >>> pruner = Folds(startup=2)
        >>> for number, losses in enumerate([(0.10, 0.20, 0.30), (0.12, 0.21, 0.33)]):
        ...     reports = list(enumerate(losses))
        ...     pruner.finished(number, TrialState.COMPLETE, sum(losses) / 3, reports)
        >>> pruner.should_prune(2, [(0, 0.11)]), pruner.should_prune(3, [(0, 0.5)])
        (False, True)
        >>> round(pruner.estimate(3, [(0, 0.5)]), 6)
        0.6
    """

    def __init__(
        self,
        *,
        level: float = 0.05,
        test: str = "predictive",
        startup: int = 2,
        prior: float = 4.0,
    ) -> None:
        self.level = checked("level", level, above=0.0, below=0.5)
        self.test = one_of("test", test, ("predictive", "wilcoxon"))
        self.startup = whole("startup", startup, least=1)
        self.prior = checked("prior", prior, above=0.0)
        self._fields: dict[tuple[int, ...], _Field] = {}
        self._now: tuple[int, ...] = ()

    def should_prune(self, number: int, reports: Reports) -> bool:
        """Return True if trial ``number`` should stop after its last fold."""
        rivals = self._fields.get(self._now)
        if rivals is None or rivals.count < self.startup:
            return False
        differences = self._differences(reports)
        left = len(self._now) - len(differences)
        if not differences or not left or _mean(differences) <= 0:
            return False
        if self.test == "wilcoxon":
            return signed_rank_p(differences) < self.level
        if rivals.variance is None:
            return False
        return self._chance(differences, rivals.variance) < self.level

    def _chance(self, differences: Sequence[float], usual: float) -> float:
        """The probability that the mean of all differences is below 0."""
        n, middle = len(differences), _mean(differences)
        freedom = self.prior + n - 1
        squares = self.prior * usual + (n - 1) * _variance(differences)
        scale = math.sqrt(squares / freedom * (1 / n - 1 / len(self._now)))
        return student_cdf(-middle / scale, freedom) if scale > 0 else 0.0

    def _differences(self, reports: Reports) -> list[float]:
        """On the folds that both have had, the loss of a trial less that of the best."""
        best = self._best()
        return [loss - best[step] for step, loss in reports if step in best]

    def _best(self) -> Mapping[int, float]:
        _, _, losses = self._fields[self._now].kept[0]
        return dict(zip(self._now, losses, strict=True))

    def estimate(self, number: int, reports: Reports) -> float | None:
        """The best trial's loss, and the mean difference on the folds that both have had.

        ``None`` without such folds.
        """
        if not self._now:
            return None
        differences = self._differences(reports)
        if not differences:
            return None
        return self._fields[self._now].kept[0][0] + _mean(differences)

    def finished(
        self, number: int, state: TrialState, loss: float | None, reports: Reports
    ) -> None:
        """Takes note of a complete trial; of others there is nothing to learn.

        Where trials have different folds, those are rivals that have the same as the last one.
        """
        if state is not TrialState.COMPLETE or loss is None or len(reports) < 2:
            return
        steps, losses = zip(*sorted(reports), strict=True)  # in whatever order they came
        self._now = steps
        rivals = self._fields.setdefault(self._now, _Field())
        rivals.add(loss, number, losses)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)  # fsum would raise for what overflows


def _variance(values: Sequence[float]) -> float:
    """With ``n - 1`` in the denominator; 0 of one value."""
    if len(values) < 2:
        return 0.0
    middle = _mean(values)
    return sum((value - middle) * (value - middle) for value in values) / (len(values) - 1)
