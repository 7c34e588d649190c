"""Derivatives: what a trial has to give, what the backend is told, and what the log keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hpo_bridge as hpo
from hpo_bridge import Categorical, Differentiated, Float, GradientRequired, Int, Space, Study
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.store.event_types import Finished

Make = Callable[..., Study]

SPACE = Space(
    x=Float(0, 1),
    rate=Float(1e-3, 1, log=True),
    n=Int(1, 4),
    level=Float(0, 1, step=0.5),
    kind=Categorical(["a", "b"]),
    extra=Float(0, 1, when={"kind": "b"}),
    fixed=Float(2, 2),
    pool="max",
)
A = {"x": 0.5, "rate": 0.1, "n": 2, "level": 0.5, "kind": 0, "fixed": 2.0}
B = {**A, "kind": 1, "extra": 0.25}
SLOPES = {"x": 1.0, "rate": -2.0}


def script(*points: Any, name: str = "script_gradient") -> dict[str, Any]:
    return {"name": f"fake.{name}", "options": {"points": list(points)}}


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1.0), ("maximize", -1.0)])
def test_the_backend_is_told_derivatives_of_the_loss(
    study: Make, made: list[Any], direction: str, sign: float
) -> None:
    s = study(SPACE, backend=script(A, B), direction=direction)
    s.tell(s.ask(), 3.0, gradients=SLOPES)
    s.tell(s.ask(), Differentiated(4.0, {**SLOPES, "extra": np.float32(0.5)}))
    s.ask()
    told = made[-1].told
    assert [o.losses for o in told] == [(sign * 3.0,), (sign * 4.0,)]
    assert told[0].gradients == {"x": sign * 1.0, "rate": sign * -2.0}
    assert told[1].gradients == {"x": sign * 1.0, "rate": sign * -2.0, "extra": sign * 0.5}


def test_the_log_has_them_in_the_objectives_own_direction(study: Make, url: str) -> None:
    s = study(SPACE, backend=script(A), direction="maximize", store=url)
    s.tell(s.ask(), 3.0, gradients=SLOPES)
    s.tell(s.ask(), state="FAILED")
    event, failed = s.store.events_of("study", Finished)
    assert event.gradients == SLOPES
    assert event.values == {"value": 3.0}
    assert failed.gradients is None
    assert [trial.gradients for trial in s.trials] == [SLOPES, None]
    assert s.best.gradients == SLOPES


def test_a_restored_backend_is_told_the_same(study: Make, url: str, made: list[Any]) -> None:
    s = study(SPACE, backend=script(A, B), store=url)
    s.tell(s.ask(), 3.0, gradients=SLOPES)
    s.ask()
    live = made[-1]
    s.close()
    again = study(SPACE, backend=script(A, B), store=url)
    again.ask()
    assert made[-1] is not live
    assert made[-1].told == live.told
    assert live.told[0].gradients == SLOPES


def test_another_backend_is_handed_them(study: Make, url: str, made: list[Any]) -> None:
    s = study(SPACE, backend=script(A, name="script_conditional"), store=url, direction="maximize")
    s.tell(s.ask(), 3.0, gradients=SLOPES)
    s.tell(s.ask(), 4.0)
    s.close()
    for _ in range(2):  # taken over, and rebuilt from the log
        s = study(SPACE, backend=script(B), store=url, direction="maximize")
        s.ask()
        told = made[-1].told[:2]
        assert [o.token for o in told] == [None, None]
        assert [o.losses for o in told] == [(-3.0,), (-4.0,)]
        assert [o.gradients for o in told] == [{"x": -1.0, "rate": 2.0}, None]
        s.close()


WRONG = {
    "unknown": ({**SLOPES, "y": 1.0}, "found the gradient of 'y', expected x, rate"),
    "typo": ({**SLOPES, "rat": 1.0}, "expected x, rate (did you mean 'rate'?)"),
    "integer": ({**SLOPES, "n": 1.0}, "found the gradient of 'n', expected x, rate"),
    "stepped": ({**SLOPES, "level": 1.0}, "found the gradient of 'level'"),
    "constant": ({**SLOPES, "pool": 1.0}, "found the gradient of 'pool'"),
    "single": ({**SLOPES, "fixed": 1.0}, "found the gradient of 'fixed'"),
    "inactive": ({**SLOPES, "extra": 1.0}, "found the gradient of 'extra', expected x, rate"),
    "nan": ({**SLOPES, "x": math.nan}, "the gradient of x is nan, expected a finite number"),
    "infinite": ({**SLOPES, "x": -math.inf}, "the gradient of x is -inf"),
    "list": ({**SLOPES, "x": [1.0, 2.0]}, "the gradient of x is [1.0, 2.0], expected a number"),
    "text": ({**SLOPES, "x": "up"}, "the gradient of x: expected a number, found 'up'"),
    "no mapping": ([1.0, 2.0], "gradients: found [1.0, 2.0], expected {parameter: number}"),
    "no name": ({1: 2.0}, "gradients: found the name 1, expected a string"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("backend", ["script_gradient", "script_conditional"])
def test_wrong_derivatives_fail_the_trial(study: Make, case: str, backend: str) -> None:
    s = study(SPACE, backend=script(A, name=backend))
    given, words = WRONG[case]
    assert s.tell(s.ask(), 3.0, gradients=given) is TrialState.FAILED
    assert words in str(s.trials[0].error)
    assert s.tell(s.ask(), Differentiated(3.0, given)) is TrialState.FAILED
    assert s.trials[1].error == s.trials[0].error


def test_told_without_what_is_needed_the_trial_runs_on(study: Make) -> None:
    s = study(SPACE, backend=script(B))
    trial = s.ask()
    with pytest.raises(
        GradientRequired, match=r"^trial 0: the objective gave no gradients, which "
    ):
        s.tell(trial, 3.0)
    with pytest.raises(GradientRequired, match=r"gave no gradient of 'rate'.*not on float\(\)"):
        s.tell(trial, 3.0, gradients={"x": 1.0, "extra": 1.0})
    with pytest.raises(GradientRequired, match=r"no gradient of 'extra'"):
        s.tell(trial, 3.0, gradients=SLOPES)
    assert s.trials[0].state is TrialState.RUNNING
    assert s.tell(trial, 3.0, gradients={**SLOPES, "extra": 0.0}) is TrialState.COMPLETE
    assert s.tell(s.ask(), state="FAILED", error="no luck") is TrialState.FAILED
    assert s.tell(s.ask(), math.nan) is TrialState.FAILED


def test_a_study_that_never_gets_any_stops_at_once(study: Make, url: str) -> None:
    s = study(SPACE, backend=script(A), store=url)
    with pytest.raises(GradientRequired, match=r"needs: return a torch scalar.*estimator: spsa"):
        s.optimize(lambda trial: 1.0, trials=10)
    assert [t.state for t in s.trials] == [TrialState.FAILED]
    assert "the objective gave no gradients" in str(s.trials[0].error)
    # It goes on where it was, with an objective that has learnt.
    s.optimize(lambda trial: Differentiated(1.0, SLOPES), trials=3)
    assert [t.state.value for t in s.trials] == ["FAILED", "COMPLETE", "COMPLETE"]


def test_a_single_trial_without_them_fails_alone(study: Make, made: list[Any]) -> None:
    def objective(trial: Trial) -> Any:
        assert trial.wants_gradients
        return 1.0 if trial.number == 1 else Differentiated(1.0, SLOPES)

    s = study(SPACE, backend=script(A))
    s.optimize(objective, trials=3)
    assert [t.state.value for t in s.trials] == ["COMPLETE", "FAILED", "COMPLETE"]
    assert "gave no gradients" in str(s.trials[1].error)
    s.ask()
    assert [o.losses for o in made[-1].told] == [(1.0,), None, (1.0,)]


@pytest.mark.parametrize("how", [{}, {"runner": "processes", "workers": 1}])
def test_an_objective_that_says_so_itself_stops_the_study(study: Make, how: Any) -> None:
    def objective(trial: Trial) -> float:
        raise GradientRequired("the loss has no history")

    s = study(SPACE, backend=script(A))
    with pytest.raises(GradientRequired, match=r"GradientRequired: the loss has no history \("):
        s.optimize(objective, trials=10, retries=3, **how)
    (trial,) = s.trials
    assert trial.state is TrialState.FAILED
    assert trial.attempts == 1
    assert "the loss has no history" in str(trial.error)


def test_but_not_one_that_had_some_before(study: Make) -> None:
    def objective(trial: Trial) -> Any:
        if trial.number:
            raise GradientRequired("nothing there")
        return Differentiated(1.0, SLOPES)

    s = study(SPACE, backend=script(A))
    s.optimize(objective, trials=3)
    assert [t.state.value for t in s.trials] == ["COMPLETE", "FAILED", "FAILED"]


def test_nor_one_whose_backend_needs_none(study: Make) -> None:
    def objective(trial: Trial) -> float:
        raise GradientRequired("nothing there")

    s = study(SPACE, backend=script(A, name="script_conditional"))
    s.optimize(objective, trials=2)
    assert [t.state.value for t in s.trials] == ["FAILED", "FAILED"]


def test_it_is_not_tried_again(study: Make) -> None:
    s = study(SPACE, backend=script(A))
    with pytest.raises(GradientRequired):
        s.optimize(lambda trial: 1.0, trials=10, retries=5)
    assert [t.attempts for t in s.trials] == [1]


def test_others_neither_want_nor_need_them(study: Make, made: list[Any]) -> None:
    def objective(trial: Trial) -> Any:
        assert not trial.wants_gradients
        return Differentiated(1.0, SLOPES) if trial.number else 1.0

    s = study(SPACE, backend=script(A, name="script_conditional"))
    s.optimize(objective, trials=2)
    s.ask()
    assert [o.gradients for o in made[-1].told] == [None, SLOPES]


def test_a_backend_may_do_without(study: Make) -> None:
    s = study({"x": Float(0, 1)}, backend=script({"x": 0.5}, name="modest"))
    s.optimize(lambda trial: float(trial.wants_gradients), trials=2)
    assert [t.value for t in s.trials] == [0.0, 0.0]


def test_several_objectives_have_no_derivatives_to_be_told(study: Make, made: list[Any]) -> None:
    s = study(
        {"x": Float(0, 1)}, backend=script({"x": 0.5}, name="script"),
        directions={"a": "minimize", "b": "maximize"},
    )  # fmt: skip
    s.tell(s.ask(), {"a": 1.0, "b": 2.0}, gradients={"x": 1.0})
    s.ask()
    assert made[-1].told[0].losses == (1.0, -2.0)
    assert made[-1].told[0].gradients is None


def test_what_was_enqueued_has_them_too(study: Make, made: list[Any]) -> None:
    s = study(SPACE, backend=script(A))
    s.enqueue({"x": 0.25, "rate": 0.5, "n": 1, "level": 0.0, "kind": "a", "fixed": 2.0})
    s.tell(s.ask(), 3.0, gradients=SLOPES)
    s.ask()
    (seen,) = made[-1].told
    assert seen.token is None
    assert seen.gradients == SLOPES


def test_an_objective_of_a_named_value(study: Make) -> None:
    s = study(SPACE, backend=script(A), directions={"loss": "minimize"})
    s.optimize(lambda trial: Differentiated({"loss": 2}, SLOPES), trials=1)
    assert s.trials[0].values == {"loss": 2.0}


@pytest.mark.parametrize("value", [None, "3", math.nan, {}, {"other": 1.0}])
def test_a_wrong_value_is_as_wrong_with_derivatives(study: Make, value: Any) -> None:
    s = study(SPACE, backend=script(A))
    assert s.tell(s.ask(), Differentiated(value, SLOPES)) is TrialState.FAILED


def test_differentiated_is_public() -> None:
    assert hpo.Differentiated(1.0, {}).value == 1.0
    assert json.loads(json.dumps(hpo.Differentiated(1.0, {"x": 1}).gradients)) == {"x": 1}
