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
from hpo_bridge.store import Event, MemoryStore, Store
from hpo_bridge.store.sql import SqlStore

ROOT = Path(hpo_bridge.store.__file__).parents[2]


class Make:
    """Events as a driver would write them."""

    @staticmethod
    def session(backend: str = "core.random", time: float = 1.0) -> Event:
        return Event("session", time, None, {"backend": backend, "options": {}, "pid": 1})

    @staticmethod
    def asked(*numbers: int, time: float = 2.0, **params: Any) -> Event:
        trials = [
            {"number": n, "params": {"x": n / 7, **params}, "raw": {"x": n / 7, "c": 1},
             "token": [n, "t"]}
            for n in numbers
        ]  # fmt: skip
        data = {"n": len(trials), "backend": "core.random", "told": [], "rejected": 0,
                "trials": trials}  # fmt: skip
        return Event("asked", time, None, data)

    @staticmethod
    def enqueued(number: int, **params: Any) -> Event:
        return Event("enqueued", 2.5, number, {"params": params})

    @staticmethod
    def started(number: int, attempt: int = 1, time: float = 3.0) -> Event:
        return Event("started", time, number, {"attempt": attempt})

    @staticmethod
    def reported(number: int, step: int, value: float) -> Event:
        return Event("reported", 3.5, number, {"step": step, "value": value})

    @staticmethod
    def withdrawn(number: int, reports: int) -> Event:
        return Event("withdrawn", 3.55, number, {"reports": reports})

    @staticmethod
    def changed(number: int, x: float, before: float, step: int | None) -> Event:
        data = {"params": {"x": x}, "before": {"x": before}, "step": step, "source": number - 1}
        return Event("changed", 3.6, number, data)

    @staticmethod
    def finished(number: int, time: float = 4.0, **values: float) -> Event:
        data = {"state": "COMPLETE", "values": values, "error": None}
        return Event("finished", time, number, data)

    @staticmethod
    def failed(number: int, error: str, state: str = "FAILED") -> Event:
        return Event("finished", 4.0, number, {"state": state, "values": None, "error": error})

    @staticmethod
    def requeued(number: int, kind: str) -> Event:
        return Event("requeued", 5.0, number, {"reason": "why not", "kind": kind})

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
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        return out.strip()

    return call
