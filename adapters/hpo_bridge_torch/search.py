"""What ``torch.adam``, ``torch.sgd``, ``torch.rprop`` and ``torch.spsa`` have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import number, one_of, whole
from hpo_bridge.errors import BackendError

from .chains import Limits, Places, Walk
from .cube import Cube, Vector
from .rules import Rule
from .seats import Estimator, Exact, Seat, Spsa

ESTIMATORS = ("gradient", "spsa")

Found = tuple[Vector, float, Vector | None]
"""A point from elsewhere: place, loss, and gradient if there is one."""


class Search:
    """Chains of gradient steps that run side by side.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        rule: How a gradient becomes a step.
        n_starts: How many chains, and so how many trials at once (twice as many with
            ``spsa``).
        start: Where in [0, 1] the first chain begins, for parameters that ``init`` leaves out.
        init: Parameter name to the value at which the first chain begins; for a vector, a
            number for all of its components or a list.
        explode: See :class:`~hpo_bridge_torch.chains.Limits`.
        backtrack: See :class:`~hpo_bridge_torch.chains.Limits`.
        estimator: ``gradient``: the objective's own; ``spsa``: from differences of losses.
        perturbation: Half the distance of the two points of ``spsa``, in [0, 1].
    """

    def __init__(
        self,
        problem: Problem,
        rule: Rule,
        *,
        n_starts: int,
        start: float,
        init: Mapping[str, Any] | None,
        explode: float,
        backtrack: float,
        estimator: str,
        perturbation: float,
    ) -> None:
        seats = whole("n_starts", n_starts, 1)
        low = number("start", start, 0.0, 1.0)
        limits = Limits(number("explode", explode, above=0.0), number("backtrack", backtrack, 0.0))
        one_of("estimator", estimator, ESTIMATORS)
        distance = number("perturbation", perturbation, above=0.0, most=0.5)
        cube = self._cube = Cube(problem)
        places = Places(low, _given(cube, init), cube.logarithmic, problem.seed)
        anchor = np.full(cube.size, low)
        self._walk = Walk(rule, limits, places.start, anchor)
        self._exact = estimator == "gradient"
        self._estimator: Estimator = Exact() if self._exact else Spsa(distance, problem.seed)
        self._seats = [Seat.of(self._walk.begin(chain), self._estimator) for chain in range(seats)]
        self._pending: dict[int, tuple[int, int]] = {}  # token to seat and probe
        self._given = 0
        self._foreign: list[Found] = []

    @property
    def wants_gradients(self) -> bool:
        """Whether the objective's own gradients are needed."""
        return self._exact

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next point of each chain that waits for none; none if all do."""
        suggestions: list[Suggestion] = []
        for place, seat in enumerate(self._seats):
            while seat.sent < len(seat.probes) and len(suggestions) < n:
                self._pending[self._given] = place, seat.sent
                params = self._cube.params(seat.probes[seat.sent])
                suggestions.append(Suggestion(params, self._given))
                seat.sent += 1
                self._given += 1
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Takes results in any order."""
        for seen in observations:
            if seen.token is None:
                self._note(seen)
            elif seen.token in self._pending:
                place, probe = self._pending.pop(seen.token)
                self._seats[place].told[probe] = self._lesson(seen)
                self._advance(place)
            else:
                raise BackendError(f"no result is awaited for the token {json.dumps(seen.token)}")
        self._welcome()

    def _lesson(self, seen: Observation) -> tuple[float | None, Vector | None]:
        """Loss and gradient in the cube; a trial without a loss teaches that it failed."""
        if seen.losses is None:
            return None, None
        if seen.gradients is None:
            return seen.losses[0], None
        return seen.losses[0], self._cube.gradient(seen.params, seen.gradients)

    def _advance(self, place: int) -> None:
        """Moves a chain all of whose probes were told."""
        seat = self._seats[place]
        told = seat.all_told
        if told is None:
            return
        chain = self._walk.told(seat.chain, *self._estimator.estimate(seat.probes, told))
        moved = Seat.of(chain, self._estimator)
        if seat.found is not None and seat.found[1] < moved.standing:
            moved = self._moved(moved, seat.found)
        self._seats[place] = moved

    def _note(self, seen: Observation) -> None:
        """Keeps a foreign point, if it is one of the best."""
        loss, gradient = self._lesson(seen)
        if loss is not None:
            exact = gradient if self._exact else None
            self._foreign.append((self._cube.units(seen.params), loss, exact))
            self._foreign.sort(key=lambda found: found[1])
            del self._foreign[len(self._seats) :]

    def _welcome(self) -> None:
        """Foreign points are starts of chains; the worst chain goes to one that is better."""
        while self._foreign:
            found = self._foreign.pop(0)
            place = max(range(len(self._seats)), key=lambda k: (self._seats[k].standing, -k))
            seat = self._seats[place]
            if not found[1] < seat.standing:
                self._foreign.clear()  # nor is any other better than the worst chain
            elif seat.sent:
                seat.found = found
            else:
                self._seats[place] = self._moved(seat, found)

    def _moved(self, seat: Seat, found: Found) -> Seat:
        moved = Seat.of(self._walk.at(seat.chain, *found), self._estimator)
        moved.promise = found[1] if found[2] is None else None
        return moved

    def explain(self) -> Sequence[Translation]:
        """One row per parameter."""
        return self._cube.explain()

    def state(self) -> Any:
        """Chains, and what is pending."""
        return {
            "seats": [seat.to_plain() for seat in self._seats],
            "pending": [[token, *where] for token, where in self._pending.items()],
            "given": self._given,
        }

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Goes on from ``state``; what was told is in it."""
        seats = [Seat.from_plain(seat) for seat in state["seats"]]
        if len(seats) != len(self._seats):
            raise BackendError(f"the state has {len(seats)} chains, expected {len(self._seats)}")
        self._seats = seats
        self._pending = {token: (place, probe) for token, place, probe in state["pending"]}
        self._given = state["given"]


def _given(cube: Cube, init: Mapping[str, Any] | None) -> Vector:
    """The coordinates of what ``init`` names; NaN elsewhere."""
    given = np.full(cube.size, np.nan)
    if init is not None and not isinstance(init, Mapping):
        raise TypeError(f"init: found {init!r}, expected a mapping such as {{lr: 0.001}}")
    for name, value in (init or {}).items():
        where, parameter = cube.named(name, "init"), cube.floats[name]
        if parameter.shape and isinstance(value, (int, float)):
            value = [value] * parameter.dimension
        try:
            given[where] = parameter.encode(parameter.check(value))
        except ValueError as error:
            raise ValueError(f"init: {name}: {error}") from None
    return given
