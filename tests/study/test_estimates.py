"""What backends are told of trials that the pruner ``folds`` has stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialState

Make = Callable[..., hpo.Study]

SPACE = hpo.Space(x=hpo.Float(-1, 1), y=hpo.Float(-1, 1))
BACKENDS = ["core.random", "optuna.tpe", "hyperopt.tpe", "skopt.extra_trees", "deap.ga"]
OBJECTIVE = """
def score(trial, fold):
    import math
    loss = (trial["x"] - 0.2) ** 2 + (trial["y"] + 0.3) ** 2
    return sign * (loss * (1 + 0.2 * math.sin(fold)) + math.cos(5 * fold))
"""
made: dict[str, Any] = {}
exec("sign = 1\n" + OBJECTIVE, made)
score = made["score"]


def losing(trial: Any, fold: int) -> float:
    return -score(trial, fold)  # type: ignore[no-any-return]


def known(record: hpo.TrialRecord) -> float:
    """What a backend should know of a trial."""
    found = record.value if record.estimate is None else record.estimate
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("backend", "direction"),
    [*((backend, "minimize") for backend in BACKENDS), ("optuna.tpe", "maximize")],
)
def test_a_backend_is_told_the_estimate_as_a_result(
    study: Make, backend: str, direction: str
) -> None:
    """It proposes what it does when an objective without folds returns these numbers."""
    trials = 13 if backend.startswith("skopt") else 26
    function = score if direction == "minimize" else losing
    pruned = study(SPACE, backend=backend, direction=direction, pruner="folds")
    pruned.optimize(hpo.Folded(function, 4), trials=trials)
    records = pruned.trials
    stopped = [record for record in records if record.state is TrialState.PRUNED]
    assert stopped
    assert all(record.estimate is not None for record in stopped)
    assert all(record.estimate is None for record in records if record not in stopped)
    plain = study(SPACE, backend=backend, direction=direction)
    plain.optimize(lambda trial: known(records[trial.number]), trials=trials)
    assert [t.params for t in plain.trials] == [t.params for t in records]
    assert pruned.best.state is TrialState.COMPLETE
    sign = 1 if direction == "minimize" else -1
    for record in stopped:  # each was worse on the folds that it had
        assert sign * known(record) > sign * known(pruned.best)


@pytest.mark.parametrize("backend", ["optuna.tpe", "hyperopt.tpe", "skopt.extra_trees", "deap.ga"])
def test_going_on(study: Make, tmp_path: Path, backend: str) -> None:
    """After each of several ends: by a snapshot where there is one, else by replay."""
    trials = 14 if backend.startswith("skopt") else 24
    objective = hpo.Folded(score, 4)
    whole = study(SPACE, backend=backend, pruner="folds")
    whole.optimize(objective, trials=trials)
    url = f"sqlite:///{tmp_path}/s.db"
    for end in (7, 13, trials):
        part = study(SPACE, backend=backend, pruner="folds", store=url)
        part.optimize(objective, trials=end)
        part.close()
    again = study(SPACE, backend=backend, pruner="folds", store=url).trials
    assert [known(t) for t in again] == [known(t) for t in whole.trials]
    assert [t.reports for t in again] == [t.reports for t in whole.trials]


KILLED = f"""
import os, signal, sys
import hpo_bridge as hpo
sign = 1
{OBJECTIVE}
url, number = sys.argv[1:]
def killed(trial, fold):
    if trial.number == int(number) and fold == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return score(trial, fold)
space = hpo.Space(x=hpo.Float(-1, 1), y=hpo.Float(-1, 1))
study = hpo.Study(space, backend="optuna.tpe", seed=0, pruner="folds", store=url)
study.optimize(hpo.Folded(killed, 4), trials=30)
"""


def test_going_on_after_a_kill(study: Make, tmp_path: Path) -> None:
    """In the second fold of a trial that comes after some that were stopped."""
    url = f"sqlite:///{tmp_path}/s.db"
    whole = study(SPACE, backend="optuna.tpe", pruner="folds")
    whole.optimize(hpo.Folded(score, 4), trials=30)
    number = next(t.number for t in whole.trials[12:] if len(t.reports) > 1)
    done = subprocess.run([sys.executable, "-c", KILLED, url, str(number)], timeout=120)
    assert done.returncode == -signal.SIGKILL
    again = study(SPACE, backend="optuna.tpe", pruner="folds", store=url)
    assert again.counts[TrialState.RUNNING] == 1
    again.optimize(hpo.Folded(score, 4), trials=30)
    assert again.trials[number].attempts == 2
    assert [known(t) for t in again.trials] == [known(t) for t in whole.trials]


@pytest.mark.parametrize("workers", [1, 2])
def test_processes(study: Make, workers: int) -> None:
    """With two at once reports come interleaved, and the best changes meanwhile."""
    s = study(SPACE, backend="optuna.tpe", pruner="folds")
    s.optimize(hpo.Folded(score, 4), trials=24, runner="processes", workers=workers)
    stopped = [t for t in s.trials if t.state is TrialState.PRUNED]
    assert stopped
    assert all(1 <= len(t.reports) < 4 and t.estimate is not None for t in stopped)
    complete = [t for t in s.trials if t.state is TrialState.COMPLETE]
    assert len(stopped) + len(complete) == 24
    assert s.best.value == min(known(t) for t in complete)


def test_another_backend_is_told_of_them(study: Make, url: str, made: list[Any]) -> None:
    first = study(SPACE, backend="core.random", pruner="folds", store=url)
    first.optimize(hpo.Folded(score, 4), trials=15)
    first.close()
    points = [{"x": 0.0, "y": 0.0}]
    backend = {"name": "fake.script_inject", "options": {"points": points}}
    second = study(SPACE, backend=backend, pruner="folds", store=url)
    second.optimize(hpo.Folded(score, 4), trials=16)
    told = made[-1].told
    assert [seen.state for seen in told] == [TrialState.COMPLETE] * 15
    assert [seen.losses for seen in told] == [(known(t),) for t in second.trials[:15]]
    assert any(t.state is TrialState.PRUNED for t in second.trials[:15])


def test_without_folds_in_common_a_backend_is_told_the_reports(
    study: Make, made: list[Any]
) -> None:
    """A trial that stops itself before any other is complete."""
    points = [{"x": 0.0, "y": 0.0}]
    backend = {"name": "fake.script", "options": {"points": points}}
    s = study(SPACE, backend=backend, pruner="folds")
    for _ in range(2):
        trial = s.ask()
        trial.report(1.0, 0)
        s.tell(trial, state="PRUNED")
    s.ask()
    assert s.trials[0].estimate is None
    first = made[-1].told[0]
    assert (first.state, first.losses, first.reports) == (TrialState.PRUNED, None, ((0, 1.0),))


def test_a_backend_that_needs_derivatives_is_told_that_it_was_pruned(
    study: Make, made: list[Any]
) -> None:
    points = [{"x": 0.5, "y": 0.5}, {"x": 0.4, "y": 0.5}, {"x": -1.0, "y": 1.0}]
    backend = {"name": "fake.script_gradient", "options": {"points": points}}
    s = study(SPACE, backend=backend, pruner="folds")
    for _ in range(3):
        trial = s.ask()
        try:
            value = hpo.Folded(score, 4)(trial)
        except hpo.TrialPruned:
            s.tell(trial, state="PRUNED")
        else:
            s.tell(trial, value, gradients={"x": 1.0, "y": 1.0})
    s.ask()
    assert s.trials[2].estimate is not None
    assert [seen.state.value for seen in made[-1].told] == ["COMPLETE", "COMPLETE", "PRUNED"]
