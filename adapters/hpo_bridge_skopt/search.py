"""A search with a model: scikit-optimize's ``Optimizer``, asked and told.

What becomes of a trial:

==========  ===========================================================================
complete    its loss, clipped to ±1e100
pruned      its last report, but not better than the median of the complete trials;
            without a report as a failed one
failed      the worst loss known when the model is fitted: the region is avoided
infeasible  as failed, and does not count as an initial point; once there are 10 more of
            them than of others the model is told of no further one
foreign     as if it had been proposed, and counts as an initial point
==========  ===========================================================================

As long as there is no loss at all, points are random: with an infinite loss, or none, the
library would be of no use for good.

Asked for one point when nothing is pending it proposes what ``Optimizer.ask()`` would, and
for several what ``Optimizer.ask(n_points)`` would. Otherwise the model is fitted with a lie
for each pending point, as the library does within one call of ``ask(n_points)``.

What one might not expect of scikit-optimize:

* ``tell`` fits the model, ``ask`` only reads its answer. Here the model is fitted when a
  point is asked for: the sequence is the same, the last fit is saved, and results that come
  together are one fit.
* A second ``ask()`` without a ``tell`` gives the same point again.
* A point that was evaluated before is replaced by a random one. Here that rule applies to
  what the parameters mean: two numbers that are rounded to one integer are one point. A
  pending point is never proposed again.
* ``ask(n_points)`` before the first result goes on with a model of made-up losses where
  there are fewer initial points. Here the rest is random.
* With ``gp_hedge`` the gains of the acquisition functions are changed by each fit, and so
  depend on the order of calls.
* Gaussian processes give other digits with another number of threads of BLAS. A search is
  repeated exactly on the same machine with the same number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.errors import BackendError

from .library_optimizer import load, optimizer_state, restore_optimizer, twin_of
from .quiet import quietly
from .record import Record
from .translation import Table, require_one_objective

Strategy = Literal["cl_min", "cl_mean", "cl_max"]
STRATEGIES: dict[Strategy, Callable[[Any], Any]] = {
    "cl_min": np.min,
    "cl_mean": np.mean,
    "cl_max": np.max,
}
"""The library's lies about pending points, of the losses so far."""
_DRAWS = 100
"""Random draws for a point that is not pending, before the points are gone through."""


