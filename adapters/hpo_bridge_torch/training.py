"""A training as pure functions: its start, its steps, with or without a history, its value."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from hpo_bridge.errors import GradientRequired, short

from .errors import Diverged, NotRepeatable
from .inner import Hyper, Inner, Tensors
from .packing import Packing
from .randomness import Randomness

CHECK = 16
"""After so many steps it is looked at whether the loss is still a number."""

WITHOUT_HISTORY = (
    "{what} gave a tensor without a history{when}: compute it from the parameters that it gets, "
    "without .item(), .detach() and torch.no_grad()"
)

State = tuple[Tensors, Tensors]
"""Parameters, packed into long vectors, and what the inner optimizer remembers of those."""


@dataclass(frozen=True)
class Training:
    """A training problem: functions, inner optimizer and number of steps.

    Attributes:
        init: Seed and hyperparameters to parameters; the latter in double precision, on the CPU.
        train_loss: Parameters, hyperparameters and step to the loss; step ``None`` asks for that
            on all data.
        val_loss: Parameters and hyperparameters to the value.
        inner: The optimizer.
        steps: How many steps it takes.
        seed: Where all randomness comes from.
        after: Called with the parameters after each step, and with the step, from 0; not again
            where steps are repeated.
    """

    init: Callable[[int, Hyper], Mapping[str, Tensor]]
    train_loss: Callable[[Tensors, Hyper, int | None], Tensor]
    val_loss: Callable[[Tensors, Hyper], Tensor]
    inner: Inner
    steps: int
    seed: int
    after: Callable[[Tensors, int], None] | None = None


class Run:
    """One run of a training; made by :func:`running`.

    Parameters are packed (:mod:`hpo_bridge_torch.packing`) but for the functions of the training.

    Args:
        training: What is trained.
        hyper: All hyperparameters: floats as ``float64`` tensors on the CPU.
        randomness: Seeds the generators.
    """

    def __init__(self, training: Training, hyper: Hyper, randomness: Randomness) -> None:
        self.training = training
        self.hyper = dict(hyper)
        self._randomness = randomness
        params = self._initial({})
        if randomness.cover(params.values()):  # what init drew there was not seeded yet
            params = self._initial({})
        self._packing = Packing(params)
        self.start = {key: value.detach() for key, value in self._packing.pack(params).items()}
        self.like = next(iter(self.start.values()))
        self._losses: dict[int, Tensor] = {}  # of steps that may be repeated

    def begin(self, tuned: Mapping[str, Tensor]) -> Tensors:
        """The parameters before the first step, packed; ``tuned`` goes before the rest."""
        return self._packing.pack(self._initial(tuned))

    def unpack(self, packed: Tensors) -> Tensors:
        """The parameters by their own names."""
        return self._packing.unpack(packed)

    def _initial(self, tuned: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        self.seed("init")
        params = self.training.init(self.training.seed, {**self.hyper, **tuned})
        if not isinstance(params, Mapping) or not params:
            raise TypeError(f"init gave {short(params)}, expected {{name: tensor}}")
        for name, value in params.items():
            if not isinstance(value, Tensor) or not value.is_floating_point():
                raise TypeError(
                    f"init: {name} is {short(value)}, expected a tensor of floating-point numbers"
                )
        return params

    def cast(self, tuned: Mapping[str, Tensor] | None = None) -> Hyper:
        """The hyperparameters as the losses get them: floats as the parameters are.

        Of their precision, and on their device; those in ``tuned`` taken from there.
        """
        device, dtype = self.like.device, self.like.dtype
        found = {**self.hyper, **(tuned or {})}
        return {
            name: value.to(device=device, dtype=dtype) if isinstance(value, Tensor) else value
            for name, value in found.items()
        }

    def advance(self, state: State, hyper: Hyper, first: int, last: int) -> State:
        """Take steps ``first`` up to ``last`` without a history."""
        inner = self.training.inner
        for t in range(first, last):
            params = {name: value.detach().requires_grad_() for name, value in state[0].items()}
            loss = self.loss(params, hyper, t)
            if t == first:
                self._losses[t] = loss.detach()
            gradients = slopes(loss, params, t)
            with torch.no_grad():
                state = inner.step(params, gradients, state[1], hyper, t)
                self.tell(state[0], t)
            if t % CHECK == 0 or t == last - 1:
                check_finite(loss, t)
        return state

    def record(
        self, state: State, hyper: Hyper, first: int, last: int, *, again: bool = False
    ) -> State:
        """Take the same steps with a history: the result depends on ``state`` and ``hyper``."""
        inner = self.training.inner
        for t in range(first, last):
            loss = self.loss(state[0], hyper, t)
            if again and t == first:
                self._check_repeated(loss.detach(), t)
            gradients = slopes(loss, state[0], t, create_graph=True)
            state = inner.step(state[0], gradients, state[1], hyper, t)
            if not again:
                self.tell(state[0], t)
            if t % CHECK == 0 or t == last - 1:
                check_finite(loss, t)
        return state

    def _check_repeated(self, loss: Tensor, t: int) -> None:
        """Raise NotRepeatable if a step has another loss than before, beyond rounding."""
        if t not in self._losses:
            return
        largest = max(float(known.abs()) for known in self._losses.values())
        room = torch.finfo(loss.dtype).eps ** 0.5 * largest
        before = float(self._losses[t])
        if not abs(float(loss) - before) <= room:
            raise NotRepeatable(
                f"train_loss at step {t} is {float(loss):.6g} when it is repeated, and was "
                f"{before:.6g}: it must depend on its arguments alone; draw random numbers by "
                "torch's own generators, which are seeded for each step, or from the step"
            )

    def tell(self, params: Tensors, t: int) -> None:
        """Show the parameters after a step to who wants to see them."""
        if self.training.after is not None:
            with torch.no_grad():
                packed = {key: value.detach() for key, value in params.items()}
                self.training.after(self.unpack(packed), t)

    def loss(self, params: Tensors, hyper: Hyper, t: int | None) -> Tensor:
        """The training loss, at a step or on all data."""
        self.seed(t)
        return scalar("train_loss", self.training.train_loss(self.unpack(params), hyper, t))

    def seed(self, moment: int | str | None) -> None:
        """Seed the generators for a step, for the loss on all data, or for a moment by name."""
        self._randomness.at("all" if moment is None else moment)

    def validation(self, params: Tensors, hyper: Hyper, *, history: bool = True) -> Tensor:
        """The value.

        Args:
            params: Trained parameters.
            hyper: Hyperparameters, as the losses get them.
            history: Whether it must have one.

        Raises:
            Diverged: If it is no finite number.
            GradientRequired: If it has no history, and must have one.
        """
        self.seed("validation")
        value = scalar("val_loss", self.training.val_loss(self.unpack(params), hyper))
        if not math.isfinite(value.detach()):
            raise Diverged(
                f"val_loss is {value.detach().item()} after {self.training.steps} steps: "
                "the training diverged; a lower learning rate may help"
            )
        if history and not value.requires_grad:
            raise GradientRequired(WITHOUT_HISTORY.format(what="val_loss", when=""))
        return value


@contextmanager
def running(training: Training, hyper: Hyper, *, differentiable: bool) -> Iterator[Run]:
    """A run, in surroundings that make it repeatable, and put back what they found.

    Args:
        training: What is trained.
        hyper: Its hyperparameters.
        differentiable: Whether it is to be differentiated: attention then takes torch's plain
            kernel, as the fast ones have no second derivative.
    """
    with ExitStack() as stack:
        randomness = stack.enter_context(Randomness(training.seed))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(_repeatable_convolutions())
        if differentiable:
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        run = Run(training, hyper, randomness)
        if run.like.is_cuda:
            stack.enter_context(_deterministic())
        yield run


def slopes(loss: Tensor, params: Tensors, t: int | None, *, create_graph: bool = False) -> Tensors:
    """The gradient of a training loss by all parameters; 0 where it does not depend on one.

    Raises:
        GradientRequired: If it has no history.
    """
    if not loss.requires_grad:
        when = "on all data" if t is None else f"at step {t}"
        raise GradientRequired(WITHOUT_HISTORY.format(what="train_loss", when=f" {when}"))
    found = torch.autograd.grad(
        loss, list(params.values()), create_graph=create_graph,
        allow_unused=True, materialize_grads=True,
    )  # fmt: skip
    return dict(zip(params, found, strict=True))


def scalar(what: str, value: Any) -> Tensor:
    """A loss as a 0-dimensional tensor.

    Raises:
        GradientRequired: If it is no tensor.
        TypeError: If it is a tensor of several numbers.
    """
    if not isinstance(value, Tensor):
        raise GradientRequired(
            f"{what} gave {short(value)}, expected a tensor: a number without a history has no "
            "gradient"
        )
    if value.numel() != 1:
        raise TypeError(f"{what} gave a tensor of shape {tuple(value.shape)}, expected one number")
    return value.reshape(())


def check_finite(loss: Tensor, t: int) -> None:
    """Raise Diverged if the loss of step ``t`` is no finite number."""
    if not math.isfinite(loss.detach()):
        raise Diverged(
            f"train_loss is {loss.detach().item()} at step {t}: the training diverged; a lower "
            "learning rate may help"
        )


@contextmanager
def _repeatable_convolutions() -> Iterator[None]:
    """CuDNN as the same sums in the same order each time; no matter without it."""
    cudnn = torch.backends.cudnn
    found = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = found


@contextmanager
def _deterministic() -> Iterator[None]:
    """Deterministic algorithms where torch has them; it warns of others."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or torch warns of each product
    found = torch.are_deterministic_algorithms_enabled()
    warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(found, warn_only=warned)
