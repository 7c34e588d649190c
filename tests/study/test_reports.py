"""Reports of trials: in any order, each step once, and over several attempts."""

from __future__ import annotations

import logging
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Float, Space, Study, Trial, TrialPruned, TrialState, hookimpl
from hpo_bridge.plugins import PluginManager

Make = Callable[..., Study]
SPACE = Space(x=Float(0, 1))
RUNNERS = pytest.mark.parametrize(
    ("runner", "options"), [("inline", {}), ("processes", {"workers": 1})], ids=lambda v: str(v)
)
FULL = tuple((step, step * 10.0 + (2 if step > 3 else 1)) for step in range(7))
"""The curve of :func:`trains`: steps up to 3 of its first attempt, the others of its second."""


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings since the last call."""

    def warnings() -> list[str]:
        found = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        caplog.clear()
        return found

    return warnings


def keep(trial: Trial, epoch: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "epoch").write_text(str(epoch))
        trial.checkpoint(folder)


def loaded(trial: Trial) -> int | None:
    """The epoch of the last checkpoint."""
    kept = trial.load_checkpoint()
    return None if kept is None else int((kept / "epoch").read_text())


def trains(trial: Trial, *, keeps: int = 3, early: bool = False) -> float:
    """Fails after step 5 at first; goes on from a checkpoint of step 3 and ends with step 6."""
    kept = loaded(trial)
    attempt = 1 if kept is None else 2
    for step in range(0 if kept is None else kept + 1, 7):
        if early and step == keeps:
            keep(trial, step)
        trial.report(step * 10.0 + attempt, step, {"attempt": attempt})
        if not early and attempt == 1 and step == keeps:
            keep(trial, step)
        if attempt == 1 and step == 5:
            raise ValueError("unlucky")
    return 1.0


# -- any order ----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["memory", "sqlite"])
@RUNNERS
def test_reports_are_kept_as_they_come(
    study: Make, url: str, said: Any, where: str, runner: str, options: dict[str, Any]
) -> None:
    """A batch's number begins anew with every epoch, for example."""

    def objective(trial: Trial) -> float:
        for step in (7, 2, 9, 2, 0, 7):
            trial.report(step + trial.number / 10, step, {"auc": step})
        trial.report(5.5, 9)
        return 1.0

    s = study(SPACE, **({} if where == "memory" else {"store": url}))
    s.optimize(objective, trials=3, runner=runner, **options)
    for trial in s.trials:
        assert [step for step, _ in trial.reports] == [7, 2, 9, 0]
        assert trial.reports[2] == (9, 9 + trial.number / 10)
        assert [found["auc"] for found in trial.metrics] == [7, 2, 9, 0]
    (warning,) = said()  # once a study, whatever the trials
    assert "trial 0 reported a second value for step 2; the first one stays" in warning


@RUNNERS
def test_values_that_are_not_finite_are_mentioned_once(
    study: Make, said: Any, runner: str, options: dict[str, Any]
) -> None:
    def objective(trial: Trial) -> float:
        trial.report(1.0, 0)
        trial.report(math.nan, 1)
        trial.report(-math.inf, 2)
        return 1.0

    s = study(SPACE)
    s.optimize(objective, trials=2, runner=runner, **options)
    assert [t.reports for t in s.trials] == [((0, 1.0),)] * 2
    (warning,) = said()
    assert "trial 0 reported nan at step 1, which is not kept" in warning


def test_a_backend_gets_them_by_step(study: Make, made: list[Any]) -> None:
    s = study(SPACE, backend="fake.generation")
    trial = s.ask()
    for step in (3, 1, 2):
        trial.report(step / 2, step)
    s.tell(trial, state="PRUNED")
    s.ask()
    assert made[-1].told[0].reports == ((1, 0.5), (2, 1.0), (3, 1.5))
    assert s.trials[0].reports == ((3, 1.5), (1, 0.5), (2, 1.0))


def test_wilcoxon_sees_shuffled_instances(study: Make) -> None:
    """Each trial has its own order: all 20 instances of the complete ones are there."""

    def objective(trial: Trial) -> float:
        rng = random.Random(trial.number)
        losses = []
        for instance in rng.sample(range(20), 20):
            losses.append(trial.number % 4 + instance + rng.random() / 10)
            trial.report(losses[-1], instance)
            if trial.should_prune():
                raise TrialPruned
        return sum(losses) / len(losses)

    s = study(SPACE, pruner="wilcoxon")
    s.optimize(objective, trials=12)
    states = [t.state for t in s.trials]
    assert all(len(t.reports) == 20 for t in s.trials if t.state is TrialState.COMPLETE)
    assert states[1:4] == [TrialState.PRUNED] * 3  # all their instances are worse


def test_a_change_is_after_the_last_report_that_came(study: Make, made: list[Any]) -> None:
    """Of the parameters before it, the reports that came until then are told."""

    class Runner:
        def run(self, work: Any) -> None:
            trial = work.next()
            for step in (5, 2):
                work.report(trial.number, step, float(step))
            work.change(trial.number, {"x": 0.5}, None)
            for step in (3, 5):
                work.report(trial.number, step, 9.0)
            work.give_back(trial.number, "why not")

    s = study(SPACE, backend="fake.generation")
    Runner().run(s._drive())
    again = s.ask()
    again.report(7.0, 4)
    s.tell(again, 1.0)
    (trial,) = s.trials
    assert trial.changes[0].step == 2
    assert trial.reports == ((5, 5.0), (2, 2.0), (4, 7.0))
    s.ask()
    assert made[-1].told[0].reports == ((2, 2.0), (5, 5.0))


# -- several attempts ---------------------------------------------------------------------


