"""Objectives of folds, and what is measured besides, through every channel."""

from __future__ import annotations

import json
import math
import pickle
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import hpo_bridge as hpo
from hpo_bridge.cli.selected_trial import short_trial
from hpo_bridge.contracts.trial import Trial, plain_metrics
from hpo_bridge.history.plain_trial import plain_trial
from hpo_bridge.objectives.folded import mean, standard_error
from hpo_bridge.store.codec import to_plain
from hpo_bridge.store.event_types import Reported

SPACE = hpo.Space(x=hpo.Float(0, 1))


def score(trial: Any, fold: int) -> hpo.FoldScore:
    metrics = {"fold": fold, "none": math.nan, "most": math.inf} if fold else {}
    return hpo.FoldScore(trial["x"] + fold, metrics)


METRICS = ({}, {"fold": 1.0, "none": math.nan, "most": math.inf},
           {"fold": 2.0, "none": math.nan, "most": math.inf})  # fmt: skip


@pytest.fixture(params=["memory", "sqlite"])
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., hpo.Study]]:
    """Makes studies, and closes them."""
    opened = []

    def make(space: Any = SPACE, **options: Any) -> hpo.Study:
        url = f"sqlite:///{tmp_path}/s.db" if request.param == "sqlite" else None
        opened.append(hpo.Study(space, **{"seed": 0, "store": url, **options}))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def kept(record: hpo.TrialRecord) -> None:
    """The record of a trial that :func:`score` has measured in 3 folds."""
    x = record.params["x"]
    assert record.reports == ((0, x), (1, x + 1), (2, x + 2))
    assert repr(record.metrics) == repr(METRICS)
    assert record.values == {"value": pytest.approx(x + 1)}
    assert record.standard_errors == {"value": pytest.approx(1 / math.sqrt(3))}
    assert record.estimate is None


@pytest.mark.parametrize("runner", ["inline", "processes"])
def test_every_fold_is_kept(study: Callable[..., hpo.Study], runner: str) -> None:
    s = study()
    options = {"workers": 1} if runner == "processes" else {}
    s.optimize(hpo.Folded(score, 3), trials=2, runner=runner, **options)
    for record in s.trials:
        kept(record)
    told = json.loads(json.dumps(plain_trial(s.best), allow_nan=False))
    assert told["metrics"][1] == {"fold": 1.0, "none": None, "most": "Infinity"}
    assert short_trial(s.best)["standard_errors"] == s.best.standard_errors


def test_by_hand(study: Callable[..., hpo.Study]) -> None:
    s = study()
    trial = s.ask()
    assert s.tell(trial, hpo.Folded(score, 3)(trial)) is hpo.TrialState.COMPLETE
    kept(s.trials[0])


def test_a_program(study: Callable[..., hpo.Study], tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import json, sys\n"
        "x = float(sys.argv[1])\n"
        "for fold in range(3):\n"
        "    metrics = {'fold': fold, 'none': None, 'most': float('inf')} if fold else {}\n"
        "    print(json.dumps({'step': fold, 'value': x + fold, 'metrics': metrics}))\n"
        "print(json.dumps({'value': x + 1, 'standard_error': 3 ** -0.5}))\n"
    )
    s = study()
    program = str(tmp_path / "program.py")
    command = {"command": f"{shlex.quote(sys.executable)} {shlex.quote(program)} {{x}}"}
    s.optimize(command, trials=1)  # type: ignore[arg-type]
    assert s.trials[0].error is None
    kept(s.trials[0])


def test_a_program_that_reports_no_number(study: Callable[..., hpo.Study]) -> None:
    line = shlex.quote('{{"step": 0, "value": 1, "metrics": {{"auc": "high"}}}}')
    s = study()
    s.optimize({"command": f"echo {line}"}, trials=1)  # type: ignore[arg-type]
    assert "metrics: auc: expected a number, found 'high'" in (s.trials[0].error or "")


def test_observers_see_the_metrics(study: Callable[..., hpo.Study]) -> None:
    seen: list[Any] = []

    class Observer:
        @hpo.hookimpl
        def hpo_trial_reported(self, step: int, metrics: Any) -> None:
            seen.append((step, metrics))

        @hpo.hookimpl
        def hpo_trial_finished(self, trial: hpo.TrialRecord) -> None:
            seen.append(trial)

    s = study(observers=[Observer()])
    s.optimize(hpo.Folded(score, 3), trials=1)
    assert repr(seen[:3]) == repr(list(enumerate(METRICS)))
    assert repr(asdict(seen[3])) == repr(asdict(s.trials[0]))


