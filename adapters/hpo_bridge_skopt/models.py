"""``skopt.gp``, ``skopt.forest``, ``skopt.extra_trees`` and ``skopt.gbrt``.

With the same seed and options they propose what ``gp_minimize``, ``forest_minimize`` and
``gbrt_minimize`` propose, to the last bit, on the dimensions of
:mod:`hpo_bridge_skopt.translation`. What becomes of failures, and of pending trials, is in
:mod:`hpo_bridge_skopt.search`.

The options are those of these functions that a study file can hold, with one of
``Optimizer.ask``: ``strategy``. Left out are what the core does (``n_calls``, ``x0``, ``y0``,
``callback``, ``verbose``, ``random_state``, ``space_constraint``), the deprecated
``n_random_starts``, ``base_estimator``, which the backend's name stands for, and
``model_queue_size``: past models are never kept.

Left out of the acquisition functions are ``MES``, which draws from numpy's global generator;
``PVRS``, which does not end within minutes at the default number of points; and ``EIps`` and
``PIps``, which need each trial's time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from skopt import Optimizer
from skopt.utils import cook_estimator, normalize_dimensions

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import Range, with_options

from .designs import Generator, initial_point_generator
from .gbrt import QuantileRegressor
from .search import Search, Strategy
from .translation import Table

Acquisition = Literal["gp_hedge", "EI", "LCB", "PI"]
"""The acquisition functions that can be honoured."""
_SEEDS = np.iinfo(np.int32).max


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Options that all backends with a model share.

    Attributes:
        n_initial_points: How many results must be there before the model is used.
        initial_point_generator: The library's generator of the first points.
        acq_func: ``EI`` (expected improvement), ``LCB`` (lower confidence bound), ``PI``
            (probability of improvement), or ``gp_hedge``: a bandit over the three.
        n_points: Number of random points over which the acquisition function is minimized.
        xi: The improvement asked for by ``EI`` and ``PI``, in units of the loss.
        kappa: The weight of the uncertainty in ``LCB``; ``inf`` looks at nothing else.
        n_jobs: Number of processes for ``lbfgs``, of threads for trees, or for quantiles; -1: one
            per core.
        strategy: What is taken for the loss of a pending point: the best so far
            (``cl_min``), the mean (``cl_mean``) or the worst (``cl_max``).
        native_space: See :mod:`hpo_bridge_skopt.translation`.
    """

    n_initial_points: Annotated[int, Range(1)] = 10
    initial_point_generator: Generator = "random"
    acq_func: Acquisition = "EI"
    n_points: Annotated[int, Range(1)] = 10000
    xi: float = 0.01
    kappa: Annotated[float | Literal["inf"], Range(0)] = 1.96
    n_jobs: Annotated[int, Range(-1)] = 1
    strategy: Strategy = "cl_min"
    native_space: bool = False

    def __post_init__(self) -> None:
        if self.n_jobs == 0:
            raise ValueError("n_jobs: found 0, expected a positive number, or -1 for one per core")


@dataclass(frozen=True, kw_only=True)
class GpOptions(ModelOptions):
    """Options of ``gp_minimize``.

    Attributes:
        acq_optimizer: How the acquisition function is minimized: over random points
            (``sampling``), from the best of them by gradients (``lbfgs``), or ``auto``:
            ``lbfgs`` unless all parameters are categorical.
        n_restarts_optimizer: Number of starts of ``lbfgs``.
        noise: Variance of the loss at one point; ``gaussian``: estimated.
    """

    acq_func: Acquisition = "gp_hedge"
    acq_optimizer: Literal["auto", "sampling", "lbfgs"] = "auto"
    n_restarts_optimizer: Annotated[int, Range(1)] = 5
    noise: Annotated[float | Literal["gaussian"], Range(0)] = "gaussian"


@dataclass(frozen=True, kw_only=True)
class GbrtOptions(ModelOptions):
    """Options of ``gbrt_minimize``: the shared ones."""

    acq_func: Acquisition = "LCB"


