"""Choice of the method that suits a training, with its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from .hypergradient import leaves
from .implicit import outside_of_loss
from .reverse import segment_length
from .training import Run

FEW = 3
"""With so many numbers to differentiate by, forward mode is an alternative to reverse mode."""
MIB = 2**20


@dataclass(frozen=True)
class Choice:
    """A method, and the reason for it."""

    method: str
    reason: str


def choose(run: Run, names: Sequence[str], *, segment: int | None, memory: int) -> Choice:
    """The method for a training.

    Reverse mode, as it is exact and its time does not grow with the number of hyperparameters,
    unless there is no step to follow or it would need too much memory. That is measured by one
    step, and compared with a limit that is the same on every machine, so that a study is too.

    Args:
        run: The training.
        names: The hyperparameters to differentiate by.
        segment: Steps in a segment of reverse mode.
        memory: Bytes that reverse mode may take.
    """
    inner = run.training.inner
    if not inner.unrolled:
        kind = type(inner).__name__
        return Choice("implicit", f"the inner {kind} has no steps to differentiate")
    need = reverse_memory(run, names, segment)
    room = f"{need / MIB:.3g} MiB, of {memory / MIB:.4g} allowed"
    if need <= memory:
        return Choice("reverse", f"exact for any number of hyperparameters, and takes {room}")
    size = sum(run.hyper[name].numel() for name in names)
    if size <= FEW:
        reason = f"reverse mode would take {room}; as exact, its memory does not grow with steps"
        return Choice("forward", reason)
    outside = outside_of_loss(inner, names)
    if not outside:
        reason = f"reverse mode would take {room}; all hyperparameters are in the training loss"
        return Choice("implicit", reason)
    reason = f"takes {room}, but implicit mode cannot tune {next(iter(outside))!r}"
    return Choice("reverse", f"{reason}, and forward mode is slow for {size} numbers")


def reverse_memory(run: Run, names: Sequence[str], segment: int | None) -> int:
    """Bytes that reverse mode needs: for the history of a segment, and the states it keeps."""
    steps = run.training.steps
    length = min(segment or segment_length(steps), steps)
    memory = run.training.inner.begin(run.start)
    state = sum(map(_size, run.start.values())) + sum(map(_size, memory.values()))
    return length * step_memory(run, names) + math.ceil(steps / length) * state


def step_memory(run: Run, names: Sequence[str]) -> int:
    """Bytes that the history of one step adds to that of the step before.

    Of the tensors that torch keeps for the way back; what both steps keep, such as the data, is
    there once.
    """
    seen: dict[int, int] = {}
    kept: list[Tensor] = []  # an address may be given again once its tensor is gone

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen.setdefault(storage.data_ptr(), storage.nbytes())
        kept.append(tensor)
        return tensor

    params = {name: value.detach().requires_grad_() for name, value in run.start.items()}
    state = params, run.training.inner.begin(run.start)
    hyper = run.cast(leaves(run.hyper, names))
    sizes = [0]
    with saved_tensors_hooks(note, lambda tensor: tensor):
        for t in range(min(2, run.training.steps)):
            state = run.record(state, hyper, t, t + 1, again=True)
            sizes.append(sum(seen.values()))
    return sizes[-1] - sizes[-2]


def _size(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
