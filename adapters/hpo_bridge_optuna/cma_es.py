"""``optuna.cmaes``: CMA-ES, by Optuna's ``CmaEsSampler`` and the package ``cmaes``.

With the same seed and options, and ``native_space`` where there are conditions, it proposes
what ``study.optimize`` proposes, to the last bit.

Trials fare as in :mod:`hpo_bridge_optuna.learning`: a generation is made of complete trials,
and of pruned ones with ``consider_pruned_trials``; failed and infeasible ones are replaced by
others from the same distribution, and nothing ever waits.

Foreign points are Optuna's ``source_trials`` (warm start, Nomura et al., 2021,
https://arxiv.org/abs/2012.06932): the best tenth of them sets where the search begins. There
must be at least ten complete ones, told before the first ask; others are ignored, and so are
all with ``x0``, ``sigma0`` or ``use_separable_cma``, which Optuna does not combine with them.

A snapshot holds the state of ``cmaes`` as plain numbers. Optuna itself keeps it pickled in a
trial's notes; a pickle is only ever read here from memory, where it was made.

What one might not expect of Optuna:

* Categories without an order are drawn at random, at every trial, and learnt nothing about.
* With ``native_space`` conditional parameters are drawn at random. And where the first trials
  have one that later ones lack, all parameters are, for good: the number of dimensions does
  not fit any more. By default it is asked for the whole space, see
  :mod:`hpo_bridge_optuna.flat_translation`.
* A logarithmic integer loses half of its ends' weight by ``with_margin``, see there too.
* ``restart_strategy`` and ``inc_popsize`` are accepted, and have had no effect since 4.4.
* ``use_separable_cma`` is ignored, with a warning, where there is one parameter.
* A missing ``cmaes`` is noticed at the second trial.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any

from optuna.distributions import CategoricalDistribution
from optuna.samplers import CmaEsSampler
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as State

from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.contracts.options import Range, with_options
from hpo_bridge.errors import UnsupportedProblem, short
from hpo_bridge.space import Int, Parameter

from .cmaes_state import from_plain, to_plain
from .flat_translation import FlatTable
from .learning import Learner
from .studies import experimental
from .translation import Table

FEWEST_SOURCES = 10
"""A tenth of the sources is used, rounded down."""


@dataclass(frozen=True, kw_only=True)
class CmaEsOptions:
    """Options of ``CmaEsSampler`` that a study file can hold.

    Left out are ``independent_sampler`` and ``source_trials`` (foreign points are these),
    ``warn_independent_sampling`` (``explain`` says which parameters are concerned), and
    ``restart_strategy`` and ``inc_popsize``, which have no effect any more.

    Attributes:
        x0: Where to begin: a value for every number and ordered category (its index).
            Deprecated in Optuna, which says so where it is given.
        sigma0: The standard deviation to begin with, as a share of each range; ``None``: a
            sixth. Deprecated like ``x0``.
        n_startup_trials: How many trials are drawn at random.
        consider_pruned_trials: Whether a pruned trial counts by its last report.
        popsize: Number of trials in a generation; ``None``: ``4 + floor(3 ln d)``.
        use_separable_cma: Whether the covariance matrix is diagonal.
        with_margin: Whether discrete parameters are kept from getting stuck at one value
            (Hamano et al., 2022, https://arxiv.org/abs/2205.13482).
        lr_adapt: Whether learning rates adapt (Nomura et al., 2023,
            https://arxiv.org/abs/2304.03473); neither with ``use_separable_cma`` nor with
            ``with_margin``, which cannot be combined either.
        native_space: See :mod:`hpo_bridge_optuna.flat_translation`.
    """

    x0: Mapping[str, Any] | None = None
    sigma0: Annotated[float | None, Range(above=0)] = None
    n_startup_trials: Annotated[int, Range(0)] = 1
    consider_pruned_trials: bool = False
    popsize: Annotated[int | None, Range(2)] = None
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False
    native_space: bool = False


@with_options(CmaEsOptions)
class CmaEs(Learner):
    """Covariance matrix adaptation evolution strategy, by Optuna's ``CmaEsSampler``.

    Hansen (2016), https://arxiv.org/abs/1604.00772.

    Args:
        problem: A problem with one objective, and at least one number or ordered category.
        options: See :class:`CmaEsOptions`.

    Raises:
        UnsupportedProblem: If nothing is left that is not drawn at random.

    Example:
        >>> from hpo_bridge.space import Float, Space
        >>> cma = CmaEs(Problem(Space(x=Float(0, 1), y=Float(0, 1))))
        >>> [first] = cma.ask(1)
        >>> cma.tell([Observation(first.params, (0.5,), first.token)])
    """

    _sampler: CmaEsSampler

    def __init__(self, problem: Problem, options: CmaEsOptions) -> None:
        table = FlatTable(
            problem.space,
            native_space=options.native_space,
            is_rounded=_is_log_integer if options.with_margin else lambda parameter: False,
        )
        self._searched = _searched(table)
        if options.with_margin and table.is_tree:
            raise UnsupportedProblem(
                "with with_margin Optuna's CmaEsSampler fails where the number of its parameters "
                "changes",
                next(iter(problem.space.conditions)),
                fix="leave native_space or with_margin out",
            )
        start = None if options.x0 is None else _start(options.x0, self._searched, table)
        # Optuna does the same with use_separable_cma, with a warning
        separable = options.use_separable_cma and len(self._searched) > 1
        if options.use_separable_cma and not separable:
            _build(replace(options, x0=start), problem.seed)  # refuses what does not combine
        self._options = replace(options, x0=start, use_separable_cma=separable)
        self._sources: list[FrozenTrial] = []
        super().__init__(problem, table, _build(self._options, problem.seed))

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Return the next ``n`` points; the token leads to Optuna's trial."""
        if n > 0 and not self._size:
            self._begin_near(self._sources)
        return super().ask(n)

    def explain(self) -> Sequence[Translation]:
        """Return one row per parameter; it says of some that they are drawn at random."""
        rows = []
        for row in self._table.explain():
            if isinstance(self._table.distributions[row.parameter], CategoricalDistribution):
                why = "drawn at random: CMA-ES has no notion of it"
                row = replace(row, detail=f"{row.detail}, {why}")
            rows.append(row)
        return rows

    # -- foreign points -----------------------------------------------------------------

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take results, and foreign points before the first ask."""
        super().tell(list(self._without_sources(observations)))

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Put the trials together under their old numbers.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        super().restore(state, self._without_sources(observations))

    def _without_sources(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        """Keep foreign points back, those before the first ask as sources."""
        for seen in observations:
            if seen.token is not None:
                yield seen
            elif not self._size:
                self._sources += self._source(seen)

    def _source(self, seen: Observation) -> list[FrozenTrial]:
        """Return a complete point without what is drawn at random: Optuna would not take it."""
        used = self._options.x0 is None and self._options.sigma0 is None
        if seen.losses is None or self._table.is_tree or not used:
            return []
        params = self._table.stored(seen.params)
        searched = {name: params[name] for name in self._searched}
        distributions = self._table.active(searched)
        return [create_trial(value=seen.losses[0], params=searched, distributions=distributions)]

    def _begin_near(self, sources: list[FrozenTrial]) -> None:
        if len(sources) >= FEWEST_SOURCES and not self._options.use_separable_cma:
            self._sources = sources
            self._sampler = _build(self._options, self._problem.seed, source_trials=sources)
            self._study.sampler = self._sampler
        else:
            self._sources = []

    # -- snapshots ----------------------------------------------------------------------

    def _notes(self) -> Any:
        """Return the notes of this generation's ended trials, and the last state of ``cmaes``."""
        generation = self._sampler._attr_key_generation
        pruned = self._options.consider_pruned_trials
        states = (State.COMPLETE, State.PRUNED) if pruned else (State.COMPLETE,)
        ended = self._study.get_trials(deepcopy=False, states=states)
        ended = [t for t in ended if t.state is State.COMPLETE or t.intermediate_values]
        last = next((t for t in reversed(ended) if self._optimizer(t) is not None), None)
        kept = None if last is None else self._optimizer(last)
        present = 0 if kept is None else kept.generation
        return {
            "sources": len(self._sources),
            "optimizer": None if last is None else [last.number, to_plain(kept)],
            "ended": [
                [trial.number, self._rest(trial)]
                for trial in ended
                if trial.system_attrs.get(generation, -1) >= present
            ],
        }

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        self._begin_near(self._sources[: notes["sources"]])
        attrs = {number: dict(rest) for number, rest in notes["ended"]}
        if notes["optimizer"] is not None:
            number, state = notes["optimizer"]
            attrs.setdefault(number, {}).update(self._pickled(state))
        return attrs

    def _to_plain(self, trial: FrozenTrial) -> Any:
        kept = self._optimizer(trial)
        return [self._rest(trial), None if kept is None else to_plain(kept)]

    def _from_plain(self, plain: Any) -> dict[str, Any]:
        rest, state = plain
        return {**rest, **({} if state is None else self._pickled(state))}

    def _optimizer(self, trial: FrozenTrial) -> Any:
        """Return the state of ``cmaes`` that a trial carries, from the pickle of Optuna's."""
        return self._sampler._restore_optimizer([trial])

    def _pickled(self, state: Any) -> dict[str, str]:
        """Return Optuna's notes for the state of ``cmaes``."""
        return self._sampler._split_optimizer_str(pickle.dumps(from_plain(state)).hex())

    def _rest(self, trial: FrozenTrial) -> dict[str, Any]:
        """Return the notes of a trial beside the state of ``cmaes``."""
        prefix = self._sampler._attr_key_optimizer
        attrs = trial.system_attrs
        return {key: value for key, value in attrs.items() if not key.startswith(prefix)}


def _build(options: CmaEsOptions, seed: int, **more: Any) -> CmaEsSampler:
    given = {f.name: getattr(options, f.name) for f in fields(options) if f.name != "native_space"}
    with experimental():
        return CmaEsSampler(**given, **more, seed=seed, warn_independent_sampling=False)


def _is_log_integer(parameter: Parameter) -> bool:
    return isinstance(parameter, Int) and parameter.log and parameter.size > 1


def _searched(table: Table) -> list[str]:
    """Return the parameters that are not drawn at random, sorted by name as in Optuna."""
    found = table.distributions
    names = [
        name
        for name in sorted(found)
        if not isinstance(found[name], CategoricalDistribution) and not found[name].single()
    ]
    if not names:
        raise UnsupportedProblem(
            "nothing is left for CMA-ES to search: it has no notion of categories without an "
            "order",
            fix="use optuna.tpe, or order them",
        )
    return names


def _start(x0: Any, searched: list[str], table: Table) -> dict[str, Any]:
    if not isinstance(x0, Mapping):
        raise TypeError(f"x0: found {short(x0)}, expected a mapping of names to values")
    if sorted(x0) != searched:
        raise ValueError(f"x0: found {short(sorted(x0))}, expected a value for each of {searched}")
    return {name: table.single(name, x0[name]) for name in searched}
