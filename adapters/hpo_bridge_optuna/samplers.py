"""``optuna.random`` and ``optuna.tpe``.

With the same seed and options they propose what ``study.optimize`` proposes, to the last
bit, if its objective suggests the parameters in the space's order.

What becomes of a trial:

==========  ==================  ======================================================
ours        Optuna's            what TPE makes of it
==========  ==================  ======================================================
complete    ``COMPLETE``        learns; its reports are left out, which TPE never reads
pruned      ``PRUNED``          learns from the last report, the later the better
failed      ``FAIL``            ignores it: a region that fails is not avoided
infeasible  ``PRUNED``, with a  avoids it, and counts it for the start-up; told as failed
            violated constraint it would be proposed again without end
==========  ==================  ======================================================

What one might not expect of Optuna:

* Since 5.0 TPE is multivariate by default (with one objective) and counts running trials as
  bad (``constant_liar``). A study of Optuna 4 is reproduced by ``multivariate: false`` and
  ``constant_liar: false``.
* ``enqueue_trial`` takes values outside of the range. Foreign points are checked here, and
  added as finished trials.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from optuna.samplers import RandomSampler, TPESampler

from hpo_bridge.errors import BackendError
from hpo_bridge.optimizer import Observation, Problem, Suggestion, Translation

from .generators import get_state, set_state
from .studies import ToldStudy, experimental, in_order, is_lesson, new_study
from .translation import Table


class Random:
    """Independent random points, by Optuna's ``RandomSampler``.

    Args:
        problem: Any problem: conditional, with several objectives.
        native_space: See :mod:`hpo_bridge_optuna.translation`.

    Example:
        >>> from hpo_bridge.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [s.params for s in Random(Problem(Space(a=Int(1, 9)), seed=1)).ask(2)]
        [{'a': 4}, {'a': 7}]
    """

    def __init__(self, problem: Problem, *, native_space: bool = False) -> None:
        self._table = Table(problem.space, native_space=native_space)
        self._sampler = RandomSampler(seed=problem.seed)
        self._study, _, _ = new_study(self._sampler, n_objectives=problem.n_objectives)

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` points."""
        return [Suggestion(self._table.suggest(self._study)[1]) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Learns nothing."""

    def state(self) -> Any:
        """The random generator's state."""
        generators = _generators(self._sampler)
        return None if generators is None else [get_state(g) for g in generators]

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Sets the random generator; past points do not matter."""
        _set_generators(self._sampler, state)

    def explain(self) -> Sequence[Translation]:
        """One row per parameter."""
        return self._table.explain()


class Tpe:
    """Tree-structured Parzen estimator, by Optuna's ``TPESampler``.

    The options are those of ``TPESampler`` that a study file can hold. Left out are the
    functions ``gamma``, ``weights`` and ``constraints_func``, and ``consider_prior``, which
    has no effect any more. Those of the last line but one are deprecated, and Optuna says
    so where they are given.

    Bergstra, Bardenet, Bengio and Kégl (2011), https://papers.nips.cc/paper/4443; the
    multivariate form is from Falkner, Klein and Hutter (2018), https://arxiv.org/abs/1807.01774.

    Args:
        problem: Any problem: conditional, with several objectives.
        n_startup_trials: How many trials must have finished before the model is used.
        n_ei_candidates: Number of candidates drawn for each point.
        multivariate: Whether parameters are modelled jointly; ``None``: with one objective.
        group: Whether a conditional space is split into groups of parameters that occur
            together, each modelled jointly; implies ``multivariate``. Experimental in Optuna.
        constant_liar: Whether running trials count as bad, so that workers spread out.
        prior_weight, consider_magic_clip, consider_endpoints, warn_independent_sampling:
            Deprecated.
        native_space: See :mod:`hpo_bridge_optuna.translation`.

    Example:
        >>> from hpo_bridge.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> tpe = Tpe(Problem(Space(a=Int(1, 9)), seed=1))
        >>> [first] = tpe.ask(1)
        >>> tpe.tell([Observation(first.params, (0.5,), first.token)])
    """

    def __init__(
        self,
        problem: Problem,
        *,
        n_startup_trials: int = 10,
        n_ei_candidates: int = 24,
        multivariate: bool | None = None,
        group: bool = False,
        constant_liar: bool = True,
        prior_weight: float | None = None,
        consider_magic_clip: bool | None = None,
        consider_endpoints: bool | None = None,
        warn_independent_sampling: bool | None = None,
        native_space: bool = False,
    ) -> None:
        self._table = Table(problem.space, native_space=native_space)
        with experimental():
            self._sampler = TPESampler(
                n_startup_trials=n_startup_trials,
                n_ei_candidates=n_ei_candidates,
                # Optuna does the same, with a warning at every trial of several objectives
                multivariate=True if group and multivariate is None else multivariate,
                group=group,
                constant_liar=constant_liar,
                prior_weight=prior_weight,
                consider_magic_clip=consider_magic_clip,
                consider_endpoints=consider_endpoints,
                warn_independent_sampling=warn_independent_sampling,
                seed=problem.seed,
            )
        self._told = ToldStudy(self._table, self._sampler, problem.n_objectives)

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` points; the token is the number of Optuna's trial."""
        suggestions = []
        for _ in range(n):
            number, params = self._told.suggest()
            suggestions.append(Suggestion(params, number))
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Takes results, see the module's table."""
        for seen in observations:
            self._told.tell(seen)

    def explain(self) -> Sequence[Translation]:
        """One row per parameter."""
        return self._table.explain()

    def state(self) -> Any:
        """Random generators, running trials, and the order of the groups of parameters."""
        generators = _generators(self._sampler)
        groups = _get_groups(self._sampler)
        if generators is None or groups is None:
            return None
        return {
            "generators": [get_state(generator) for generator in generators],
            "running": in_order(self._told.running()),
            "trials": self._told.size,
            "groups": groups,
        }

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Puts the trials together under their old numbers; no model is built.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        ended: dict[int, Observation] = {}
        foreign = []
        for seen in observations:
            if seen.token is not None:
                ended[seen.token] = seen
            elif is_lesson(seen):
                foreign.append(seen)
        running = {number: (params, attrs) for number, params, attrs in state["running"]}
        if len(ended) + len(running) + len(foreign) != state["trials"]:
            raise BackendError("the snapshot does not belong to these observations")
        rest = iter(foreign)  # foreign trials got the numbers that are left, in order
        for number in range(state["trials"]):
            if number in running:
                self._told.add_running(*running[number])
            else:
                self._told.add(ended[number] if number in ended else next(rest))
        _set_groups(self._sampler, state["groups"], self._table)
        _set_generators(self._sampler, state["generators"])


def _generators(sampler: Any) -> list[np.random.RandomState] | None:
    """The sampler's random generators; ``None`` if this Optuna keeps them elsewhere.

    There is no public way to them.
    """
    try:
        found = [sampler._rng.rng]
        if isinstance(sampler, TPESampler):
            found.append(sampler._random_sampler._rng.rng)
    except AttributeError:
        return None
    return found if all(isinstance(g, np.random.RandomState) for g in found) else None


def _set_generators(sampler: Any, states: Sequence[Any]) -> None:
    generators = _generators(sampler)
    if generators is None:
        raise BackendError("this version of Optuna keeps its random generators elsewhere")
    for generator, state in zip(generators, states, strict=True):
        set_state(generator, state)


def _get_groups(sampler: Any) -> list[list[str]] | None:
    """The groups of ``group=True``, whose order depends on the order of the results."""
    try:
        grouped = sampler._group_decomposed_search_space
        if grouped is None:
            return []
        return [sorted(group) for group in grouped._search_space.search_spaces]
    except AttributeError:
        return None


def _set_groups(sampler: Any, groups: Sequence[Sequence[str]], table: Table) -> None:
    if groups:
        grouped = sampler._group_decomposed_search_space
        grouped._search_space._search_spaces = [table.active(dict.fromkeys(g)) for g in groups]
