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
  :mod:`hpo_bridge_optuna.translation`.
* A logarithmic integer loses half of its ends' weight by ``with_margin``, see there.
* ``restart_strategy`` and ``inc_popsize`` are accepted, and have had no effect since 4.4.
* ``use_separable_cma`` is ignored, with a warning, where there is one parameter.
* A missing ``cmaes`` is noticed at the second trial.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import CmaEsSampler
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as State

from hpo_bridge.contracts import options
from hpo_bridge.contracts.optimizer import Observation, Problem, Suggestion, Translation
from hpo_bridge.errors import UnsupportedProblem, short
from hpo_bridge.space import Int, Parameter

from .learning import Ended, Learner, Unknown
from .studies import experimental
from .translation import Table

FEWEST_SOURCES = 10
"""A tenth of the sources is used, rounded down."""


class CmaEs(Learner):
    """Covariance matrix adaptation evolution strategy, by Optuna's ``CmaEsSampler``.

    The options are those of ``CmaEsSampler`` that a study file can hold. Left out are
    ``independent_sampler`` and ``source_trials`` (foreign points are these),
    ``warn_independent_sampling`` (``explain`` says which parameters are concerned), and
    ``restart_strategy`` and ``inc_popsize``, which have no effect any more.

    Hansen (2016), https://arxiv.org/abs/1604.00772.

    Args:
        problem: A problem with one objective, and at least one number or ordered category.
        x0: Where to begin: a value for every number and ordered category (its index).
            Deprecated in Optuna, which says so where it is given.
        sigma0: The standard deviation to begin with, as a share of each range; ``None``: a
            sixth. Deprecated like ``x0``.
        n_startup_trials: How many trials are drawn at random.
        consider_pruned_trials: Whether a pruned trial counts by its last report.
        popsize: Number of trials in a generation, at least 2; ``None``: ``4 + floor(3 ln d)``.
        use_separable_cma: Whether the covariance matrix is diagonal.
        with_margin: Whether discrete parameters are kept from getting stuck at one value
            (Hamano et al., 2022, https://arxiv.org/abs/2205.13482).
        lr_adapt: Whether learning rates adapt (Nomura et al., 2023,
            https://arxiv.org/abs/2304.03473); neither with ``use_separable_cma`` nor with
            ``with_margin``, which cannot be combined either.
        native_space: See :mod:`hpo_bridge_optuna.translation`.

    Raises:
        UnsupportedProblem: If nothing is left that is not drawn at random.

    Example:
        >>> from hpo_bridge.space import Float, Space
        >>> cma = CmaEs(Problem(Space(x=Float(0, 1), y=Float(0, 1))))
        >>> [first] = cma.ask(1)
        >>> cma.tell([Observation(first.params, (0.5,), first.token)])
    """

    GENERATORS = ("_cma_rng", "_independent_sampler._rng")

    def __init__(
        self,
        problem: Problem,
        *,
        x0: Mapping[str, Any] | None = None,
        sigma0: float | None = None,
        n_startup_trials: int = 1,
        consider_pruned_trials: bool = False,
        popsize: int | None = None,
        use_separable_cma: bool = False,
        with_margin: bool = False,
        lr_adapt: bool = False,
        native_space: bool = False,
    ) -> None:
        table = Table(
            problem.space,
            native_space=native_space,
            flat=True,
            rounded=_log_integer if with_margin is True else lambda parameter: False,
        )
        searched = _searched(table)
        if with_margin is True and table.tree:
            raise UnsupportedProblem(
                "with with_margin Optuna's CmaEsSampler fails where the number of its parameters "
                "changes; leave native_space or with_margin out",
                next(iter(problem.space.conditions)),
            )
        if sigma0 is not None:
            options.number("sigma0", sigma0, above=0)
        if popsize is not None:
            options.whole("popsize", popsize, 2)
        options.flag("use_separable_cma", use_separable_cma)
        self._pruned = options.flag("consider_pruned_trials", consider_pruned_trials)
        self._options: dict[str, Any] = {
            "x0": None if x0 is None else _start(x0, searched, table),
            "sigma0": sigma0,
            "n_startup_trials": options.whole("n_startup_trials", n_startup_trials, 0),
            "consider_pruned_trials": consider_pruned_trials,
            "popsize": popsize,
            "use_separable_cma": use_separable_cma,
            "with_margin": options.flag("with_margin", with_margin),
            "lr_adapt": options.flag("lr_adapt", lr_adapt),
            "warn_independent_sampling": False,
            "seed": problem.seed,
        }
        self._searched = searched
        self._sources: list[FrozenTrial] = []
        super().__init__(problem, table, self._built())
        if len(searched) == 1 and use_separable_cma:
            self._options["use_separable_cma"] = False  # Optuna does the same, with a warning
            self._use(self._built())

    def ask(self, n: int) -> Sequence[Suggestion]:
        """The next ``n`` points; the token leads to Optuna's trial."""
        if n > 0 and not self._size:
            self._begin_near(self._sources)
        return super().ask(n)

    def explain(self) -> Sequence[Translation]:
        """One row per parameter; says of some that they are drawn at random."""
        rows = []
        for row in self._table.explain():
            if isinstance(self._table.distributions[row.parameter], CategoricalDistribution):
                why = "drawn at random: CMA-ES has no notion of it"
                row = replace(row, detail=f"{row.detail}, {why}")
            rows.append(row)
        return rows

    # -- foreign points -----------------------------------------------------------------

    def _inject(self, seen: Observation) -> None:
        if not self._size:
            self._sources += self._source(seen)

    def _read_foreign(self, seen: Observation) -> Iterator[tuple[dict[str, Any], Ended]]:
        self._sources += self._source(seen)
        yield from ()

    def _source(self, seen: Observation) -> list[FrozenTrial]:
        """A complete point, without what is drawn at random: Optuna would not take it."""
        used = self._options["x0"] is None and self._options["sigma0"] is None
        if seen.losses is None or self._table.tree or not used:
            return []
        params = self._table.stored(seen.params)
        searched = {name: params[name] for name in self._searched}
        distributions = self._table.active(searched)
        return [create_trial(value=seen.losses[0], params=searched, distributions=distributions)]

    def _begin_near(self, sources: list[FrozenTrial]) -> None:
        if len(sources) >= FEWEST_SOURCES and not self._options["use_separable_cma"]:
            self._sources = sources
            self._use(self._built(source_trials=sources))
        else:
            self._sources = []

    def _built(self, **more: Any) -> CmaEsSampler:
        with experimental():
            return CmaEsSampler(**self._options, **more)

    def _use(self, sampler: CmaEsSampler) -> None:
        self._sampler = self._study.sampler = sampler

    # -- snapshots ----------------------------------------------------------------------

    def _notes(self) -> Any:
        """What ended trials of this generation noted, and the last state of ``cmaes``."""
        sampler = self._cma
        generation = sampler._attr_key_generation
        states = (State.COMPLETE, State.PRUNED) if self._pruned else (State.COMPLETE,)
        ended = self._study.get_trials(deepcopy=False, states=states)
        ended = [t for t in ended if t.state is State.COMPLETE or t.intermediate_values]
        last = next((t for t in reversed(ended) if self._optimizer(t) is not None), None)
        kept = None if last is None else self._optimizer(last)
        present = 0 if kept is None else kept.generation
        return {
            "sources": len(self._sources),
            "optimizer": None if last is None else [last.number, plain(kept)],
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

    def _plain(self, trial: FrozenTrial) -> list[Any]:
        kept = self._optimizer(trial)
        attrs = self._rest(trial)
        return [trial.number, trial.params, [attrs, None if kept is None else plain(kept)]]

    def _add_running(self, params: dict[str, Any], attrs: Any) -> None:
        rest, state = attrs
        super()._add_running(params, {**rest, **({} if state is None else self._pickled(state))})

    @property
    def _cma(self) -> CmaEsSampler:
        assert isinstance(self._sampler, CmaEsSampler)
        return self._sampler

    def _optimizer(self, trial: FrozenTrial) -> Any:
        """The state of ``cmaes`` that a trial carries, from the pickle that Optuna made."""
        return self._cma._restore_optimizer([trial])

    def _pickled(self, state: Any) -> dict[str, str]:
        """Optuna's notes for the state of ``cmaes``."""
        return self._cma._split_optimizer_str(pickle.dumps(revived(state)).hex())

    def _rest(self, trial: FrozenTrial) -> dict[str, Any]:
        """What a trial carries beside the state of ``cmaes``."""
        prefix = self._cma._attr_key_optimizer
        attrs = trial.system_attrs
        return {key: value for key, value in attrs.items() if not key.startswith(prefix)}


# -- the state of cmaes as plain data -----------------------------------------------------

_NOT_KEPT = ("_rng", "_funhist_values")
"""The generator is seeded anew at each trial; the history is for a stop that is never used,
and begins as uninitialised memory."""


def plain(optimizer: Any) -> dict[str, Any]:
    """A ``CMA``, ``SepCMA`` or ``CMAwM`` as plain data.

    Raises:
        Unknown: If it holds what is not a finite number, an array of them, or another such.
    """
    fields = {key: value for key, value in vars(optimizer).items() if key not in _NOT_KEPT}
    return {"class": type(optimizer).__name__, **{k: _plain_value(v) for k, v in fields.items()}}


def revived(state: Mapping[str, Any]) -> Any:
    """What :func:`plain` took apart, also after a round trip through JSON."""
    import cmaes

    classes = {"CMA": cmaes.CMA, "SepCMA": cmaes.SepCMA, "CMAwM": cmaes.CMAwM}
    kind: Any = classes[state["class"]]
    optimizer = kind.__new__(kind)
    fields = vars(optimizer)
    fields.update({key: _value(value) for key, value in state.items() if key != "class"})
    if kind is not cmaes.CMAwM:  # which has both in the CMA that it holds
        fields["_rng"] = np.random.RandomState(0)
        fields["_funhist_values"] = np.zeros(2 * fields["_funhist_term"])
    return optimizer


def _plain_value(value: Any) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind in "biuf" and np.all(np.isfinite(value)):
            array = np.asarray(value)
            flat = array.ravel().tolist()
            shape = None if isinstance(value, np.generic) else list(array.shape)
            return {"dtype": array.dtype.str, "shape": shape, "numbers": flat}
    elif type(value).__module__.startswith("cmaes"):
        return plain(value)
    raise Unknown(f"the state of cmaes holds {short(value)}")


def _value(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    if "class" in found:
        return revived(found)
    array = np.array(found["numbers"], dtype=found["dtype"])
    return array[0] if found["shape"] is None else array.reshape(found["shape"])


# -- the problem --------------------------------------------------------------------------


def _log_integer(parameter: Parameter) -> bool:
    return isinstance(parameter, Int) and parameter.log and parameter.size > 1


def _searched(table: Table) -> list[str]:
    """The parameters that are not drawn at random, sorted by name as in Optuna."""
    found = table.distributions
    names = [
        name
        for name in sorted(found)
        if not isinstance(found[name], CategoricalDistribution) and not found[name].single()
    ]
    if not names:
        raise UnsupportedProblem(
            "nothing is left for CMA-ES to search: it has no notion of categories without an "
            "order; use optuna.tpe, or order them"
        )
    return names


def _start(x0: Any, searched: list[str], table: Table) -> dict[str, Any]:
    if not isinstance(x0, Mapping):
        raise TypeError(f"x0: found {short(x0)}, expected a mapping of names to values")
    if sorted(x0) != searched:
        raise ValueError(f"x0: found {short(sorted(x0))}, expected a value for each of {searched}")
    return {name: table.single(name, x0[name]) for name in searched}
