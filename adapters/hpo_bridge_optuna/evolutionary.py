"""``optuna.nsga2`` and ``optuna.nsga3``: non-dominated sorting genetic algorithms.

With the same seed and options, and ``native_space`` where there are conditions, they propose
what ``study.optimize`` proposes, to the last bit.

Trials fare as in :mod:`hpo_bridge_optuna.learning`: a generation is made of complete trials;
failed, pruned and infeasible ones are replaced by others, and nothing ever waits. A generation
is over when ``population_size`` of it are complete.

A foreign point that is complete takes a place in the present generation: Optuna knows the
members of a generation by a note on the trial, which ``add_trial`` alone does not make.

What one might not expect of Optuna:

* Foreign points that are added without that note are ignored.
* With one objective they are plain genetic algorithms with a tournament of two.
* A conditional parameter is always drawn at random, see :mod:`hpo_bridge_optuna.flat_translation`.
* A child can be the copy of a parent: nothing is changed in it with a chance of
  ``(1 - crossover_prob) * (1 - mutation_prob)**d``, and more where parents are alike.
* ``crossover="uniform"`` swaps whole values. The others work on numbers only; categories are
  always swapped.
* Every ask goes through all complete trials, to find the present generation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import signature
from typing import Annotated, Any, TypeVar

import numpy as np
from optuna.samplers import BaseGASampler, NSGAIIISampler, NSGAIISampler
from optuna.samplers.nsgaii import (
    BaseCrossover,
    BaseMutation,
    BLXAlphaCrossover,
    PolynomialMutation,
    SBXCrossover,
    SPXCrossover,
    UNDXCrossover,
    UniformCrossover,
    VSBXCrossover,
)
from optuna.trial import TrialState as State

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import Range, number, one_of, with_options
from hpo_bridge.errors import nearest, short

from .flat_translation import FlatTable
from .learning import Learner
from .studies import experimental

CROSSOVERS: Mapping[str, type[BaseCrossover]] = {
    "uniform": UniformCrossover,
    "blxalpha": BLXAlphaCrossover,
    "spx": SPXCrossover,
    "sbx": SBXCrossover,
    "vsbx": VSBXCrossover,
    "undx": UNDXCrossover,
}
MUTATIONS: Mapping[str, type[BaseMutation]] = {"polynomial": PolynomialMutation}
Operator = str | Mapping[str, Any]
_Op = TypeVar("_Op")


@dataclass(frozen=True, kw_only=True)
class NsgaOptions:
    """Options of ``NSGAIISampler`` that a study file can hold.

    Left out are the functions ``constraints_func``, ``elite_population_selection_strategy``,
    ``child_generation_strategy`` and ``after_trial_strategy``.

    Attributes:
        population_size: Number of complete trials in a generation, at least 2, and at least
            3 with the crossovers ``spx`` and ``undx``.
        mutation: ``polynomial``, or ``{"name": "polynomial", "eta": 20.0}``; ``None``: a
            parameter that mutates is drawn anew. Experimental in Optuna.
        mutation_prob: Probability of mutating a parameter; ``None``: one over their number.
        crossover: ``uniform``, ``blxalpha``, ``spx``, ``sbx``, ``vsbx`` or ``undx``, or a
            mapping of ``name`` and that crossover's own options; ``None``: ``uniform``.
        crossover_prob: Probability that a child has more than one parent.
        swapping_prob: Probability of swapping a parameter in ``uniform``.
        native_space: See :mod:`hpo_bridge_optuna.flat_translation`.
    """

    population_size: Annotated[int, Range(2)] = 50
    mutation: Operator | None = None
    mutation_prob: Annotated[float | None, Range(0, 1)] = None
    crossover: Operator | None = None
    crossover_prob: Annotated[float, Range(0, 1)] = 0.9
    swapping_prob: Annotated[float, Range(0, 1)] = 0.5
    native_space: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the sampler."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "native_space"}
        given["mutation"] = _operator("mutation", self.mutation, MUTATIONS)
        # Optuna's default is the uniform crossover that takes swapping_prob
        crossover = None if self.crossover == "uniform" else self.crossover
        given["crossover"] = _operator("crossover", crossover, CROSSOVERS)
        return given


@dataclass(frozen=True, kw_only=True)
class Nsga3Options(NsgaOptions):
    """Options of ``NSGAIIISampler``, without the same functions.

    Attributes:
        reference_points: Directions of the objectives that matter, one row each with one
            number of at least 0 per objective; ``None``: spread evenly.
        dividing_parameter: Into how many parts an axis is divided by the even spread.
    """

    reference_points: Sequence[Sequence[float]] | None = None
    dividing_parameter: Annotated[int, Range(1)] = 3


class _NonDominatedSorting(Learner):
    """NSGA-II or NSGA-III, with the generations that Optuna notes on trials."""

    _sampler: BaseGASampler

    def __init__(self, problem: Problem, options: NsgaOptions, sampler: BaseGASampler) -> None:
        table = FlatTable(problem.space, native_space=options.native_space)
        super().__init__(problem, table, sampler)

    def _foreign_attrs(self) -> dict[str, Any]:
        return {self._key: self._generation(self._members())}

    @property
    def _key(self) -> str:
        """The attribute with a trial's generation."""
        return self._sampler._get_generation_key()

    def _members(self, *states: State) -> dict[int, int]:
        """Return the generation of each trial that is in one, by its number."""
        trials = self._study.get_trials(deepcopy=False, states=states or None)
        key = self._key
        return {t.number: t.system_attrs[key] for t in trials if key in t.system_attrs}

    @staticmethod
    def _generation(members: Mapping[int, int]) -> int:
        """Return the present generation."""
        return max(members.values(), default=0)

    def _notes(self) -> Any:
        """Return the members of the last generations, and their parents by the trials' ids."""
        members = self._members(State.COMPLETE)
        present = self._generation(members)
        prefix = self._sampler._get_parent_cache_key_prefix()
        kept = self._storage.get_study_system_attrs(self._id)
        parents = {int(key.removeprefix(prefix)): ids for key, ids in kept.items()}
        return {
            "members": [
                [n, generation] for n, generation in members.items() if generation >= present
            ],
            "parents": [[g, ids] for g, ids in parents.items() if g >= present],
        }

    def _take_notes(self, notes: Any) -> Mapping[int, dict[str, Any]]:
        prefix = self._sampler._get_parent_cache_key_prefix()
        for generation, ids in notes["parents"]:
            self._storage.set_study_system_attr(self._id, f"{prefix}{generation}", ids)
        return {number: {self._key: generation} for number, generation in notes["members"]}


