"""MLflow as an observer: a run for the study, and a nested run for each trial.

This module is data: MLflow is imported when a study that asks for it runs, in the observer's
own thread.

* :mod:`hpo_bridge_mlflow.observer`: the observer ``mlflow`` and its options.
* :mod:`hpo_bridge_mlflow.nested`: a run for each trial.
* :mod:`hpo_bridge_mlflow.flat`: all trials in the study's run, by step.
* :mod:`hpo_bridge_mlflow.tracking`: the tracking server, in batches and within its limits.
* :mod:`hpo_bridge_mlflow.names`: names and values as MLflow takes them.
* :mod:`hpo_bridge_mlflow.best`: the best trial so far.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import ObserverSpec


@hookimpl
def hpo_register_observers() -> ObserverSpec:
    """``mlflow``."""
    return ObserverSpec(
        name="mlflow",
        factory="hpo_bridge_mlflow.observer:Mlflow",
        # A local store needs alembic; all of MLflow is more than a tracker's client needs.
        requires=("mlflow-skinny>=3.5,<4", "alembic>=1.10"),
        summary="MLflow: a run for the study, and a nested run for each trial",
        url="https://mlflow.org/docs/latest/ml/tracking/",
    )
