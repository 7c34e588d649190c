"""The tracking server: a client, the experiment, and runs that are written to in batches."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .names import LONGEST_PARAM, LONGEST_TAG, cut

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MOST_METRICS = 1_000
"""Metrics that MLflow takes in one call."""
MOST_OTHERS = 100
"""Parameters, or tags, that it takes in one call."""
DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"


def connected(uri: str | None, folder: Path | None) -> tuple[MlflowClient, str | None]:
    """A client, and where a new experiment keeps artifacts (``None``: where MLflow says).

    Args:
        uri: The server; without one what MLflow has been told, by ``MLFLOW_TRACKING_URI`` or
            ``mlflow.set_tracking_uri``; without that a database beside the study's.
        folder: The folder of the study's database; the current one if it is in none.
    """
    # SQLAlchemy 2.1 deprecates what MLflow's tables use; once, when they are imported.
    warnings.filterwarnings("ignore", "The ``noload`` loader strategy", DeprecationWarning)
    from mlflow import MlflowClient
    from mlflow.tracking import is_tracking_uri_set

    chat = logging.getLogger("mlflow.store.db.utils")  # "Creating initial MLflow database tables"
    if chat.level == logging.NOTSET:
        chat.setLevel(logging.WARNING)
    if uri is not None or is_tracking_uri_set():  # type: ignore[no-untyped-call]
        return MlflowClient(tracking_uri=uri), None
    folder = Path.cwd() if folder is None else folder
    client = MlflowClient(tracking_uri=f"sqlite:///{(folder / DATABASE).as_posix()}")
    return client, (folder / ARTIFACTS).as_uri()


def experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """The id of an experiment, created if there is none of that name."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is not None and found.lifecycle_stage == "active":
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=artifacts))
    except MlflowException:  # somebody else was first, or it is deleted
        found = client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise
        return str(found.experiment_id)


def found_runs(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> Iterator[Run]:
    """The runs of an experiment that have all of these tags, the oldest first."""
    where = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    token: str | None = None
    while True:
        page = client.search_runs(
            [experiment], where, max_results=1_000, page_token=token,
            order_by=["attributes.start_time ASC"],
        )  # fmt: skip
        yield from page
        token = page.token
        if not token:
            return


class Writer:
    """A run that is written to: kept back until :meth:`send`, then in as few calls as go."""

    def __init__(self, client: MlflowClient, run: str) -> None:
        self.client = client
        self.run = run
        self._metrics: list[tuple[str, float, int, int]] = []
        self._params: dict[str, str] = {}
        self._tags: dict[str, str] = {}

    @property
    def waiting(self) -> int:
        """Number of metrics that are kept back."""
        return len(self._metrics)

    def metric(self, name: str, value: float, time: int, step: int) -> None:
        """Adds a point; the same one twice is one for MLflow.

        Args:
            name: As MLflow takes it.
            value: Finite.
            time: Milliseconds since the epoch.
            step: Its step.
        """
        self._metrics.append((name, value, time, step))

    def param(self, name: str, value: str) -> bool:
        """Adds a parameter, whose value stays for good; whether it had to be cut."""
        self._params[name] = cut(value, LONGEST_PARAM)
        return self._params[name] != value

    def tag(self, name: str, value: Any) -> None:
        """Sets a tag; long values are cut."""
        self._tags[name] = cut(str(value), LONGEST_TAG)

    def send(self) -> None:
        """Sends all; what could not be sent is not tried again."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(*point) for point in self._metrics]
        params = [Param(*param) for param in self._params.items()]
        tags = [RunTag(*tag) for tag in self._tags.items()]
        self._metrics, self._params, self._tags = [], {}, {}
        while metrics or params or tags:
            now = params[:MOST_OTHERS], tags[:MOST_OTHERS]
            room = MOST_METRICS - len(now[0]) - len(now[1])  # also of all together
            self.client.log_batch(self.run, metrics=metrics[:room], params=now[0], tags=now[1])
            metrics, params, tags = metrics[room:], params[MOST_OTHERS:], tags[MOST_OTHERS:]
