"""What the samplers share that learn from results.

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
thousands of infeasible points that is what takes the time. A sampler that would propose the
same infeasible point again is told more, see ``LESSONS``.

A point that is running is not proposed again: another is drawn in its place. Optuna itself
would give it twice where a space has few points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as State

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.random_state import get_state, set_state
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError

from .studies import end_trial, new_study
from .translation import Point, Table, opened

TRIES = 20
"""How often another point is drawn in place of one that is running."""
OWN_TRIES = 3
"""How many of them by the sampler itself, if it may be helped out by random points."""
ALLOWED, FORBIDDEN = -1.0, 1.0
"""What Optuna is told of the study's constraints: more than 0 is a violation."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A trial's end in Optuna's terms.

    Attributes:
        state: How it ended; ``FAIL`` hides it.
        values: Losses of a complete trial.
        reports: Step to loss; the last of a pruned trial is all that a sampler looks at.
        allowed: Whether the study's constraints allow the point, if Optuna is to know.
    """

    state: State
    values: tuple[float, ...] | None = None
    reports: Mapping[int, float] = field(default_factory=dict)
    allowed: bool | None = None

    @property
    def attrs(self) -> dict[str, Any]:
        """The constraint, as Optuna keeps it."""
        if self.allowed is None:
            return {}
        constraints = {"space": ALLOWED if self.allowed else FORBIDDEN}
        return create_trial(state=State.RUNNING, constraints=constraints).system_attrs


FAILED = Ended(State.FAIL)


class Unknown(Exception):
    """What a sampler keeps is not as expected: there is no snapshot, and all is replayed."""


class Learner:
    """A sampler in a study of its own, asked and told, and put together again.

    Args:
        problem: What to optimise.
        table: Its space.
        sampler: What proposes.
    """

    GENERATORS: ClassVar[tuple[str, ...]] = ("_rng", "_random_sampler._rng")
    """Where the sampler keeps its random generators: there is no public way to them."""
    LESSONS: ClassVar[int] = 0
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
        self._lessons = self._forbidden = self._size = 0

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` points; the token leads to Optuna's trial."""
        return [self._next() for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Takes results, see the module's table."""
        for seen in observations:
            if seen.token is None:
                self._inject(seen)
                continue
            number, _ = opened(seen.token)
            ended = self._ended(seen)
            del self._running[number]
            self._end(number, ended)

    def explain(self) -> Sequence[Translation]:
        """One row per parameter."""
        return self._table.explain()

    def state(self) -> Any:
        """Random generators, running trials, and what the sampler noted."""
        try:
            generators = self._generators()
            notes = self._notes()
        except (AttributeError, Unknown):  # this version of Optuna keeps them elsewhere
            return None
        return {
            "generators": [get_state(generator) for generator in generators],
            "running": [self._plain(self._storage.get_trial(n)) for n in self._running],
            "dropped": self._dropped,
            "trials": self._size,
            "notes": notes,
        }

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Puts the trials together under their old numbers; no model is built.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        ended, foreign = self._read(observations)
        running = {number: (params, attrs) for number, params, attrs in state["running"]}
        dropped = set(state["dropped"])
        known = len(ended) + len(foreign) + len(running) + len(dropped)
        if known != state["trials"]:
            raise BackendError("the snapshot does not belong to these observations")
        notes = self._take_notes(state["notes"])
        rest = iter(foreign)  # foreign trials got the numbers that are left, in order
        for number in range(state["trials"]):
            if number in running:
                self._add_running(*running[number])
            elif number in dropped:
                self._skip()
            else:
                params, end = ended[number] if number in ended else next(rest)
                self._add(params, end, notes.get(number, {}))
        self._dropped = list(state["dropped"])
        # in the order of the asks, which ended trials can have broken
        self._running = {number: self._running[number] for number, *_ in state["running"]}
        try:
            if len(state["generators"]) > len(self.GENERATORS):
                self._helper()
            for generator, plain in zip(self._generators(), state["generators"], strict=True):
                set_state(generator, plain)
        except AttributeError as error:
            raise BackendError(f"this version of Optuna keeps things elsewhere: {error}") from None

    # -- what a sampler can do its own way ----------------------------------------------

    def _ended(self, seen: Observation) -> Ended:
        """What to tell of an observation; called once for each, in order."""
        if seen.infeasible:
            self._forbidden += 1
            if self._lessons >= self.LESSONS:
                return FAILED
            self._lessons += 1
            return self._lesson()
        if seen.token is not None:
            self._forbidden = 0
        if seen.losses is not None:
            return Ended(State.COMPLETE, seen.losses)
        if seen.state is not TrialState.PRUNED:
            return FAILED
        # Optuna has no reports where there are several objectives
        single = seen.reports and self._problem.n_objectives == 1
        return Ended(State.PRUNED, reports=dict(seen.reports[-1:]) if single else {})

    def _lesson(self) -> Ended:
        """What to tell of an infeasible point."""
        return FAILED

    def _inject(self, seen: Observation) -> None:
        """Takes a foreign point."""
        if self._teaches(seen):
            self._add(self._table.stored(seen.params), self._ended(seen), self._foreign_attrs())

    def _teaches(self, seen: Observation) -> bool:
        """Whether a foreign point can teach the sampler anything."""
        return seen.losses is not None

    def _foreign_attrs(self) -> dict[str, Any]:
        """The sampler's own note on a foreign point."""
        return {}

    def _notes(self) -> Any:
        """What else the sampler keeps, as plain data."""
        return None

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        """Takes what ``_notes`` gave; returns the sampler's notes on ended trials."""
        return {}

    def _plain(self, trial: FrozenTrial) -> list[Any]:
        """A running trial as plain data: number, parameters, and what the sampler noted."""
        return [trial.number, trial.params, trial.system_attrs]

    # -- the study ----------------------------------------------------------------------

    def _next(self) -> Suggestion:
        """A point that no running trial has, unless there is none to be found."""
        for attempt in range(TRIES):
            point = self._draw(attempt)
            self._size += 1
            if attempt + 1 == TRIES or point.params not in self._running.values():
                break
            self._storage.hide(self._trial_id(point.number))
            self._dropped.append(point.number)
        self._running[point.number] = point.params
        return Suggestion(point.params, point.token)

    def _draw(self, attempt: int) -> Point:
        if self.PATIENCE is None or (attempt < OWN_TRIES and self._forbidden < self.PATIENCE):
            return self._table.suggest(self._study)
        self._study.sampler = self._helper()
        try:
            return self._table.suggest(self._study)
        finally:
            self._study.sampler = self._sampler

    def _helper(self) -> RandomSampler:
        """Draws what the sampler cannot; another seed, so that it does not repeat the start."""
        if self._random is None:
            self._random = RandomSampler(seed=(self._problem.seed + 1) % 2**31)
        return self._random

    def _generators(self) -> list[np.random.RandomState]:
        found = [attrgetter(f"{path}.rng")(self._sampler) for path in self.GENERATORS]
        if self._random is not None:
            found.append(attrgetter("_rng.rng")(self._random))
        if not all(isinstance(generator, np.random.RandomState) for generator in found):
            raise AttributeError("other generators")
        return found

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _end(self, number: int, ended: Ended) -> None:
        trial = self._trial_id(number)
        for key, value in ended.attrs.items():
            self._storage.set_trial_system_attr(trial, key, value)
        for step, loss in ended.reports.items():
            self._storage.set_trial_intermediate_value(trial, step, loss)
        end_trial(self._study, number, ended.state, ended.values)
        if ended.state is State.FAIL:
            self._storage.hide(trial)

    def _read(self, observations: Iterable[Observation]) -> tuple[dict[int, Any], list[Any]]:
        """Points and ends of our trials by number, and of those that are foreign."""
        ended: dict[int, tuple[dict[str, Any], Ended]] = {}
        foreign: list[Any] = []
        for seen in observations:
            if seen.token is None:
                foreign += self._read_foreign(seen)
            else:
                number, rest = opened(seen.token)
                end = self._ended(seen)
                hidden = end.state is State.FAIL
                ended[number] = ({} if hidden else self._table.stored(seen.params, rest), end)
        return ended, foreign

    def _read_foreign(self, seen: Observation) -> Iterator[tuple[dict[str, Any], Ended]]:
        if self._teaches(seen):
            yield self._table.stored(seen.params), self._ended(seen)

    def _add(self, params: dict[str, Any], ended: Ended, attrs: dict[str, Any]) -> None:
        """Adds a trial that has ended, with the next number."""
        if ended.state is State.FAIL:
            self._skip()
            return
        values = list(ended.values or ended.reports.values())
        self._size += 1
        self._study.add_trial(
            create_trial(
                state=ended.state,
                values=values or None,
                params=params,
                distributions=self._table.active(params),
                intermediate_values=dict(ended.reports),
                system_attrs={**attrs, **ended.attrs},
            )
        )

    def _add_running(self, params: dict[str, Any], attrs: dict[str, Any]) -> None:
        """Adds a trial that was asked for, with the next number."""
        self._running[self._size] = self._table.point(self._size, params).params
        self._size += 1
        self._study.add_trial(
            create_trial(
                state=State.RUNNING,
                params=params,
                distributions=self._table.active(params),
                system_attrs=attrs,
            )
        )

    def _skip(self) -> None:
        """Takes up a number, for a trial that is hidden."""
        self._storage.hide(self._storage.create_new_trial(self._id))
        self._size += 1
