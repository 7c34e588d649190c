"""A small convolutional network for 28x28 grey images, and how it is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

import torch
from fashion_mnist import CLASSES, Images
from torch import Tensor, nn

SIDE = 28
MEAN, SD = 0.286, 0.353  # of the training pixels, scaled to [0, 1]


@dataclass(frozen=True)
class Config:
    """One configuration: what a study varies, and what it holds constant."""

    learning_rate: float
    batch_size: int
    layers: int
    filter_size: int
    dropout: float
    filters: int
    epochs: int
    momentum: float = 0.9
    weight_decay: float = 0.0

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Config:
        """Pick the configuration out of a trial, or out of any mapping that names its fields."""
        named = [field.name for field in fields(cls) if field.name in params]
        return cls(**{name: params[name] for name in {*cls.required(), *named}})

    @classmethod
    def required(cls) -> list[str]:
        """The fields without a default."""
        return [field.name for field in fields(cls) if field.default is MISSING]


class Network(nn.Sequential):
    """`layers` blocks of convolution, ReLU and 2x2 max pooling; then dropout, a linear layer."""

    def __init__(self, config: Config, dropout: nn.Module | None = None) -> None:
        """Build the network with random weights of torch's global generator.

        `dropout` takes the place of the usual one.
        """
        side, channels, parts = SIDE, 1, list[nn.Module]()
        for _ in range(config.layers):
            parts += [
                nn.Conv2d(channels, config.filters, config.filter_size, padding="same"),
                nn.ReLU(),
            ]
            channels = config.filters
            if side >= 4:  # a smaller map has nothing left to pool
                parts.append(nn.MaxPool2d(2))
                side //= 2
        parts += [
            nn.Flatten(),
            nn.Dropout(config.dropout) if dropout is None else dropout,
            nn.Linear(channels * side * side, len(CLASSES)),
        ]
        super().__init__(*parts)


def prepare(seed: int) -> torch.device:
    """Make torch reproducible for this seed, with one thread; return the device to train on.

    One thread: trials run in parallel, and two torch threads in each of two trials on two busy
    cores took 14 times as long as one.
    """
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    config: Config, images: Images, seed: int, on_epoch: Callable[[int, Network], None]
) -> Network:
    """Train a network by SGD with momentum; call `on_epoch(epoch, network)` after each epoch.

    The same configuration, images and seed give the same network on the same kind of device.
    """
    device = prepare(seed)
    pixels, labels = to_tensors(images, device)
    network = Network(config).to(device)
    optimizer = torch.optim.SGD(
        network.parameters(),
        lr=config.learning_rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )
    for epoch, parts in enumerate(batches(config, len(images), seed)):
        network.train()
        for batch in parts:
            at = batch.to(device)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(scale(pixels[at])), labels[at])
            loss.backward()
            optimizer.step()
        on_epoch(epoch, network)
    return network


def batches(config: Config, images: int, seed: int) -> Iterator[tuple[Tensor, ...]]:
    """The numbers of the images of each batch, an epoch at a time, in an order of its own.

    It has its own generator: how often dropout draws does not change it.
    """
    order = torch.Generator().manual_seed(seed)
    for _ in range(config.epochs):
        yield torch.randperm(images, generator=order).split(config.batch_size)


@torch.no_grad()
def error(network: Network, images: Images) -> float:
    """The share of images that the network puts in a wrong class, 0 to 1."""
    device = next(network.parameters()).device
    network.eval()
    pixels, labels = to_tensors(images, device)
    wrong = 0
    for part, truth in zip(pixels.split(500), labels.split(500), strict=True):
        wrong += int((network(scale(part)).argmax(dim=1) != truth).sum())
    return wrong / len(images)


def to_tensors(images: Images, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixels, uint8 (n, 1, 28, 28), and labels, int64 (n,), on the device."""
    pixels = torch.tensor(images.pixels, device=device).unsqueeze(1)
    return pixels, torch.tensor(images.labels, device=device, dtype=torch.int64)


def scale(pixels: Tensor) -> Tensor:
    """Bytes to standardised floats: a batch at a time, as floats take four times the memory."""
    return (pixels.float() / 255 - MEAN) / SD
