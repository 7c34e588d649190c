"""``skopt.random``, ``skopt.sobol`` and ``skopt.lhs``: points without a model.

What one might not expect of scikit-optimize:

* ``dummy_minimize`` fails with scikit-learn 1.7 and later. Here its points are drawn as it
  did: one number of the generator for a model that it has not, then ``Space.rvs``.
* ``Sobol.generate`` starts over at each call and warns unless it is asked for a power of 2.
  Here the sequence goes on for ever, with one random shift. ``skip`` is left out: the
  library gives no more points than were skipped.
* In both designs the library gives the first and the last of several integers or categories
  half their weight. See :mod:`hpo_bridge_skopt.translation`.

A discrete space can hold fewer points than are asked for: points may repeat.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from skopt.sampler import Lhs as LibraryLhs
from skopt.sampler import Sobol as LibrarySobol
from skopt.space import Space as Dimensions

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import Range, with_options
from hpo_bridge.contracts.random_state import get_state, set_state
from hpo_bridge.errors import BackendError, UnsupportedProblem

from .designs import SOBOL_MOST
from .quiet import quietly
from .translation import SpaceOptions, Table, require_one_objective

_SEEDS = np.iinfo(np.int32).max
_BLOCK = 512
"""Points of a Sobol' sequence to begin with: a call costs as much as a thousand points."""


@with_options(SpaceOptions)
class Random:
    """Independent random points, as ``skopt.dummy_minimize`` draws them.

    Args:
        problem: A problem with one objective.
        options: See :class:`SpaceOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [point.params for point in Random(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 9}, {'a': 6}]
    """

    def __init__(self, problem: Problem, options: SpaceOptions) -> None:
        require_one_objective(problem)
        self._table = Table(problem.space, "plain", native_space=options.native_space)
        self._space = Dimensions(self._table.dimensions)
        self._generator = np.random.RandomState(problem.seed)
        self._generator.randint(0, _SEEDS)  # the seed of a model, in the library

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points."""
        return [Suggestion(self._table.decode(self._draw())) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learn nothing."""

    def state(self) -> Any:
        """Return the random generator's state."""
        return get_state(self._generator)

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Set the random generator; past points do not matter."""
        set_state(self._generator, state)

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._table.explain()

    def _draw(self) -> Sequence[Any]:
        if not self._table.columns:
            return []
        point: Sequence[Any] = self._space.rvs(random_state=self._generator)[0]
        return point


@dataclass(frozen=True, kw_only=True)
class SobolOptions(SpaceOptions):
    """Options of :class:`Sobol`.

    Attributes:
        randomize: Whether the whole sequence is shifted at random; without it every seed
            gives the same points.
    """

    randomize: bool = True


@with_options(SobolOptions)
class Sobol:
    """A Sobol' sequence, as ``skopt.sampler.Sobol().generate(…, random_state=seed)``.

    Args:
        problem: A problem with one objective and at most 40 parameters of several values.
        options: See :class:`SobolOptions`.

    Raises:
        UnsupportedProblem: For more than 40 parameters.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> sobol = Sobol(Problem(Space(a=Int(1, 4))), randomize=False)
        >>> [point.params["a"] for point in sobol.ask(4)]
        [1, 3, 4, 2]
    """

    def __init__(self, problem: Problem, options: SobolOptions) -> None:
        require_one_objective(problem)
        self._table = Table(problem.space, "design", native_space=options.native_space)
        if len(self._table.columns) > SOBOL_MOST:
            raise UnsupportedProblem(
                f"the library's Sobol' sequence takes at most {SOBOL_MOST} parameters, found "
                f"{len(self._table.columns)}",
                fix="use skopt.lhs or skopt.random",
            )
        self._randomize = options.randomize
        self._seed = problem.seed
        self._given = 0
        self._points: list[Any] = []

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points."""
        first = self._given
        self._given += max(n, 0)
        if self._table.columns and len(self._points) < self._given:
            self._generate(self._given)
        points = self._points[first : self._given] if self._table.columns else [[]] * n
        return [Suggestion(self._table.decode(x)) for x in points]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learn nothing."""

    def state(self) -> Any:
        """Return the number of points given."""
        return self._given

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Continue after ``state`` points.

        Raises:
            BackendError: If it is no number of points.
        """
        if isinstance(state, bool) or not isinstance(state, int) or state < 0:
            raise BackendError(f"the snapshot is of another backend: found {state!r}")
        self._given = state

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._table.explain()

    def _generate(self, n: int) -> None:
        """The first ``n`` points, and more up to a power of 2: they do not depend on it."""
        with quietly():
            self._points = LibrarySobol(randomize=self._randomize).generate(
                self._table.dimensions,
                max(_BLOCK, 1 << (n - 1).bit_length()),
                random_state=np.random.RandomState(self._seed),
            )


@dataclass(frozen=True, kw_only=True)
class LhsOptions(SpaceOptions):
    """Options of :class:`Lhs`.

    Attributes:
        n_samples: Number of points of a design. After them comes another design, which the
            same random generator draws.
        lhs_type: Where a point lies in its cell: at random (``classic``) or in the middle
            (``centered``).
        criterion: What is sought among random designs: the largest distance of the nearest
            points (``maximin``), the smallest correlation of parameters (``correlation``),
            the smallest ratio of distances (``ratio``), or ``None``: the first is taken.
        iterations: Number of random designs.
    """

    n_samples: Annotated[int, Range(1)] = 10
    lhs_type: Literal["classic", "centered"] = "classic"
    criterion: Literal["maximin", "correlation", "ratio"] | None = "maximin"
    iterations: Annotated[int, Range(1)] = 1000


@with_options(LhsOptions)
class Lhs:
    """Latin hypercube designs, as ``skopt.sampler.Lhs(…).generate(…, random_state=seed)``.

    Args:
        problem: A problem with one objective.
        options: See :class:`LhsOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> lhs = Lhs(Problem(Space(a=Int(1, 10))), iterations=20)
        >>> sorted(point.params["a"] for point in lhs.ask(10))
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    """

    def __init__(self, problem: Problem, options: LhsOptions) -> None:
        require_one_objective(problem)
        self._table = Table(problem.space, "design", native_space=options.native_space)
        self._n_samples = options.n_samples
        self._sampler = LibraryLhs(options.lhs_type, options.criterion, options.iterations)
        self._generator = np.random.RandomState(problem.seed)
        self._rest: list[Any] = []

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points."""
        suggestions = []
        for _ in range(n):
            if not self._rest:
                self._rest = self._design()
            suggestions.append(Suggestion(self._table.decode(self._rest.pop(0))))
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learn nothing."""

    def state(self) -> Any:
        """Return the random generator, and what is left of the design."""
        rest = [self._table.plain(x) for x in self._rest]
        return {"generator": get_state(self._generator), "rest": rest}

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Set both; past points do not matter."""
        set_state(self._generator, state["generator"])
        self._rest = list(state["rest"])

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._table.explain()

    def _design(self) -> list[Any]:
        if not self._table.columns:
            return [[]] * self._n_samples
        with quietly():
            return list(
                self._sampler.generate(
                    self._table.dimensions, self._n_samples, random_state=self._generator
                )
            )
