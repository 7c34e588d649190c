"""The points of a portfolio and their results, for members that propose one again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..contracts.optimizer import Observation
from ..engine.duplicates import configuration_key


@dataclass(frozen=True, slots=True)
class Repeat:
    """A member's proposal of a point that was there already.

    Attributes:
        place: The member's place.
        raw: The proposal in the member's terms, where it does not follow from the point.
        token: The member's token.
    """

    place: int
    raw: Mapping[str, Any] | None
    token: Any

    def answer(self, seen: Observation) -> Observation:
        """Return the result of the earlier point as that of the repeated one."""
        return replace(seen, params=self.raw or seen.params, token=self.token)


class ToldPoints:
    """The points that were proposed, and the results of those that have ended.

    All of it is plain data, so that a snapshot can tell members again what is in no log: the
    results of points that they repeated.
    """

    def __init__(self) -> None:
        self._results: list[Observation] = []
        self._at: dict[bytes, int | None] = {}
        self._waiting: dict[bytes, list[Repeat]] = {}
        self._answers: list[list[Any]] = []

    def has(self, params: Mapping[str, Any]) -> bool:
        """Return whether a point was proposed, or told of, before."""
        return configuration_key(params) in self._at

    def give(self, params: Mapping[str, Any]) -> None:
        """Take note of a point that is proposed."""
        self._at.setdefault(configuration_key(params), None)

    def repeat(self, repeat: Repeat, params: Mapping[str, Any]) -> Observation | None:
        """Return the answer to a repeated proposal; ``None`` if it comes with the result."""
        key = configuration_key(params)
        at = self._at[key]
        if at is None:
            self._waiting.setdefault(key, []).append(repeat)
            return None
        return self._answered(repeat, at)

    def tell(self, seen: Observation) -> list[tuple[int, Observation]]:
        """Take a result; return the answers that waited for it, by the member's place."""
        key = configuration_key(seen.params)
        self._at[key] = at = len(self._results)
        self._results.append(seen)
        return [(each.place, self._answered(each, at)) for each in self._waiting.pop(key, ())]

    def _answered(self, repeat: Repeat, at: int) -> Observation:
        self._answers.append([len(self._results), at, repeat.place, repeat.raw, repeat.token])
        return repeat.answer(self._results[at])

    # -- snapshots --------------------------------------------------------------------

    def state(self) -> Any:
        """Return what does not follow from the results, as plain data."""
        pending = [key.hex() for key, at in self._at.items() if at is None]
        waiting = {
            key.hex(): [[each.place, each.raw, each.token] for each in repeats]
            for key, repeats in self._waiting.items()
        }
        return {"pending": pending, "waiting": waiting, "answers": self._answers}

    def restored(
        self, state: Any, results: Sequence[Observation]
    ) -> Iterator[tuple[Observation, list[tuple[int, Observation]]]]:
        """Go back to a state; yield each result and the answers that followed it."""
        answers: dict[int, list[tuple[int, Observation]]] = {}
        for after, at, place, raw, token in state["answers"]:
            answer = Repeat(place, raw, token).answer(results[at])
            answers.setdefault(after, []).append((place, answer))
        self._results, self._answers = list(results), [list(each) for each in state["answers"]]
        self._at = {configuration_key(seen.params): at for at, seen in enumerate(results)}
        for key in state["pending"]:
            self._at[bytes.fromhex(key)] = None
        self._waiting = {
            bytes.fromhex(key): [Repeat(*each) for each in repeats]
            for key, repeats in state["waiting"].items()
        }
        for number, seen in enumerate(results, 1):
            yield seen, answers.get(number, [])
