"""Driving one optimizer by the rules of the contract, with every answer checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..contracts.optimizer import Observation, Optimizer, Suggestion
from ..errors import SearchExhausted, SpaceError, WaitingForResults, short
from ..plugins import neutral_surroundings
from ..space import Float, Space
from .outcomes import Judge
from .verdicts import Fault, require

Call = tuple[str, Any, Any]
"""``("ask", n, suggestions)`` or ``("tell", observations, None)``."""


class Run:
    """One optimizer and what it was asked and told.

    Args:
        optimizer: The optimizer, newly built.
        space: The space as it sees it.
        finite: Whether it may end with ``SearchExhausted``.
        strict: Whether what the core would mend is a fault too.

    Attributes:
        points: Every suggestion, in order.
        pending: Number and suggestion of those that were not told.
        held: The same of those that are told late, or never.
        log: Every call, in order.
        exhausted: Whether nothing is left.
        waits: How often it answered nothing.
    """

    def __init__(
        self, optimizer: Optimizer, space: Space, *, finite: bool = False, strict: bool = False
    ) -> None:
        self.optimizer, self.space = optimizer, space
        self.finite, self.strict = finite, strict
        self.points: list[Suggestion] = []
        self.pending: list[tuple[int, Suggestion]] = []
        self.held: list[tuple[int, Suggestion]] = []
        self.log: list[Call] = []
        self.exhausted = False
        self.waits = 0

    def ask(self, n: int = 1) -> list[Suggestion]:
        """Up to ``n`` suggestions; none if it waits, or is exhausted.

        Raises:
            Fault: If an answer is not as the contract has it.
        """
        answer = self._answer(n)
        self.log.append(("ask", n, answer))
        if self.exhausted:
            return []
        if not answer:
            self.waits += 1
            require(
                bool(self.pending or self.held),
                f"ask({n}) gave nothing, though all {len(self.points)} suggestions so far were "
                "told: nothing can ever wake it",
            )
        self.pending += enumerate(answer, len(self.points))
        self.points += answer
        return answer

    def _answer(self, n: int) -> list[Suggestion]:
        try:
            with neutral_surroundings():
                answer = list(self.optimizer.ask(n))
        except WaitingForResults:
            return []
        except SearchExhausted as end:
            require(self.finite, f"SearchExhausted ({end}), but FINITE is not declared")
            self.exhausted = True
            return []
        require(not self.exhausted, "ask gave an answer after SearchExhausted")
        require(len(answer) <= n, f"ask({n}) gave {len(answer)} suggestions")
        return [self._check_suggestion(suggestion) for suggestion in answer]

    def _check_suggestion(self, suggestion: Any) -> Suggestion:
        if not isinstance(suggestion, Suggestion) or not isinstance(suggestion.params, Mapping):
            raise Fault(f"ask gave {short(suggestion)}, expected a Suggestion of a mapping")
        if self.strict:
            check_types(suggestion.params, self.space)
        taken = as_the_core(suggestion, self.space)
        if self.strict and taken.token != suggestion.token:
            raise Fault(
                f"a suggestion has the token {short(suggestion.token)}, which comes back from "
                "JSON as another"
            )
        return taken

    def tell(self, *observations: Observation) -> None:
        """Tells results, each of a pending suggestion or of a foreign point."""
        self.log.append(("tell", list(observations), None))
        with neutral_surroundings():
            self.optimizer.tell(list(observations))

    def hold(self) -> None:
        """Keeps back the newest pending suggestion until :meth:`release`."""
        self.held.append(self.pending.pop())

    def release(self, judge: Judge) -> None:
        """Tells what was held back."""
        late, self.held = self.held, []
        if late:
            self.tell(*(judge(number, suggestion) for number, suggestion in late))

    def settle(self, judge: Judge, keep: int = 0, *, together: bool = True) -> None:
        """Tells all but ``keep`` of the pending ones, in an order that is not theirs."""
        results = []
        while len(self.pending) > keep:
            number, suggestion = self.pending.pop(7 * len(self.points) % len(self.pending))
            results.append(judge(number, suggestion))
        if together and results:
            self.tell(*results)
        elif not together:
            for result in results:
                self.tell(result)

    def play(self, count: int, judge: Judge, *, width: int = 1, keep: int = 0) -> list[Suggestion]:
        """Asks and tells until ``count`` more points were given, or nothing is left.

        Args:
            count: How many.
            judge: What becomes of them.
            width: How many are asked for at once.
            keep: How many stay pending at the end of each round.

        Returns:
            The new points, the last ``keep`` of them not told; fewer at the end of a finite
            search, and where it waits for what is held back.
        """
        first = len(self.points)
        while len(self.points) < first + count and not self.exhausted:
            given = self.ask(min(width, first + count - len(self.points)))
            if not given and not self.pending:
                break
            self.settle(judge, keep if given else 0)
        return self.points[first:]


def as_the_core(suggestion: Suggestion, space: Space) -> Suggestion:
    """A suggestion as the core takes it: rounding errors and numpy's numbers are mended.

    Raises:
        Fault: Naming the parameter that is missing, inactive, unknown, outside, or off the
            grid; or what is wrong with the token.
    """
    params, token = suggestion.params, suggestion.token
    require(token is not None, "a suggestion has the token None, which marks foreign points")
    try:
        return Suggestion(space.check(params), json.loads(json.dumps(token, allow_nan=False)))
    except SpaceError as error:
        raise Fault(f"suggests {short(dict(params))}: {error}") from None
    except (TypeError, ValueError):
        raise Fault(
            f"a suggestion has the token {short(token)}, which is not plain JSON data"
        ) from None


def check_types(params: Mapping[str, Any], space: Space) -> None:
    """Checks what the core would mend.

    Raises:
        Fault: Naming the parameter that is no plain ``int``, ``float`` or list of floats.
    """
    for name, value in params.items():
        if name not in space:
            continue
        wanted = float if isinstance(space[name], Float) else int
        if name in space.vectors:
            if type(value) is not list or any(type(component) is not float for component in value):
                raise Fault(f"{name}: found {short(value)}, expected a plain list of plain floats")
        elif type(value) is not wanted:
            raise Fault(
                f"{name}: found {short(value)} of type {type(value).__name__}, expected a plain "
                f"{wanted.__name__}"
            )


def replay(run: Run, log: Sequence[Call], asks: int | None = None) -> int:
    """Repeats recorded calls, and compares every answer.

    Args:
        run: What is to repeat them.
        log: The calls.
        asks: How many asks to compare; all by default.

    Returns:
        How many suggestions were compared.

    Raises:
        Fault: At the first answer that differs.
    """
    compared = 0
    for kind, given, expected in log:
        if kind == "tell":
            run.tell(*given)
            continue
        if asks is not None and asks <= 0:
            break
        answer = run._answer(given)
        if asks is not None:
            asks -= 1
        for found, wanted in zip(answer, expected, strict=False):
            if plain(found) != plain(wanted):
                raise Fault(
                    f"suggestion {len(run.points) + 1} is {short(dict(found.params))}, "
                    f"expected {short(dict(wanted.params))}"
                )
            run.points.append(found)
            compared += 1
        require(
            len(answer) == len(expected),
            f"ask({given}) gave {len(answer)} suggestions, expected {len(expected)}",
        )
    return compared


def plain(suggestion: Suggestion) -> str:
    """A suggestion as text: equal texts, equal suggestions, to the last bit."""
    return json.dumps([dict(suggestion.params), suggestion.token], sort_keys=True)


def points_of(suggestions: Sequence[Suggestion]) -> list[str]:
    """The points as text, without tokens."""
    return [json.dumps(dict(s.params), sort_keys=True) for s in suggestions]
