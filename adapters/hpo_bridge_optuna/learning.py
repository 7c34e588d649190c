"""A sampler that learns from results, asked and told in a study of its own.

What becomes of a trial, if its sampler's module does not say otherwise:

==========  =================  ==========================================================
ours        Optuna's           what a sampler makes of it
==========  =================  ==========================================================
complete    ``COMPLETE``       learns; its reports are left out, which no sampler reads
pruned      ``PRUNED``         as the sampler does, by the last report
failed      ``FAIL``, hidden   ignores it: a region that fails is not avoided
infeasible  ``FAIL``, hidden   ignores it, and draws again
==========  =================  ==========================================================

A hidden trial is one that Optuna's samplers would go through and leave out at each ask: with
thousands of infeasible points that is what takes the time. A point that is running is not
proposed again: another is drawn in its place. Optuna itself would give it twice where a space
has few points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as State

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.random_state import get_state, set_state
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError

from .generators import generators_of
from .studies import new_study
from .translation import Point, Table, read_token

TRIES = 20
"""How often another point is drawn in place of one that is running."""
OWN_TRIES = 3
"""How many of them by the sampler itself, if random points may help it out."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The end of a trial in Optuna's terms.

    Attributes:
        state: How it ended; ``FAIL`` hides it.
        losses: Of a complete trial.
        reports: Step to loss; the last of a pruned trial is all that a sampler looks at.
        allowed: Whether the study's constraints allow the point, if Optuna is to know.
    """

    state: State
    losses: tuple[float, ...] | None = None
    reports: Mapping[int, float] = field(default_factory=dict)
    allowed: bool | None = None

    @property
    def values(self) -> list[float] | None:
        """The values of the ended trial: its losses, or else the last report."""
        return list(self.losses or self.reports.values()) or None

    @property
    def attrs(self) -> dict[str, Any]:
        """The constraint as Optuna keeps it: more than 0 is a violation."""
        if self.allowed is None:
            return {}
        constraints = {"space": -1.0 if self.allowed else 1.0}
        return create_trial(state=State.RUNNING, constraints=constraints).system_attrs


FAILED, RUNNING = TrialResult(State.FAIL), TrialResult(State.RUNNING)


class NoSnapshot(BackendError):
    """The sampler's state cannot be read or set; all is replayed instead."""


