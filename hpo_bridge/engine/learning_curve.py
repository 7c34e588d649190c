"""The reports of a running trial, put together over all of its attempts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from ..contracts.record import TrialRecord

log = logging.getLogger("hpo_bridge")


def reports_until(
    reports: Sequence[tuple[int, float]], step: int | None
) -> list[tuple[int, float]]:
    """Return the reports up to the one at ``step``, in the order in which they came.

    >>> reports_until([(4, 0.5), (1, 0.25), (7, 0.125)], 1)
    [(4, 0.5), (1, 0.25)]
    >>> reports_until([(4, 0.5)], None)
    []
    """
    if step is None:
        return []
    steps = [each for each, _ in reports]
    if step in steps:
        return list(reports[: steps.index(step) + 1])
    return [report for report in reports if report[0] <= step]  # of a tool that kept none there


class LearningCurve:
    """The reports of a running trial: one for each step, in the order in which they came.

    * Within an attempt the first value of a step stays.
    * An attempt that has loaded a checkpoint goes on from the reports that are there. Where it
      reports one of their steps again, its value takes the place of that report and of all that
      came after it: they were made after the checkpoint, and are made again.
    * An attempt that has loaded none begins a new curve with its first report.
    * Reports from before a change of parameters always stay.

    Args:
        reports: ``(step, loss)`` of earlier attempts.
        metrics: Position of a report to what was measured with it, for those that have any.
        fixed: How many of the reports are from before a change of parameters.

    Example:
        >>> curve = LearningCurve([(0, 0.9), (1, 0.7), (2, 0.6)])
        >>> curve.resume()
        >>> curve.add(1, 0.8), curve.add(2, 0.5), curve.reports
        (1, 2, [(0, 0.9), (1, 0.8), (2, 0.5)])
        >>> curve.room_for(2) is None
        True
    """

    def __init__(
        self,
        reports: Iterable[tuple[int, float]] = (),
        metrics: Mapping[int, Mapping[str, float]] | None = None,
        fixed: int = 0,
    ) -> None:
        self.reports = list(reports)
        self.metrics = dict(metrics or {})
        self._positions = {step: at for at, (step, _) in enumerate(self.reports)}
        self._fixed = fixed
        self._earlier = len(self.reports)  # how many are not this attempt's own
        self._resumed = False

    @classmethod
    def of(cls, trial: TrialRecord, sign: float) -> LearningCurve:
        """Return the curve of a stored trial, as losses, for a further attempt."""
        fixed = len(reports_until(trial.reports, trial.changes[-1].step)) if trial.changes else 0
        metrics = {at: found for at, found in enumerate(trial.metrics) if found}
        return cls([(step, sign * value) for step, value in trial.reports], metrics, fixed)

    def resume(self) -> None:
        """Go on from a checkpoint: what is there by now may be reported again."""
        self._earlier, self._resumed = len(self.reports), True

    def fix(self) -> None:
        """Keep what is there for good: the parameters change here."""
        self._fixed = self._earlier = len(self.reports)

    @property
    def is_unclaimed(self) -> bool:
        """True if all of it is from attempts that the present one does not go on from."""
        return not self._resumed and self._earlier > self._fixed

    @property
    def fixed(self) -> int:
        """The number of reports from before the last change of parameters."""
        return self._fixed

    def is_fixed(self, step: int) -> bool:
        """Return whether the step was reported before the last change of parameters."""
        return self._positions.get(step, self._fixed) < self._fixed

    def room_for(self, step: int) -> int | None:
        """Return how many reports stay before one at ``step``; ``None`` if it is not kept."""
        at = self._positions.get(step)
        if at is not None and at < self._fixed:
            return None
        if not self._resumed and self._earlier > self._fixed:
            return self._fixed
        if at is None:
            return len(self.reports)
        return at if at < self._earlier else None

    def add(
        self, step: int, loss: float, metrics: Mapping[str, float] | None = None
    ) -> int | None:
        """Add a report; return how many stay before it, or ``None`` if it is not kept."""
        kept = self.room_for(step)
        if kept is not None:
            self.add_after(kept, step, loss, metrics)
        return kept

    def add_after(
        self, kept: int, step: int, loss: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Add a report after the first ``kept``, which :meth:`room_for` has given."""
        if kept < len(self.reports):
            self.keep(kept)
        self._positions[step] = kept
        self.reports.append((step, loss))
        if metrics:
            self.metrics[kept] = metrics

    def keep(self, count: int) -> None:
        """Withdraw the reports after the first ``count``."""
        for step, _ in self.reports[count:]:
            del self._positions[step]
        del self.reports[count:]
        self.metrics = {at: found for at, found in self.metrics.items() if at < count}
        self._earlier = min(self._earlier, count)


class ReportWarnings:
    """Warns of reports that are not kept: once a study for each reason.

    Args:
        study: The study's name.
    """

    def __init__(self, study: str) -> None:
        self._study = study
        self._given: set[str] = set()

    def repeated(self, number: int, step: int) -> None:
        """Warn of a second value for a step."""
        self._warn(
            "repeated",
            f"trial {number} reported a second value for step {step}; the first one stays. Give "
            "each report of a trial a step of its own, such as the number of batches so far",
        )

    def not_finite(self, number: int, step: int, value: float) -> None:
        """Warn of a value that is NaN or infinite."""
        self._warn(
            "not finite",
            f"trial {number} reported {value} at step {step}, which is not kept; where the study "
            "has a pruner, it is a reason to prune",
        )

    def _warn(self, kind: str, problem: str) -> None:
        if kind not in self._given:
            self._given.add(kind)
            log.warning("study %s: %s (further ones are not mentioned)", self._study, problem)
