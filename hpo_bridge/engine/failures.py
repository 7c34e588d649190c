"""Failed trials of a run: who is told of them, when they stop it, and how they are run again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..contracts.options import whole
from ..contracts.record import TrialRecord, TrialState
from ..errors import (
    HpoBridgeError,
    InvalidOptions,
    NoCompleteTrial,
    SpaceError,
    TooManyFailures,
    counted,
    nearest,
    short,
)
from ..objectives.failure import reason_key, short_reason
from ..space import Space
from ..store import Store
from ..store.event_types import Retried

log = logging.getLogger("hpo_bridge.failures")
"""Says to a user of Python what the command shows by itself, and switches off here."""


@dataclass(frozen=True)
class StopRule:
    """When failures stop a run.

    Both count the trials of this run that were evaluated and have ended for good, after all
    retries; what failed in an earlier run, before its reason was mended, stops nothing.

    Attributes:
        failures: Stop after so many failed trials in a row, whatever their reasons; ``None``
            for no limit.
        first_failures: Stop where the first so many trials have all failed, for one and the
            same reason; 0 for never.
    """

    failures: int | None = None
    first_failures: int = 10

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> StopRule:
        """The rule that a user asks for.

        Raises:
            HpoBridgeError: If a key is unknown, or a number out of range.
        """
        if given is None:
            return cls()
        accepted = [field.name for field in fields(cls)]
        rule: dict[str, Any] = {}
        if not isinstance(given, Mapping):
            raise HpoBridgeError(
                f"found {short(given)}, expected a mapping such as {{'failures': 5}}", "stop"
            )
        for key, value in given.items():
            if key not in accepted:
                raise HpoBridgeError(
                    f"unknown key{nearest(str(key), accepted)}; accepted: {', '.join(accepted)}",
                    "stop",
                    key,
                )
            least = 0 if key == "first_failures" else 1
            try:
                optional = value is None and key == "failures"
                rule[key] = None if optional else whole(key, value, least)
            except InvalidOptions:
                raise HpoBridgeError(
                    f"found {short(value)}, expected a whole number from {least} on", "stop", key
                ) from None
        return cls(**rule)


class FailureWatch:
    """The failed trials of one run.

    The first one is told of at once, their number at the end. In free order a rule looks at
    trials as they end; in deterministic order as they were started, and it lets as many more be
    started as any timing would have let: the same trials run, whatever the timing.

    Args:
        store: Where the study is.
        study: Its name.
        rule: When failures stop the run.
        window: How many trials may be open in deterministic order; ``None`` in free order.
    """

    def __init__(self, store: Store, study: str, rule: StopRule, window: int | None) -> None:
        self._store, self._study, self._rule, self._window = store, study, rule, window
        self._started = 0
        self._open: dict[int, None] = {}
        """Trials that were started, in that order, and that no rule has looked at."""
        self._ended: dict[int, str | None] = {}
        """Those of them that have ended: why they failed, if they did."""
        self._judged = self._in_a_row = self._failed = 0
        self._reasons: set[str | None] = set()
        self._last = -1
        self._allowed: int | None = None
        self._problem = ""

    @property
    def began(self) -> bool:
        """True if any trial was started."""
        return self._started > 0

    @property
    def stopped(self) -> bool:
        """True if no further trial is to be started."""
        return self._allowed is not None and self._started >= self._allowed

    def started(self, number: int) -> None:
        """Takes note of an attempt that begins."""
        if number not in self._open:  # no further attempt
            self._started += 1
            self._open[number] = None

    def ended(self, number: int, state: TrialState) -> None:
        """Takes note of an attempt that has ended."""
        if not state.is_final or number not in self._open:
            return
        reason: str | None = None
        if state is TrialState.FAILED:
            trial = self._store.trial(self._study, number)
            reason = reason_key(trial.error, trial.params)
            self._failed, self._last = self._failed + 1, number
            if self._failed == 1:
                log.warning("study %r: %s; the study goes on", self._study, failure_line(trial))
        self._ended[number] = reason
        if self._window is None:
            self._judge(number)
            return
        while self._open and (first := next(iter(self._open))) in self._ended:
            self._judge(first)

    def _judge(self, number: int) -> None:
        del self._open[number]
        reason, rule = self._ended.pop(number), self._rule
        self._judged += 1
        self._in_a_row = 0 if reason is None else self._in_a_row + 1
        if self._judged <= rule.first_failures:
            self._reasons.add(reason)
        if self._allowed is not None:
            return
        alike = len(self._reasons) == 1 and None not in self._reasons
        if self._judged == rule.first_failures and alike:
            self._problem = "the first trial failed"
            if self._judged > 1:
                self._problem = (
                    f"the first {self._judged} trials failed for one and the same reason"
                )
        elif rule.failures is not None and self._in_a_row >= rule.failures:
            self._problem = f"{counted(self._in_a_row, 'trial')} in a row failed"
        else:
            return
        self._allowed = self._started
        if self._window is not None:  # this trial had to end before any more was asked for
            self._allowed = self._judged - 1 + self._window

    def check(self) -> None:
        """Raises TooManyFailures if they have stopped the run."""
        if self._problem:
            raise TooManyFailures(self._study, self._problem, self._last_line())

    def tell_count(self) -> None:
        """Tells how many trials failed, of several."""
        if self._failed > 1 and not self._problem:
            log.warning(
                "study %r: %d of the %d trials of this run failed, the last: %s",
                self._study, self._failed, self._started, self._last_line(),
            )  # fmt: skip

    def _last_line(self) -> str:
        return failure_line(self._store.trial(self._study, self._last))


def failure_line(trial: TrialRecord) -> str:
    """That a trial failed, and why, in one line."""
    return f"trial {trial.number} failed: {short_reason(trial.error) or 'no reason given'}"


def no_complete_trial(store: Store, name: str, besides: str = "") -> NoCompleteTrial:
    """The error of a study that has no complete trial, with the reason of the last failure.

    Args:
        store: Where the study is.
        name: Its name.
        besides: What is missing for that reason, in words.
    """
    problem = f"study {name!r} has no complete trial{besides}"
    failed = list(store.trials(name, [TrialState.FAILED]))
    if not failed:
        return NoCompleteTrial(problem)
    last = max(failed, key=lambda trial: trial.finished or 0.0)
    total = sum(store.counts(name).values())
    return NoCompleteTrial(
        f"{problem}: {len(failed)} of {total} failed, the last: {failure_line(last)}"
    )


def retry_events(store: Store, name: str, space: Space) -> list[Retried]:
    """Return the events by which the failed trials of a study wait to run again.

    They run with the same number, parameters and seed, and are in no budget until they begin. A
    backend that was told of the failure is told of the new result, too, as of a point that it did
    not propose. A trial that is no point of the space any more stays as it is.

    Args:
        store: The study's store.
        name: Its name.
        space: Its present space.
    """
    failed = list(store.trials(name, [TrialState.FAILED]))
    again = [trial for trial in failed if _is_point(space, trial)]
    if len(again) < len(failed):
        logging.getLogger("hpo_bridge").warning(
            "study %r: failed trials that are no points of its present space do not run again: %d",
            name, len(failed) - len(again),
        )  # fmt: skip
    return [Retried(t.number, failure_line(t), t.params, t.backend) for t in again]


def _is_point(space: Space, trial: TrialRecord) -> bool:
    try:
        space.check(trial.params)
    except SpaceError:
        return False
    return True