@with_options(NsgaOptions)
class Nsga2(_NonDominatedSorting):
    """NSGA-II, by Optuna's ``NSGAIISampler``: for several objectives, and for one.

    Deb, Pratap, Agarwal and Meyarivan (2002), https://doi.org/10.1109/4235.996017.

    Args:
        problem: Any problem: conditional, with several objectives.
        options: See :class:`NsgaOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Observation
        >>> from hpo_bridge.space import Float, Space
        >>> nsga = Nsga2(Problem(Space(x=Float(0, 1)), n_objectives=2), population_size=4)
        >>> [first] = nsga.ask(1)
        >>> nsga.tell([Observation(first.params, (0.5, 0.2), first.token)])
    """

    def __init__(self, problem: Problem, options: NsgaOptions) -> None:
        sampler = NSGAIISampler(seed=problem.seed, **options.arguments)
        super().__init__(problem, options, sampler)


@with_options(Nsga3Options)
class Nsga3(_NonDominatedSorting):
    """NSGA-III, by Optuna's ``NSGAIIISampler``: for many objectives. Experimental in Optuna.

    Deb and Jain (2014), https://doi.org/10.1109/TEVC.2013.2281535.

    Args:
        problem: Any problem: conditional, with several objectives.
        options: See :class:`Nsga3Options`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Observation
        >>> from hpo_bridge.space import Float, Space
        >>> nsga = Nsga3(Problem(Space(x=Float(0, 1)), n_objectives=3))
        >>> [first] = nsga.ask(1)
        >>> nsga.tell([Observation(first.params, (0.5, 0.2, 0.1), first.token)])
    """

    def __init__(self, problem: Problem, options: Nsga3Options) -> None:
        points = _reference_points(options.reference_points, problem.n_objectives)
        given = {**options.arguments, "reference_points": points}
        with experimental():
            sampler = NSGAIIISampler(seed=problem.seed, **given)
        super().__init__(problem, options, sampler)


def _operator(
    option: str, found: Operator | None, accepted: Mapping[str, type[_Op]]
) -> _Op | None:
    """A crossover or mutation by its name, or by its name and options."""
    if found is None:
        return None
    own = {"name": found} if isinstance(found, str) else found
    if not isinstance(own, Mapping) or "name" not in own:
        raise TypeError(f"{option}: found {short(found)}, expected a name, or a mapping with one")
    kind = accepted[one_of(option, own["name"], list(accepted))]
    known = signature(kind).parameters
    arguments = {key: value for key, value in own.items() if key != "name"}
    for key, value in arguments.items():
        if key not in known:
            hint = nearest(str(key), list(known))
            raise ValueError(
                f"{option}.{key}: found {short(value)}, expected one of {', '.join(known)}{hint}"
            )
        if value is not None or known[key].default is not None:
            number(f"{option}.{key}", value, 0)
    with experimental():
        return kind(**arguments)


def _reference_points(
    found: Sequence[Sequence[float]] | None, n_objectives: int
) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    if found is None:
        return None
    if not isinstance(found, Sequence) or not found or isinstance(found, str):
        raise TypeError(f"reference_points: found {short(found)}, expected a list of lists")
    for row in found:
        if not isinstance(row, Sequence) or len(row) != n_objectives or isinstance(row, str):
            raise ValueError(
                f"reference_points: found {short(row)}, expected {n_objectives} numbers"
            )
        for value in row:
            number("reference_points", value, 0)
    return np.array(found, dtype=float)
