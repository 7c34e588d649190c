"""The best trial of a study so far, or the front of several objectives."""

from __future__ import annotations

from collections.abc import Mapping

from hpo_bridge.contracts.record import TrialRecord


class Best:
    """The best trials of a study so far.

    Args:
        directions: Objective name to ``minimize`` or ``maximize``.

    Attributes:
        trials: The best trial, the first of equals; or the front, by number.
    """

    def __init__(self, directions: Mapping[str, str]) -> None:
        self._signs = {name: -1.0 if d == "maximize" else 1.0 for name, d in directions.items()}
        self.trials: list[TrialRecord] = []

    def add(self, trial: TrialRecord) -> bool:
        """Takes note of a trial that has ended; whether it is one of the best now."""
        losses = self._losses(trial)
        if losses is None:
            return False
        several = len(losses) > 1
        for other in self.trials:
            theirs = self._losses(other)
            assert theirs is not None
            no_better = all(a <= b for a, b in zip(theirs, losses, strict=True))
            if no_better and not (several and theirs == losses):
                return False
        self.trials = [
            other
            for other in self.trials
            if several and not self._beaten(self._losses(other), losses)
        ]
        self.trials = sorted([*self.trials, trial], key=lambda each: each.number)
        return True

    def _losses(self, trial: TrialRecord) -> tuple[float, ...] | None:
        if trial.values is None:
            return None
        return tuple(sign * trial.values[name] for name, sign in self._signs.items())

    @staticmethod
    def _beaten(mine: tuple[float, ...] | None, losses: tuple[float, ...]) -> bool:
        assert mine is not None
        return mine != losses and all(a >= b for a, b in zip(mine, losses, strict=True))
