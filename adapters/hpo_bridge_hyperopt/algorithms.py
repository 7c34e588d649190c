"""``hyperopt.random``, ``hyperopt.tpe`` and ``hyperopt.anneal``.

With the same seed and options, and ``native_space``, they propose what ``fmin`` proposes with
the same space, to the last bit: one seed is drawn from ``numpy.random.default_rng(seed)`` for
each trial, as ``fmin`` does. Without ``native_space`` they propose what ``fmin`` proposes with
the distributions that ``explain`` prints.

What becomes of a trial, in Hyperopt's terms (both algorithms look at the order of the losses
only; a trial without a loss comes last):

==========  =========================  =====================================================
ours        Hyperopt's                 what TPE and annealing make of it
==========  =========================  =====================================================
running     ``new``, without a loss    counts as bad: TPE keeps away from it
complete    ``ok`` and the loss        learn
pruned      ``ok`` and the loss last   learn from the last report; without a report: as
            reported                   failed
failed      ``fail``                   counts as bad, and for the start-up
infeasible  TPE: ``fail``, the newest  TPE avoids it. Annealing forgets it: each trial, good
            1000; annealing: removed   or bad, shrinks its steps, and with what constraints
                                       forbid it would stick to a forbidden point
foreign     as if it had been          the same
            suggested now
==========  =========================  =====================================================

What one might not expect of Hyperopt:

* ``tpe`` gives one point, whatever number of ids it gets, and ``rand`` makes a batch from one
  seed: here each point has an id and a seed of its own.
* Of a batch Hyperopt may propose a point of a small space again while it is running. Here a
  new seed is drawn then, up to four times, and after that random points; with one trial at a
  time that never happens.
* ``fmin`` forgets a trial whose objective raised (with ``catch_eval_exceptions``), and avoids
  one that returned the status ``fail``. Failed trials are told as the latter.
* TPE counts running and failed trials for ``n_startup_jobs``, and foreign ones too.
* Annealing starts from any trial that it knows, where all have failed from a failed one.
* Annealing adds the trial's id to the seed.
* TPE's arithmetic takes standard deviations below 1e-12 for 1e-12 and squares the large ones.
  Where a float's range is narrower than 1e-9 or wider than 1e100 it is scaled by a power of
  two, which is exact.
* Hyperopt checks none of its options: ``n_EI_candidates=0`` fails at the first point after the
  start-up, and a ``prior_weight`` of 0 takes the logarithm of 0 for a float. Here they are
  refused at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
from hyperopt import Trials, anneal, rand

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import Range, with_options
from hpo_bridge.contracts.random_state import get_state, set_state

from .posterior import Suggest, suggest_by_one_graph
from .record import Record
from .translation import Table, drawn
from .tree import domain

INFEASIBLE = 1000
"""How many infeasible points TPE remembers: its time per point grows with their number."""
TRIES = (4, 16)
"""How many points the algorithm draws, and then random search, for one that does not run."""
_SEEDS = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class SpaceOptions:
    """Options of all three algorithms.

    Attributes:
        native_space: See :mod:`hpo_bridge_hyperopt.translation`.
    """

    native_space: bool = False


@with_options(SpaceOptions)
class Random:
    """Independent random points, by Hyperopt's ``rand.suggest``.

    Args:
        problem: Any problem with one objective; conditional too.
        options: See :class:`SpaceOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Random(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 5}, {'a': 8}]
    """

    def __init__(self, problem: Problem, options: SpaceOptions) -> None:
        self._table = Table(problem.space, native_space=options.native_space)
        self._domain = domain(self._table)
        self._trials = Trials(refresh=False)
        self._generator = np.random.default_rng(problem.seed)

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points."""
        return [Suggestion(self._draw()) for _ in range(n)]

    def _draw(self) -> dict[str, Any]:
        seed = self._generator.integers(_SEEDS)
        [doc] = rand.suggest([0], self._domain, self._trials, seed)  # the id changes nothing
        return self._table.params(drawn(doc))

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


class _RecordedSearch:
    """An algorithm of Hyperopt that learns from a record of trials.

    Args:
        problem: Any problem with one objective; conditional too.
        suggest: Hyperopt's function, with its options.
        options: Options of the space.
        infeasible: How many infeasible points to remember.
    """

    def __init__(
        self,
        problem: Problem,
        suggest: Suggest,
        options: SpaceOptions,
        infeasible: int,
    ) -> None:
        self._table = Table(problem.space, native_space=options.native_space)
        self._domain = domain(self._table)
        self._record = Record(self._table, infeasible)
        self._generator = np.random.default_rng(problem.seed)
        self._suggest = suggest

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points; the token is the id of Hyperopt's trial."""
        return [self._next() for _ in range(n)]

    def _next(self) -> Suggestion:
        for suggest, tries in zip((self._suggest, rand.suggest), TRIES, strict=True):
            for _ in range(tries):
                params = self._draw(suggest)
                vals = self._table.vals(params)
                if not self._record.is_running(vals):
                    return Suggestion(params, self._record.start(vals))
        return Suggestion(params, self._record.start(vals))  # so small that all of it may run

    def _draw(self, suggest: Suggest) -> dict[str, Any]:
        record = self._record
        seed = self._generator.integers(_SEEDS)
        with np.errstate(all="ignore"):  # the logarithm of a probability that underflowed
            [doc] = suggest([record.next_id], self._domain, record, seed)
        return self._table.params(drawn(doc))

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take results, see the module's table."""
        for seen in observations:
            self._record.tell(seen)

    def state(self) -> Any:
        """Return the random generator, the running trials, and the next trial's id."""
        return {"generator": get_state(self._generator), **self._record.state()}

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Put the trials together under their old ids; no model is built.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        self._record.restore(state, observations)
        set_state(self._generator, state["generator"])

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter."""
        return self._table.explain()


@dataclass(frozen=True, kw_only=True)
class TpeOptions(SpaceOptions):
    """Options of ``tpe.suggest`` but for ``verbose``: it logs nothing.

    Attributes:
        prior_weight: Weight of the prior among the observations, each of which has at most 1.
        n_startup_jobs: How many trials must have been suggested before the model is used.
        n_EI_candidates: Number of candidates drawn for each parameter.
        gamma: Of ``n`` trials the best ``gamma * sqrt(n)``, at most 25, count as good.
    """

    prior_weight: Annotated[float, Range(above=0)] = 1.0
    n_startup_jobs: Annotated[int, Range(0)] = 20
    n_EI_candidates: Annotated[int, Range(1)] = 24
    gamma: Annotated[float, Range(above=0)] = 0.25


@with_options(TpeOptions)
class Tpe(_RecordedSearch):
    """Tree-structured Parzen estimator, by Hyperopt's ``tpe.suggest``.

    Parameters are modelled one by one.

    Bergstra, Bardenet, Bengio and Kégl (2011), https://papers.nips.cc/paper/4443.

    Args:
        problem: Any problem with one objective; conditional too.
        options: See :class:`TpeOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> tpe = Tpe(Problem(Space(a=Int(1, 9)), seed=1))
        >>> [first] = tpe.ask(1)
        >>> tpe.tell([Observation(first.params, (0.5,), first.token)])
    """

    def __init__(self, problem: Problem, options: TpeOptions) -> None:
        given = asdict(options)
        del given["native_space"]
        suggest = partial(suggest_by_one_graph(), **given, verbose=False)
        super().__init__(problem, suggest, options, INFEASIBLE)


@dataclass(frozen=True, kw_only=True)
class AnnealOptions(SpaceOptions):
    """Options of ``anneal.suggest``.

    Attributes:
        avg_best_idx: Mean of the geometric distribution over the trials by their losses,
            1 is the best, from which the starting point is drawn.
        shrink_coef: After ``n`` trials the points are drawn from ``1 / (1 + n * shrink_coef)``
            of a parameter's range.
    """

    avg_best_idx: Annotated[float, Range(1)] = 2.0
    shrink_coef: Annotated[float, Range(0)] = 0.1


@with_options(AnnealOptions)
class Anneal(_RecordedSearch):
    """Annealing, by Hyperopt's ``anneal.suggest``.

    Each point is drawn near one of the best, the nearer the more trials there are. A simple
    search that does well where the objective is smooth.

    Bergstra, Yamins and Cox (2013), https://proceedings.mlr.press/v28/bergstra13.html.

    Args:
        problem: Any problem with one objective; conditional too.
        options: See :class:`AnnealOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> anneal = Anneal(Problem(Space(a=Int(1, 9)), seed=1), shrink_coef=0.2)
        >>> [first] = anneal.ask(1)
        >>> anneal.tell([Observation(first.params, (0.5,), first.token)])
    """

    def __init__(self, problem: Problem, options: AnnealOptions) -> None:
        suggest = partial(
            anneal.suggest,
            avg_best_idx=options.avg_best_idx,
            shrink_coef=options.shrink_coef,
        )
        super().__init__(problem, suggest, options, infeasible=0)
