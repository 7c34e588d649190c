"""A small CNN on scikit-learn's digits, whose training is differentiated."""

from __future__ import annotations

import math
from typing import Any

import torch
from hpo_bridge_torch import SGD, Bilevel, relaxed_dropout
from hpo_bridge_torch.errors import Diverged
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)  # small tensors gain nothing from more, and lose where trials share cores

TRAIN, VALIDATION = 200, 400  # the other 1,197 images are for the test
BATCH = 32


class Network(nn.Module):
    """Two blocks of convolution, group normalisation, ReLU and pooling; two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64, 32), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(32, 10)

    def forward(self, images: Tensor, dropout: Tensor | float) -> Tensor:
        """Scores of the classes; relaxed dropout before the last layer."""
        return self.head(relaxed_dropout(self.features(images), dropout))


class Digits(Bilevel):
    """A hundred steps of SGD; the loss on the validation images is the objective."""

    steps = 100
    inner = SGD(lr="lr", momentum=0.9, weight_decay="weight_decay")

    def __init__(self, split: int = 0) -> None:
        found = load_digits()
        order = torch.randperm(len(found.data), generator=torch.Generator().manual_seed(split))
        x = torch.tensor(found.images, dtype=torch.float32)[order].unsqueeze(1) / 16
        y = torch.tensor(found.target)[order]
        sizes = [TRAIN, VALIDATION, len(y) - TRAIN - VALIDATION]
        self.train_x, self.val_x, self.test_x = x.split(sizes)
        self.train_y, self.val_y, self.test_y = y.split(sizes)
        self.network = Network()

    def init(self, seed: int) -> dict[str, Tensor]:
        return dict(Network().named_parameters())  # torch's generator is seeded

    def train_loss(self, params: Any, hp: Any, t: int | None) -> Tensor:
        rows = torch.randint(TRAIN, (BATCH,))
        scores = functional_call(self.network, params, (self.train_x[rows], hp["dropout"]))
        return cross_entropy(scores, self.train_y[rows])

    def val_loss(self, params: Any, hp: Any) -> Tensor:
        scores = functional_call(self.network, params, (self.val_x, 0.0))
        return cross_entropy(scores, self.val_y)

    def test(self, params: dict[str, Any], seed: int) -> tuple[float, float]:
        """Loss and share of wrong answers on the test images, of a training with this seed."""
        try:
            trained = self.train(params, seed=seed)
        except Diverged:
            return math.inf, 0.9  # as good as guessing
        with torch.no_grad():
            scores = functional_call(self.network, trained, (self.test_x, 0.0))
        wrong = (scores.argmax(1) != self.test_y).double().mean()
        return float(cross_entropy(scores, self.test_y)), float(wrong)


SPLIT_0 = Digits()
