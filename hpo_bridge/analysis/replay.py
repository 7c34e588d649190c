"""One stored trial run again, with its parameters and its seed, and compared with the record.

Nothing of it reaches the store: reports are compared and shown, checkpoints go into a folder that
is thrown away, and no other driver is kept waiting.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contracts.argument_checks import Choice, integer, naming, runner_choice
from ..contracts.checkpoints import CheckpointFolder
from ..contracts.directions import Objectives
from ..contracts.gradients import Differentiation
from ..contracts.objective import Objective
from ..contracts.record import Outcome, TrialRecord, TrialState
from ..contracts.trial import Trial, as_number, trial_seed
from ..contracts.trial_output import NO_OUTPUT, OutputSink
from ..engine.derivatives_given import differentiation
from ..engine.learning_curve import LearningCurve
from ..errors import HpoBridgeError, StudyNotFound, counted, short
from ..objectives.objective import objective_for
from ..plugins import PluginManager, accepted_options, load_factory
from ..space import Space
from ..store import Store

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

Watch = Callable[[int, float], None]
"""Told each step and value that is reported."""


@dataclass(frozen=True, slots=True)
class Rerun:
    """One run of a stored trial.

    Attributes:
        number: The trial.
        state: How it ended now.
        values: Objective name to number, if it was complete.
        reports: ``(step, value)`` in the order of reporting.
        error: Why it failed, or ``None``.
        difference: What differs from the record, in words; ``None`` if nothing does.
    """

    number: int
    state: TrialState
    values: Mapping[str, float] | None
    reports: tuple[tuple[int, float], ...]
    error: str | None
    difference: str | None

    @property
    def same(self) -> bool:
        """True if it ended as stored, with the same reports."""
        return self.difference is None


def rerun(
    store: Store,
    name: str,
    number: int,
    objective: Any,
    plugins: PluginManager,
    *,
    times: int = 1,
    tolerance: float = 0.0,
    runner: Choice = "processes",
    options: Mapping[str, Any] | None = None,
    watch: Watch = lambda step, value: None,
) -> tuple[Rerun, ...]:
    """Runs a finished trial of a stored study again.

    Args:
        store: Where the study is.
        name: Its name.
        number: The trial.
        objective: What was evaluated: a function, a reference, or an objective.
        plugins: Where to find the runner.
        times: How often, one after another.
        tolerance: By how much a value or a report may differ and still be the same.
        runner: Who evaluates it.
        options: The runner's options.
        watch: Told what is reported.

    Raises:
        HpoBridgeError: If there is no such trial, or it cannot be run again; says why.
        ObjectiveError: If the objective cannot be loaded.
    """
    row = store.study(name)
    if row is None:
        raise StudyNotFound(f"no study {name!r} in {store.url}")
    number, times = integer("number", number), integer("times", times)
    record = _checked(store, name, number, times, tolerance)
    definition = row.definition
    space = Space.from_plain(definition["space"], definition["constraints"])
    objectives = Objectives(definition["directions"])
    source = objective_for(objective, space, objectives.directions)
    source.check()
    asked = differentiation(plugins, space, wanted=record.gradients is not None)
    chosen, options = runner_choice(runner, options or {})
    with naming("runner"):
        built = plugins.build("runner", chosen, _one_worker(plugins, chosen, options))
    with tempfile.TemporaryDirectory(prefix="hpo-bridge-") as folder:
        kept = CheckpointFolder(Path(folder, "checkpoints"), private=True)
        seed = trial_seed(definition["seed"], number)
        work = _Again(record, seed, source, space, objectives, asked, kept, times, watch)
        built.run(work)
    return tuple(_compared(record, *run, tolerance) for run in work.runs)


def _checked(store: Store, name: str, number: Any, times: Any, tolerance: Any) -> TrialRecord:
    """The trial's record, if it can be run again."""
    for what, value, least in (("number", number, 0), ("times", times, 1)):
        if value < least:
            raise HpoBridgeError(
                f"{what}: found {short(value)}, expected an integer of at least {least}"
            )
    try:
        fits = as_number(tolerance) >= 0
    except TypeError:
        fits = False
    if not fits:
        raise HpoBridgeError(
            f"tolerance: found {short(tolerance)}, expected a number of at least 0"
        )
    record = next(store.trials(name, first=number), None)
    if record is None:
        count = sum(store.counts(name).values())
        raise HpoBridgeError(
            f"study {name!r} has no trial {number}: it has {counted(count, 'trial')}, from 0"
        )
    if not record.state.is_final:
        raise HpoBridgeError(
            f"trial {number} of study {name!r} is not finished, it is {record.state.value}: "
            "there is nothing to compare with"
        )
    if record.changes:
        raise HpoBridgeError(
            f"trial {number} of study {name!r} took over other parameters while it ran: it "
            "cannot be run again by itself"
        )
    return record


