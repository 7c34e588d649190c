"""The hybrid: who is asked for what, who is told what, and that it goes on where it was."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Differentiated, Float, GradientRequired, Int, Space, Study
from hpo_bridge.config import StudyConfig
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import InvalidOptions, UnsupportedProblem
from hpo_bridge.plugins import PluginManager
from hpo_bridge.study import exhaustion, open_study
from hpo_bridge.testing import BackendConformance

FAST = {"inner_trials": 3, "outer_options": {"n_startup_trials": 5}}


class TestHybridOfTpeAndAdam(BackendConformance):
    backend = "hybrid"
    options = {"outer": "optuna.tpe", "inner": "torch.adam", **FAST}


class TestHybridOfTpeAndSpsa(BackendConformance):
    backend = "hybrid"
    options = {"outer": "optuna.tpe", "inner": "torch.spsa", **FAST, "inner_trials": 4}


class TestHybridOfGenesAndRprop(BackendConformance):
    backend = "hybrid"
    options = {
        "outer": "deap.ga",
        "outer_options": {"population_size": 6},
        "inner": "torch.rprop",
        "inner_trials": 2,
    }


SPACE = Space(
    kind=Categorical(["a", "b", "c"]),
    n=Int(1, 9),
    step=Float(0, 1, step=0.5),
    lr=Float(0, 1),
    wd=Float(0, 2, when={"kind": ["b", "c"]}),
    pool="max",
)
A = {"kind": 0, "n": 1, "step": 0.0}
B = {"kind": 1, "n": 2, "step": 0.5}
C = {"kind": 2, "n": 3, "step": 1.0}


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    manager = PluginManager()
    manager.add("hybrid_fakes.py", Path(__file__).parent)
    return manager


@pytest.fixture
def fakes(plugins: PluginManager) -> Iterator[Any]:
    """The fakes' module, with nothing built yet."""
    module = sys.modules["hybrid_fakes"]
    for made in (module.OUTER, module.INNER):
        made.clear()
    yield module
    for made in (module.OUTER, module.INNER):
        made.clear()


@pytest.fixture
def study(plugins: PluginManager) -> Iterator[Any]:
    """Makes studies of the two fakes, and closes them."""
    opened: list[Study] = []

    def make(
        *points: Any, trials: int = 2, space: Any = SPACE, outer: str = "fake.outer", **more: Any
    ) -> Study:
        outer_options = {"points": points, **more.pop("outer_options", {})}
        options = {
            "outer": outer, "outer_options": outer_options, "inner": "fake.inner",
            "inner_trials": trials, **more,
        }  # fmt: skip
        backend = {"name": "hybrid", "options": options}
        opened.append(open_study(StudyConfig(space, backend=backend, seed=1, plugins=plugins)))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def slopes(trial: Trial) -> dict[str, float]:
    return {name: float(number) for number, name in enumerate(("lr", "wd")) if name in trial}


def chains(fakes: Any) -> list[Any]:
    """The inner fakes that were asked, in order; others were built to try the options."""
    return [each for each in fakes.INNER if each.asked]


def tell(s: Study, *losses: float | None) -> list[dict[str, Any]]:
    """Asks and tells one by one; what was asked for."""
    seen = []
    for loss in losses:
        trial = s.ask()
        seen.append(trial.params)
        if loss is None:
            s.tell(trial, state="FAILED", error="no luck")
        else:
            s.tell(trial, loss, gradients=slopes(trial))
    return seen


# -- who does what -----------------------------------------------------------------------


def test_each_configuration_gets_its_trials_over_what_is_continuous_there(
    study: Any, fakes: Any
) -> None:
    s = study(A, B, trials=2)
    seen = tell(s, 3.0, 2.0, 1.0, 4.0)
    assert seen == [
        {"kind": "a", "n": 1, "step": 0.0, "lr": 0.1, "pool": "max"},
        {"kind": "a", "n": 1, "step": 0.0, "lr": 0.2, "pool": "max"},
        {"kind": "b", "n": 2, "step": 0.5, "lr": 0.1, "wd": 0.2, "pool": "max"},
        {"kind": "b", "n": 2, "step": 0.5, "lr": 0.2, "wd": 0.4, "pool": "max"},
    ]
    assert list(fakes.OUTER[-1].problem.space) == ["kind", "n", "step"]
    assert [list(each.problem.space) for each in chains(fakes)] == [["lr"], ["lr", "wd"]]