class Learner:
    """A sampler in a study of its own, asked and told, and restored from a snapshot.

    A subclass builds the sampler, and may override the methods of the section "for subclasses".

    Args:
        problem: What to optimise.
        table: Its space.
        sampler: Optuna's sampler.
    """

    GENERATORS: ClassVar[int] = 2
    """How many random generators the sampler has."""
    MOST_INFEASIBLE: ClassVar[int] = 0
    """How many infeasible points the sampler is told of, at most: each makes it slower."""
    PATIENCE: ClassVar[int | None] = None
    """After so many infeasible points in a row points are drawn at random until one is
    allowed; ``None``: never."""

    def __init__(self, problem: Problem, table: Table, sampler: BaseSampler) -> None:
        self._problem = problem
        self._table = table
        self._sampler = sampler
        self._study, self._storage, self._id = new_study(
            sampler, n_objectives=problem.n_objectives
        )
        self._running: dict[int, dict[str, Any]] = {}
        self._dropped: list[int] = []
        self._random: RandomSampler | None = None
        self._infeasible = self._infeasible_in_a_row = self._size = 0

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points; the token leads to Optuna's trial."""
        return [self._next() for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take results, see the module's table."""
        for seen in observations:
            result = self._result(seen)
            if seen.token is not None:
                number, _ = read_token(seen.token)
                del self._running[number]
                self._end(number, result)
            elif result.state is not State.FAIL:
                self._add(self._table.stored(seen.params), result, self._foreign_attrs())

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._table.explain()

    def state(self) -> Any:
        """Return random generators, running trials, and what the sampler keeps."""
        try:
            generators, notes = self._generators(), self._notes()
            running = [self._storage.get_trial(number) for number in self._running]
        except (AttributeError, NoSnapshot):  # this version of Optuna keeps them elsewhere
            return None
        return {
            "generators": [get_state(generator) for generator in generators],
            "running": [[t.number, t.params, self._to_plain(t)] for t in running],
            "dropped": self._dropped,
            "trials": self._size,
            "notes": notes,
        }

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Put the trials together under their old numbers; no model is built.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        trials, foreign = self._read(observations)
        attrs = dict(self._take_notes(state["notes"]))
        for number, params, plain in state["running"]:
            trials[number] = params, RUNNING
            attrs[number] = self._from_plain(plain)
        trials |= {number: ({}, FAILED) for number in state["dropped"]}
        if len(trials) + len(foreign) != state["trials"]:
            raise BackendError("the snapshot does not belong to these observations")
        rest = iter(foreign)  # foreign trials got the numbers that are left, in order
        for number in range(state["trials"]):
            params, result = trials[number] if number in trials else next(rest)
            self._add(params, result, attrs.get(number, {}))
        self._dropped = list(state["dropped"])
        # in the order of the asks, which ended trials can have broken
        self._running = {number: self._running[number] for number, *_ in state["running"]}
        if len(state["generators"]) > self.GENERATORS:
            self._helper()
        for generator, plain in zip(self._generators(), state["generators"], strict=True):
            set_state(generator, plain)

    # -- for subclasses -----------------------------------------------------------------

    def _result(self, seen: Observation) -> TrialResult:
        """Return the end of an observed trial; called once for each, in order."""
        if seen.infeasible:
            self._infeasible += 1
            self._infeasible_in_a_row += 1
            few = self._infeasible <= self.MOST_INFEASIBLE
            return self._infeasible_result() if few else FAILED
        if seen.token is not None:
            self._infeasible_in_a_row = 0
        if seen.losses is not None:
            return TrialResult(State.COMPLETE, seen.losses)
        if seen.state is not TrialState.PRUNED:
            return FAILED
        # Optuna has no reports where there are several objectives
        single = seen.reports and self._problem.n_objectives == 1
        return TrialResult(State.PRUNED, reports=dict(seen.reports[-1:]) if single else {})

    def _infeasible_result(self) -> TrialResult:
        """Return the end of one of the first ``MOST_INFEASIBLE`` infeasible points."""
        return FAILED

    def _foreign_attrs(self) -> dict[str, Any]:
        """Return the sampler's own attributes of a foreign point."""
        return {}

    def _notes(self) -> Any:
        """Return what else the sampler keeps, as plain data."""
        return None

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        """Take what ``_notes`` gave; return attributes of ended trials, by number."""
        return {}

    def _to_plain(self, trial: FrozenTrial) -> Any:
        """Return the sampler's attributes of a running trial as plain data."""
        return trial.system_attrs

    def _from_plain(self, plain: Any) -> dict[str, Any]:
        """Return what ``_to_plain`` was given."""
        return dict(plain)

    # -- the study ----------------------------------------------------------------------

    def _next(self) -> Suggestion:
        """Return a point that no running trial has, unless there is none to be found."""
        for attempt in range(TRIES):
            point = self._draw(attempt)
            self._size += 1
            if attempt + 1 == TRIES or point.params not in self._running.values():
                break
            self._storage.hide(point.number)
            self._dropped.append(point.number)
        self._running[point.number] = point.params
        return Suggestion(point.params, point.token)

    def _draw(self, attempt: int) -> Point:
        own = attempt < OWN_TRIES and self._infeasible_in_a_row < (self.PATIENCE or 0)
        if self.PATIENCE is None or own:
            return self._table.suggest(self._study)
        self._study.sampler = self._helper()
        try:
            return self._table.suggest(self._study)
        finally:
            self._study.sampler = self._sampler

    def _helper(self) -> RandomSampler:
        """Return what draws in place of the sampler, by a seed that does not repeat its start."""
        if self._random is None:
            self._random = RandomSampler(seed=(self._problem.seed + 1) % 2**31)
        return self._random

    def _generators(self) -> list[np.random.RandomState]:
        found = generators_of(self._sampler)
        if len(found) != self.GENERATORS:
            raise NoSnapshot(f"the sampler has {len(found)} generators")
        return found + ([] if self._random is None else generators_of(self._random))

    def _end(self, number: int, result: TrialResult) -> None:
        """End a trial as ``study.optimize`` does; ``study.tell`` also copies it, deeply."""
        trial = self._storage.get_trial(number)
        trial.system_attrs.update(result.attrs)
        trial.intermediate_values.update(result.reports)
        self._sampler.after_trial(self._study, trial, result.state, result.values)
        self._storage.set_trial_state_values(number, result.state, result.values)
        if result.state is State.FAIL:
            self._storage.hide(number)

    def _read(self, observations: Iterable[Observation]) -> tuple[dict[int, Any], list[Any]]:
        """Return parameters and results of our trials by number, and of those foreign."""
        trials: dict[int, tuple[dict[str, Any], TrialResult]] = {}
        foreign: list[tuple[dict[str, Any], TrialResult]] = []
        for seen in observations:
            number, rest = read_token(seen.token)
            result = self._result(seen)
            hidden = result.state is State.FAIL
            params = {} if hidden else self._table.stored(seen.params, rest)
            if seen.token is not None:
                trials[number] = params, result
            elif not hidden:
                foreign.append((params, result))
        return trials, foreign

    def _add(self, params: dict[str, Any], result: TrialResult, attrs: dict[str, Any]) -> None:
        """Add a trial with the next number."""
        number, self._size = self._size, self._size + 1
        if result.state is State.FAIL:
            self._storage.hide(self._storage.create_new_trial(self._id))
            return
        if result is RUNNING:
            self._running[number] = self._table.point(number, params).params
        trial = create_trial(
            state=result.state,
            values=result.values,
            params=params,
            distributions=self._table.active(params),
            intermediate_values=dict(result.reports),
            system_attrs={**attrs, **result.attrs},
        )
        self._study.add_trial(trial)
