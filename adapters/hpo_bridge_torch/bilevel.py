"""An objective that trains a model, and can differentiate its value through the training."""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from hpo_bridge.contracts.gradients import Differentiated
from hpo_bridge.contracts.options import one_of, whole
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import TrialPruned

from .choice import Choice, choose
from .forward import forward
from .hypergradient import Hypergradient
from .implicit import implicit
from .inner import Hyper, Inner, Tensors
from .minimum import trained_parameters
from .reverse import reverse
from .solvers import CG, Solver
from .training import Run, Training, running

METHODS = ("auto", "reverse", "forward", "implicit")
ASKED = "asked for by name"

logger = logging.getLogger("hpo_bridge_torch")


class Bilevel(ABC):
    """A training whose validation loss is the objective: subclass it, and hand an instance over.

    Under a backend that needs gradients a trial trains, and differentiates the validation loss
    by all continuous hyperparameters through the training. Under any other it trains plainly: the
    same value, up to rounding, at the cost of a training.

    The three functions must be pure: their result depends on their arguments alone, and they
    change nothing. Random numbers are drawn from torch's own generators, which are seeded anew,
    from the trial's seed and the step, before each call; or from the arguments. A module's layers
    are used by ``torch.func.functional_call``; batch normalisation must not track running
    statistics (``track_running_stats=False``), as those would be changed in place.

    Attributes:
        steps: How many steps the training has.
        inner: The optimizer of the training: :class:`hpo_bridge_torch.inner.SGD`, ``AdamW`` or
            ``LBFGS``.
        method: ``reverse``, ``forward`` or ``implicit``; ``auto`` picks, and logs why.
        segment: Steps in a segment of reverse mode; ``None``: the square root of their number.
        solver: How the implicit method solves: :class:`hpo_bridge_torch.solvers.CG` or
            ``Neumann``.
        memory: Bytes that reverse mode may take before ``auto`` looks for another method.
        allow_unused: Hyperparameters that may be without influence on the value.

    Example:
        >>> from hpo_bridge_torch.inner import SGD
        >>> class Mean(Bilevel):
        ...     steps = 50
        ...     inner = SGD(lr="lr", weight_decay="wd")
        ...     def init(self, seed):
        ...         return {"w": torch.zeros((), dtype=torch.float64)}
        ...     def train_loss(self, params, hp, t):
        ...         return (params["w"] - 3.0) ** 2
        ...     def val_loss(self, params, hp):
        ...         return (params["w"] - 2.0) ** 2
        >>> found = Mean().differentiate({"lr": 0.1, "wd": 0.0})
        >>> round(found.value, 3), round(found.gradients["wd"], 2), found.method
        (1.0, -3.0, 'reverse')
    """

    steps: int
    inner: Inner
    method: str = "auto"
    segment: int | None = None
    solver: Solver = CG()
    memory: int = 2 * 2**30
    allow_unused: Collection[str] = ()

    @abstractmethod
    def init(self, *args: Any, **kwargs: Any) -> Mapping[str, Tensor]:
        """The parameters before the first step.

        Args:
            *args: The seed, and, where the method takes two arguments, the hyperparameters:
                floats in double precision, on the CPU. They may depend on both.
            **kwargs: None.

        Returns:
            Name to tensor of floating-point numbers. Their device and precision are those of the
            training.
        """

    @abstractmethod
    def train_loss(self, params: Tensors, hp: Hyper, t: int | None) -> Tensor:
        """The loss that is made small.

        Args:
            params: Parameters.
            hp: Floats as tensors, of the parameters' precision and on their device; integers and
                categories as plain values.
            t: The step, from 0; ``None``: the loss on all data is asked for, by the implicit
                method and by ``LBFGS``.
        """

    @abstractmethod
    def val_loss(self, params: Tensors, hp: Hyper) -> Tensor:
        """The objective, of the trained parameters."""

    def report(self, params: Tensors, t: int) -> float | None:
        """An intermediate value after step ``t``, for the trial's report; ``None``: none.

        ``LBFGS`` has no steps to report.
        """
        return None

    def __call__(self, trial: Trial) -> float | Differentiated:
        """The objective itself."""
        tensors = trial.tensors
        hyper = {**trial.params, **{name: value.detach() for name, value in tensors.items()}}
        training = self._training(trial.seed, self._reporter(trial))
        if not trial.wants_gradients:
            return _value(training, hyper)
        names = [name for name, value in tensors.items() if value.requires_grad]
        found = self._differentiate(training, hyper, names, self.method)
        logger.info("trial %d: method %s: %s", trial.number, found.method, found.reason)
        return Differentiated(found.value, found.gradients)

    def value(self, params: Mapping[str, Any], *, seed: int = 0) -> float:
        """Trains plainly, and gives the validation loss.

        Args:
            params: Hyperparameters, as a trial has them.
            seed: Where all randomness comes from.
        """
        return _value(self._training(seed), as_hyper(params))

    def train(self, params: Mapping[str, Any], *, seed: int = 0) -> Tensors:
        """The trained parameters of the model, for other uses; arguments as of :meth:`value`."""
        hyper = as_hyper(params)
        with running(self._training(seed), hyper, differentiable=False) as run:
            return run.unpack(trained_parameters(run, run.cast()))

    def differentiate(
        self,
        params: Mapping[str, Any],
        *,
        names: Sequence[str] | None = None,
        seed: int = 0,
        method: str | None = None,
    ) -> Hypergradient:
        """Trains, and differentiates the validation loss.

        Args:
            params: Hyperparameters, as a trial has them.
            names: Those to differentiate by; all floats by default.
            seed: Where all randomness comes from.
            method: Another than the class's.

        Raises:
            GradientRequired: If there is no gradient: a loss has no history, a hyperparameter no
                influence, or the method cannot tune it.
            Diverged: If a loss is no finite number.
            NotConverged: If the solver of the implicit method fails.
            NotRepeatable: If the functions are not pure.
        """
        hyper = as_hyper(params, names or ())
        if names is None:
            names = [name for name, value in hyper.items() if isinstance(value, Tensor)]
        return self._differentiate(self._training(seed), hyper, names, method or self.method)

    def _differentiate(
        self, training: Training, hyper: Hyper, names: Sequence[str], method: str
    ) -> Hypergradient:
        one_of("method", method, METHODS)
        if not names:
            return Hypergradient(
                _value(training, hyper), {}, "none", "nothing to differentiate by"
            )
        with running(training, hyper, differentiable=True) as run:
            choice = Choice(method, ASKED)
            if method == "auto":
                choice = choose(run, names, segment=self.segment, memory=self.memory)
            found = self._by(choice.method, run, names)
        return Hypergradient(
            found.value, found.gradients, found.method, choice.reason, found.facts
        )

    def _by(self, method: str, run: Run, names: Sequence[str]) -> Hypergradient:
        if method == "implicit":
            return implicit(run, names, solver=self.solver, unused=self.allow_unused)
        inner = run.training.inner
        if not inner.unrolled:
            raise ValueError(
                f"method: found {method!r}, but the inner {type(inner).__name__} has no steps to "
                "differentiate: take implicit, or inner SGD or AdamW"
            )
        if method == "forward":
            return forward(run, names, unused=self.allow_unused)
        return reverse(run, names, segment=self.segment, unused=self.allow_unused)

    def _training(
        self, seed: int, after: Callable[[Tensors, int], None] | None = None
    ) -> Training:
        for name in ("steps", "inner"):
            if not hasattr(self, name):
                raise TypeError(f"{type(self).__name__}: has no {name}; every Bilevel needs one")
        one_of("method", self.method, METHODS)
        whole("steps", self.steps, 1)
        if self.segment is not None:
            whole("segment", self.segment, 1)
        init: Any = self.init
        if len(inspect.signature(init).parameters) < 2:
            init = _without_hyper(init)
        return Training(init, self.train_loss, self.val_loss, self.inner, self.steps, seed, after)

    def _reporter(self, trial: Trial) -> Callable[[Tensors, int], None] | None:
        if type(self).report is Bilevel.report:
            return None

        def after(params: Tensors, t: int) -> None:
            value = self.report(params, t)
            if value is not None:
                trial.report(value, t)
                if trial.should_prune():
                    raise TrialPruned

        return after


def as_hyper(params: Mapping[str, Any], floats: Collection[str] = ()) -> dict[str, Any]:
    """Floats, and lists of numbers, as ``float64`` tensors; all else as it is.

    Args:
        params: Hyperparameters.
        floats: Names of those that are floats though they may be written as integers.

    Example:
        >>> as_hyper({"lr": 0.1, "weights": [0.0, 1.0], "layers": 3})["weights"].dtype
        torch.float64
    """
    return {
        name: torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
        if name in floats or _is_continuous(value)
        else value
        for name, value in params.items()
    }


def _is_continuous(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(type(v) in (int, float) for v in value)
    return isinstance(value, (float, Tensor))


def _value(training: Training, hyper: Hyper) -> float:
    with running(training, hyper, differentiable=False) as run, torch.no_grad():
        plain = run.cast()
        with torch.enable_grad():
            params = trained_parameters(run, plain)
        return float(run.validation(params, plain, history=False))


def _without_hyper(init: Callable[[int], Mapping[str, Tensor]]) -> Any:
    def with_hyper(seed: int, hyper: Hyper) -> Mapping[str, Tensor]:
        return init(seed)

    return with_hyper