def test_the_outer_one_is_told_the_best_of_each(study: Any, fakes: Any) -> None:
    s = study(A, B, C, trials=2)
    tell(s, 3.0, 2.0, None, 4.0, None, None)
    s.ask()
    told = fakes.OUTER[-1].told
    assert [o.token for o in told] == ["outer 0", "outer 1", "outer 2"]
    assert [o.losses for o in told] == [(2.0,), (4.0,), None]
    assert [o.state.value for o in told] == ["COMPLETE", "COMPLETE", "FAILED"]
    assert [dict(o.params) for o in told] == [A, B, C]
    assert all(o.gradients is None for o in told)


def test_the_inner_one_is_told_its_own_parameters_with_derivatives(study: Any, fakes: Any) -> None:
    s = study(B, trials=2, warm_start=False)
    tell(s, 3.0, None)
    s.ask()
    first, second = chains(fakes)[0].told
    assert first.params == {"lr": 0.1, "wd": 0.2}
    assert first.gradients == {"lr": 0.0, "wd": 1.0}
    assert first.losses == (3.0,)
    assert (first.token, second.token) == ("inner 0", "inner 1")
    assert second.losses is None
    assert second.state is TrialState.FAILED


def test_a_maximum_is_a_minimum_for_both(plugins: PluginManager, fakes: Any) -> None:
    options = {"outer": "fake.outer", "outer_options": {"points": [A]}, "inner": "fake.inner"}
    backend = {"name": "hybrid", "options": {**options, "inner_trials": 2}}
    config = StudyConfig(SPACE, backend=backend, direction="maximize", seed=1, plugins=plugins)
    with open_study(config) as s:
        tell(s, 3.0, 5.0)
        s.ask()
    assert fakes.OUTER[-1].told[0].losses == (-5.0,)
    assert chains(fakes)[0].told[0].losses == (-3.0,)


def test_while_one_chain_waits_another_begins_and_the_first_has_the_way(
    study: Any, fakes: Any
) -> None:
    s = study(A, B, C, trials=3)
    one, two = s.ask(), s.ask()
    assert [t["kind"] for t in (one, two)] == ["a", "b"]
    s.tell(two, 1.0, gradients=slopes(two))
    assert s.ask()["kind"] == "b"
    s.tell(one, 1.0, gradients=slopes(one))
    assert s.ask()["kind"] == "a"
    assert s.ask()["kind"] == "c"


def test_an_outer_one_that_waits_is_waited_for(study: Any) -> None:
    from hpo_bridge import WaitingForResults

    s = study(A, B, trials=1, outer_options={"most": 1})
    trial = s.ask()
    with pytest.raises(WaitingForResults):
        s.ask()
    s.tell(trial, 1.0, gradients=slopes(trial))
    assert s.ask()["kind"] == "b"


def test_an_outer_one_that_ends_ends_the_study_when_its_last_chain_has(study: Any) -> None:
    s = study(A, B, trials=2, outer_options={"once": True})
    s.optimize(lambda trial: Differentiated(1.0, slopes(trial)), trials=50)
    assert [t.params["kind"] for t in s.trials] == ["a", "a", "b", "b"]
    assert "the script is over" in str(exhaustion(s))


def test_a_flat_outer_one_sees_no_conditions(study: Any, fakes: Any) -> None:
    space = Space(
        kind=Categorical(["a", "b"]), n=Int(1, 9, when={"kind": "b"}), lr=Float(0, 1),
    )  # fmt: skip
    s = study({"kind": 0, "n": 7}, trials=1, space=space, outer="fake.flat")
    assert tell(s, 1.0) == [{"kind": "a", "lr": 0.1}]
    s.ask()
    assert dict(fakes.OUTER[-1].told[0].params) == {"kind": 0, "n": 7}


# -- configurations that come again, and warm starts -------------------------------------


