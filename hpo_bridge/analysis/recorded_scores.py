"""The scores of a study's test set, as its log has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..store import Store
from ..store.study_events import HeldOutScored


@dataclass(frozen=True)
class TestScore:
    """One look at the test set, as the log has it.

    Attributes:
        trial: The number of the trial whose configuration was scored.
        params: That configuration.
        values: Name to score; a number without a name is called ``value``. ``None`` for one
            that was no finite number.
        time: When it was scored, seconds since the epoch.
        rule: The rule that chose the trial; ``None`` if somebody named it.
        scored: What computed the score, in words: ``test.py:score``.
        trials: How many trials had ended by then.
        seconds: How long it took.
    """

    trial: int
    params: Mapping[str, Any]
    values: Mapping[str, float | None]
    time: float
    rule: str | None
    scored: str
    trials: int
    seconds: float

    @property
    def line(self) -> str:
        """When, for which trial, and with what value, in one line."""
        when = datetime.fromtimestamp(self.time).strftime("%Y-%m-%d %H:%M:%S")
        values = ", ".join(f"{k} {v if v is None else f'{v:.6g}'}" for k, v in self.values.items())
        return f"{values} for trial {self.trial} on {when}, by {self.scored}"


def test_scores(store: Store, name: str) -> list[TestScore]:
    """Every look at a study's test set, in order."""
    return [
        TestScore(
            event.trial, event.params, event.values, event.time, event.rule, event.scored,
            event.trials, event.seconds,
        )
        for event in store.events_of(name, HeldOutScored)
    ]  # fmt: skip


def trials_since_test(
    store: Store, name: str, before: list[TestScore] | None = None
) -> str | None:
    """Return a warning if trials have ended since the test set was scored, else ``None``."""
    before = test_scores(store, name) if before is None else before
    if not before:
        return None
    more = count_ended(store, name) - before[0].trials
    if not more:
        return None
    trials = "trial has" if more == 1 else "trials have"
    return (
        f"{more} {trials} ended since the test set was first scored ({before[0].line}): for what "
        f"is chosen among them it is no fresh test set if they were run in sight of that score"
    )


def count_ended(store: Store, name: str) -> int:
    """Return the number of trials that have ended."""
    return sum(n for state, n in store.counts(name).items() if state.is_final)