def _one_worker(plugins: PluginManager, runner: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, with one worker where there may be several: the runs would meet."""
    accepted = accepted_options(load_factory("runner", plugins.find("runner", runner)), 0)
    if accepted is None or "workers" in accepted:
        return {**options, "workers": 1}
    return dict(options)


class _Again:
    """A study of one trial for a runner; see :class:`hpo_bridge.contracts.runner.Work`.

    A trial that was pruned is advised to stop where it stopped, any other never.
    """

    pruner = None
    seconds_left = None

    def __init__(
        self,
        record: TrialRecord,
        seed: int,
        objective: Objective,
        space: Space,
        objectives: Objectives,
        asked: Differentiation,
        checkpoints: CheckpointFolder,
        times: int,
        watch: Watch,
    ) -> None:
        self.objective, self.space, self.checkpoints = objective, space, checkpoints
        self.differentiation, self.stopping, self.sign = asked, False, objectives.sign
        self.runs: list[tuple[Outcome, list[tuple[int, float]]]] = []
        self._record, self._seed, self._objectives = record, seed, objectives
        self._times, self._watch = times, watch
        self._begun = 0
        self._curve = LearningCurve()
        self._broken = False

    @property
    def exhausted(self) -> bool:
        return self._begun >= self._times

    def next(self) -> Trial | None:
        if self.exhausted or self._begun > len(self.runs):  # one at a time
            return None
        self._begun += 1
        self._curve, self._broken = LearningCurve(), False
        return Trial(
            self._record.number, self._record.params, self._seed, self, self.checkpoints,
            self.differentiation,
        )  # fmt: skip

    def output(self, number: int) -> OutputSink:
        return NO_OUTPUT

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        if not math.isfinite(value):
            self._broken = True
        elif self._curve.add(step, value) is not None:
            self._watch(step, value)

    def should_prune(self, number: int) -> bool:
        record = self._record
        if record.state is not TrialState.PRUNED:
            return False
        there = {step for step, _ in self._curve.reports}
        return self._broken or (bool(record.reports) and record.reports[-1][0] in there)

    def resumed(self, number: int) -> None:
        self._curve.resume()

    def change(self, number: int, params: Mapping[str, Any], source: int | None) -> None:
        raise HpoBridgeError(f"trial {number} is run again as it was: it cannot change")

    def finish(self, number: int, outcome: Outcome) -> None:
        self.checkpoints.end(number, keep=False)
        self.runs.append((self._objectives.settle(outcome), self._curve.reports))

    def give_back(self, number: int, reason: str) -> None:
        self.checkpoints.end(number, keep=False)


def _compared(
    record: TrialRecord, outcome: Outcome, reports: list[tuple[int, float]], tolerance: float
) -> Rerun:
    difference = (
        _of_states(record, outcome)
        or _of_values(record, outcome, tolerance)
        or _of_reports(record, reports, tolerance)
    )
    return Rerun(
        record.number, outcome.state, outcome.result, tuple(reports), outcome.error, difference
    )


def _of_states(record: TrialRecord, outcome: Outcome) -> str | None:
    then, now = _reason(record.error), _reason(outcome.error)
    if record.state is not outcome.state:
        texts = [
            f"{state.value}{f' ({reason})' if reason else ''}"
            for state, reason in ((record.state, then), (outcome.state, now))
        ]
        return f"it was {texts[0]}, and is {texts[1]} now"
    if _ADDRESS.sub("0x", then) != _ADDRESS.sub("0x", now):
        return f"it failed with {then or 'no reason'}, and fails with {now or 'no reason'} now"
    return None


def _reason(error: str | None) -> str:
    """The first line: below it is what a worker wrote before it died."""
    return (error or "").strip().partition("\n")[0]


def _of_values(record: TrialRecord, outcome: Outcome, tolerance: float) -> str | None:
    errors = (record.standard_errors, outcome.standard_errors)
    for what, then, now in (
        ("", record.values, outcome.result),
        ("the standard error of ", *errors),
    ):
        for name, number in (then or {}).items():
            again = (now or {}).get(name)
            if again is None:
                return f"{what}{name} was {number!r}, and is missing now"
            if not abs(again - number) <= tolerance:
                by = again - number
                return f"{what}{name} differs by {by:.3g}: it was {number!r}, and is {again!r} now"
    return None


def _of_reports(
    record: TrialRecord, reports: list[tuple[int, float]], tolerance: float
) -> str | None:
    """Describe a difference in the reports; a later attempt may have begun at a checkpoint."""
    found = dict(reports)
    for step, then in record.reports:
        if step not in found:
            return f"it reported step {step}, and does not now"
        if not abs(found[step] - then) <= tolerance:
            by = found[step] - then
            return (
                f"the report of step {step} differs by {by:.3g}: it was {then!r}, and is "
                f"{found[step]!r} now"
            )
    then_steps = {step for step, _ in record.reports}
    more = [step for step in found if step not in then_steps]
    if more and record.attempts <= 1:
        return f"it reports step {more[0]} now, and did not"
    return None