def test_a_configuration_that_comes_again_goes_on_where_it_was(study: Any, fakes: Any) -> None:
    s = study(A, B, A, trials=2)
    seen = tell(s, 3.0, 2.0, 1.0, 1.0, 5.0, 6.0)
    assert [p["lr"] for p in seen] == [0.1, 0.2, 0.1, 0.2, pytest.approx(0.3), 0.4]
    s.ask()
    assert [o.losses for o in fakes.OUTER[-1].told] == [(2.0,), (1.0,), (2.0,)]
    assert len(chains(fakes)) == 2


def test_one_that_runs_now_gets_another_chain(study: Any) -> None:
    s = study(A, trials=2)
    one, two = s.ask(), s.ask()
    assert one.params == two.params  # as the fake has it; a real inner one has another seed
    for trial in (one, two):
        s.tell(trial, 1.0, gradients=slopes(trial))
    assert [s.ask()["lr"], s.ask()["lr"]] == [0.2, 0.2]


def test_real_chains_of_the_same_configuration_begin_apart() -> None:
    space = Space(one=Int(7, 7), lr=Float(0, 1))
    backend = {"name": "hybrid", "options": {"outer": "core.random", "warm_start": False}}
    with Study(space, backend=backend, seed=1) as s:
        assert len({s.ask()["lr"] for _ in range(6)}) == 6


def test_a_new_configuration_is_told_the_best_trial_so_far(study: Any, fakes: Any) -> None:
    s = study(B, A, C, trials=2)
    tell(s, 3.0, 2.0, 1.0, 5.0)
    s.ask()
    b, a, c = chains(fakes)
    assert b.told[0].token == "inner 0"
    assert (a.told[0].token, a.told[0].params, a.told[0].losses) == (None, {"lr": 0.2}, (2.0,))
    # A's trial at 1.0 has no wd; of those that have it B's second is the best.
    assert (c.told[0].token, c.told[0].params) == (None, {"lr": 0.2, "wd": 0.4})
    assert c.told[0].gradients is None


def test_or_not(study: Any, fakes: Any) -> None:
    s = study(B, A, trials=2, warm_start=False)
    tell(s, 3.0, 2.0, 1.0)
    assert [o.token for each in chains(fakes) for o in each.told] == ["inner 0", "inner 1"]


def test_real_chains_begin_at_the_best(tmp_path: Path) -> None:
    space = Space(kind=Categorical(list("abcdefgh")), lr=Float(1e-4, 1, log=True))

    def objective(trial: Trial) -> Any:
        return (trial.tensors["lr"] / 0.1).log() ** 2 + len(trial["kind"])

    backend = {"name": "hybrid", "options": {"outer": "core.random", "inner_trials": 8}}
    with Study(space, backend=backend, seed=1) as s:
        s.optimize(objective, trials=9)
        best = min(s.trials[:8], key=lambda t: t.value)
        assert s.trials[8].params["lr"] == pytest.approx(best.params["lr"], rel=1e-9)


# -- half of it --------------------------------------------------------------------------


def test_where_nothing_is_continuous_there_is_one_trial(study: Any, fakes: Any) -> None:
    space = Space(kind=Categorical(["a", "b"]), lr=Float(0, 1, when={"kind": "b"}))
    s = study({"kind": 0}, {"kind": 1}, {"kind": 0}, trials=2, space=space)
    seen = tell(s, 3.0, 2.0, 1.0, 4.0)
    assert seen == [{"kind": "a"}, {"kind": "b", "lr": 0.1}, {"kind": "b", "lr": 0.2},
                    {"kind": "a"}]  # fmt: skip
    s.ask()
    assert [o.losses for o in fakes.OUTER[-1].told] == [(3.0,), (1.0,), (3.0,)]


def test_a_space_without_anything_continuous_is_the_outer_ones(study: Any, fakes: Any) -> None:
    s = study({"n": 1}, {"n": 2}, trials=5, space=Space(n=Int(1, 3)))
    s.optimize(lambda trial: 1.0, trials=4)
    assert [t.params["n"] for t in s.trials] == [1, 2, 1, 2]
    assert fakes.INNER == []


