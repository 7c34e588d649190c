"""Population based training by Ray Tune, as pruners ``ray.pbt`` and ``ray.pb2``.

A population of trials is trained at once. Every few steps those that do worst take over the
last checkpoint of one that does best, and go on from there with its parameters, somewhat
changed: so the parameters become a schedule. The options are Tune's, under Tune's names, but:

* Which parameters may change are names, and how follows from the study's space: log scales,
  steps, bounds and constraints hold. Tune itself knows no bounds (a learning rate is multiplied
  by 1.2 time and again), and its PB2 sees every parameter on a linear scale and each choice not
  at all.
* ``population_size`` is how many trials Tune sees at once; where there is room for fewer, they
  take turns, which needs checkpoints as well. When one has ended, the next one joins.
* Time is steps, see :mod:`hpo_bridge_ray.schedulers`.

What becomes of the record: a trial's ``params`` are those that it ended with, and its
``changes`` have the earlier ones, each with the step until which they held and the trial that was
taken over. The backend, which asked for the first ones, is told of a trial pruned there. Chance
is Tune's own: such a study does not repeat.

What one might not expect: a trial that was changed has its own reports before the change, and
after it goes on from another trial's step, which may be an earlier one; a step that it has
reported already is not counted twice. One that took over a trial with nothing left to train
counts as pruned: its value would be the other one's. An objective may so be given a checkpoint
of its last epoch: it should keep its loss there too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpo_bridge.errors import InvalidOptions, short
from hpo_bridge.space import Categorical, Space

from .mutation import mutable
from .schedulers import TunePruner, flag, number


class Pbt(TunePruner):
    """Population based training (Jaderberg et al. 2017, https://arxiv.org/abs/1711.09846).

    Args:
        population_size: How many trials are trained at once.
        perturbation_interval: Steps between two looks at a trial.
        burn_in_period: Steps before the first.
        hyperparam_mutations: Names of the parameters that may change; by default every float.
        quantile_fraction: Which share of the population is taken over, and which is exchanged
            for it; at most 0.5.
        resample_probability: How likely a parameter is drawn anew, and not only moved.
        perturbation_factors: By what a number is multiplied, one of two.
        synch: Whether all wait for each other at every look.

    Example:
        >>> Pbt(hyperparam_mutations=["lr"]).trials_at_once
        8
    """

    def __init__(
        self,
        *,
        population_size: int = 8,
        perturbation_interval: float = 4,
        burn_in_period: float = 0,
        hyperparam_mutations: Sequence[str] | None = None,
        quantile_fraction: float = 0.25,
        resample_probability: float = 0.25,
        perturbation_factors: Sequence[float] = (1.2, 0.8),
        synch: bool = False,
    ) -> None:
        self.trials_at_once: int = number("population_size", population_size, 2, whole=True)
        self.perturbation_interval = _positive("perturbation_interval", perturbation_interval)
        self.burn_in_period = number("burn_in_period", burn_in_period, 0)
        self.names = _names("hyperparam_mutations", hyperparam_mutations)
        self.quantile_fraction = _share("quantile_fraction", quantile_fraction, 0.5)
        self.resample_probability = _share("resample_probability", resample_probability, 1.0)
        self.perturbation_factors = _factors(perturbation_factors)
        self.synch = flag("synch", synch)

    def check(self, space: Space) -> None:
        """Refuses names that are no parameters, or may not change."""
        mutable(space, self.names, "hyperparam_mutations")

    def scheduler(self, space: Space) -> Any:
        """Tune's ``PopulationBasedTraining``, at home in the space."""
        from .tune_population import BoundedPbt

        names = mutable(space, self.names, "hyperparam_mutations")
        return BoundedPbt(
            space, names, perturbation_interval=self.perturbation_interval,
            burn_in_period=self.burn_in_period, quantile_fraction=self.quantile_fraction,
            resample_probability=self.resample_probability,
            perturbation_factors=self.perturbation_factors, synch=self.synch,
        )  # fmt: skip


class Pb2(TunePruner):
    """Population based bandits (Parker-Holder et al. 2020, https://arxiv.org/abs/2002.02518).

    Like ``ray.pbt``, but the new parameters come from a Gaussian process of what was gained
    with which, over the unit cube.

    Args:
        population_size: How many trials are trained at once.
        perturbation_interval: Steps between two looks at a trial.
        hyperparam_bounds: Names of the parameters that may change, numbers all; by default
            every float. Their bounds are the space's.
        quantile_fraction: Which share of the population is taken over, and which is exchanged
            for it; at most 0.5.
        synch: Whether all wait for each other at every look.

    Example:
        >>> Pb2(population_size=4).trials_at_once
        4
    """

    def __init__(
        self,
        *,
        population_size: int = 8,
        perturbation_interval: float = 4,
        hyperparam_bounds: Sequence[str] | None = None,
        quantile_fraction: float = 0.25,
        synch: bool = False,
    ) -> None:
        self.trials_at_once: int = number("population_size", population_size, 2, whole=True)
        self.perturbation_interval = _positive("perturbation_interval", perturbation_interval)
        self.names = _names("hyperparam_bounds", hyperparam_bounds)
        self.quantile_fraction = _share("quantile_fraction", quantile_fraction, 0.5)
        self.synch = flag("synch", synch)

    def check(self, space: Space) -> None:
        """Refuses names that are no numbers, or may not change."""
        for name in mutable(space, self.names, "hyperparam_bounds"):
            if isinstance(space[name], Categorical):
                raise InvalidOptions(
                    f"{name!r} is categorical, and ray.pb2 changes numbers alone",
                    "hyperparam_bounds",
                    fix="leave it out, or use ray.pbt",
                )

    def scheduler(self, space: Space) -> Any:
        """Tune's ``PB2``, over the unit cube."""
        from .tune_population import UnitCubePb2

        names = mutable(space, self.names, "hyperparam_bounds")
        return UnitCubePb2(
            space, names, perturbation_interval=self.perturbation_interval,
            quantile_fraction=self.quantile_fraction, synch=self.synch,
        )  # fmt: skip


def _names(option: str, value: Any) -> list[str] | None:
    if value is None:
        return None
    wrong = isinstance(value, (str, Mapping)) or not isinstance(value, Sequence) or not value
    if wrong or not all(isinstance(name, str) for name in value):
        raise InvalidOptions(f"found {short(value)}, expected a list of names", option)
    return list(value)


def _positive(option: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise InvalidOptions(f"found {short(value)}, expected a number above 0", option)
    return value


def _share(option: str, value: Any, most: float) -> float:
    share: float = number(option, value, 0)
    if share > most:
        raise InvalidOptions(f"found {short(value)}, expected at most {most:g}", option)
    return share


def _factors(value: Any) -> tuple[float, ...]:
    option = "perturbation_factors"
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != 2:
        raise InvalidOptions(f"found {short(value)}, expected two numbers", option)
    return tuple(_positive(option, factor) for factor in value)
