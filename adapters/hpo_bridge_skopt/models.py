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
from typing import Any

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from skopt import Optimizer
from skopt.utils import cook_estimator, normalize_dimensions

from hpo_bridge.contracts import options
from hpo_bridge.contracts.optimizer import Problem

from .designs import GENERATORS, generator
from .gbrt import QuantileRegressor
from .search import STRATEGIES, Search
from .translation import Table

ACQUISITIONS = ("gp_hedge", "EI", "LCB", "PI")
"""The acquisition functions that can be honoured."""
_SEEDS = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True)
class _Settings:
    """The options that all four share, checked."""

    n_initial_points: int
    initial_point_generator: str
    acq_func: str
    n_points: int
    xi: Any
    kappa: Any
    n_jobs: int
    strategy: str
    native_space: bool
    acq_optimizer: str = "sampling"
    n_restarts_optimizer: int = 5

    def __post_init__(self) -> None:
        options.whole("n_initial_points", self.n_initial_points, 1)
        options.one_of("initial_point_generator", self.initial_point_generator, GENERATORS)
        options.one_of("acq_func", self.acq_func, ACQUISITIONS)
        options.one_of("acq_optimizer", self.acq_optimizer, ("auto", "sampling", "lbfgs"))
        options.whole("n_points", self.n_points, 1)
        options.whole("n_restarts_optimizer", self.n_restarts_optimizer, 1)
        options.number("xi", self.xi)
        _number_or("inf", "kappa", self.kappa)
        options.whole("n_jobs", self.n_jobs, -1)
        if self.n_jobs == 0:
            raise ValueError("n_jobs: found 0, expected a positive number, or -1 for one per core")
        options.one_of("strategy", self.strategy, tuple(STRATEGIES))
        options.flag("native_space", self.native_space)

    def optimizer(self, dimensions: Any, estimator: Any, random_state: Any) -> Any:
        """The library's optimizer, as its ``base_minimize`` makes it."""
        return Optimizer(
            dimensions,
            estimator,
            n_initial_points=self.n_initial_points,
            initial_point_generator=generator(
                self.initial_point_generator, list(dimensions), native=self.native_space
            ),
            n_jobs=self.n_jobs,
            acq_func=self.acq_func,
            acq_optimizer=self.acq_optimizer,
            random_state=random_state,
            model_queue_size=1,
            acq_optimizer_kwargs={
                "n_points": self.n_points,
                "n_restarts_optimizer": self.n_restarts_optimizer,
                "n_jobs": self.n_jobs,
            },
            acq_func_kwargs={"xi": self.xi, "kappa": self.kappa},
        )


class _Model(Search):
    """A search with its settings."""

    def __init__(
        self,
        problem: Problem,
        table: Table,
        settings: _Settings,
        build: Callable[[list[Any], int], Any],
    ) -> None:
        super().__init__(
            problem,
            table,
            build,
            n_initial_points=settings.n_initial_points,
            strategy=settings.strategy,
        )


class Gp(_Model):
    """Bayesian optimization with a Gaussian process, as ``skopt.gp_minimize``.

    Args:
        problem: A problem with one objective.
        n_initial_points: How many results must be there before the model is used.
        initial_point_generator: How the first points are drawn: ``random``, ``sobol``,
            ``halton``, ``hammersly``, ``lhs`` or ``grid``.
        acq_func: ``EI`` (expected improvement), ``LCB`` (lower confidence bound), ``PI``
            (probability of improvement), or ``gp_hedge``: a bandit over the three.
        acq_optimizer: How the acquisition function is minimized: over random points
            (``sampling``), from the best of them by gradients (``lbfgs``), or ``auto``:
            ``lbfgs`` unless all parameters are categorical.
        n_points: Number of random points.
        n_restarts_optimizer: Number of starts of ``lbfgs``.
        xi: The improvement asked for by ``EI`` and ``PI``, in units of the loss.
        kappa: The weight of the uncertainty in ``LCB``; ``inf`` looks at nothing else.
        noise: Variance of the loss at one point; ``gaussian``: estimated.
        n_jobs: Number of processes for ``lbfgs``; -1: one per core.
        strategy: What is taken for the loss of a pending point: the best so far
            (``cl_min``), the mean (``cl_mean``) or the worst (``cl_max``).
        native_space: See :mod:`hpo_bridge_skopt.translation`.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> gp = Gp(Problem(Space(a=Int(1, 9)), seed=1))
        >>> len({point.params["a"] for point in gp.ask(3)})
        3
    """

    def __init__(
        self,
        problem: Problem,
        *,
        n_initial_points: int = 10,
        initial_point_generator: str = "random",
        acq_func: str = "gp_hedge",
        acq_optimizer: str = "auto",
        n_points: int = 10000,
        n_restarts_optimizer: int = 5,
        xi: float = 0.01,
        kappa: float | str = 1.96,
        noise: float | str = "gaussian",
        n_jobs: int = 1,
        strategy: str = "cl_min",
        native_space: bool = False,
    ) -> None:
        _number_or("gaussian", "noise", noise)
        settings = _Settings(
            n_initial_points=n_initial_points,
            initial_point_generator=initial_point_generator,
            acq_func=acq_func,
            acq_optimizer=acq_optimizer,
            n_points=n_points,
            n_restarts_optimizer=n_restarts_optimizer,
            xi=xi,
            kappa=kappa,
            n_jobs=n_jobs,
            strategy=strategy,
            native_space=native_space,
        )

        def build(dimensions: list[Any], seed: int) -> Any:
            generator = np.random.RandomState(seed)
            space = normalize_dimensions(dimensions)
            seed_of_model = generator.randint(0, _SEEDS)
            model = cook_estimator("GP", space=space, random_state=seed_of_model, noise=noise)
            return settings.optimizer(space, model, generator)

        table = Table(problem.space, "normalized", native_space=native_space)
        super().__init__(problem, table, settings, build)