def test_a_space_of_continuous_ones_is_the_inner_ones(study: Any, fakes: Any) -> None:
    s = study(A, trials=2, space=Space(lr=Float(0, 1)))
    assert [p["lr"] for p in tell(s, 5.0, 4.0, 3.0, 2.0)] == [0.1, 0.2, pytest.approx(0.3), 0.4]
    assert fakes.OUTER == []


# -- gradients ---------------------------------------------------------------------------


def test_it_needs_the_gradients_that_the_inner_one_needs(study: Any) -> None:
    s = study(B, trials=2)
    with pytest.raises(GradientRequired, match="gave no gradients, which backend 'hybrid' needs"):
        s.optimize(lambda trial: 1.0, trials=4)
    free = study(B, trials=2, inner_options={"gradients": False})
    free.optimize(lambda trial: float(trial.wants_gradients), trials=4)
    assert [t.value for t in free.trials] == [0.0] * 4


# -- foreign points ----------------------------------------------------------------------


def test_foreign_points_go_to_both(study: Any, fakes: Any) -> None:
    s = study(A, trials=2)
    s.enqueue({"kind": "b", "n": 5, "step": 1.0, "lr": 0.7, "wd": 1.5})
    trial = s.ask()
    s.tell(trial, 0.5, gradients={"lr": 1.0, "wd": 1.0})
    s.ask()
    (seen,) = fakes.OUTER[-1].told
    assert (seen.token, dict(seen.params)) == (None, {"kind": 1, "n": 5, "step": 1.0})
    (warm,) = fakes.INNER[-1].told
    assert (warm.token, warm.params, warm.losses) == (None, {"lr": 0.7}, (0.5,))


# -- pruned and forbidden trials ---------------------------------------------------------


def test_a_chain_of_pruned_trials_is_a_pruned_one(study: Any, fakes: Any) -> None:
    s = study(A, trials=2)
    for value in (9.0, 8.0):
        trial = s.ask()
        trial.report(value, 1)
        s.tell(trial, state="PRUNED")
    s.ask()
    (seen,) = fakes.OUTER[-1].told
    assert (seen.state, seen.losses, seen.reports) == (TrialState.PRUNED, None, ((1, 8.0),))


def test_a_chain_that_a_constraint_forbids_is_infeasible(study: Any, fakes: Any) -> None:
    space = Space(dict(SPACE), constraints=["n >= 2"])
    s = study(A, B, trials=2, space=space)
    assert s.ask()["n"] == 2
    (seen,) = fakes.OUTER[-1].told
    assert seen.infeasible
    assert seen.state is TrialState.FAILED


# -- what is wrong -----------------------------------------------------------------------

WRONG = [
    ({"outer": "optuna.tp"}, "outer: found 'optuna.tp', expected one of"),
    ({"outer": "optuna.tp"}, "did you mean 'optuna.tpe'?"),
    ({"inner": "torch.adm"}, "inner: found 'torch.adm', expected one of"),
    ({"outer": 3}, "outer: found 3, expected a name"),
    ({"inner_options": [1]}, "inner_options: found [1], expected a mapping"),
    ({"inner_options": {"stepp": 1}}, "inner_options.stepp: unknown option of backend"),
    ({"inner_options": {"step": -1}}, "step: found -1"),
    ({"outer_options": {"seeds": 1}}, "outer_options.seeds: unknown option"),
    ({"inner_trials": 0}, "inner_trials: found 0, expected at least 1"),
    ({"warm_start": 1}, "warm_start: found 1, expected true or false"),
    ({"trials": 4}, "trials: unknown option of backend 'hybrid'"),
    ({"plugins": 4}, "plugins: unknown option of backend 'hybrid'"),
]


