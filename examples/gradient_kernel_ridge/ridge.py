"""Kernel ridge regression on scikit-learn's diabetes, with a length-scale for each feature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor

if TYPE_CHECKING:
    from hpo_bridge import Trial

torch.set_num_threads(1)  # small tensors gain nothing from more, and lose where trials share cores

TRAIN, VALIDATION = 150, 150  # the other 142 patients are for the test
FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


@dataclass(frozen=True)
class Split:
    """Patients and how ill they were a year later; both standardised by the training part."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


@lru_cache
def load(split: int) -> Split:
    """The data, shuffled by `split`."""
    found = load_diabetes()
    order = torch.randperm(len(found.data), generator=torch.Generator().manual_seed(split))
    x, y = torch.tensor(found.data)[order], torch.tensor(found.target)[order]
    x = (x - x[:TRAIN].mean(0)) / x[:TRAIN].std(0)
    y = (y - y[:TRAIN].mean()) / y[:TRAIN].std()
    sizes = [TRAIN, VALIDATION, len(y) - TRAIN - VALIDATION]
    train, validation, test = zip(x.split(sizes), y.split(sizes), strict=True)
    return Split(train, validation, test)


def error(hp: Any, train: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared error on other data; 1 is that of predicting the mean."""
    scales = torch.stack([hp[f"length_{name}"] for name in FEATURES])
    x, y = train[0] / scales, train[1]
    noise = hp["noise"] * torch.eye(len(y), dtype=y.dtype)
    weights = torch.linalg.solve(kernel(x, x) + noise, y)
    return ((kernel(other[0] / scales, x) @ weights - other[1]) ** 2).mean()


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """The Gaussian kernel, by products: `torch.cdist` has no derivative at distance zero."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * a @ b.T
    return torch.exp(-0.5 * squares.clamp(min=0))


def train(trial: Trial) -> Tensor:
    """The objective: the validation error, as a tensor that knows how it was made.

    A backend that needs gradients differentiates it; any other takes its number.
    """
    data = load(trial["split"])
    return error(trial.tensors, data.train, data.validation)


def test_error(params: Any) -> float:
    """The error on the test part, for parameters of a trial."""
    data = load(params["split"])
    hp = {n: torch.tensor(v, dtype=torch.float64) for n, v in params.items() if n != "split"}
    return float(error(hp, data.train, data.test))
