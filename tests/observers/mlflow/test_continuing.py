"""A study that goes on goes on in the same runs: nothing twice, nothing missing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hpo_bridge_mlflow import nested

from hpo_bridge import Float, Study

Make = Callable[..., Study]
Runs = Callable[..., list[Any]]
Points = Callable[[Any, str], list[tuple[int, float]]]


def objective(trial: Any) -> float:
    trial.report(trial["x"], 0)
    return float(trial["x"])


def test_the_same_runs(study: Make, runs: Runs, points: Points) -> None:
    study().optimize(objective, trials=3)
    before = runs()
    study(observers=[]).optimize(objective, trials=5)  # unwatched
    s = study()
    s.optimize(objective, trials=7)
    after = runs()
    assert [run.info.run_id for run in after][:4] == [run.info.run_id for run in before]
    assert [run.info.run_name for run in after[1:]] == [f"trial {n}" for n in range(7)]
    assert [run.data.metrics["value"] for run in after[1:]] == [t.value for t in s.trials]
    assert all(points(run, "report") == [(0, run.data.metrics["value"])] for run in after[1:])
    assert after[0].data.metrics["best/value"] == s.best.value


def test_another_study_of_the_same_name(study: Make, runs: Runs) -> None:
    study().optimize(objective, trials=1)
    study(store="sqlite:///other.db").optimize(objective, trials=1)
    found = runs()
    assert [run.data.tags.get("hpo_bridge.trial") for run in found] == [None, None, "0", "0"]
    assert len({run.data.tags["hpo_bridge.study"] for run in found}) == 2


def test_one_call_that_fails_is_made_up_for(
    study: Make, runs: Runs, points: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = nested.Nested._create

    def fails(self: Any, trial: Any) -> Any:
        if trial.number == 1:
            raise ConnectionError("gone for a moment")
        return create(self, trial)

    with monkeypatch.context() as patch:
        patch.setattr(nested.Nested, "_create", fails)
        study().optimize(objective, trials=3)
    assert [run.data.tags.get("hpo_bridge.trial") for run in runs()] == [None, "0", "2"]
    s = study()
    s.optimize(objective, trials=3)  # nothing to do but this
    trial = runs()[2]
    assert trial.data.metrics["value"] == s.trials[1].value
    assert points(trial, "report") == list(s.trials[1].reports)


def test_ctrl_c(study: Make, runs: Runs) -> None:
    def cut(trial: Any) -> float:
        if trial.number == 1 and not later:
            raise KeyboardInterrupt
        return float(trial["x"])

    later: list[int] = []
    s = study()
    with pytest.raises(KeyboardInterrupt):
        s.optimize(cut, trials=3)
    parent, _, waiting = runs()
    assert (parent.info.status, waiting.info.status) == ("KILLED", "SCHEDULED")
    assert waiting.data.tags["hpo_bridge.attempt_1"] == "cut: interrupted"
    later.append(1)
    study().optimize(cut, trials=3)
    assert [run.info.status for run in runs()] == ["FINISHED"] * 4
    assert runs()[2].info.run_id == waiting.info.run_id
    assert runs()[2].data.tags["hpo_bridge.attempts"] == "2"


KILLED = """
import os, signal, sys, time
import hpo_bridge as hpo

def objective(trial):
    for step in range(3):
        trial.report(trial["x"] + step, step)
        time.sleep(0.03)
    if trial.number == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return trial["x"]

study = hpo.Study({"x": hpo.Float(0, 1)}, seed=0, store="sqlite:///s.db", observers=["mlflow"])
study.optimize(objective, trials=8)
"""


def test_kill(folder: Path, study: Make, runs: Runs, points: Points) -> None:
    path = folder / "killed.py"
    path.write_text(KILLED)
    for number in (4, 6):
        process = subprocess.run([sys.executable, str(path), str(number)], timeout=100)
        assert process.returncode == -signal.SIGKILL
    done = subprocess.run([sys.executable, str(path), "-1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "INFO" not in done.stderr  # MLflow says nothing of its own
    parent, *children = runs()
    trials = study({"x": Float(0, 1)}, observers=[]).trials
    assert parent.info.status == "FINISHED"
    assert [run.data.tags["hpo_bridge.trial"] for run in children] == [str(n) for n in range(8)]
    assert {run.info.status for run in children} == {"FINISHED"}
    for run, trial in zip(children, trials, strict=True):
        assert run.data.metrics["value"] == trial.value
        name = "report" if trial.attempts == 1 else f"report.{trial.attempts}"
        assert points(run, name) == list(trial.reports)
    assert [trial.attempts for trial in trials] == [1, 1, 1, 1, 2, 1, 2, 1]