@pytest.mark.parametrize("where", ["memory", "sqlite"])
@RUNNERS
def test_a_trial_that_goes_on_keeps_its_curve(
    study: Make, url: str, said: Any, where: str, runner: str, options: dict[str, Any]
) -> None:
    s = study(SPACE, **({} if where == "memory" else {"store": url}))
    s.optimize(trains, trials=1, runner=runner, retries=1, **options)
    (trial,) = s.trials
    assert (trial.attempts, trial.state) == (2, TrialState.COMPLETE)
    assert trial.reports == FULL
    assert [m["attempt"] for m in trial.metrics] == [1, 1, 1, 1, 2, 2, 2]
    assert said() == []


def test_a_checkpoint_kept_before_its_report_leaves_no_hole(study: Make) -> None:
    s = study(SPACE)
    s.optimize(lambda trial: trains(trial, keeps=5, early=True), trials=1, retries=1)
    assert [step for step, _ in s.trials[0].reports] == list(range(7))


def test_an_attempt_without_a_checkpoint_begins_a_new_curve(study: Make, url: str) -> None:
    attempts = []

    def objective(trial: Trial) -> float:
        attempts.append(trial.number)
        if len(attempts) == 1:
            for step in range(6):
                trial.report(1.0, step)
            raise ValueError("unlucky")
        if trial.number == 0:
            for step in (4, 8):
                trial.report(2.0, step)
        return 1.0

    s = study(SPACE, store=url)
    s.optimize(objective, trials=2, retries=1)
    assert s.trials[0].reports == ((4, 2.0), (8, 2.0))


@pytest.mark.parametrize("end", ["complete", "failed", "goes on"])
def test_an_attempt_that_reports_nothing(study: Make, end: str) -> None:
    """The curve stays with a failure, and with what goes on from a checkpoint."""
    attempts = []

    def objective(trial: Trial) -> float:
        attempts.append(trial.number)
        if len(attempts) == 1:
            trial.report(1.0, 0)
            keep(trial, 0)
        elif end == "goes on":
            assert loaded(trial) == 0
        if len(attempts) == 1 or end == "failed":
            raise ValueError("unlucky")
        return 1.0

    s = study(SPACE)
    s.optimize(objective, trials=1, retries=1)
    assert s.trials[0].reports == (() if end == "complete" else ((0, 1.0),))


def test_going_on_by_hand(study: Make, url: str, made: list[Any]) -> None:
    """Also in another driver; the pruner and the backend know the same curve."""

    def open_study() -> Study:
        return study(SPACE, store=url, pruner="fake", backend="fake.generation")

    s = open_study()
    trial = s.ask()
    for step in range(4):
        trial.report(step / 10, step)
        if step == 1:
            keep(trial, step)
    s.close()
    s = open_study()
    trial = s.ask()
    assert s.trials[0].reports == ((0, 0.0), (1, 0.1), (2, 0.2), (3, 0.3))
    assert loaded(trial) == 1
    trial.report(1.2, 2)
    expected = ((0, 0.0), (1, 0.1), (2, 1.2))
    assert s.trials[0].reports == expected
    s.tell(trial, state="PRUNED")
    assert made[-1].ended == [(0, "PRUNED", None, list(expected))]
    s.ask()
    recorder = next(each for each in reversed(made) if hasattr(each, "told"))
    assert recorder.told[0].reports == expected
    s.close()
    s = open_study()
    s.ask()
    pruner = next(each for each in reversed(made) if hasattr(each, "ended"))
    assert pruner.ended == [(0, "PRUNED", None, list(expected))]
    replayed = next(each for each in reversed(made) if hasattr(each, "told"))
    assert replayed is not recorder
    assert replayed.told[0].reports == expected


def test_a_new_backend_is_told_the_whole_curve(study: Make, url: str, made: list[Any]) -> None:
    """It takes the study over between two attempts."""
    s = study(SPACE, store=url, backend="core.random")
    trial = s.ask()
    for step in range(4):
        trial.report(float(step), step)
    keep(trial, 1)
    s.close()
    s = study(SPACE, store=url, backend="fake.generation")
    trial = s.ask()
    assert loaded(trial) == 1
    trial.report(9.0, 2)
    s.tell(trial, state="PRUNED")
    s.ask()
    assert made[-1].told[0].reports == ((0, 0.0), (1, 1.0), (2, 9.0)) == s.trials[0].reports


DRIVER = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import hpo_bridge as hpo
from test_reports import SPACE, keep, loaded

def objective(trial):
    kept = loaded(trial)
    attempt = 1 if kept is None else 2
    for step in range(0 if kept is None else kept + 1, 7):
        trial.report(step * 10.0 + attempt, step)
        if attempt == 1 and step == 3:
            keep(trial, step)
        if attempt == 1 and step == 5:
            os.kill(os.getpid(), signal.SIGKILL)
    return 1.0

with hpo.Study(SPACE, store=sys.argv[1], seed=0) as study:
    study.optimize(objective, trials=1)
    print(study.trials[0].reports)
"""


def test_after_the_death_of_the_driver(url: str) -> None:
    def drive() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", DRIVER, url, os.path.dirname(__file__)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert drive().returncode == -signal.SIGKILL
    done = drive()
    assert done.stdout.strip() == str(FULL), done.stderr


# -- observers ----------------------------------------------------------------------------


def test_observers_see_the_whole_curve(study: Make, plugins: PluginManager) -> None:
    ended = []

    class Observer:
        @hookimpl
        def hpo_trial_finished(self, trial: Any) -> None:
            ended.append(trial)

    observer = Observer()
    plugins.observe(observer)
    try:
        s = study(SPACE)
        s.optimize(trains, trials=1, retries=1)
    finally:
        plugins.ignore(observer)
    assert [(t.reports, t.metrics) for t in ended] == [(FULL, s.trials[0].metrics)]
