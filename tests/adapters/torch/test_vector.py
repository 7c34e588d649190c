"""Vectors all the way: backends, gradients, stores, study files, and who refuses them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hpo_bridge_torch.gradient import Adam

import hpo_bridge as hpo
from hpo_bridge import Categorical, Float, Space, Study, UnsupportedProblem
from hpo_bridge.contracts.optimizer import Capability, Observation, Problem
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.plugins import manager
from hpo_bridge.store.event_types import Finished

SIZE = 300
TARGET = np.linspace(0.1, 0.9, SIZE)
SPACE = Space(w=Float(0, 1, shape=(SIZE,)), rate=Float(1e-3, 1, log=True))


def objective(trial: Trial) -> Any:
    t = trial.tensors
    assert t["w"].shape == (SIZE,)
    away = t["w"] - torch.from_numpy(TARGET)
    return (away**2).mean() + (t["rate"].log() + 3) ** 2


def test_hundreds_of_parameters_are_tuned_by_a_few_trials(tmp_path: Path) -> None:
    with Study(SPACE, backend="torch.adam", seed=0) as study:
        study.optimize(objective, trials=40)
        best = study.best
        assert best.value < 0.01
        assert np.abs(np.array(best.params["w"]) - TARGET).mean() < 0.08
    with Study(SPACE, backend="core.random", seed=0) as study:
        study.optimize(objective, trials=40)
        assert study.best.value > 0.1


@pytest.mark.parametrize("backend", ["torch.adam", "torch.sgd", "torch.rprop", "torch.spsa"])
def test_cut_it_goes_on_the_same_with_workers_too(backend: str, tmp_path: Path) -> None:
    with Study(SPACE, backend=backend, seed=5) as whole:
        whole.optimize(objective, trials=12)
        expected = [(t.params, t.values) for t in whole.trials]
    url = f"sqlite:///{tmp_path}/s.db"
    for trials in (5, 12):
        with Study(SPACE, backend=backend, seed=5, store=url) as study:
            study.optimize(objective, trials=trials, runner="processes", workers=1)
            assert [(t.params, t.values) for t in study.trials] == expected[:trials]


def test_the_log_has_lists(tmp_path: Path) -> None:
    with Study(SPACE, backend="torch.adam", seed=0, store=f"sqlite:///{tmp_path}/s.db") as study:
        study.optimize(objective, trials=1)
        (event,) = study.store.events_of("study", Finished)
        slopes = event.gradients
        (trial,) = study.trials
    wanted = 2 * (np.array(trial.params["w"]) - TARGET) / SIZE
    np.testing.assert_allclose(slopes["w"], wanted, atol=1e-15)
    assert type(slopes["rate"]) is float


def test_every_backend_without_the_capability_refuses_them_by_name() -> None:
    plugins, refused = manager(), 0
    for offer in plugins.offers("backend"):
        name, can = offer.spec.name, Capability.VECTOR in offer.spec.capabilities
        if can or offer.status != "active":
            continue
        with pytest.raises(UnsupportedProblem) as caught:
            Study(Space(x=Float(0, 1), w=Float(0, 1, shape=(2,))), backend=name)
        assert caught.value.parameter == "w"
        assert f"is a vector, which {name!r} does not take; use a backend that has" in str(
            caught.value
        )
        refused += 1
    assert refused > 10


def test_who_takes_them() -> None:
    able = {
        offer.spec.name
        for offer in manager().offers("backend")
        if Capability.VECTOR in offer.spec.capabilities
    }
    assert {
        "auto",
        "core.random",
        "hybrid",
        "portfolio",
        "torch.adam",
        "torch.sgd",
        "torch.rprop",
        "torch.spsa",
    } == able


@pytest.mark.parametrize("inner", ["torch.adam", "optuna.cmaes"])
def test_a_hybrid_takes_what_its_inner_backend_takes(inner: str) -> None:
    space = Space(kind=Categorical(["a", "b"]), w=Float(0, 1, shape=(5,), when={"kind": "b"}))
    backend = {"name": "hybrid", "options": {"outer": "core.random", "inner": inner}}
    if inner == "optuna.cmaes":
        with pytest.raises(UnsupportedProblem, match="parameter 'w': is a vector"):
            Study(space, backend=backend)
        return

    def branch(trial: Trial) -> Any:
        return (trial.tensors["w"] ** 2).sum() if "w" in trial else 5.0

    with Study(space, backend=backend, seed=0) as study:
        study.optimize(branch, trials=30)
        assert study.best.params["kind"] == "b"
        assert study.best.value < 0.05


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([1.0, 2.0], "the gradient of w is [1.0, 2.0], expected a list of 3 numbers"),
        (1.0, "the gradient of w is 1.0, expected a list of 3 numbers"),
        ([0.0, float("inf"), 0.0], "the gradient of w is inf, expected a finite number"),
    ],
)
def test_gradients_have_the_length_of_the_vector(given: Any, words: str) -> None:
    with Study(Space(w=Float(0, 1, shape=(3,))), backend="torch.adam", seed=0) as study:
        study.tell(study.ask(), 1.0, gradients={"w": given})
        assert study.trials[0].error == words
        study.tell(study.ask(), hpo.Differentiated(1.0, {"w": np.ones(3)}))
        assert study.trials[1].state.value == "COMPLETE"


def test_init_of_a_vector_is_a_number_or_a_list() -> None:
    problem = Problem(Space(w=Float(0, 4, shape=(3,)), x=Float(0, 1)))
    (point,) = Adam(problem, init={"w": 2}).ask(1)
    assert point.params["w"] == [2.0, 2.0, 2.0]
    (point,) = Adam(problem, init={"w": [0.0, 1.0, 4.0]}).ask(1)
    assert point.params["w"] == [0.0, 1.0, 4.0]
    with pytest.raises(ValueError, match=r"init: w: found 2, expected a list of 3 numbers"):
        Adam(problem, init={"w": [1.0, 2.0]})


def test_steps_go_down_in_each_component() -> None:
    problem = Problem(Space(w=Float(0, 4, shape=(3,)), x=Float(0, 1)))
    adam = Adam(problem, init={"w": 2, "x": 0.5}, step=0.1)
    (point,) = adam.ask(1)
    slopes = {"w": [1.0, -2.0, 0.0], "x": -1.0}
    adam.tell([Observation(point.params, (1.0,), point.token, gradients=slopes)])
    (after,) = adam.ask(1)
    np.testing.assert_allclose(after.params["w"], [1.6, 2.4, 2.0], atol=1e-9)
    assert after.params["x"] == pytest.approx(0.6)


FILE = """\
study: vectors
objective: objective.py:objective
space:
  w: {type: float, low: 0.0, high: 1.0, shape: [150]}
  d: {type: float, low: 1.0e-4, high: 1.0, log: true, shape: [2]}
