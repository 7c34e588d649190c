"""TensorBoard as an observer: scalars for each trial, and the table of hyperparameters.

This module is data: tensorboardX is imported when a study that asks for it runs.

* :mod:`hpo_bridge_tensorboard.observer`: the observer ``tensorboard`` and its options.
* :mod:`hpo_bridge_tensorboard.trials`: the event files of a trial.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import ObserverSpec


@hookimpl
def hpo_register_observers() -> ObserverSpec:
    """``tensorboard``."""
    return ObserverSpec(
        name="tensorboard",
        factory="hpo_bridge_tensorboard.observer:TensorBoard",
        requires=("tensorboardX>=2.6,<3",),
        summary="TensorBoard: scalars for each trial, and the table of hyperparameters",
        url="https://www.tensorflow.org/tensorboard",
    )
