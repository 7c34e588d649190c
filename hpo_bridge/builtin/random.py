"""``core.random``: random search, and the reference for plugin authors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

from ..contracts.optimizer import Observation, Problem, Suggestion

_PER_DIGEST = 8
"""Numbers taken from one 64-byte digest."""
_SCALE = 2.0**-53


class RandomSearch:
    """Independent random points, uniform in the unit cube (Bergstra and Bengio, 2012).

    Point number ``i`` of a seed is a pure function of the seed and ``i``: a hash, read as
    53-bit numbers. So it is the same on every machine, Python version and hash seed, and a
    study of any length continues at once.

    Args:
        problem: Any problem: conditional, with vectors, with several objectives.
    """

    def __init__(self, problem: Problem) -> None:
        self._space = problem.space
        self._seed = problem.seed
        self._next = 0

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` points."""
        first, self._next = self._next, self._next + n
        return [
            Suggestion(self._space.decode(self._unit(index))) for index in range(first, first + n)
        ]

    def _unit(self, index: int) -> list[float]:
        numbers: list[float] = []
        size = self._space.dimension
        for block in range(0, size, _PER_DIGEST):
            digest = blake2b(b"%d/%d/%d" % (self._seed, index, block)).digest()
            end = 8 * min(_PER_DIGEST, size - block)
            numbers += [
                (int.from_bytes(digest[at : at + 8], "big") >> 11) * _SCALE
                for at in range(0, end, 8)
            ]
        return numbers

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learns nothing."""

    def state(self) -> Any:
        """Return the number of points proposed."""
        return self._next

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Goes on after ``state`` points."""
        self._next = int(state)
