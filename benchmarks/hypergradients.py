"""What a hypergradient costs: time against a plain training, memory against its length.

    python benchmarks/hypergradients.py                   # about 5 minutes
    python benchmarks/hypergradients.py --quick           # 20 and 80 steps, once
    python benchmarks/hypergradients.py --device cuda

A small convolutional network (8 and 16 channels, images of 8x8, batches of 32), its learning
rate, weight decay and relaxed dropout. CPU time, one thread, the smallest of several runs, which
take turns. Memory is what tensors take at the most beyond what there was before: on a CPU every
allocation is followed, in a run of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is there

import itertools

import torch
from figures import show
from hpo_bridge_torch import SGD, Bilevel, relaxed_dropout
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

LENGTHS = (100, 400, 1600)
REPEATS = 5
RATIO = 4.0
"""Aim: a value and its gradient in at most so many times a plain training."""
GROWTH = 2.5
"""Aim: times the memory at four times the length; 2 for a square root, 4 for a line."""
PARAMS = {"lr": 0.01, "wd": 1e-4, "dropout": 0.2}
MIB = 2**20


class Cnn(Bilevel):
    """The network, on random images."""

    inner = SGD(lr="lr", momentum=0.9, weight_decay="wd")

    def __init__(self, steps: int, device: str = "cpu") -> None:
        self.steps = steps
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randn(600, 1, 8, 8, generator=generator).to(device)
        self.labels = torch.randint(10, (600,), generator=generator).to(device)
        self.model = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64, 32), nn.ReLU(),
        ).to(device)  # fmt: skip
        self.head = nn.Linear(32, 10).to(device)
        self.device = device

    def init(self, seed: int) -> dict[str, Tensor]:
        parts = {"model": self.model, "head": self.head}
        return {
            f"{part}.{name}": value
            for part, module in parts.items()
            for name, value in module.named_parameters()
        }

    def loss(self, params: dict[str, Tensor], rows: Any, dropout: Any) -> Tensor:
        split = {
            part: {n.partition(".")[2]: v for n, v in params.items() if n.startswith(part)}
            for part in ("model", "head")
        }
        hidden = functional_call(self.model, split["model"], (self.images[rows],))
        if dropout is not None:
            hidden = relaxed_dropout(hidden, dropout)
        scores = functional_call(self.head, split["head"], (hidden,))
        return functional.cross_entropy(scores, self.labels[rows])

    def train_loss(self, params: Any, hp: Any, t: int | None) -> Tensor:
        return self.loss(params, torch.randint(200, (32,), device=self.device), hp["dropout"])

    def val_loss(self, params: Any, hp: Any) -> Tensor:
        return self.loss(params, slice(200, 600), None)


class Allocations(TorchDispatchMode):
    """Follows every storage from the operation that makes it to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        known = {_key(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and _key(leaf) not in known:
                self._born(leaf.untyped_storage())
        return result

    def _born(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive:
            return
        self._alive.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, key, size)

    def _gone(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self.now -= size


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def peak(function: Callable[[], Any], device: str) -> float:
    """MiB that tensors take at the most."""
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        function()
        return (torch.cuda.max_memory_allocated() - before) / MIB
    with Allocations() as allocations:
        function()
    return allocations.peak / MIB


def seconds(function: Callable[[], Any], repeats: int, device: str) -> float:
    """The least of several runs: CPU time, or on a GPU by the clock."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    found = []
    for _ in range(repeats):
        begin = clock()
        function()
        if device == "cuda":
            torch.cuda.synchronize()
        found.append(clock() - begin)
    return min(found)


@dataclass(frozen=True)
class Measured:
    """One length: plain seconds, seconds of a method, MiB."""

    steps: int
    plain: float
    reverse: float
    reverse_memory: float
    plain_memory: float


def measure(steps: int, repeats: int, device: str) -> Measured:
    training = Cnn(steps, device)

    def plain() -> None:
        training.value(PARAMS)

    def reverse() -> None:
        training.differentiate(PARAMS, method="reverse")

    plain(), reverse()
    pairs = [(seconds(plain, 1, device), seconds(reverse, 1, device)) for _ in range(repeats)]
    least = [min(column) for column in zip(*pairs, strict=True)]
    return Measured(steps, least[0], least[1], peak(reverse, device), peak(plain, device))


def others(steps: int, repeats: int, device: str) -> None:
    """Reverse mode in one segment, and forward mode: figures without an aim."""
    training = Cnn(steps, device)
    plain = seconds(lambda: training.value(PARAMS), repeats, device)

    def whole() -> None:
        training.differentiate(PARAMS, method="reverse")

    def forward() -> None:
        training.differentiate(PARAMS, method="forward")

    training.segment = steps
    for what, function in (("reverse, one segment", whole), ("forward, K=3", forward)):
        function()
        ratio = seconds(function, repeats, device) / plain
        show(f"{what}, {steps} steps: time / plain training", ratio, "", "", True)
        show(f"{what}, {steps} steps: memory", peak(function, device), "MiB", "", True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="short trainings, once")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    lengths, repeats = ((20, 80), 1) if chosen.quick else (LENGTHS, REPEATS)
    found, reached = [], True
    for steps in lengths:
        one = measure(steps, repeats if steps < 1000 else min(repeats, 3), chosen.device)
        found.append(one)
        per_step = 1e3 * one.plain / steps
        show(f"plain training, {steps} steps: a step", per_step, "ms", "", True)
        show(f"plain training, {steps} steps: memory", one.plain_memory, "MiB", "", True)
        ratio = one.reverse / one.plain
        what = f"reverse, {steps} steps: time / plain training"
        reached &= show(what, ratio, "", f"at most {RATIO}", ratio <= RATIO)
        show(f"reverse, {steps} steps: memory", one.reverse_memory, "MiB", "", True)
    for short, long in itertools.pairwise(found):
        growth = long.reverse_memory / short.reverse_memory
        what = f"reverse: memory at {long.steps} steps / at {short.steps}"
        reached &= show(what, growth, "", f"at most {GROWTH}", growth <= GROWTH)
    others(lengths[0], repeats, chosen.device)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
