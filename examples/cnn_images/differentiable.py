"""The objective of hybrid.yaml: the same training, differentiated by what is continuous.

Learning rate, momentum and weight decay have gradients as they are; the dropout is relaxed to
noise whose strength has one. The value is the validation loss: the error, a share of images, is
flat almost everywhere. Under a backend that needs no gradients this is a plain training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from cnn import Config, Network, batches, prepare, scale, to_tensors
from fashion_mnist import load_train_validation
from hpo_bridge_torch import SGD, Bilevel, relaxed_dropout
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from hpo_bridge import Differentiated, Trial


class RelaxedDropout(nn.Module):
    """Its rate is a buffer, so that a call of the network can be given a tensor for it."""

    def __init__(self) -> None:
        super().__init__()
        self.rate: Tensor
        self.register_buffer("rate", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return relaxed_dropout(x, self.rate, training=self.training)


class Training(Bilevel):
    """The training of one trial: its network, its batches, its number of steps."""

    inner = SGD(lr="learning_rate", momentum="momentum", weight_decay="weight_decay")

    def __init__(self, trial: Trial) -> None:
        config = Config.of(trial)
        device = prepare(trial.seed)
        split = load_train_validation(trial.get("train_images"), trial.get("validation_images"))
        self.train_data = to_tensors(split.train, device)
        self.val_data = to_tensors(split.validation, device)
        epochs = batches(config, len(split.train), trial.seed)
        self.batches = [batch.to(device) for epoch in epochs for batch in epoch]
        self.steps = len(self.batches)
        self.network = Network(config, RelaxedDropout()).to(device)
        (self.rate,) = (name for name, _ in self.network.named_buffers())

    def init(self, seed: int) -> dict[str, Tensor]:
        return dict(self.network.named_parameters())

    def train_loss(self, params: Any, hp: Any, t: int | None) -> Tensor:
        pixels, labels = self.train_data
        rows = slice(None) if t is None else self.batches[t]
        self.network.train()
        return self.loss(params, hp, pixels[rows], labels[rows])

    def val_loss(self, params: Any, hp: Any) -> Tensor:
        self.network.eval()
        return self.loss(params, hp, *self.val_data)

    def loss(self, params: Any, hp: Any, pixels: Tensor, labels: Tensor) -> Tensor:
        """The cross-entropy on these images."""
        tensors = {**params, self.rate: hp["dropout"]}
        images = scale(pixels).to(hp["dropout"])  # of the parameters' precision
        return cross_entropy(functional_call(self.network, tensors, images), labels)


def train(trial: Trial) -> float | Differentiated:
    """Train the trial's network, and return its validation loss, with gradients where needed."""
    return Training(trial)(trial)