def test_another_attempt_begins_anew(study: Callable[..., hpo.Study]) -> None:
    tries: list[int] = []

    def objective(trial: Any) -> float:
        tries.append(0)
        trial.report(0.0, 0, {"try": len(tries)})
        if len(tries) == 1:
            trial.report(0.0, 1, {"try": len(tries)})
            raise ValueError("again")
        trial.report(0.0, 1)
        return 0.0

    s = study()
    s.optimize(objective, trials=1, retries=1)
    assert s.trials[0].metrics == ({"try": 2.0}, {})


def test_no_metrics_cost_no_event_data(study: Callable[..., hpo.Study]) -> None:
    s = study()
    trial = s.ask()
    trial.report(1.0, 0)
    trial.report(1.0, 1, {})
    data = [to_plain(event) for event in s.store.events_of("study", Reported)]
    assert data == [{"step": 0, "value": 1.0}, {"step": 1, "value": 1.0}]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([1.0], r"metrics: found \[1.0\], expected \{name: number\}"),
        ({1: 1.0}, "metrics: found the name 1, expected a string"),
        ({"auc": "high"}, "metrics: auc: expected a number, found 'high'"),
        ({"auc": True}, "metrics: auc: expected a number, found True"),
    ],
)
def test_what_is_no_metric(metrics: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        plain_metrics(metrics)


def test_several_objectives(study: Callable[..., hpo.Study]) -> None:
    s = study(directions={"loss": "minimize", "size": "maximize"})

    def both(trial: Any, fold: int) -> Any:
        value = {"loss": trial["x"] + fold, "size": 2.0}
        return hpo.FoldScore(value, {"time": 3}) if fold else value

    s.optimize(hpo.Folded(both, 2), trials=1)
    (record,) = s.trials
    x = record.params["x"]
    assert record.values == {"loss": pytest.approx(x + 0.5), "size": 2.0}
    assert record.standard_errors == {"loss": pytest.approx(0.5), "size": 0.0}
    assert record.reports == ((0, x), (1, x + 1))
    assert record.metrics == ({"loss": x, "size": 2.0}, {"loss": x + 1, "size": 2.0, "time": 3.0})


@pytest.mark.parametrize("pruner", [None, "folds"])
def test_a_fold_that_is_no_number_ends_the_trial(
    study: Callable[..., hpo.Study], pruner: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[int] = []

    def bad(trial: Any, fold: int) -> float:
        asked.append(fold)
        return math.nan if fold == 1 else 0.5

    s = study(pruner=pruner)
    s.optimize(hpo.Folded(bad, 5), trials=1)
    (record,) = s.trials
    assert (record.state, record.error) == (
        hpo.TrialState.FAILED, "the objective returned nan, expected a finite number",
    )  # fmt: skip
    assert asked == [0, 1]
    assert "reported nan" not in caplog.text


def test_folds_that_disagree_about_the_objectives(study: Callable[..., hpo.Study]) -> None:
    s = study(directions={"a": "minimize", "b": "minimize"})
    s.optimize(hpo.Folded(lambda trial, fold: {"a": 1, "b": 1} if fold else {"a": 1}, 2), trials=1)
    assert "fold 1 gave values for a, b, fold 0 for a" in (s.trials[0].error or "")


@pytest.mark.parametrize("value", ["high", None, {}, [1, 2]])
def test_what_is_no_score(study: Callable[..., hpo.Study], value: Any) -> None:
    s = study()
    s.optimize(hpo.Folded(lambda trial, fold: value, 2), trials=1)
    assert "fold 0 gave " in (s.trials[0].error or "")
    assert "expected a number, {objective: number} or a FoldScore" in (s.trials[0].error or "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((score, 1), "folds: found 1, expected an integer, at least 2"),
        ((score, True), "folds: found True"),
        ((score, 2.0), "folds: found 2.0"),
        ((3, 3), "score: found 3, expected a function of a trial and a fold's number"),
        ((lambda trial: 0, 3), "must take two arguments, the trial and a fold's number"),
    ],
)
def test_arguments(given: Any, message: str) -> None:
    with pytest.raises(hpo.HpoBridgeError, match=message) as caught:
        hpo.Folded(*given)
    assert "\n" not in str(caught.value)


def test_it_travels_as_its_function_does(study: Callable[..., hpo.Study]) -> None:
    again = pickle.loads(pickle.dumps(hpo.Folded(score, 3)))
    assert (again.score, again.folds) == (score, 3)
    offset = 10.0  # a closure, of a module that no worker can import
    s = study()
    s.optimize(
        hpo.Folded(lambda trial, fold: offset + fold, 2), trials=1, runner="processes", workers=1
    )
    assert s.best.value == 10.5
    s.optimize(hpo.Folded(partial(score), 3), trials=2)
    kept(s.trials[1])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (math.nan, "the standard error of value is nan, expected a finite number, 0 or more"),
        (-1.0, "the standard error of value is -1.0"),
        ({"other": 1.0}, "there is a standard error of other, expected names among value"),
        ("small", "standard_error: found 'small', expected a number or {name: number}"),
    ],
)
def test_what_is_no_standard_error(
    study: Callable[..., hpo.Study], error: Any, message: str
) -> None:
    s = study()
    s.optimize(lambda trial: hpo.Measured(1.0, error), trials=1)
    assert message in (s.trials[0].error or "")


