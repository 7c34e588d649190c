"""Small trainings in double precision, for the tests of hypergradients."""

from __future__ import annotations

from typing import Any

import torch
from hpo_bridge_torch.bilevel import Bilevel
from hpo_bridge_torch.inner import SGD, AdamW
from hpo_bridge_torch.relaxations import relaxed_dropout
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

FEATURES = 6
DECAYS = [f"decay{i}" for i in range(FEATURES)]


class Logistic(Bilevel):
    """Logistic regression: a logarithmic decay for each feature, and the learning rate."""

    steps = 60
    inner = SGD(lr="lr", momentum=0.9)
    params = {"lr": 0.1, **{name: -4.0 + 0.5 * i for i, name in enumerate(DECAYS)}}

    def __init__(self, n: int = 60, device: str = "cpu") -> None:
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(2 * n, FEATURES, generator=generator, dtype=torch.float64)
        true = torch.randn(FEATURES, generator=generator, dtype=torch.float64)
        noise = torch.randn(2 * n, generator=generator, dtype=torch.float64)
        y = (x @ true + noise > 0).double()
        self.train_x, self.val_x = x.to(device).split(n)
        self.train_y, self.val_y = y.to(device).split(n)

    def init(self, seed: int) -> dict[str, Tensor]:
        return {"w": torch.zeros_like(self.train_x[0])}

    def train_loss(self, params: Any, hp: Any, t: int | None) -> Tensor:
        fit = functional.binary_cross_entropy_with_logits(self.train_x @ params["w"], self.train_y)
        decay = torch.stack([torch.exp(hp[name]) for name in DECAYS])
        return fit + (decay * params["w"] ** 2).sum()

    def val_loss(self, params: Any, hp: Any) -> Tensor:
        return functional.binary_cross_entropy_with_logits(self.val_x @ params["w"], self.val_y)


class Network(Bilevel):
    """A network on small random images, in batches that depend on the step."""

    steps = 12
    inner = SGD(lr="lr", momentum="momentum", weight_decay="wd")
    params: dict[str, Any] = {"lr": 0.05, "momentum": 0.8, "wd": 0.01, "dropout": 0.3}
    dtype = torch.float64

    def __init__(self, device: str = "cpu") -> None:
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(60, 1, 8, 8, generator=generator, dtype=torch.float64)
        labels = torch.arange(60) % 3
        images += labels[:, None, None, None] * torch.linspace(-1, 1, 8, dtype=torch.float64)
        self.images, self.labels = images.to(device, self.dtype), labels.to(device)
        self.device = device

    def model(self) -> nn.Module:
        """A convolutional network that is smooth everywhere."""
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.SiLU(), nn.AvgPool2d(2),
            nn.Conv2d(4, 4, 3), nn.SiLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3),
        )  # fmt: skip

    def init(self, seed: int) -> dict[str, Tensor]:
        return dict(self.model().to(self.device, self.dtype).named_parameters())

    def outputs(self, params: Any, images: Tensor) -> Tensor:
        with torch.device("meta"):
            model = self.model()
        found: Tensor = functional_call(model, params, (images,))
        return found

    def train_loss(self, params: Any, hp: Any, t: int | None) -> Tensor:
        rows = slice(0, 40) if t is None else torch.randint(40, (16,), device=self.device)
        images = relaxed_dropout(self.images[rows], hp["dropout"])
        return functional.cross_entropy(self.outputs(params, images), self.labels[rows])

    def val_loss(self, params: Any, hp: Any) -> Tensor:
        return functional.cross_entropy(self.outputs(params, self.images[40:]), self.labels[40:])


class Adam(Network):
    """The same, by AdamW with all settings tuned."""

    inner = AdamW(lr="lr", beta1="beta1", beta2="beta2", eps="eps", weight_decay="wd")
    params = {
        "lr": 0.01, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "wd": 0.1, "dropout": 0.3,
    }  # fmt: skip


class BatchNorm(Network):
    """With batch normalisation, by the statistics of the batch."""

    def model(self) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4, track_running_stats=False), nn.SiLU(),
            nn.AvgPool2d(4), nn.Flatten(), nn.Linear(16, 3),
        )  # fmt: skip


class Attends(nn.Module):
    """Rows of an image as tokens, which attend to one another."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        tokens = images.squeeze(1)
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        found: Tensor = self.head((tokens + mixed).mean(dim=1))
        return found


class Attention(Network):
    """With attention, whose fast kernels have no second derivative."""

    def model(self) -> nn.Module:
        return Attends()


def differences(training: Bilevel, params: dict[str, Any], step: float = 1e-5) -> dict[str, Any]:
    """Central differences of the value, by each float."""
    found = {}
    for name, value in params.items():
        if isinstance(value, float):
            size = step * max(abs(value), 1e-3)
            up, down = (training.value({**params, name: value + s}) for s in (size, -size))
            found[name] = (up - down) / (2 * size)
    return found


def apart(one: Any, other: Any) -> float:
    """The distance of two gradients, relative to the longer."""
    first, second = (torch.tensor([g[name] for name in sorted(one)]) for g in (one, other))
    first, second = first.double(), second.double()
    return float((first - second).norm() / torch.maximum(first.norm(), second.norm()))
