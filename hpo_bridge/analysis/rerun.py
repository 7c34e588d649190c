"""One stored trial run again, with its parameters and its seed, and compared with the record.

Nothing of it reaches the store: reports are compared and shown, checkpoints go into a folder that
is thrown away, and no other driver is kept waiting.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..contracts.argument_checks import Choice, integer, naming, runner_choice, wrong
from ..contracts.checkpoint_folder import CheckpointFolder
from ..contracts.directions import Objectives
from ..contracts.objective import Objective
from ..contracts.record import Outcome, TrialRecord, TrialState
from ..contracts.trial import Trial, as_number, trial_seed
from ..contracts.trial_output import NO_OUTPUT, OutputSink
from ..engine.derivatives_given import differentiation
from ..engine.learning_curve import LearningCurve
from ..engine.study_lookup import find_study
from ..errors import HpoBridgeError, counted
from ..objectives.objective import objective_for
from ..plugins import PluginManager, accepted_options, load_factory
from ..space import Space
from ..store import Store

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")

Watch = Callable[[int, float], None]
"""Called with each step and value that is reported."""


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
    store: Store, name: str, number: int, objective: Any, plugins: PluginManager, *,
    times: int = 1, tolerance: float = 0.0, runner: Choice = "processes",
    options: Mapping[str, Any] | None = None, watch: Watch = lambda step, value: None,
) -> tuple[Rerun, ...]:  # fmt: skip
    """Run a finished trial of a stored study again; see :func:`hpo_bridge.analysis.replay`.

    Args:
        store: The store that holds the study.
        name: The study's name.
        number: The trial.
        objective: The objective: a function, a reference, or an :class:`Objective`.
        plugins: The plugins, of which one is the runner.
        times: Number of runs, one after another.
        tolerance: Largest difference of a value or a report that still counts as the same.
        runner: The runner.
        options: The runner's options.
        watch: Called with each report.

    Raises:
        HpoBridgeError: If there is no such trial, or it cannot be run again.
        ObjectiveError: If the objective cannot be loaded.
    """
    row = find_study(store, name)
    _check_arguments(number, times, tolerance)
    record = _repeatable(store, name, number)
    work = _OneTrial(record, row.definition, objective, plugins, times, watch)
    _run(work, plugins, *runner_choice(runner, options or {}))
    return tuple(
        Rerun(
            number, outcome.state, outcome.result, tuple(reports), outcome.error,
            next(_differences(record, outcome, dict(reports), tolerance), None),
        )
        for outcome, reports in work.runs
    )  # fmt: skip


def _check_arguments(number: Any, times: Any, tolerance: Any) -> None:
    for argument, value, least in (("number", number, 0), ("times", times, 1)):
        if integer(argument, value) < least:
            raise wrong(argument, value, f"an integer of at least {least}")
    try:
        tolerated = as_number(tolerance) >= 0
    except TypeError:
        tolerated = False
    if not tolerated:
        raise wrong("tolerance", tolerance, "a number of at least 0")


def _run(work: _OneTrial, plugins: PluginManager, runner: str, options: Mapping[str, Any]) -> None:
    with naming("runner"):
        accepted = accepted_options(load_factory("runner", plugins.find("runner", runner)), 0)
        if accepted is None or "workers" in accepted:
            options = {**options, "workers": 1}  # several runs would meet
        built = plugins.build("runner", runner, options)
    with tempfile.TemporaryDirectory(prefix="hpo-bridge-") as folder:
        work.checkpoints = CheckpointFolder(Path(folder, "checkpoints"), private=True)
        built.run(work)


def _repeatable(store: Store, name: str, number: int) -> TrialRecord:
    """Return the record of a trial that can be run again."""
    record = next(store.trials(name, first=number), None)
    if record is None:
        count = counted(sum(store.counts(name).values()), "trial")
        raise HpoBridgeError(f"study {name!r} has no trial {number}: it has {count}, from 0")
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


class _OneTrial:
    """A study of one trial for a runner; see :class:`hpo_bridge.contracts.runner.Work`.

    A trial that was pruned is advised to stop where it stopped, any other never.
    """

    pruner = None
    seconds_left = None
    checkpoints: CheckpointFolder

    def __init__(
        self, record: TrialRecord, definition: Mapping[str, Any], objective: Any,
        plugins: PluginManager, times: int, watch: Watch,
    ) -> None:  # fmt: skip
        self.space = Space.from_plain(definition["space"], definition["constraints"])
        self._objectives = Objectives(definition["directions"])
        self.objective: Objective = objective_for(
            objective, self.space, self._objectives.directions
        )
        self.objective.check()
        wanted = record.gradients is not None
        self.differentiation = differentiation(plugins, self.space, wanted=wanted)
        self.stopping, self.sign = False, self._objectives.sign
        self.runs: list[tuple[Outcome, list[tuple[int, float]]]] = []
        self._record, self._seed = record, trial_seed(definition["seed"], record.number)
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
        if self._record.state is not TrialState.PRUNED:
            return False
        last = self._record.reports[-1:]
        return self._broken or any(step == last[0][0] for step, _ in self._curve.reports if last)

    def resumed(self, number: int) -> None:
        self._curve.resume()

    def change(self, number: int, params: Mapping[str, Any], source: int | None) -> None:
        raise HpoBridgeError(f"trial {number} is run again as it was: it cannot change")

    def finish(self, number: int, outcome: Outcome) -> None:
        self.checkpoints.end(number, keep=False)
        self.runs.append((self._objectives.settle(outcome), self._curve.reports))

    def give_back(self, number: int, reason: str) -> None:
        self.checkpoints.end(number, keep=False)


def _differences(
    record: TrialRecord, outcome: Outcome, reports: Mapping[int, float], tolerance: float
) -> Iterator[str]:
    """Describe what differs from the record, the most telling first."""
    # The first line of an error: below it is what a worker wrote before it died.
    then, now = (
        (error or "").strip().partition("\n")[0] for error in (record.error, outcome.error)
    )
    if record.state is not outcome.state:
        was = record.state.value + (f" ({then})" if then else "")
        yield f"it was {was}, and is {outcome.state.value}{f' ({now})' if now else ''} now"
    elif _ADDRESS.sub("0x", then) != _ADDRESS.sub("0x", now):
        yield f"it failed with {then or 'no reason'}, and fails with {now or 'no reason'} now"
    for what, before, after in (
        ("", record.values or {}, outcome.result or {}),
        ("the standard error of ", record.standard_errors or {}, outcome.standard_errors or {}),
    ):
        for name, number in before.items():
            if name not in after:
                yield f"{what}{name} was {number!r}, and is missing now"
            elif not abs(after[name] - number) <= tolerance:
                yield _differs(f"{what}{name}", number, after[name])
    stored = dict(record.reports)
    for step, number in stored.items():
        if step not in reports:
            yield f"it reported step {step}, and does not now"
        elif not abs(reports[step] - number) <= tolerance:
            yield _differs(f"the report of step {step}", number, reports[step])
    if record.attempts <= 1:  # a later attempt may have begun at a checkpoint
        for step in reports.keys() - stored.keys():
            yield f"it reports step {step} now, and did not"


def _differs(what: str, then: float, now: float) -> str:
    return f"{what} differs by {now - then:.3g}: it was {then!r}, and is {now!r} now"
