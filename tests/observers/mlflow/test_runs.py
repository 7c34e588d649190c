"""What a study looks like in MLflow."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hpo_bridge_mlflow.best import Best
from hpo_bridge_mlflow.tracking import connected

from hpo_bridge import Float, HpoBridgeError, Space, Study, TrialPruned

Make = Callable[..., Study]
Runs = Callable[..., list[Any]]
Points = Callable[[Any, str], list[tuple[int, float]]]


def objective(trial: Any) -> float:
    for step in range(3):
        trial.report(trial["x"] + step, step, {"a*c": 0.5 * step, "nothing": math.nan})
    if trial.number == 1:
        raise ValueError("no luck")
    if trial.number == 2:
        raise TrialPruned
    return float(trial["x"])


def test_a_study_and_its_trials(study: Make, runs: Runs, points: Points) -> None:
    s = study(name="demo", backend={"name": "core.random"})
    s.optimize(objective, trials=4)
    parent, *children = runs("demo")
    assert (parent.info.run_name, parent.info.status) == ("demo", "FINISHED")
    tags = parent.data.tags
    assert tags["hpo_bridge.backend"] == "core.random"
    assert tags["hpo_bridge.seed"] == "0"
    assert tags["hpo_bridge.store"].endswith("/s.db")
    assert tags["hpo_bridge.library"].startswith("hpo-bridge ")
    assert json.loads(tags["hpo_bridge.space"]) == s.space.to_plain()["space"]
    assert parent.data.metrics == {"best/value": s.best.value}
    assert tags["hpo_bridge.best_trial"] == str(s.best.number)
    assert tags["best.x"] == str(s.best.params["x"])

    assert [run.info.run_name for run in children] == [f"trial {n}" for n in range(4)]
    assert [run.info.status for run in children] == ["FINISHED", "FAILED", "KILLED", "FINISHED"]
    for run, trial in zip(children, s.trials, strict=True):
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.params == {name: str(value) for name, value in trial.params.items()}
        assert points(run, "report") == list(trial.reports)
        assert points(run, "report/a_c") == [(0, 0.0), (1, 0.5), (2, 1.0)]
        assert points(run, "report/nothing") == []
        assert run.data.tags["hpo_bridge.state"] == trial.state.value
        assert run.data.tags["hpo_bridge.attempts"] == "1"
        assert run.data.metrics.get("value") == trial.value
        assert trial.finished is not None
        assert trial.started is not None
        assert run.data.metrics["seconds"] == trial.finished - trial.started
        assert run.info.start_time == int(1000 * trial.started)
        assert run.info.end_time == int(1000 * trial.finished)
    assert "no luck" in children[1].data.tags["hpo_bridge.error"]


def test_retries_are_told_apart(study: Make, runs: Runs, points: Points) -> None:
    tries = []

    def at_the_second(trial: Any) -> float:
        tries.append(trial.number)
        trial.report(10.0 * len(tries), 0)
        if len(tries) == 1:
            raise RuntimeError("not yet")
        return 1.0

    study().optimize(at_the_second, trials=1, retries=1)
    _, run = runs()
    assert run.info.status == "FINISHED"
    assert (points(run, "report"), points(run, "report.2")) == ([(0, 10.0)], [(0, 20.0)])
    assert run.data.tags["hpo_bridge.attempts"] == "2"
    assert run.data.tags["hpo_bridge.attempt_1"].startswith("failure: RuntimeError: not yet")


def test_parameters_that_change(study: Make, runs: Runs, points: Points) -> None:
    s = study()
    trial = s.ask()
    before = trial["x"]
    trial.report(1.0, 4)
    with s._lock:
        driver = s._drive()
        driver.change(trial.number, {"x": 0.25, "n": 2, "c": "a"}, None)
        trial.report(0.5, 5)
        driver.change(trial.number, {"x": 0.75, "n": 2, "c": "a"}, 7)
    s.tell(trial, 0.5)
    s.close()
    _, run = runs()
    assert run.data.params["x"] == str(before)
    assert points(run, "param/x") == [(0, before), (5, 0.25), (6, 0.75)]
    assert json.loads(run.data.tags["hpo_bridge.changes"]) == [
        {"step": 4, "source": None}, {"step": 5, "source": 7},
    ]  # fmt: skip


def test_several_objectives(study: Make, runs: Runs) -> None:
    s = study(directions={"loss": "minimize", "size": "maximize"})
    s.optimize(lambda t: {"loss": t["x"], "size": t["n"]}, trials=8)
    parent, *children = runs()
    for run, trial in zip(children, s.trials, strict=True):
        assert {name: run.data.metrics[name] for name in ("loss", "size")} == trial.values
    front = json.loads(parent.data.tags["hpo_bridge.front"])
    assert front == [trial.number for trial in s.front]


def test_names_and_long_values(study: Make, runs: Runs) -> None:
    space = {"a*b": Float(0, 1), "a_b": Float(0, 1), "../x": Float(0, 1), "long": "y" * 7_000}
    space |= {f"p{n}": Float(0, 1) for n in range(150)}  # more than one call takes
    study(space, directions={"a loss, in %": "minimize"}).optimize(
        lambda t: {"a loss, in %": t["a*b"]}, trials=1
    )
    _, run = runs()
    assert len(run.data.params) == 154
    assert {"a_b", "a_b_", "_.._x"} <= set(run.data.params)
    assert len(run.data.params["long"]) == 6_000
    assert run.data.params["long"].endswith("… (cut)")
    assert json.loads(run.data.tags["hpo_bridge.cut_params"]) == ["long"]
    assert run.data.metrics["a loss_ in _"] == float(run.data.params["a_b"])


def test_many_reports(study: Make, runs: Runs, points: Points) -> None:
    def many(trial: Any) -> float:
        for step in range(2_500):
            trial.report(float(step), step)
        return 0.0

    study(store=None).optimize(many, trials=1)
    assert points(runs()[1], "report") == [(step, float(step)) for step in range(2_500)]


def test_options(study: Make, runs: Runs, folder: Path) -> None:
    options = {"experiment": "team/a", "run_name": "first", "tags": {"team": "vision", "n": 3}}
    study(observers=[{"name": "mlflow", "options": options}]).optimize(objective, trials=1)
    parent, child = runs("team/a")
    assert parent.info.run_name == "first"
    for run in (parent, child):
        assert (run.data.tags["team"], run.data.tags["n"]) == ("vision", "3")
    assert child.info.artifact_uri.startswith((folder / "mlartifacts").as_uri())


def test_flat(study: Make, runs: Runs, points: Points) -> None:
    flat = [{"name": "mlflow", "options": {"nested": False}}]
    study(observers=flat).optimize(objective, trials=3)
    study(observers=[]).optimize(objective, trials=5)  # nobody watches
    s = study(observers=flat)
    s.optimize(objective, trials=7)
    (run,) = runs()
    complete = [trial for trial in s.trials if trial.value is not None]
    assert points(run, "value") == [(trial.number, trial.value) for trial in complete]
    assert points(run, "param/x") == [(trial.number, trial.params["x"]) for trial in s.trials]
    assert points(run, "attempts") == [(number, 1.0) for number in range(7)]
    assert run.data.metrics["best/value"] == s.best.value


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"tracking_ur": "x"}, r"tracking_ur: unknown option of observer 'mlflow', accepted: tr"),
        ({"tracking_uri": ""}, "tracking_uri: found '', expected a text"),
        ({"experiment": 3}, "experiment: found 3, expected a text"),
        ({"nested": "no"}, "nested: found 'no', expected true or false"),
        ({"tags": ["a"]}, "tags: found .*, expected a mapping"),
        ({"tags": {"mlflow.parentRunId": "x"}}, "is a name that is not free to use"),
    ],
)
def test_wrong_options(study: Make, folder: Path, options: Any, match: str) -> None:
    with pytest.raises(HpoBridgeError, match=match):
        study(observers=[{"name": "mlflow", "options": options}])
    assert not (folder / "s.db").exists()


def test_where_it_writes(
    study: Make, folder: Path, empty: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, other = folder / "deep er", folder / "other"
    for each in (beside, other):
        each.mkdir()
        (each / "mlflow.db").write_bytes(empty.read_bytes())
    study(store=f"sqlite:///{beside}/s.db", name="beside").optimize(objective, trials=1)
    assert len(runs("beside", beside)) == 2
    study(store=None, name="current").optimize(objective, trials=1)
    assert len(runs("current")) == 2
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{other}/mlflow.db")
    study(store=f"sqlite:///{beside}/s.db", name="told").optimize(objective, trials=1)
    assert len(runs("told", other)) == 2
    given = {"name": "mlflow", "options": {"tracking_uri": f"sqlite:///{folder}/mlflow.db"}}
    study(name="given", observers=[given]).optimize(objective, trials=1)
    assert len(runs("given")) == 2


def test_a_server_that_is_not_there(
    study: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = {"name": "mlflow", "options": {"tracking_uri": "http://127.0.0.1:9"}}
    s = study(observers=[away])
    s.optimize(objective, trials=5)
    assert len(s.trials) == 5
    lines = [r.getMessage() for r in caplog.records if r.name == "hpo_bridge"]
    assert len(lines) == 1
    assert lines[0].startswith("observer 'mlflow' (hpo-bridge ")
    assert "failed in hpo_study_started: MlflowException" in lines[0]
    assert connected("http://127.0.0.1:9", None)  # building a client says nothing


def test_who_does_not_ask_is_not_logged(study: Make, folder: Path, empty: Path) -> None:
    s = study(observers=[])
    s.optimize(objective, trials=2)
    s.close()
    assert (folder / "mlflow.db").read_bytes() == empty.read_bytes()


def test_checking_a_file_does_not_import_mlflow(folder: Path) -> None:
    (folder / "objective.py").write_text("def train(trial): return 0.0")
    (folder / "study.yaml").write_text(
        "objective: objective.py:train\nspace: {x: {type: int, low: 0, high: 1}}\n"
        "budget: {trials: 1}\nobservers: [mlflow, tensorboard]\n"
    )
    code = (
        "import sys; from hpo_bridge.config import load_study_file; "
        "from hpo_bridge.plugins import manager; "
        "load_study_file('study.yaml', plugins=manager()); "
        "print({'mlflow', 'tensorboardX', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_of_equals_the_first_is_the_best() -> None:
    study = Study(Space(x=Float(0, 1)), seed=0)
    study.optimize(lambda trial: 1.0, trials=3)
    best = Best({"value": "minimize"})
    assert [best.add(trial) for trial in study.trials] == [True, False, False]
    assert [trial.number for trial in best.trials] == [0]