backend: torch.adam
budget: {trials: 3}
seed: 0
"""


def test_a_study_file_and_what_the_command_prints(tmp_path: Path, command: Any) -> None:
    code = "def objective(t):\n    return (t.tensors['w']**2).sum() + t.tensors['d'].log().sum()\n"
    (tmp_path / "objective.py").write_text(code)
    file = tmp_path / "study.yaml"
    file.write_text(FILE)
    ran = command("run", str(file))
    assert ran.returncode == 0, ran.stderr
    assert "150 in all]" in ran.stdout + ran.stderr
    rows = json.loads(command("trials", str(file), "--json").stdout)
    assert [len(row["params"]["w"]) for row in rows] == [150] * 3
    for read in ("trials", "best"):
        text = command(read, str(file)).stdout
        assert "150 in all]" in text
        assert max(map(len, text.splitlines())) < 400
    (row, *_) = csv.DictReader(command("trials", str(file), "--csv").stdout.splitlines())
    assert json.loads(row["params.w"]) == rows[0]["params"]["w"]  # whole, as in an export
    assert json.loads(row["params.d"]) == rows[0]["params"]["d"]
    explained = command("explain", str(file)).stdout
    assert "150 coordinates" in explained


def test_a_study_file_for_another_backend_is_refused(tmp_path: Path, command: Any) -> None:
    (tmp_path / "objective.py").write_text("def objective(t):\n    return 1.0\n")
    file = tmp_path / "study.yaml"
    file.write_text(FILE)
    ran = command("run", str(file), "--backend", "optuna.tpe")
    assert ran.returncode == 2
    assert "parameter 'w': is a vector, which 'optuna.tpe' does not take" in ran.stderr


def test_a_table_of_trials_holds_lists() -> None:
    pytest.importorskip("pandas")
    with Study(Space(w=Float(0, 1, shape=(3,))), seed=0) as study:
        study.optimize(lambda trial: sum(trial["w"]), trials=2)
        frame = study.to_pandas()
        assert list(frame["params.w"]) == [t.params["w"] for t in study.trials]


def test_an_objective_that_changes_its_vector_changes_nothing_else() -> None:
    def rough(trial: Trial) -> float:
        trial["w"].clear()
        return 1.0

    with Study(Space(w=Float(0, 1, shape=(3,))), seed=0) as study:
        study.optimize(rough, trials=1)
        assert len(study.trials[0].params["w"]) == 3