class Search:
    """A search by a model of the library, asked and told.

    Args:
        problem: A problem with one objective.
        table: Its dimensions.
        build: Makes the library's optimizer of dimensions and a seed.
        n_initial_points: How many results must be there before the model is used.
        strategy: What to take for the loss of a pending point.
    """

    def __init__(
        self,
        problem: Problem,
        table: Table,
        build: Callable[[list[Any], int], Any],
        n_initial_points: int,
        strategy: Strategy,
    ) -> None:
        require_one_objective(problem)
        self._table = table
        self._n_initial = n_initial_points
        self._lie = STRATEGIES[strategy]
        self._record = Record()
        self._pending: dict[int, list[Any]] = {}
        self._number = 0  # of the next suggestion
        self._told = 0
        self._handed = 0  # initial points used up
        self._stale = False  # whether something was told since the optimizer's last fit
        self._news = False  # whether something was told since the last fit of any copy
        self._optimizer: Any = None
        if table.columns:  # the library has no space without dimensions
            with quietly():
                self._optimizer = build(table.dimensions, problem.seed)

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return up to ``n`` points that differ from each other and from all pending ones.

        Fewer, and none in the end, only if every point of the space is pending.
        """
        points = self._table.space.cardinality
        if points is not None:
            n = min(n, points - len(self._pending_keys()))
        if n <= 0:
            return []
        with quietly():
            xs = self._propose(n)
        suggestions = []
        for x in xs:
            suggestions.append(Suggestion(self._table.decode(x), [self._number, x]))
            self._pending[self._number] = x
            self._number += 1
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take results, see the module's table; no model is fitted."""
        for seen in observations:
            if seen.token is not None:
                self._pending.pop(seen.token[0], None)
            elif not seen.infeasible:
                self._handed += 1
            if self._take(seen):
                self._stale = self._news = True

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._table.explain()

    def state(self) -> Any:
        """Generator, counters, pending points, and what the last fit left behind."""
        model = self._optimizer
        state: dict[str, Any] = {
            "told": self._told,
            "number": self._number,
            "handed": self._handed,
            "pending": [[number, x] for number, x in self._pending.items()],
            "stale": self._stale,
            "news": self._news,
        }
        if model is not None:
            state |= optimizer_state(model)
            if hasattr(model, "_next_x"):
                state["next"] = self._table.plain(model._next_x)
        return state

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Put points and counters together; no model is fitted.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        for seen in observations:
            self._take(seen)
        if self._told != state["told"]:
            raise BackendError("the snapshot does not belong to these observations")
        self._number, self._handed = state["number"], state["handed"]
        self._pending = {number: list(x) for number, x in state["pending"]}
        self._stale, self._news = state["stale"], state["news"]
        model = self._optimizer
        if model is None:
            return
        restore_optimizer(model, state)
        if "next" in state:
            model._next_x = list(state["next"])
            model.models = [None]  # one that is never looked at: the next fit replaces it
            load(model, self._record.points, self._record.losses(), 0)

    def _take(self, seen: Observation) -> bool:
        """Record an observation; return true if the model is to learn from it."""
        self._told += 1
        x = self._table.encode(seen.params) if seen.token is None else list(seen.token[1])
        return self._record.add(x, self._key(x), seen)

    def _key(self, x: Sequence[Any]) -> tuple[Any, ...]:
        """Return the values of a point: equal where the parameters are equal."""
        return tuple(self._table.decode(x).values())

    def _pending_keys(self) -> set[tuple[Any, ...]]:
        return {self._key(x) for x in self._pending.values()}

    def _propose(self, n: int) -> list[list[Any]]:
        if self._optimizer is None:
            return [[]]
        if self._pending:
            return self._beside(n)
        return [self._one()] if n == 1 else self._batch(n)

    def _is_initial(self, pending: int = 0) -> bool:
        """Return true if the next point is an initial one, with so many pending ones."""
        return self._record.counted + pending < self._n_initial or not self._record.informed

    def _one(self) -> list[Any]:
        """The point that ``Optimizer.ask()`` proposes."""
        model = self._optimizer
        if self._is_initial():
            return self._initial(model)
        self._refit()
        return self._modelled(model, self._record.keys)

    def _batch(self, n: int) -> list[list[Any]]:
        """The points that ``Optimizer.ask(n_points=n)`` proposes, nothing being pending."""
        if self._record.points and not self._record.informed:
            return self._spread(n)
        if not self._is_initial():
            self._refit()
        losses = self._record.losses() if self._record.informed else []
        twin = twin_of(self._optimizer)
        load(twin, list(self._record.points), losses, self._n_initial - self._record.counted)
        if not self._is_initial():
            twin._tell([], [])
        return self._told_lies(twin, n, [])

    def _told_lies(self, twin: Any, n: int, pending: list[list[Any]]) -> list[list[Any]]:
        """``n`` points of a copy that is told a lie about each."""
        xs: list[list[Any]] = []
        known = self._record.keys | {self._key(x) for x in pending}
        while True:
            if self._is_initial(len(pending) + len(xs)):
                x = self._initial(twin)
            else:
                x = self._modelled(twin, known)
            x = self._new(x, twin, pending + xs)
            xs.append(x)
            if len(xs) == n:
                return xs
            known.add(self._key(x))
            lie = self._lie(twin.yi) if twin.yi else 0.0
            twin._tell(x, lie, fit=not self._is_initial(len(pending) + len(xs)))

    def _beside(self, n: int) -> list[list[Any]]:
        """``n`` points beside the pending ones: the rest of the initial points, then lies."""
        pending = list(self._pending.values())
        first = n
        if self._record.informed:
            missing = self._n_initial - self._record.counted - len(pending)
            first = min(max(missing, 0), n)
        xs = self._spread(first)
        if first == n:
            return xs
        pending += xs
        losses = self._record.losses()
        twin = twin_of(self._optimizer)
        load(twin, self._record.points + pending, losses + [self._lie(losses)] * len(pending), 0)
        hedged = hasattr(twin, "gains_")
        if hedged and self._news and hasattr(self._optimizer, "next_xs_"):
            twin.next_xs_ = self._optimizer.next_xs_
        twin._tell([], [])
        if hedged and self._news:  # the gains go on here, as the optimizer itself is not fitted
            self._optimizer.gains_ = np.copy(twin.gains_)
            self._optimizer.next_xs_ = list(twin.next_xs_)
        self._news = False
        return xs + self._told_lies(twin, n - first, pending)

    def _spread(self, n: int) -> list[list[Any]]:
        """``n`` initial or random points that are not pending."""
        xs: list[list[Any]] = []
        for _ in range(n):
            pending = [*self._pending.values(), *xs]
            xs.append(self._new(self._initial(self._optimizer), self._optimizer, pending))
        return xs

    def _initial(self, model: Any) -> list[Any]:
        """The next point of the design, or a random one."""
        samples = model._initial_samples
        self._handed += 1
        if samples is not None and self._handed <= len(samples):
            return self._table.plain(samples[self._handed - 1])
        return self._random(model)

    def _random(self, model: Any) -> list[Any]:
        return self._table.plain(model.space.rvs(random_state=model.rng)[0])

    def _modelled(self, model: Any, known: set[tuple[Any, ...]]) -> list[Any]:
        """The model's point, or a random one if it means the same as a known one."""
        x = model._ask()
        plain = self._table.plain(x)
        if x is model._next_x and self._key(plain) in known:
            return self._random(model)
        return plain

    def _new(self, x: list[Any], model: Any, pending: list[list[Any]]) -> list[Any]:
        """``x``, or another point if that is pending."""
        taken = {self._key(other) for other in pending}
        for _ in range(_DRAWS):
            if self._key(x) not in taken:
                return x
            x = self._random(model)
        free = (p for p in self._table.space.points() if tuple(p.values()) not in taken)
        return self._table.encode(next(free))

    def _refit(self) -> None:
        """Fit the model to all that was told, if it is not."""
        if self._stale:
            load(self._optimizer, self._record.points, self._record.losses(), 0)
            self._optimizer._tell([], [])
            self._stale = self._news = False
