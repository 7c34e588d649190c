"""``deap.cmaes``: the covariance matrix adaptation evolution strategy.

Its options are those of DEAP's ``cma.Strategy``, under their names and with their defaults,
but for ``cmatrix`` and for what has no default there: ``centroid`` and ``sigma``.

What one might not expect of DEAP:

* ``cma.Strategy`` knows no bounds. What it samples outside of [0, 1] is reflected before it is
  evaluated, and it learns from the reflected point.
* It goes on for ever: long converged it proposes the same point to the last bit, and at last
  the roots of negative eigenvalues. Here it starts anew, around a random centroid, when the
  largest standard deviation is below 1e-12, the condition number of the covariance above
  1e14, or all individuals of a generation stand for the same point (as happens where every
  parameter is discrete), or too many generations in a row for known ones. Up to then the
  points are those of ``eaGenerateUpdate``.
* ``update`` is content with failed individuals, being told which are better only. A generation
  in which every one has failed says nothing, and is drawn anew from the same distribution.
* ``update`` with fewer individuals than ``mu`` raises ``ValueError``; here a generation is
  always whole.

Hansen and Ostermeier (2001), https://doi.org/10.1162/106365601750190398.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from deap import cma

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import number, one_of, whole
from hpo_bridge.contracts.random_state import get_state, set_state

from .generations import Generations
from .genome import Genome, reflected
from .individuals import Individual, has_failed, one_objective
from .isolation import strategy_with
from .operators import WIDEST

SMALLEST = 1e-12
"""A distribution whose largest standard deviation is below this has converged."""
WORST_CONDITION = 1e14
"""Beyond this condition number of the covariance matrix its decomposition is noise."""


class Cmaes(Generations):
    """CMA-ES, by DEAP's ``cma.Strategy`` in ``eaGenerateUpdate``.

    Args:
        problem: A problem with one objective.
        centroid: Where in [0, 1] each gene starts.
        sigma: Standard deviation of the first generation, in the same unit.
        lambda_: Number of individuals of a generation; ``None``: ``int(4 + 3 log N)`` for
            ``N`` genes.
        mu: How many of them the next distribution is made of; ``None``: half of them.
        weights: Of these, the best first: ``superlinear``, ``linear`` or ``equal``.
        cs: Cumulation constant of the step size; this and the following ``None``: DEAP's.
        damps: Damping of the step size.
        ccum: Cumulation constant of the covariance matrix.
        ccov1: Learning rate of the rank-one update.
        ccovmu: Learning rate of the rank-mu update.
        reevaluate: Whether a known point is evaluated again, see
            :mod:`hpo_bridge_deap.generations`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Cmaes(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 9}, {'a': 3}]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        centroid: float = 0.5,
        sigma: float = 0.3,
        lambda_: int | None = None,
        mu: int | None = None,
        weights: str = "superlinear",
        cs: float | None = None,
        damps: float | None = None,
        ccum: float | None = None,
        ccov1: float | None = None,
        ccovmu: float | None = None,
        reevaluate: bool = False,
    ) -> None:
        genome = Genome(problem.space, indices=False)
        super().__init__(one_objective(problem), genome, reevaluate=reevaluate)
        self._centroid = number("centroid", centroid, 0.0, 1.0)
        self._sigma = number("sigma", sigma, above=0.0, most=WIDEST)
        one_of("weights", weights, ("superlinear", "linear", "equal"))
        self._params: dict[str, Any] = {"weights": weights}
        if lambda_ is not None:
            self._params["lambda_"] = whole("lambda_", lambda_, 2)
        if mu is not None:
            self._params["mu"] = whole("mu", mu, 1)
        rates = {"ccum": ccum, "ccov1": ccov1, "ccovmu": ccovmu}
        for name, rate in rates.items():
            if rate is not None:
                self._params[name] = number(name, rate, 0.0, 1.0)
        if cs is not None:
            self._params["cs"] = number("cs", cs, above=0.0, most=1.0)
        if damps is not None:
            self._params["damps"] = number("damps", damps, above=0.0)
        self._random = np.random.RandomState(problem.seed)
        self._strategy = self._new([self._centroid] * len(self._genome))
        if self._strategy.mu > self._strategy.lambda_:
            raise ValueError(f"mu: found {mu}, expected at most lambda_: {self._strategy.lambda_}")

    def _new(self, centroid: Any) -> cma.Strategy:
        return strategy_with(self._random, cma.Strategy(centroid, self._sigma, **self._params))

    def _breed(self) -> list[Individual]:
        if self._generation:
            learnt = all(map(has_failed, self._generation)) or self._updated()
            if not learnt or len(set(self._points)) == 1:
                self._start_anew()
        return list(self._strategy.generate(_individual))

    def _start_anew(self) -> None:
        self._strategy = self._new(self._random.random_sample(len(self._genome)))

    def _scatter(self) -> None:
        self._start_anew()
        self._generation = list(self._strategy.generate(_individual))

    def _updated(self) -> bool:
        """Take the generation's results; whether there is anything left to learn."""
        strategy = self._strategy
        try:
            with np.errstate(all="ignore"):
                strategy.update(list(self._generation))
        except np.linalg.LinAlgError:
            return False
        deviation = strategy.sigma * strategy.diagD[-1]
        # A comparison with NaN, from a matrix that is no longer positive, is false too.
        return bool(deviation > SMALLEST and strategy.cond < WORST_CONDITION)

    def _own_state(self) -> dict[str, Any]:
        strategy = self._strategy
        arrays = {name: _plain(getattr(strategy, name)) for name in _ARRAYS}
        numbers = {"sigma": float(strategy.sigma), "count": strategy.update_count}
        return {"random": get_state(self._random), **numbers, **arrays}

    def _set_own_state(self, state: Mapping[str, Any]) -> None:
        set_state(self._random, state["random"])
        strategy = self._new(state["centroid"][1])
        for name in _ARRAYS:
            setattr(strategy, name, _array(state[name]))
        strategy.BD = strategy.B * strategy.diagD
        strategy.sigma, strategy.update_count = state["sigma"], state["count"]
        self._strategy = strategy


_ARRAYS = ("centroid", "pc", "ps", "C", "B", "diagD")


def _plain(array: Any) -> list[Any]:
    """Layout in memory and numbers: sums of products depend on the former in the last bit."""
    return ["F" if array.ndim > 1 and array.flags.f_contiguous else "C", array.tolist()]


def _array(plain: Any) -> Any:
    layout, numbers = plain
    return np.array(numbers, dtype=float, order=layout)


def _individual(row: Any) -> Individual:
    return Individual(reflected(row.tolist()))
