"""What the tests of the stores share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import hpo_bridge.store
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.store import Event, MemoryStore, Store
from hpo_bridge.store.event_parts import ProposedPoint
from hpo_bridge.store.event_types import (
    Asked,
    Changed,
    Enqueued,
    Finished,
    Reported,
    Requeued,
    Started,
    Withdrawn,
)
from hpo_bridge.store.sql import SqlStore
from hpo_bridge.store.study_events import SessionStarted, SplitAssigned

ROOT = Path(hpo_bridge.store.__file__).parents[2]


class Make:
    """Events as a driver would write them."""

    @staticmethod
    def session(backend: str = "core.random", time: float = 1.0) -> SessionStarted:
        return SessionStarted(backend=backend, options={}, time=time)

    @staticmethod
    def asked(*numbers: int, time: float = 2.0, **params: Any) -> Asked:
        trials = tuple(
            ProposedPoint({"x": n / 7, **params}, {"x": n / 7, "c": 1}, [n, "t"], n)
            for n in numbers
        )
        return Asked(
            n=len(trials), backend="core.random", told=(), rejected=0, trials=trials, time=time
        )

    @staticmethod
    def enqueued(number: int, **params: Any) -> Enqueued:
        return Enqueued(number, params, time=2.5)

    @staticmethod
    def started(number: int, attempt: int = 1, time: float = 3.0) -> Started:
        return Started(number, attempt, time=time)

    @staticmethod
    def reported(number: int, step: int, value: float, metrics: Any = None) -> Reported:
        return Reported(number, step, value, metrics, time=3.5)

    @staticmethod
    def withdrawn(number: int, reports: int) -> Withdrawn:
        return Withdrawn(number, reports, time=3.55)

    @staticmethod
    def changed(number: int, x: float, before: float, step: int | None) -> Changed:
        return Changed(number, {"x": x}, {"x": before}, step, number - 1, time=3.6)

    @staticmethod
    def finished(number: int, time: float = 4.0, **values: float) -> Finished:
        return Finished(number, TrialState.COMPLETE, values, time=time)

    @staticmethod
    def failed(number: int, error: str, state: str = "FAILED") -> Finished:
        return Finished(number, TrialState(state), error=error, time=4.0)

    @staticmethod
    def requeued(number: int, cause: str) -> Requeued:
        return Requeued(number, "why not", cause, time=5.0)

    @staticmethod
    def other(identity: Any = "") -> SplitAssigned:
        """An event that changes no trial."""
        return SplitAssigned(split=1, of=2, identity=identity, time=9.0)

    def round(self, number: int) -> list[Event]:
        """A whole trial."""
        return [self.asked(number), self.started(number), self.finished(number, value=number)]


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    url = f"sqlite:///{tmp_path}/s.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    sql = SqlStore(url)
    yield sql
    sql.close()


@pytest.fixture
def sql_store(sql_url: str) -> Iterator[SqlStore]:
    store = SqlStore(sql_url)
    store.create("s", {"space": {}})
    yield store
    store.close()


@pytest.fixture
def spawn() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python code in another process; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *args: str, **options: Any) -> subprocess.Popen[str]:
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-c", code, *args], text=True, env=environment, **pipes, **options
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(spawn: Callable[..., subprocess.Popen[str]]) -> Callable[..., str]:
    """Runs Python code in another process to its end, and gives its output."""

    def call(code: str, *args: str, **options: Any) -> str:
        process = spawn(code, *args, **options)
        out, err = process.communicate(timeout=150)
        assert process.returncode == 0, err
        return out.strip()

    return call
