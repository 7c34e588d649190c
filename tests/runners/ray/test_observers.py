"""Observers see what happens on a cluster, from the driver's process."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

import hpo_bridge as hpo

pytestmark = pytest.mark.usefixtures("ray_here")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def runs(folder, name):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    number = client.get_experiment_by_name(name).experiment_id
    key = "hpo_bridge.trial"
    found = sorted(client.search_runs([number]), key=lambda r: int(r.data.tags.get(key, -1)))
    return client, found[0], found[1:]


def objective(trial):
    trial.report(trial["x"], 0)
    trial.report(trial["x"] / 2, 1)
    if trial.number == 2:
        raise RuntimeError("this one fails each time")
    return trial["x"] / 2


def test_a_study_in_mlflow(folder):
    url = f"sqlite:///{folder}/s.db"
    with hpo.Study({"x": hpo.Float(0, 1)}, seed=0, store=url, observers=["mlflow"]) as study:
        study.optimize(objective, trials=6, runner="ray", workers=2, retries=1)
        trials = study.trials
    client, parent, children = runs(folder, "study")
    assert (parent.info.status, parent.data.tags["hpo_bridge.runner"]) == ("FINISHED", "ray")
    assert [run.data.tags["hpo_bridge.trial"] for run in children] == [str(n) for n in range(6)]
    for run, trial in zip(children, trials, strict=True):
        assert run.data.metrics.get("value") == trial.value
        assert run.data.tags["hpo_bridge.attempts"] == ("2" if trial.number == 2 else "1")
        history = client.get_metric_history(run.info.run_id, "report")
        assert [(point.step, point.value) for point in history] == list(trial.reports)
    assert children[2].info.status == "FAILED"
    assert children[2].data.tags["hpo_bridge.attempt_1"].startswith("failure: RuntimeError")


def population(trial):
    begin, loss = 0, 1.0
    if kept := trial.load_checkpoint():
        begin, loss = json.loads((kept / "state").read_text())
    for epoch in range(begin, 8):
        loss *= 1 - trial["lr"]
        with tempfile.TemporaryDirectory() as path:
            Path(path, "state").write_text(json.dumps([epoch + 1, loss]))
            trial.checkpoint(path)
        trial.report(loss, epoch)
    return loss


def test_changes_of_a_population(folder):
    pruner = {"name": "ray.pbt", "options": {"population_size": 4, "perturbation_interval": 2}}
    space = {"lr": hpo.Float(0.01, 0.5)}
    url = f"sqlite:///{folder}/s.db"
    with hpo.Study(
        space, seed=1, pruner=pruner, store=url, observers=["mlflow"], name="pbt"
    ) as study:
        study.optimize(population, trials=4, runner="ray")
        trials = study.trials
    changed = [trial for trial in trials if trial.changes]
    assert changed
    _, _, children = runs(folder, "pbt")
    for trial in changed:
        run = children[trial.number]
        assert run.data.params["lr"] == str(trial.changes[0].params["lr"])
        assert run.data.metrics["param/lr"] == trial.params["lr"]  # the last one
        said = json.loads(run.data.tags["hpo_bridge.changes"])
        assert said == [{"step": c.step, "source": c.source} for c in trial.changes]