def test_measured_and_differentiated_hold_each_other(study: Callable[..., hpo.Study]) -> None:
    s = study()
    slope = {"x": 2.0}
    results = [
        hpo.Measured(hpo.Differentiated(1.0, slope), 0.5),
        hpo.Differentiated(hpo.Measured(1.0, 0.5), slope),
        hpo.Measured(1.0),
    ]
    s.optimize(lambda trial: results[trial.number], trials=3)
    first, second, third = s.trials
    for record in (first, second):
        assert (record.value, record.standard_errors, record.gradients) == (
            1.0, {"value": 0.5}, slope,
        )  # fmt: skip
    assert (third.value, third.standard_errors) == (1.0, None)


def test_means_of_what_overflows() -> None:
    assert mean([1e308, 1e308]) == math.inf
    assert mean([-1e308, -1e308]) == -math.inf
    assert math.isnan(mean([math.inf, -math.inf]))
    assert standard_error([1e200, -1e200]) is None
    assert standard_error([1.0]) is None
    assert standard_error([2.0, 2.0]) == 0.0


def test_a_channel_without_metrics_is_asked_for_none() -> None:
    got: list[Any] = []

    class Old:
        def report(self, number: int, step: int, value: float) -> None:
            got.append((number, step, value))

        def should_prune(self, number: int) -> bool:
            return False

    Trial(3, {}, 0, Old()).report(1, 2)  # type: ignore[arg-type]
    assert got == [(3, 2, 1.0)]


def test_a_data_frame(study: Callable[..., hpo.Study]) -> None:
    s = study(pruner="folds")
    offset = [0.0, 0.1, 9.0]

    def constant(trial: Any, fold: int) -> float:
        return offset[trial.number] + fold

    s.optimize(hpo.Folded(constant, 3), trials=3)
    frame = s.to_pandas()
    assert list(frame.columns[:5]) == [
        "number", "state", "value", "standard_errors.value", "params.x",
    ]  # fmt: skip
    assert frame["standard_errors.value"][:2].tolist() == pytest.approx([3**-0.5] * 2)
    assert frame["estimate"].tolist()[2] == pytest.approx(10.0)
    assert frame[["standard_errors.value", "estimate"]].isna().sum().tolist() == [1, 2]


def test_the_command(tmp_path: Path) -> None:
    """A study file that names an object of folds; what is shown of standard errors, estimates."""
    (tmp_path / "train.py").write_text(
        "import hpo_bridge as hpo\n"
        "objective = hpo.Folded(lambda trial, fold: [0.0, 0.1, 9.0][trial.number] + fold, 3)\n"
    )
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: s\nobjective: train.py:objective\nspace: {x: {type: float, low: 0, high: 1}}\n"
        "backend: core.random\nseed: 0\nbudget: {trials: 3}\npruner: folds\n"
    )

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "hpo_bridge", *words, str(file)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "value 1 ± 0.58  (trial 0, " in said("run")
    assert "PRUNED    about 10" in said("trials")