class _Trees(_Model):
    """A model that sees the parameters as they are."""

    def __init__(
        self, problem: Problem, settings: _Settings, model: Callable[[int], Any] | str
    ) -> None:
        def build(dimensions: list[Any], seed: int) -> Any:
            estimator = model if isinstance(model, str) else model(seed)
            return settings.optimizer(dimensions, estimator, seed)

        table = Table(problem.space, "plain", native_space=settings.native_space)
        super().__init__(problem, table, settings, build)


class Forest(_Trees):
    """A random forest as the model, as ``skopt.forest_minimize`` with ``base_estimator="RF"``.

    Args:
        problem: A problem with one objective.
        n_initial_points, acq_func, initial_point_generator, n_points, xi, kappa, strategy,
            native_space: See :class:`Gp`.
        n_jobs: Number of threads for the trees; -1: one per core.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [point.params for point in Forest(Problem(Space(a=Int(1, 9)), seed=1)).ask(1)]
        [{'a': 9}]
    """

    _kind = "RF"
    """The library's name for it."""

    def __init__(
        self,
        problem: Problem,
        *,
        n_initial_points: int = 10,
        acq_func: str = "EI",
        initial_point_generator: str = "random",
        n_points: int = 10000,
        xi: float = 0.01,
        kappa: float | str = 1.96,
        n_jobs: int = 1,
        strategy: str = "cl_min",
        native_space: bool = False,
    ) -> None:
        settings = _Settings(
            n_initial_points=n_initial_points,
            initial_point_generator=initial_point_generator,
            acq_func=acq_func,
            n_points=n_points,
            xi=xi,
            kappa=kappa,
            n_jobs=n_jobs,
            strategy=strategy,
            native_space=native_space,
        )
        super().__init__(problem, settings, self._kind)


class ExtraTrees(Forest):
    """Extremely randomized trees as the model, as ``skopt.forest_minimize`` by default.

    Args:
        problem: A problem with one objective.
        n_initial_points, acq_func, initial_point_generator, n_points, xi, kappa, strategy,
            native_space: See :class:`Gp`.
        n_jobs: Number of threads for the trees; -1: one per core.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [point.params for point in ExtraTrees(Problem(Space(a=Int(1, 9)), seed=1)).ask(1)]
        [{'a': 9}]
    """

    _kind = "ET"


class Gbrt(_Trees):
    """Gradient boosting of quantiles as the model, as ``skopt.gbrt_minimize``.

    The library's own function fails with scikit-learn 1.7 and numpy 2.4; see
    :mod:`hpo_bridge_skopt.gbrt`. Its argument ``acq_optimizer`` has no effect there and is
    left out here.

    Args:
        problem: A problem with one objective.
        n_initial_points, initial_point_generator, acq_func, n_points, xi, kappa, strategy,
            native_space: See :class:`Gp`.
        n_jobs: Number of threads, one per quantile; -1: one per core.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Problem
        >>> from hpo_bridge.space import Int, Space
        >>> [point.params for point in Gbrt(Problem(Space(a=Int(1, 9)), seed=1)).ask(1)]
        [{'a': 6}]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        n_initial_points: int = 10,
        initial_point_generator: str = "random",
        acq_func: str = "LCB",
        n_points: int = 10000,
        xi: float = 0.01,
        kappa: float | str = 1.96,
        n_jobs: int = 1,
        strategy: str = "cl_min",
        native_space: bool = False,
    ) -> None:
        settings = _Settings(
            n_initial_points=n_initial_points,
            initial_point_generator=initial_point_generator,
            acq_func=acq_func,
            n_points=n_points,
            xi=xi,
            kappa=kappa,
            n_jobs=n_jobs,
            strategy=strategy,
            native_space=native_space,
        )

        def model(seed: int) -> Any:
            boosting = GradientBoostingRegressor(n_estimators=30, loss="quantile")
            return QuantileRegressor(
                base_estimator=boosting, n_jobs=n_jobs, random_state=np.random.RandomState(seed)
            )

        super().__init__(problem, settings, model)


def _number_or(word: str, name: str, value: Any) -> None:
    """A finite number of at least 0, or a word."""
    if isinstance(value, str):
        options.one_of(name, value, (word,))
    else:
        options.number(name, value, 0)
