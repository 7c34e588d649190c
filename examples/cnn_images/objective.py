"""The objective of the study files: train a CNN, return its validation error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnn import Config, Network, error, fit
from fashion_mnist import load_train_validation

import hpo_bridge

if TYPE_CHECKING:
    from hpo_bridge import Trial


def train(trial: Trial) -> float:
    """Train the trial's network and return 1 - accuracy on the validation images.

    Reports the validation error after each epoch, so that a pruner can stop a bad trial early.
    The value is that of the last epoch: taking the best epoch would choose by luck.
    """
    split = load_train_validation(trial.get("train_images"), trial.get("validation_images"))
    errors = []

    def report(epoch: int, network: Network) -> None:
        errors.append(error(network, split.validation))
        trial.report(errors[-1], step=epoch)
        if trial.should_prune():
            raise hpo_bridge.TrialPruned

    fit(Config.of(trial), split.train, trial.seed, report)
    return errors[-1]
