"""One run of a study: the objective, the budget, and the rules that may end it early."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..contracts.objective import Objective
from ..contracts.trial_output import NO_OUTPUT, OutputFolder, OutputSink
from .budget import Budget
from .failures import FailureWatch


@dataclass(frozen=True)
class RunBounds:
    """The bounds of a runner's work on a study.

    Attributes:
        objective: The objective; ``None`` where a study is asked by hand.
        budget: The study's budget.
        failures: Follows the trials of this run, and may stop it.
        retries: Number of failed attempts of a trial that are followed by another one.
        folder: The folder for what trials print.
    """

    objective: Objective | None = None
    budget: Budget = field(default_factory=Budget)
    failures: FailureWatch | None = None
    retries: int = 0
    folder: OutputFolder | None = None

    def is_spent(self, begun: int) -> bool:
        """Return whether the budget of trials, or failures, allow no further trial.

        Args:
            begun: Number of trials that the study has begun.
        """
        if self.failures is not None and self.failures.stopped:
            return True
        return self.budget.trials is not None and begun >= self.budget.trials

    def output(self, number: int, attempt: int) -> OutputSink:
        """Return the sink for what an attempt at a trial prints."""
        return NO_OUTPUT if self.folder is None else self.folder.sink(number, attempt)
