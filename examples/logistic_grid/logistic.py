"""Logistic regression on scikit-learn's breast cancer data, with an L2 penalty to tune."""

from __future__ import annotations

from typing import Any

import torch
from hpo_bridge_torch import LBFGS, Bilevel
from sklearn.datasets import load_breast_cancer
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

torch.set_num_threads(1)  # small tensors gain nothing from more, and lose where trials share cores


class Penalised(Bilevel):
    """The penalty is `exp(alpha) / 2` times the sum of squares, beside a sum of losses.

    Trained to the minimum, which is differentiated as such: the implicit method, as in HOAG.
    """

    steps = 500  # at most
    inner = LBFGS()
    method = "implicit"

    def __init__(self, split: int = 0) -> None:
        found = load_breast_cancer()
        order = torch.randperm(len(found.data), generator=torch.Generator().manual_seed(split))
        x, y = torch.tensor(found.data)[order], torch.tensor(found.target)[order].double()
        n = len(y) // 2
        x = (x - x[:n].mean(0)) / x[:n].std(0)
        self.train_x, self.val_x = x[:n], x[n:]
        self.train_y, self.val_y = y[:n], y[n:]

    def init(self, seed: int) -> dict[str, Tensor]:
        return {
            "w": torch.zeros(self.train_x.shape[1], dtype=torch.float64),
            "b": torch.zeros((), dtype=torch.float64),
        }

    def train_loss(self, params: Any, hp: Any, t: int | None) -> Tensor:
        scores = self.train_x @ params["w"] + params["b"]
        fit = binary_cross_entropy_with_logits(scores, self.train_y)
        penalty = 0.5 * torch.exp(hp["alpha"]) * (params["w"] ** 2).sum()
        return fit + penalty / len(self.train_y)

    def val_loss(self, params: Any, hp: Any) -> Tensor:
        scores = self.val_x @ params["w"] + params["b"]
        return binary_cross_entropy_with_logits(scores, self.val_y)


SPLIT_0 = Penalised()
