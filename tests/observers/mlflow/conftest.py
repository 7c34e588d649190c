"""One empty MLflow database, made once, for each test to copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hpo_bridge_mlflow.tracking import connected

from hpo_bridge import Categorical, Float, Int, Space, Study


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables: its migrations take seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        connected(f"sqlite:///{path}", None)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, empty: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a database of MLflow's."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture
def runs(folder: Path) -> Callable[..., list[Any]]:
    """The runs of an experiment, the study's first, then those of trials by number."""

    def found(experiment: str = "study", where: Path = folder) -> list[Any]:
        client, _ = connected(f"sqlite:///{where / 'mlflow.db'}", None)
        number = client.get_experiment_by_name(experiment).experiment_id
        key = "hpo_bridge.trial"
        return sorted(client.search_runs([number]), key=lambda r: int(r.data.tags.get(key, -1)))

    return found


@pytest.fixture
def points(folder: Path) -> Callable[[Any, str], list[tuple[int, float]]]:
    """All ``(step, value)`` of a run's metric, in the order of steps."""

    def found(run: Any, metric: str) -> list[tuple[int, float]]:
        client, _ = connected(f"sqlite:///{folder / 'mlflow.db'}", None)
        history = client.get_metric_history(run.info.run_id, metric)
        return sorted((point.step, point.value) for point in history)

    return found


SPACE = Space(x=Float(0, 1), n=Int(1, 4), c=Categorical(["a", True, None]))


@pytest.fixture
def study(folder: Path) -> Iterator[Callable[..., Study]]:
    """Makes studies in ``s.db``, and closes them."""
    opened = []

    def make(space: Any = SPACE, **options: Any) -> Study:
        given = {"seed": 0, "store": "sqlite:///s.db", "observers": ["mlflow"], **options}
        opened.append(Study(space, **given))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
