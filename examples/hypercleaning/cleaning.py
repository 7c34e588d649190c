"""Data hyper-cleaning: a weight for each training example, half of whose labels are wrong.

Franceschi et al. (2017), section 5.1, https://arxiv.org/abs/1703.01785, on scikit-learn's digits.
"""

from __future__ import annotations

from typing import Any

import torch
from hpo_bridge_torch import SGD, Bilevel
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import cross_entropy

torch.set_num_threads(1)  # small tensors gain nothing from more, and lose where trials share cores

EXAMPLES = 449  # for training, and as many for validation; the other 899 are for the test
CLASSES = 10


class Cleaning(Bilevel):
    """Softmax regression on weighted examples, by gradient descent; clean images validate it."""

    steps = 500
    inner = SGD(lr=2.0)

    def __init__(self, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        found = load_digits()
        order = torch.randperm(len(found.data), generator=generator)
        x = torch.tensor(found.data, dtype=torch.float32)[order] / 16
        y = torch.tensor(found.target)[order]
        sizes = [EXAMPLES, EXAMPLES, len(y) - 2 * EXAMPLES]
        self.train_x, self.val_x, self.test_x = x.split(sizes)
        self.true_y, self.val_y, self.test_y = y.split(sizes)
        self.wrong = torch.zeros(EXAMPLES, dtype=torch.bool)
        self.wrong[torch.randperm(EXAMPLES, generator=generator)[: EXAMPLES // 2]] = True
        shift = torch.randint(1, CLASSES, (EXAMPLES,), generator=generator)
        self.train_y = torch.where(self.wrong, (self.true_y + shift) % CLASSES, self.true_y)

    def init(self, seed: int) -> dict[str, Tensor]:
        return {"w": torch.zeros(self.train_x.shape[1], CLASSES), "b": torch.zeros(CLASSES)}

    def train_loss(self, params: Any, hp: Any, t: int | None) -> Tensor:
        losses = cross_entropy(scores(params, self.train_x), self.train_y, reduction="none")
        return (hp["weights"] * losses).mean()

    def val_loss(self, params: Any, hp: Any) -> Tensor:
        return cross_entropy(scores(params, self.val_x), self.val_y)

    def detection(self, kept: Tensor) -> float:
        """F1 of taking the examples that are not kept for those with a wrong label."""
        found = ~kept
        right = float((found & self.wrong).sum())
        return 2 * right / float(found.sum() + self.wrong.sum())

    def accuracy(self, kept: Tensor) -> float:
        """On the test images, trained on the examples that are kept, and on the validation's."""
        x, y = (torch.cat(pair) for pair in ((self.train_x[kept], self.val_x),
                                             (self.train_y[kept], self.val_y)))  # fmt: skip
        w = torch.zeros(x.shape[1], CLASSES, requires_grad=True)
        b = torch.zeros(CLASSES, requires_grad=True)
        optimizer = torch.optim.SGD([w, b], lr=2.0)
        for _ in range(self.steps):
            optimizer.zero_grad()
            cross_entropy(x @ w + b, y).backward()
            optimizer.step()
        with torch.no_grad():
            right = (self.test_x @ w + b).argmax(1) == self.test_y
        return float(right.double().mean())


def scores(params: Any, x: Tensor) -> Tensor:
    """Of the classes."""
    return x @ params["w"] + params["b"]


SEED_0 = Cleaning()
