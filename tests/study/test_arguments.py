"""Arguments of the public functions: what is wrong is named, by an error of ours."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hpo_bridge as hpo
from hpo_bridge import HpoBridgeError, Space, Study, analysis
from hpo_bridge.errors import SpaceWarning, StoreError
from hpo_bridge.store import open_store
from hpo_bridge.store.study_events import SessionStarted

BAD: list[Any] = [None, {"no": "such"}, {1: 2}, "no such", ["no", 3], 0.5, -1, object(), True]
SPACE = {"x": hpo.Float(0, 1), "n": hpo.Int(1, 3)}


def loss(trial: Any) -> float:
    return float(trial["x"])


@pytest.fixture
def study() -> Iterator[Study]:
    with Study(SPACE, seed=0) as study:
        study.optimize(loss, trials=2)
        yield study


def refusal(call: Callable[[], Any]) -> HpoBridgeError | None:
    """The error of a call, which has to be one of ours; ``None`` if there is none."""
    try:
        call()
    except HpoBridgeError as error:
        return error
    return None


GOOD: dict[str, dict[str, Any]] = {
    "optimize": {"objective": loss, "trials": 2, "seconds": 0.2},
    "tell": {"trial": 2, "value": 0.5},
    "enqueue": {"params": {"x": 0.5, "n": 1}},
    "import_trials": {"source": "none.csv"},
    "export": {"target": "none.csv", "overwrite": True},
    "select": {},
    "score_test": {"function": loss},
    "nested_cv": {
        "objective": lambda trial, train: 0.5, "splits": [([0], [1]), ([1], [0])],
        "score": lambda trial, train, test: 0.5, "trials": 1, "seconds": 0.2,
    },
    "checkpoint": {"trial": 0},
    "replay": {"number": 0, "objective": loss, "runner": "inline"},
}  # fmt: skip
FREE = {("tell", "value"), ("replay", "times")}
"""Arguments that take anything, as an objective may return it, or that take long."""
ABOUT_CONTENT = {
    ("params", dict), ("source", dict), ("source", list), ("source", str), ("source", object),
    ("target", str), ("function", dict), ("gradients", dict), ("function", str), ("rename", dict),
}  # fmt: skip
"""Arguments of a type that can be right, where an error is about what is in them."""


def function_of(method: str) -> Callable[..., Any]:
    """A method of studies, or a function of the analysis that takes a study."""
    return getattr(Study, method, None) or getattr(analysis, method)


METHODS = [
    (method, name)
    for method in GOOD
    for name in inspect.signature(function_of(method)).parameters
    if name not in ("self", "study", "options") and (method, name) not in FREE
]
METHODS.append(("import_trials", "study"))


@pytest.mark.filterwarnings("ignore::hpo_bridge.errors.TestSetWarning")
@pytest.mark.parametrize(("method", "argument"), METHODS)
def test_each_argument_of_a_method_is_named(
    study: Study, method: str, argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = partial(function_of(method), study)
    usual = "" if method == "tell" else str(refusal(lambda: call(**GOOD[method])))
    for bad in BAD:
        if (argument, type(bad)) in ABOUT_CONTENT:
            continue
        given = {**GOOD[method], argument: bad}
        if method == "tell" and argument != "trial":
            given["trial"] = study.ask()
        error = refusal(lambda given=given: call(**given))
        if error is not None and str(error) != usual:
            assert argument in str(error), f"{bad!r}: {error}"


@pytest.mark.parametrize(
    "argument", [n for n in inspect.signature(Study).parameters if n != "self"]
)
def test_each_argument_of_a_study_is_named(
    argument: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for bad in BAD:
        given = {"space": SPACE, argument: bad}
        error = refusal(lambda given=given: Study(**given).close())
        if error is not None:
            named = "lr" if argument == "space" and isinstance(bad, dict) else argument
            assert named in str(error) or isinstance(bad, dict), f"{bad!r}: {error}"


def used(built: Any) -> Space:
    """A space with what was built: only then are its conditions checked."""
    return built if isinstance(built, Space) else Space(p=built)


@pytest.mark.parametrize(
    ("build", "good"),
    [
        (hpo.Float, {"low": 0, "high": 1}), (hpo.Int, {"low": 0, "high": 1}),
        (hpo.Categorical, {"choices": ["a"]}), (lambda **given: Space(**given), {}),
    ],
)  # fmt: skip
def test_each_argument_of_a_space_is_named(build: Any, good: dict[str, Any]) -> None:
    names = inspect.signature(build).parameters
    for argument in names if good else ("constraints",):
        for bad in BAD:
            given = {**good, argument: bad} if good else {**SPACE, argument: bad}
            error = refusal(lambda given=given: used(build(**given)))
            assert error is None or argument in str(error), f"{bad!r}: {error}"


@pytest.mark.parametrize("method", ["check", "encode", "decode"])
def test_a_point_of_another_type_is_refused(method: str) -> None:
    for bad in (None, 0.5, object()):
        assert refusal(lambda bad=bad: getattr(Space(SPACE), method)(bad)) is not None, bad


@pytest.mark.parametrize("runner", [
    "inline", {"name": "inline"}, {"name": "inline", "retries": 1},
    {"name": "inline", "options": {"retries": np.int64(1)}},
])  # fmt: skip
def test_a_runner_is_given_like_a_backend(study: Study, runner: Any) -> None:
    study.optimize(loss, trials=3, runner=runner)
    assert len(study.trials) == 3
    (again,) = analysis.replay(study, 0, loss, runner=runner)
    assert again.same
    pairs = [([0, 1], [2]), ([1, 2], [0])]
    found = analysis.nested_cv(
        study, lambda trial, train: trial["x"], pairs, lambda trial, train, test: 0.5,
        trials=1, runner=runner,
    )  # fmt: skip
    assert found.complete


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"runner": {"workers": 2}}, "runner: found"), ({"runner": 3}, "runner: found 3"),
        ({"runner": {"name": "inline", "options": 3}}, "runner.options: found 3"),
        ({"runner": {"name": "inline", "options": {"retries": 1}, "retries": 1}},
         "runner.retries: is there twice"),
        ({"runner": {"name": "inline", "retries": 1}, "retries": 2},
         "runner.retries: is there twice"),
    ],
)  # fmt: skip
def test_a_runner_that_cannot_be(study: Study, given: dict[str, Any], path: str) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        study.optimize(loss, trials=3, **given)
    assert str(caught.value).startswith(path)


def test_scalars_of_other_libraries_are_arguments(tmp_path: Path) -> None:
    options = {"n_startup_trials": np.int64(2), "multivariate": np.True_}
    with Study(
        SPACE, backend={"name": "optuna.tpe", "options": options}, seed=np.int64(3),
        store=tmp_path / "s.db", name=np.str_("s"), pruner={"name": "median", "n_min_trials": 1},
    ) as study:  # fmt: skip
        study.optimize(
            lambda trial: torch.tensor(0.5), trials=np.int64(3), seconds=np.float32(60),
            retries=np.int8(1), trial_timeout=np.float64(30),
            stop={"failures": np.int64(9), "first_failures": np.int64(9)},
        )  # fmt: skip
        trial = study.ask()
        trial.report(np.float32(0.5), step=np.int64(0), metrics={np.str_("m"): torch.tensor(2)})
        study.tell(np.int64(trial.number), np.float64(0.25))
        assert (study.seed, type(study.seed), type(study.name)) == (3, int, str)
        session = next(study.store.events_of("s", SessionStarted))
        assert session.options == {"n_startup_trials": 2, "multivariate": True}
    with Study(SPACE, backend={"name": "optuna.tpe", "options": {
        "n_startup_trials": 2, "multivariate": True}}, store=tmp_path / "s.db", name="s",
    ) as again:  # fmt: skip
        assert [type(trial.value) for trial in again.trials] == [float] * 4
        again.ask()


@pytest.mark.parametrize("name", [3, None, "", Path("s"), ["s"]])
def test_a_name_is_a_text(name: Any) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        Study(SPACE, name=name)
    assert str(caught.value).startswith("name: found")


def test_a_path_is_a_store(tmp_path: Path) -> None:
    with Study(SPACE, store=tmp_path / "s.db", seed=0) as study:
        assert study.store.url == f"sqlite:///{tmp_path}/s.db"
        study.optimize(loss, trials=1)
    with Study(SPACE, store=f"sqlite:///{tmp_path}/s.db") as again:
        assert len(again.trials) == 1


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_direction_beside_directions_is_refused(direction: str) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        Study(SPACE, direction=direction, directions={"a": "minimize"})
    assert str(caught.value).startswith("direction: ")


def test_the_warning_of_a_study_points_at_its_users_line() -> None:
    with pytest.warns(SpaceWarning) as caught:
        Study({**SPACE, "k": [1, 2]}).close()
    (warning,) = caught
    assert warning.filename == __file__


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"backend": [{"name": "core.random", "trials": 2}, "no.such"]}, "backend.1: "),
        ({"backend": [{"name": "core.random", "trials": 2}, {"name": "optuna.tpe", "n_jobs": 2}]},
         "backend.1.n_jobs: "),
        ({"backend": {"name": "optuna.tpe", "n_jobs": 2}}, "backend.n_jobs: "),
        ({"observers": ["no such"]}, "observers.0: "),
        ({"observers": [object()]}, "observers.0: "),
        ({"observers": [{"nam": "mlflow"}]}, "observers.0: "),
    ],
)  # fmt: skip
def test_an_item_of_a_list_is_named(given: dict[str, Any], path: str) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        Study(SPACE, **given)
    assert str(caught.value).startswith(path)


PARTS: dict[str, Any] = {
    "x": hpo.Float(0, 1), "n": hpo.Int(1, 9), "c": hpo.Categorical(["a", "b"]),
    "y": hpo.Float(0, 1, when={"c": "a"}), "k": 3,
}  # fmt: skip


@pytest.mark.parametrize("backend", ["core.random", "optuna.tpe", "hyperopt.tpe"])
def test_a_study_goes_on_whatever_the_order_of_its_parameters(
    backend: str, tmp_path: Path
) -> None:
    def run(url: Any, parts: dict[str, Any], trials: int) -> list[Any]:
        constraints = [["x <= 0.9", "n <= 8"], ["n <= 8", "x <= 0.9"]][parts is not PARTS]
        space = Space(parts, constraints=constraints)
        with Study(space, backend=backend, store=url, seed=1) as study:
            study.optimize(lambda trial: trial["x"] + trial["n"], trials=trials)
            assert list(study.space) == list(PARTS)[:4]
            return [trial.params for trial in study.trials]

    expected = run(None, PARTS, 14)
    run(tmp_path / "s.db", PARTS, 6)
    turned = dict(reversed(PARTS.items()))
    assert run(tmp_path / "s.db", turned, 14) == expected


@pytest.mark.parametrize("stored", [{"score": "maximize"}, {"value": "maximize"}])
@pytest.mark.parametrize("result", [0.5, "own"])
def test_a_single_objective_is_the_stored_one_with_or_without_a_name(
    stored: dict[str, str], result: Any, tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    with Study(SPACE, directions=stored, store=store, seed=0) as study:
        study.optimize(loss, trials=2)
    given = {"score": "maximize"} if "value" in stored else {"value": "maximize"}
    ((own, _),) = given.items()
    value = {own: 0.5} if result == "own" else result
    with Study(SPACE, directions=given, store=store) as again:
        again.optimize(lambda trial: value, trials=4)
        assert [tuple(trial.values or ()) for trial in again.trials] == [tuple(stored)] * 4
    with pytest.raises(StoreError):
        Study(SPACE, directions=dict.fromkeys(given, "minimize"), store=store)
    with pytest.raises(StoreError):
        Study(SPACE, directions={"other": "minimize"}, store=store)


def test_an_argument_of_another_tool_is_named_as_it_is_here(study: Study) -> None:
    trial = study.ask()
    for call, here in (
        (lambda: Study(SPACE, sampler="tpe"), "backend= of Study"),
        (lambda: Study(SPACE, storage="x"), "store= of Study"),
        (lambda: Study(SPACE, study_name="x"), "name= of Study"),
        (lambda: Study(SPACE, random_state=0), "seed= of Study"),
        (lambda: study.optimize(loss, n_trials=9), "trials= of Study.optimize"),
        (lambda: study.optimize(loss, max_evals=9), "trials= of Study.optimize"),
        (lambda: study.optimize(loss, timeout=9), "seconds= of Study.optimize"),
        (lambda: study.optimize(loss, trials=9, n_jobs=2), "the option workers"),
        (lambda: hpo.Float(lower=0, upper=1), "here it is low"),
        (lambda: hpo.Int(0, 10, q=2), "here it is step"),
        (lambda: hpo.Categorical(values=[1]), "here it is choices"),
        (lambda: hpo.create_study(), "hpo_bridge.Study(space"),
        (lambda: study.optimize(loss, 9), "trials=9"),
        (lambda: study.optimize(loss, backend="core.grid"), "backend= of Study"),
        (lambda: Study(SPACE, "core.grid"), "backend='core.grid'"),
        (lambda: Study(SPACE, runner="processes"), "runner= of Study.optimize"),
        (lambda: Study(SPACE, constraints=["x < 1"]), "constraints= of Space"),
        (lambda: Study(SPACE, backend="TPESampler"), "'hyperopt.tpe' or 'optuna.tpe'"),
        (lambda: Study(SPACE, pruner="MedianPruner"), "did you mean 'median'"),
        (lambda: Study(SPACE, store="study.db"), "'sqlite:///study.db'"),
        (lambda: study.best_params, "study.best.params"),
        (lambda: study.best_value, "study.best.value"),
        (lambda: study.trials_dataframe(), "study.to_pandas()"),
        (lambda: trial.suggest_float("x", 0, 1), "trial['name']"),
    ):
        with pytest.raises((HpoBridgeError, AttributeError)) as caught:
            call()
        assert here in str(caught.value)
    assert not hasattr(study, "best_params")
    assert not hasattr(trial, "suggest_int")
    assert trial.params["x"] == trial["x"]


@pytest.mark.parametrize(("name", "function"), [
    ("verify", "verify(study)"), ("select", "select(study, rule)"),
    ("nested", "nested_cv(study, "), ("test", "score_test(study, "),
    ("tested", "test_scores(study)"), ("replay", "replay(study, number, "),
])  # fmt: skip
def test_an_answer_that_is_looked_for_in_a_study_is_named(
    study: Study, name: str, function: str
) -> None:
    with pytest.raises(AttributeError, match=re.escape(f"use hpo_bridge.analysis.{function}")):
        getattr(study, name)


def test_settings_that_a_study_alone_does_not_take_are_named() -> None:
    for setting in ("plugins", "checkpoints"):
        with pytest.raises(HpoBridgeError, match=rf"^{setting}: .*a field of .*\.StudyConfig"):
            Study(SPACE, **{setting: None})
    with pytest.raises(HpoBridgeError, match=r"^defaults: .*change_space="):
        Study(SPACE, defaults={"n": 1})


@pytest.mark.parametrize("name", ["show_progress_bar", "show_progressbar"])
def test_the_progress_of_other_tools_is_ours(name: str) -> None:
    study = Study({"x": hpo.Float(0, 1)})
    with pytest.raises(HpoBridgeError, match=r"progress= of Study\.optimize"):
        study.optimize(lambda trial: 0.0, trials=1, **{name: True})
    with pytest.raises(HpoBridgeError, match="progress: found 3, expected true or false"):
        study.optimize(lambda trial: 0.0, trials=1, progress=3)  # type: ignore[arg-type]
