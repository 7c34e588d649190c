"""An objective that computes with ``trial.tensors``: who differentiates it, when, and what for."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hpo_bridge_torch.tensors import Tape

import hpo_bridge as hpo
from hpo_bridge import Float, GradientRequired, Int, Space, Study
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.store.event_types import Finished

SPACE = Space(x=Float(-1, 1), rate=Float(1e-3, 1, log=True), pool="max")
ADAM = {"name": "torch.adam", "options": {"n_starts": 2}}


def bowl(trial: Trial) -> Any:
    t = trial.tensors
    return (t["x"] - 0.3) ** 2 + (t["rate"].log() + 2) ** 2


def slopes(params: Any) -> dict[str, float]:
    rate = params["rate"]
    return {"x": 2 * (params["x"] - 0.3), "rate": 2 * (math.log(rate) + 2) / rate}


@pytest.fixture
def study() -> Iterator[Callable[..., Study]]:
    """Makes studies, and closes them."""
    opened: list[Study] = []

    def make(space: Any = SPACE, backend: Any = ADAM, **more: Any) -> Study:
        opened.append(Study(space, backend=backend, seed=3, **more))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def logged(s: Study) -> list[Any]:
    return [event.gradients for event in s.store.events_of(s.name, Finished)]


RUNNERS = {
    "inline": {},
    "processes": {"workers": 2},
    "ray": {"workers": 2, "address": "local"},
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_every_runner_differentiates_it(study: Any, runner: str) -> None:
    if runner == "ray":
        pytest.importorskip("ray")
    s = study()
    s.optimize(bowl, trials=6, runner=runner, **RUNNERS[runner])
    assert [t.state for t in s.trials] == [TrialState.COMPLETE] * 6
    by_values = {t.value: t.params for t in s.trials}
    for event in s.store.events_of(s.name, Finished):
        expected = slopes(by_values[event.values["value"]])
        assert event.gradients == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("backend", ["core.random", "optuna.tpe", "torch.spsa"])
def test_it_runs_under_any_other_backend_and_is_a_number_there(study: Any, backend: str) -> None:
    def objective(trial: Trial) -> Any:
        assert not trial.wants_gradients
        assert not any(tensor.requires_grad for tensor in trial.tensors.values())
        return bowl(trial)

    s = study(backend=backend)
    s.optimize(objective, trials=3)
    for t in s.trials:
        expected = (t.params["x"] - 0.3) ** 2 + (math.log(t.params["rate"]) + 2) ** 2
        assert t.value == pytest.approx(expected, rel=1e-12)
    assert logged(s) == [None] * 3


def test_it_finds_the_minimum(study: Any) -> None:
    s = study(backend="torch.adam")
    s.optimize(bowl, trials=25)
    assert s.best.value < 0.01


def test_a_maximum_is_found_by_going_up(study: Any) -> None:
    s = study(backend="torch.adam", direction="maximize")
    s.optimize(lambda trial: -bowl(trial), trials=25)
    assert s.best.value > -0.01


def test_what_the_tensors_are(study: Any) -> None:
    space = Space(x=Float(-1, 1), step=Float(0, 1, step=0.5), n=Int(1, 3), pool=0.5)
    trial = study(space, backend="core.random").ask()
    assert list(trial.tensors) == ["x", "step"]
    assert trial.tensors["x"].dtype == torch.float64
    assert trial.tensors["x"].shape == ()
    assert trial.tensors["x"].item() == trial["x"]
    assert trial.tensors is trial.tensors


def test_told_by_hand_a_tensor_is_differentiated_too(study: Any) -> None:
    s = study()
    trial = s.ask()
    assert s.tell(trial, bowl(trial)) is TrialState.COMPLETE
    assert logged(s) == [pytest.approx(slopes(trial.params), rel=1e-12)]


def test_a_named_value_and_a_tensor_of_one_element(study: Any) -> None:
    s = study(directions={"loss": "minimize"})
    s.optimize(lambda trial: {"loss": bowl(trial).reshape(1)}, trials=2)
    assert [t.state.value for t in s.trials] == ["COMPLETE", "COMPLETE"]
    assert all(logged(s))


def test_a_scalar_of_single_precision_on_the_way_is_fine(study: Any) -> None:
    s = study()
    s.optimize(lambda trial: bowl(trial).float(), trials=1)
    assert logged(s)[0] == pytest.approx(slopes(s.trials[0].params), rel=1e-5)


def test_constraints_are_kept(study: Any) -> None:
    space = Space(x=Float(0, 1), y=Float(0, 1), constraints=["x + y <= 1"])
    s = study(space, backend="torch.adam")
    s.optimize(lambda trial: -trial.tensors["x"] - 2 * trial.tensors["y"], trials=40)
    assert {t.state.value for t in s.trials} == {"COMPLETE"}
    assert -2 <= s.best.value < -1.4


# -- what goes wrong ---------------------------------------------------------------------


def error_of(s: Study, objective: Any) -> str:
    with pytest.raises(GradientRequired) as caught:
        s.optimize(objective, trials=10)
    assert len(s.trials) == 1
    assert str(s.trials[0].error) == str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_float_has_no_gradient(study: Any) -> None:
    for result in (lambda trial: trial["x"] ** 2, lambda trial: bowl(trial).detach()):
        words = error_of(study(), result)
        assert words.startswith(
            "the objective gave no gradients, which backend 'torch.adam' needs"
        )
        assert "trial.tensors" in words
        assert "hpo_bridge.Differentiated" in words
        assert "estimator: spsa" in words


def test_item_on_one_parameter_is_found_by_name(study: Any) -> None:
    words = error_of(study(), lambda trial: trial.tensors["x"] ** 2 * trial.tensors["rate"].item())
    assert words.startswith("the objective gave no gradient of 'rate'")
    assert ".item()" in words
    assert "0 * trial.tensors['rate']" in words


def test_the_advice_for_an_unused_parameter_is_true(study: Any) -> None:
    s = study()
    s.optimize(lambda trial: trial.tensors["x"] ** 2 + 0 * trial.tensors["rate"], trials=2)
    assert [t.state.value for t in s.trials] == ["COMPLETE", "COMPLETE"]
    assert logged(s)[0]["rate"] == 0.0


def test_a_value_or_a_gradient_that_is_no_number_fails_the_trial_alone(study: Any) -> None:
    def objective(trial: Trial) -> Any:
        x = trial.tensors["x"]
        extra = {1: x * math.nan, 3: 0 * (x - x).sqrt()}.get(trial.number, 0 * x)
        return bowl(trial) + extra

    s = study()
    s.optimize(objective, trials=6)
    assert [t.state.value for t in s.trials] == [
        "COMPLETE", "FAILED", "COMPLETE", "FAILED", "COMPLETE", "COMPLETE",
    ]  # fmt: skip
    assert "expected a finite number" in str(s.trials[1].error)
    assert str(s.trials[3].error) == "the gradient of x is nan, expected a finite number"


def test_a_history_that_is_gone_is_the_trials_failure(study: Any) -> None:
    def objective(trial: Trial) -> Any:
        loss = bowl(trial)
        loss.backward()
        return loss

    s = study()
    s.optimize(objective, trials=1)
    assert s.trials[0].state is TrialState.FAILED
    assert "RuntimeError: Trying to backward through the graph a second time" in s.trials[0].error


def test_an_exception_on_the_way_is_the_trials_failure(study: Any) -> None:
    def objective(trial: Trial) -> Any:
        if trial.number == 0:
            raise ValueError("no luck")
        return bowl(trial)

    s = study()
    s.optimize(objective, trials=3)
    assert [t.state.value for t in s.trials] == ["FAILED", "COMPLETE", "COMPLETE"]


def test_without_torch_the_tensors_say_how_to_get_it() -> None:
    from hpo_bridge.contracts.gradients import Differentiation

    trial = Trial(0, {"x": 1.0}, 0, None, differentiation=Differentiation(missing="no torch"))  # type: ignore[arg-type]
    with pytest.raises(hpo.HpoBridgeError, match=r"trial\.tensors: no torch"):
        _ = trial.tensors


def test_torch_is_not_imported_before_a_trial_asks() -> None:
    code = (
        "import sys, hpo_bridge as hpo\n"
        "from hpo_bridge import Float, Space, Study, Trial\n"
        "s = Study(Space(x=Float(0, 1)), seed=0)\n"
        "s.optimize(lambda trial: hpo.Differentiated(trial['x'], {'x': 1.0}), trials=2)\n"
        "assert 'torch' not in sys.modules\n"
        "s.optimize(lambda trial: trial.tensors['x'], trials=3)\n"
        "assert 'torch' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- the tape ----------------------------------------------------------------------------


def test_a_tape_tells_no_history_from_no_dependence() -> None:
    tape = Tape({"x": 2.0, "y": 3.0, "z": 4.0}, ["x", "y"])
    assert tape.gradients(tape.tensors["x"] ** 3) == {"x": 12.0, "y": None}
    for result in (1.0, "text", None, tape.tensors["z"] * 2, tape.tensors["x"].detach()):
        assert tape.gradients(result) is None
    assert tape.gradients(torch.stack([tape.tensors["x"], tape.tensors["y"]])) is None
    other = torch.ones((), requires_grad=True)
    assert tape.gradients(other * 2) == {"x": None, "y": None}


def test_lists_are_vectors() -> None:
    tape = Tape({"w": [1.0, 2.0, 3.0]}, ["w"])
    assert tape.tensors["w"].shape == (3,)
    assert tape.gradients((tape.tensors["w"] ** 2).sum()) == {"w": [2.0, 4.0, 6.0]}


def test_jax_and_others_give_theirs_by_differentiated(study: Any) -> None:
    s = study(backend="torch.adam")
    s.optimize(
        lambda trial: hpo.Differentiated(
            (trial["x"] - 0.3) ** 2 + (math.log(trial["rate"]) + 2) ** 2, slopes(trial.params)
        ),
        trials=25,
    )
    other = study(backend="torch.adam")
    other.optimize(bowl, trials=25)
    for name in ("x", "rate"):
        found, wanted = ([t.params[name] for t in each.trials] for each in (s, other))
        assert found == pytest.approx(wanted, rel=1e-9)


STUDY = """\
objective: objective.py:objective
space: {x: {type: float, low: 0, high: 1}%s}
backend: torch.adam
budget: {trials: 50}
seed: 0
"""


def test_the_command_stops_with_the_reason(tmp_path: Path, command: Any) -> None:
    (tmp_path / "objective.py").write_text("def objective(trial):\n    return trial['x'] ** 2\n")
    file = tmp_path / "study.yaml"
    file.write_text(STUDY % "")
    ran = command("run", str(file))
    assert ran.returncode == 2
    assert "the objective gave no gradients, which backend 'torch.adam' needs" in ran.stderr
    assert "Traceback" not in ran.stderr
    rows = json.loads(command("trials", str(file), "--json").stdout)
    assert [row["state"] for row in rows] == ["FAILED"]


def test_the_command_refuses_what_has_no_gradient(tmp_path: Path, command: Any) -> None:
    (tmp_path / "objective.py").write_text("def objective(trial):\n    return 1.0\n")
    file = tmp_path / "study.yaml"
    file.write_text(STUDY % ", layers: {type: int, low: 1, high: 3}")
    ran = command("run", str(file))
    assert ran.returncode == 2
    assert "parameter 'layers': is an integer, which has no gradient" in ran.stderr
    assert "hybrid" in ran.stderr
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".db"] == []


def test_no_warning_of_torchs_reaches_the_user(study: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        study().optimize(bowl, trials=2)
        study(backend="core.random").optimize(bowl, trials=2)
