"""Points that a study draws itself, where its backend proposes only what constraints forbid.

Each rejected point costs a suggestion, which with a Gaussian process is a fit, and a backend
that keeps away from running trials may have no other point left. So after
``BackendSpec.most_rejected`` of them in a row the study draws a point that the constraints allow:

* at random; with ``duplicates: resample`` one that no trial has had, if there is any;
* for a backend that ends by itself, the next point in the space's order that it has not
  proposed. When there is none left, the search is exhausted.

The backend is told of the result as of any point that it did not propose.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from ..contracts.optimizer import Observation
from ..errors import SearchExhausted, SpaceError
from ..space import Space

DRAWS = 200
"""How many random points are tried before a small space is written out."""
SMALL = 20_000
"""Number of points, feasible or not, of the largest space that is written out."""
LISTED = 100_000
"""The same of the largest space that is gone through, a point at a time, for a finite backend."""

Point = dict[str, Any]


class FeasiblePoints:
    """The points of a space that its constraints allow.

    Args:
        space: The declared space.
        seed: The problem's seed.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._proposed: set[str] = set()
        self._in_order: Iterator[Point] | None = None

    @cached_property
    def listed(self) -> list[Point] | None:
        """All of them, of a small finite space; else ``None``."""
        size = self._space.cardinality
        return list(self._space.points()) if size is not None and size <= SMALL else None

    def draw(self, rejected: Observation, taken: Callable[[Point], bool]) -> Point:
        """Return a random point, if possible one that is not taken.

        Args:
            rejected: The last point that was forbidden; it decides, with the seed, what is drawn,
                so that a study that is continued draws the same.
            taken: Whether a point is not wanted.
        """
        text = json.dumps([self._seed, rejected.params, rejected.token], sort_keys=True)
        rng = random.Random(text)
        allowed: Point | None = None
        for _ in range(DRAWS):
            point = self._space.decode([rng.random() for _ in range(self._space.dimension)])
            if self._space.violated(point) is None:
                allowed = point
                if not taken(point):
                    return point
        points = self.listed
        if points is None:
            return allowed or self._hard_to_find(rng)
        start = rng.randrange(len(points))
        turned = points[start:] + points[:start]
        return dict(next((point for point in turned if not taken(point)), turned[0]))

    def _hard_to_find(self, rng: random.Random) -> Point:
        try:
            return self._space.sample(rng)
        except SpaceError:  # what the check of the space found, with the generator that it had
            try:
                return self._space.sample(random.Random(0))
            except SpaceError:
                return next(self._space.points())

    # -- for a backend that proposes each point once ------------------------------------

    @property
    def are_few(self) -> bool:
        """True if they can be gone through."""
        size = self._space.cardinality
        return size is not None and size <= LISTED

    def is_new(self, point: Mapping[str, Any]) -> bool:
        """Return whether a point has not been proposed; it has from now on."""
        key = json.dumps(point, sort_keys=True)
        if key in self._proposed:
            return False
        self._proposed.add(key)
        return True

    def next_new(self) -> Point:
        """Return the next point in order that has not been proposed.

        Raises:
            SearchExhausted: If all have been.
        """
        if self._in_order is None:
            self._in_order = self._space.points()
        for point in self._in_order:
            if self.is_new(point):
                return point
        count = len(self._proposed)
        raise SearchExhausted(f"all {count} points that the constraints allow were proposed")
