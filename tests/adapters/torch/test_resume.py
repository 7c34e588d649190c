"""A study that is cut, killed or handed over goes on as if nothing had been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study
from hpo_bridge.contracts.trial import Trial

SPACE = Space(x=Float(-4, 4), rate=Float(1e-4, 1, log=True), z=Float(0, 1))
MIXED = Space(dict(SPACE), n=Int(1, 5), kind=Categorical(["a", "b"]))
BACKENDS: dict[str, Any] = {
    "adam": {"name": "torch.adam", "options": {"n_starts": 2}},
    "sgd": "torch.sgd",
    "rprop": "torch.rprop",
    "spsa": "torch.spsa",
    "hybrid": {"name": "hybrid", "options": {"outer": "optuna.tpe", "inner_trials": 3}},
}
SPACES = {"hybrid": MIXED}


def objective(trial: Trial) -> Any:
    if trial.number % 7 == 3:
        raise ValueError("unlucky")
    t = trial.tensors
    extra = abs(trial.get("n", 3) - 3) + (trial.get("kind") == "b")
    return (t["x"] - 1) ** 2 + (t["rate"].log() + 3) ** 2 + (9 * t["z"]).sin() + extra


def seen(study: Study) -> list[Any]:
    return [(t.params, t.state, t.values, t.backend) for t in study.trials]


@pytest.mark.parametrize("backend", BACKENDS)
def test_cut_anywhere_it_goes_on_the_same(backend: str, tmp_path: Path) -> None:
    with Study(SPACES.get(backend, SPACE), backend=BACKENDS[backend], seed=5) as whole:
        whole.optimize(objective, trials=24)
    url = f"sqlite:///{tmp_path}/s.db"
    for trials in (1, 2, 9, 10, 24):
        with Study(
            SPACES.get(backend, SPACE), backend=BACKENDS[backend], seed=5, store=url
        ) as study:
            study.optimize(objective, trials=trials)
            assert seen(study) == seen(whole)[:trials]


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_snapshot_it_is_replayed(backend: str, tmp_path: Path) -> None:
    with Study(SPACES.get(backend, SPACE), backend=BACKENDS[backend], seed=5) as whole:
        whole.optimize(objective, trials=16)
    url = f"sqlite:///{tmp_path}/s.db"
    for trials in (7, 16):
        study = Study(SPACES.get(backend, SPACE), backend=BACKENDS[backend], seed=5, store=url)
        study._drive().proposer.member._saves = False
        study.optimize(objective, trials=trials)
        assert study.store.snapshot("study") is None
        assert seen(study) == seen(whole)[:trials]
        study.close()


@pytest.mark.parametrize("backend", ["adam", "spsa"])
def test_two_workers_in_order_give_the_same_trials(backend: str, tmp_path: Path) -> None:
    runs = []
    for cuts in ((20,), (5, 11, 20)):
        url = f"sqlite:///{tmp_path}/{len(cuts)}.db"
        for trials in cuts:
            with Study(
                SPACES.get(backend, SPACE), backend=BACKENDS[backend], seed=5, store=url
            ) as study:
                study.optimize(
                    objective, trials=trials, runner="processes", workers=2, order="deterministic"
                )
                found = [t.params for t in study.trials]
        runs.append(found)
    assert runs[0] == runs[1]


# Forks a driver for each line read: an import of torch for each would take most of the time.
DRIVERS = """
import importlib.util, json, os, sys, time
import optuna, sqlalchemy, torch
spec = importlib.util.spec_from_file_location("resumed", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

def objective(trial):
    print(trial.number, flush=True)
    time.sleep(0.03)
    return module.objective(trial)

def drive(backend, url, trials):
    space = module.MIXED if "hybrid" in str(backend) else module.SPACE
    with module.Study(space, backend=backend, seed=5, store=url) as study:
        study.optimize(objective, trials=trials)

for line in sys.stdin:
    if not (driver := os.fork()):
        try:
            drive(*json.loads(line))
        finally:
            os._exit(1)
    print("pid", driver, flush=True)
    os.waitpid(driver, 0)
    print("dead", flush=True)
"""


@pytest.fixture(scope="module")
def drivers() -> Iterator[subprocess.Popen[str]]:
    """Forks a driver for each line."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVERS, __file__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    yield process
    process.communicate()


@pytest.mark.parametrize("backend", ["adam", "rprop", "spsa", "hybrid"])
def test_killed_it_goes_on_the_same(
    backend: str, tmp_path: Path, drivers: subprocess.Popen[str]
) -> None:
    with Study(SPACES.get(backend, SPACE), backend=BACKENDS[backend], seed=5) as whole:
        whole.optimize(objective, trials=20)
    url = f"sqlite:///{tmp_path}/s.db"
    assert drivers.stdin is not None
    assert drivers.stdout is not None
    for last in (4, 11):
        drivers.stdin.write(json.dumps([BACKENDS[backend], url, 20]) + "\n")
        drivers.stdin.flush()
        pid, killed = 0, False
        while (line := drivers.stdout.readline().strip()) != "dead":
            if line.startswith("pid"):
                pid = int(line.split()[1])
            elif int(line) >= last and pid and not killed:
                time.sleep(0.01)  # the trial is running
                os.kill(pid, signal.SIGKILL)
                killed = True
        assert killed
    with Study(SPACES.get(backend, SPACE), backend=BACKENDS[backend], seed=5, store=url) as study:
        assert len(study.trials) >= 12
        study.optimize(objective, trials=20)
        assert seen(study) == seen(whole)


def test_another_backends_trials_are_starts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with Study(SPACE, backend="core.random", seed=5, store=url) as study:
        study.optimize(objective, trials=15)
        best = study.best
    with Study(SPACE, backend="torch.adam", seed=5, store=url) as study:
        study.optimize(objective, trials=30)
        first, second = study.trials[15:17]
        assert first.params == pytest.approx(best.params, rel=1e-9)
        assert second.params != first.params
        assert study.best.value < best.value


def test_and_its_trials_are_another_backends(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    for backend, trials in (("torch.adam", 15), ("optuna.tpe", 20), ("torch.adam", 25)):
        with Study(SPACE, backend=backend, seed=5, store=url) as study:
            study.optimize(objective, trials=trials)
    with Study(SPACE, backend="torch.adam", seed=5, store=url) as study:
        assert [t.backend for t in study.trials] == (
            ["torch.adam"] * 15 + ["optuna.tpe"] * 5 + ["torch.adam"] * 5
        )