def _optimizer(options: ModelOptions, dimensions: Any, estimator: Any, random_state: Any) -> Any:
    """Return the library's optimizer, as its ``base_minimize`` makes it."""
    acq_optimizer, n_restarts_optimizer = "sampling", 5
    if isinstance(options, GpOptions):
        acq_optimizer = options.acq_optimizer
        n_restarts_optimizer = options.n_restarts_optimizer
    return Optimizer(
        dimensions,
        estimator,
        n_initial_points=options.n_initial_points,
        initial_point_generator=initial_point_generator(
            options.initial_point_generator, list(dimensions), native=options.native_space
        ),
        n_jobs=options.n_jobs,
        acq_func=options.acq_func,
        acq_optimizer=acq_optimizer,
        random_state=random_state,
        model_queue_size=1,
        acq_optimizer_kwargs={
            "n_points": options.n_points,
            "n_restarts_optimizer": n_restarts_optimizer,
            "n_jobs": options.n_jobs,
        },
        acq_func_kwargs={"xi": options.xi, "kappa": options.kappa},
    )


@with_options(GpOptions)
class Gp(Search):
    """Bayesian optimization with a Gaussian process, as ``skopt.gp_minimize``.

    Args:
        problem: A problem with one objective.
        options: See :class:`GpOptions`, and :class:`ModelOptions` for the others.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> gp = Gp(Problem(Space(a=Int(1, 9)), seed=1))
        >>> len({point.params["a"] for point in gp.ask(3)})
        3
    """

    def __init__(self, problem: Problem, options: GpOptions) -> None:
        def build(dimensions: list[Any], seed: int) -> Any:
            generator = np.random.RandomState(seed)
            space = normalize_dimensions(dimensions)
            seed_of_model = generator.randint(0, _SEEDS)
            model = cook_estimator(
                "GP", space=space, random_state=seed_of_model, noise=options.noise
            )
            return _optimizer(options, space, model, generator)

        table = Table(problem.space, "normalized", native_space=options.native_space)
        super().__init__(problem, table, build, options.n_initial_points, options.strategy)


class _TreeSearch(Search):
    """A search whose model sees the parameters as they are."""

    def __init__(
        self, problem: Problem, options: ModelOptions, model: Callable[[int], Any]
    ) -> None:
        def build(dimensions: list[Any], seed: int) -> Any:
            return _optimizer(options, dimensions, model(seed), seed)

        table = Table(problem.space, "plain", native_space=options.native_space)
        super().__init__(problem, table, build, options.n_initial_points, options.strategy)


@with_options(ModelOptions)
class Forest(_TreeSearch):
    """A random forest as the model, as ``skopt.forest_minimize`` with ``base_estimator="RF"``.

    Args:
        problem: A problem with one objective.
        options: See :class:`ModelOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [point.params for point in Forest(Problem(Space(a=Int(1, 9)), seed=1)).ask(1)]
        [{'a': 9}]
    """

    _kind = "RF"
    """The library's name of the model."""

    def __init__(self, problem: Problem, options: ModelOptions) -> None:
        super().__init__(problem, options, lambda seed: self._kind)


@with_options(ModelOptions)
class ExtraTrees(Forest):
    """Extremely randomized trees as the model, as ``skopt.forest_minimize`` by default.

    Args:
        problem: A problem with one objective.
        options: See :class:`ModelOptions`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [point.params for point in ExtraTrees(Problem(Space(a=Int(1, 9)), seed=1)).ask(1)]
        [{'a': 9}]
    """

    _kind = "ET"


@with_options(GbrtOptions)
class Gbrt(_TreeSearch):
    """Gradient boosting of quantiles as the model, as ``skopt.gbrt_minimize``.

    The library's own function fails with scikit-learn 1.7 and numpy 2.4; see
    :mod:`hpo_bridge_skopt.gbrt`. Its argument ``acq_optimizer`` has no effect there and is
    left out here.

    Args:
        problem: A problem with one objective.
        options: See :class:`GbrtOptions`, and :class:`ModelOptions` for the others.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [point.params for point in Gbrt(Problem(Space(a=Int(1, 9)), seed=1)).ask(1)]
        [{'a': 6}]
    """

    def __init__(self, problem: Problem, options: GbrtOptions) -> None:
        def model(seed: int) -> Any:
            return QuantileRegressor(
                base_estimator=GradientBoostingRegressor(n_estimators=30, loss="quantile"),
                n_jobs=options.n_jobs,
                random_state=np.random.RandomState(seed),
            )

        super().__init__(problem, options, model)
