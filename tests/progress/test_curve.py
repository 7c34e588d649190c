"""The curve of the best so far, and the lines of a display."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from hpo_bridge.contracts.directions import Objectives
from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.progress.curve import MOST_STEPS, BestCurve
from hpo_bridge.progress.screen_lines import DisplayLines, DisplayStyle
from hpo_bridge.progress.tally import Tally


def curve_of(values: Any, sign: float = 1.0) -> BestCurve:
    curve = BestCurve(sign)
    for value in values:
        curve.add(value)
    return curve


@pytest.mark.parametrize(
    ("values", "sign", "shown"),
    [
        ([], 1.0, ""),
        ([1.0], 1.0, ""),
        ([1.0, 2.0, 1.0], 1.0, ""),
        ([3.0, 2.0, 1.0], 1.0, "█▅▁"),
        ([1.0, 2.0, 3.0], -1.0, "▁▅█"),
        ([3.0, 2.0, 1.0], -1.0, ""),
        ([1000.0, 10.0, 0.1], 1.0, "█▅▁"),  # by logarithms
        ([-0.1, -10.0, -1000.0], 1.0, "█▅▁"),
        ([0.1, 10.0, 1000.0], -1.0, "▁▅█"),
        ([1e300, 0.0, -1e300], 1.0, "█▅▁"),
        ([1.7e308, -1.7e308], 1.0, "█▁"),
        ([5e-324, 0.0], 1.0, "█▁"),
    ],
)
def test_the_curve(values: Any, sign: float, shown: str) -> None:
    assert curve_of(values, sign).text(10) == shown


def test_a_long_history_is_thinned() -> None:
    curve = curve_of(1.0 / (number + 1) for number in range(100_000))
    assert len(curve._values) <= MOST_STEPS + 1
    assert curve.ends == (1.0, 1e-5)
    text = curve.text(40)
    assert len(text) == 40
    assert text[-1] == "▁"
    assert list(text) == sorted(text, reverse=True)


def tally_of(*directions: str, trials: int | None = None, seconds: float | None = None) -> Tally:
    names = ["value"] if len(directions) == 1 else [f"o{i}" for i in range(len(directions))]
    objectives = Objectives(dict(zip(names, directions, strict=True)))
    return Tally(objectives, dict.fromkeys(TrialState, 0), None, trials, seconds)


def run(
    tally: Tally, number: int, values: dict[str, float] | None, state: str = "COMPLETE"
) -> None:
    trial = TrialRecord(number, TrialState.RUNNING, {"x": 0.5, "c": 1}, started=time.time())
    tally.hpo_trial_started(trial=trial)
    end = TrialRecord(number, TrialState(state), {"x": 0.5, "c": 1}, values)
    tally.hpo_trial_finished(trial=end)


def test_several_objectives_have_a_curve_each() -> None:
    tally = tally_of("minimize", "maximize", "minimize", "minimize")
    for number in range(3):
        run(tally, number, {f"o{i}": float(number) for i in range(4)})
    lines = DisplayLines(tally).now(DisplayStyle(60, 20))
    assert "best o1 ▁▅█ 0 → 2" in lines
    assert not any(line.startswith("best o0") for line in lines)  # never better than at first
    assert not any(line.startswith("best o3") for line in lines)


@pytest.mark.parametrize("budget", [{}, {"trials": 5}, {"seconds": 60.0}, {"trials": 0}])
def test_a_study_of_which_nothing_is_known_yet(budget: Any) -> None:
    lines = DisplayLines(tally_of("minimize", **budget)).now(DisplayStyle(40, 10))
    assert any(line.startswith("0") for line in lines)
    assert DisplayLines(tally_of("minimize", **budget)).last(DisplayStyle(40, 10))


def test_all_failed_all_pruned_and_odd_values() -> None:
    tally = tally_of("minimize", trials=9)
    run(tally, 0, None, "FAILED")
    run(tally, 1, None, "PRUNED")
    assert "2/9 · 1 failed · 1 pruned" in tally.line()
    run(tally, 2, {"value": 1e300})
    run(tally, 3, {"value": -1e300})
    assert "best value -1e+300 (trial 3)" in tally.line()


def test_what_waits_and_two_hundred_parameters() -> None:
    tally = tally_of("minimize")
    params = {f"parameter_{i}": float(i) for i in range(200)}
    trial = TrialRecord(0, TrialState.RUNNING, params, started=time.time())
    tally.hpo_trial_started(trial=trial)
    tally.hpo_trial_reported(trial=trial, step=3, value=math.pi)
    lines = DisplayLines(tally, lambda: ["2 enqueued", "for optuna.gp (3.0 s)"])
    shown = lines.now(DisplayStyle(80, 20))
    assert shown[-1] == "  waiting: 2 enqueued, for optuna.gp (3.0 s)"
    assert all(len(line) <= 80 for line in shown)
    assert "… " in shown[-2]
    assert "step 3: 3.142" in shown[-2]


@pytest.mark.parametrize(("height", "rows"), [(30, 7), (8, 5), (4, 1)])
def test_of_many_running_trials_the_first_are_shown(height: int, rows: int) -> None:
    tally = tally_of("minimize", trials=100)
    for number in range(64):
        tally.hpo_trial_started(trial=TrialRecord(number, TrialState.RUNNING, {"x": 0.5}))
    lines = DisplayLines(tally).now(DisplayStyle(80, height))
    shown = [line.rstrip() for line in lines if line.startswith("  trial")]
    assert shown == [f"  trial {number}  x 0.5" for number in range(rows)]
    assert lines[-1] == f"  … and {64 - rows} more"
    assert len(lines) <= height


@pytest.mark.parametrize("width", [1, 2, 5, 20])
@pytest.mark.parametrize("height", [1, 2, 3])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_any_room_will_do(width: int, height: int, ascii_only: bool) -> None:
    tally = tally_of("minimize", trials=10)
    for number in range(4):
        run(tally, number, {"value": -float(number)})
    for number in range(4, 70):
        tally.hpo_trial_started(trial=TrialRecord(number, TrialState.RUNNING, {"ключ": "値" * 9}))
    style = DisplayStyle(width, height, ascii_only)
    lines = DisplayLines(tally, lambda: ["за"]).now(style)
    assert 1 <= len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert not ascii_only or all(line.isascii() for line in lines)


def test_a_trial_that_is_tried_again_runs_no_more() -> None:
    tally = tally_of("minimize")
    trial = TrialRecord(0, TrialState.RUNNING, {"x": 0.5})
    tally.hpo_trial_started(trial=trial)
    tally.hpo_trial_requeued(trial=trial, kind="failure")
    assert not tally.running