@pytest.mark.parametrize(("options", "words"), WRONG)
def test_wrong_options_are_refused_before_anything_runs(options: Any, words: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        Study(SPACE, backend={"name": "hybrid", "options": options})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_objectives_are_refused() -> None:
    with pytest.raises(UnsupportedProblem, match="takes one objective, the study has 2"):
        Study(SPACE, backend="hybrid", directions={"a": "minimize", "b": "minimize"})


def test_it_explains_who_has_what() -> None:
    from hpo_bridge.contracts.optimizer import Problem
    from hpo_bridge.plugins import manager

    hybrid = manager().build("backend", "hybrid", {}, Problem(SPACE.indexed()))
    rows = {row.parameter: row for row in hybrid.explain()}
    assert list(rows) == list(SPACE)
    assert rows["kind"].detail.startswith("optuna.tpe: ")
    assert rows["lr"].detail == "torch.adam: gradient steps in its range as [0, 1]"


# -- from a study file, cut and continued ------------------------------------------------

OBJECTIVE = """\
def objective(trial):
    t = trial.tensors
    loss = (t["lr"] / 0.03).log() ** 2 / trial["layers"] + (trial["layers"] - 3) ** 2
    if trial["kind"] == "sgd":
        loss = loss + (t["momentum"] - 0.9) ** 2
    return loss + {"adam": 0.5, "sgd": 0.0, "lion": 2.0}[trial["kind"]]
"""
FILE = """\
study: hybrid
objective: objective.py:objective
space:
  lr: {type: float, low: 1.0e-4, high: 1.0, log: true}
  layers: {type: int, low: 1, high: 4}
  kind: {type: categorical, choices: [adam, sgd, lion]}
  momentum: {type: float, low: 0.0, high: 0.99, when: {kind: sgd}}
seed: 3
budget: {trials: 40}
backend: BACKEND
"""
FORMS = {
    "nested": "{name: hybrid, options: {outer: optuna.tpe, outer_options: {multivariate: true}, "
    "inner: torch.adam, inner_options: {step: 0.1}, inner_trials: 4}}",
    "beside": "{name: hybrid, outer: optuna.tpe, outer_options: {multivariate: true}, "
    "inner: torch.adam, inner_options: {step: 0.1}, inner_trials: 4}",
    "short": "{name: hybrid, outer: deap.ga, inner: torch.rprop}",
}


def folder(tmp_path: Path, form: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    file = tmp_path / "study.yaml"
    file.write_text(FILE.replace("BACKEND", FORMS[form]))
    return file


def trials(command: Any, file: Path) -> list[Any]:
    rows = json.loads(command("trials", str(file), "--json").stdout)
    return [[row["number"], row["state"], row["params"], row["values"]] for row in rows]


def test_both_forms_of_a_study_file_mean_the_same_and_it_is_continued_exactly(
    tmp_path: Path, command: Any
) -> None:
    whole = folder(tmp_path / "whole", "nested")
    ran = command("run", str(whole), "--json")
    assert ran.returncode == 0, ran.stderr
    expected = trials(command, whole)
    assert len(expected) == 40
    assert {row[1] for row in expected} == {"COMPLETE"}
    cut = folder(tmp_path / "cut", "beside")
    for count in (1, 6, 23, 40):
        ran = command("run", str(cut), "--trials", str(count))
        assert ran.returncode == 0, ran.stderr
        assert "cannot be continued" not in ran.stderr
        assert trials(command, cut) == expected[:count]
    best = json.loads(command("best", str(cut), "--json").stdout)["best"]
    assert best["params"]["layers"] == 3


def test_a_genetic_outer_one_and_two_workers(tmp_path: Path, command: Any) -> None:
    file = folder(tmp_path, "short")
    ran = command("run", str(file), "--runner", "processes", "--set", "runner.workers=2", "--json")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["counts"]["COMPLETE"] == 40
    assert report["best"]["values"]["value"] < 0.8


def test_explain_shows_both(tmp_path: Path, command: Any) -> None:
    ran = command("explain", str(folder(tmp_path, "nested")))
    assert ran.returncode == 0, ran.stderr
    assert "torch.adam: gradient steps" in ran.stdout
    assert "optuna.tpe: " in ran.stdout


def test_a_wrong_name_is_shown_where_it_stands(tmp_path: Path, command: Any) -> None:
    file = folder(tmp_path, "short")
    file.write_text(file.read_text().replace("deap.ga", "deap.gaa"))
    ran = command("run", str(file))
    assert ran.returncode == 2
    assert "backend.outer: found 'deap.gaa'" in ran.stderr
