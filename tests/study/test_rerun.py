"""A stored trial run again: the same parameters and seed, compared, and nothing kept."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import (
    Constant,
    HpoBridgeError,
    Int,
    Measured,
    Space,
    Study,
    Trial,
    TrialPruned,
    TrialState,
    analysis,
)
from hpo_bridge.errors import ObjectiveError

Make = Callable[..., Study]


def seeded(trial: Trial) -> float:
    """Depends on the trial's parameters and seed alone; in each way that a trial can end."""
    rng = random.Random(trial.seed)
    value = trial["x"]
    for step in range(4):
        value += rng.random() if trial.number != 1 else 9.0
        trial.report(value, step=step)
        if trial.should_prune():
            raise TrialPruned
        if trial.number % 4 == 3 and step == 2:
            raise ValueError(f"unlucky {object()}")  # its address differs each time
    return float(value)


def stored(study: Make, url: str, **options: Any) -> Study:
    s = study(pruner="fake", backend="core.random", store=url, seed=3, **options)
    s.optimize(seeded, trials=5)
    assert [t.state.value for t in s.trials] == [
        "COMPLETE", "PRUNED", "COMPLETE", "FAILED", "COMPLETE",
    ]  # fmt: skip
    return s


@pytest.mark.parametrize("runner", ["inline", "processes"])
def test_every_kind_of_end_comes_again(study: Make, url: str, runner: str) -> None:
    s = stored(study, url)
    before = list(s.store.events("study"))
    for record in s.trials[: 4 if runner == "inline" else 2]:
        (run,) = analysis.replay(s, record.number, seeded, runner=runner)
        assert run.difference is None
        assert (run.same, run.state, run.values) == (True, record.state, record.values)
        assert run.reports == record.reports
    assert list(s.store.events("study")) == before


def otherwise(trial: Trial) -> float:
    if trial.number == 3:
        raise KeyError("another")
    return seeded(trial) + 1e-3


def test_what_differs_is_said(study: Make, url: str) -> None:
    s = stored(study, url)
    (run,) = analysis.replay(s, 0, otherwise, runner="inline")
    then, now = s.trials[0].value, run.values["value"] if run.values else 0.0
    assert not run.same
    assert run.difference == f"value differs by 0.001: it was {then!r}, and is {now!r} now"
    assert analysis.replay(s, 0, otherwise, runner="inline", tolerance=2e-3)[0].same
    (run,) = analysis.replay(s, 3, otherwise, runner="inline")
    assert run.difference is not None
    assert "it failed with ValueError: unlucky" in run.difference
    assert "fails with KeyError" in run.difference
    (run,) = analysis.replay(s, 0, lambda trial: "text", runner="inline")
    assert run.state is TrialState.FAILED
    assert (run.difference or "").startswith("it was COMPLETE, and is FAILED (the objective ret")
    (run,) = analysis.replay(s, 1, lambda trial: trial.report(9.0, 0), runner="inline")
    assert "it was PRUNED, and is FAILED" in (run.difference or "")


def test_reports_are_compared(study: Make, url: str) -> None:
    s = study(store=url)

    def reporting(*values: float | None) -> str | None:
        def objective(trial: Trial) -> float:
            for step, value in enumerate(values):
                if value is not None:
                    trial.report(value, step)
            return 1.0

        if not s.trials:
            s.optimize(objective, trials=1)
        return analysis.replay(s, 0, objective, runner="inline")[0].difference

    assert reporting(0, 1, 2) is None
    assert reporting(0, 1) == "it reported step 2, and does not now"
    assert reporting(0, 1, 2, 3) == "it reports step 3 now, and did not"
    assert reporting(0, 1.5, 2) == (
        "the report of step 1 differs by 0.5: it was 1.0, and is 1.5 now"
    )
    assert reporting(0, float("nan"), 2) == "it reported step 1, and does not now"


def test_standard_errors_are_compared(study: Make, url: str) -> None:
    s = study(store=url)
    s.optimize(lambda trial: Measured(trial["x"], 0.25), trials=1)

    def again(error: float | None) -> str | None:
        run = analysis.replay(s, 0, lambda trial: Measured(trial["x"], error), runner="inline")[0]
        return run.difference

    assert again(0.25) is None
    assert again(0.5) == (
        "the standard error of value differs by 0.25: it was 0.25, and is 0.5 now"
    )
    assert again(None) == "the standard error of value was 0.25, and is missing now"


def test_chance_is_found_out(study: Make, url: str) -> None:
    s = study(store=url)
    s.optimize(lambda trial: random.random(), trials=1)
    runs = analysis.replay(s, 0, lambda trial: random.random(), runner="inline", times=3)
    assert [run.same for run in runs] == [False] * 3
    assert len({run.values["value"] for run in runs if run.values}) == 3


def counting(trial: Trial) -> float:
    """Goes on from its checkpoint, if it finds one; killed at its first attempt."""
    folder = trial.load_checkpoint()
    begin = 0 if folder is None else int((folder / "step").read_text()) + 1
    for step in range(begin, 4):
        trial.report(float(step), step)
        work = Path(trial["folder"], f"{trial.number}")
        work.mkdir(exist_ok=True)
        (work / "step").write_text(str(step))
        trial.checkpoint(work)
        if step == 1 and trial.number == 0 and not Path(trial["folder"], "again").exists():
            Path(trial["folder"], "again").touch()
            raise OSError("the first attempt")
    return float(begin)


def test_checkpoints_are_thrown_away(
    study: Make, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    space = Space(x=Constant([1]), folder=str(tmp_path), n=Int(0, 1))
    s = study(space, store=url)
    s.optimize(counting, trials=2, retries=1)
    kept = [s.checkpoint(number) for number in (0, 1)]
    assert s.trials[0].reports == ((0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0))  # of both attempts
    runs = analysis.replay(s, 0, counting, runner="inline", times=2)
    # It begins at the beginning each time.
    assert [len(run.reports) for run in runs] == [4, 4]
    assert [run.values for run in runs] == [{"value": 0.0}] * 2
    assert [run.difference for run in runs] == [
        "value differs by -2: it was 2.0, and is 0.0 now"
    ] * 2
    assert analysis.replay(s, 1, counting, runner="inline")[0].same
    assert [s.checkpoint(number) for number in (0, 1)] == kept
    assert os.listdir(temporary) == []


def test_gradients_are_wanted_where_they_were(study: Make, url: str) -> None:
    asked = []

    def objective(trial: Trial) -> float:
        asked.append(trial.wants_gradients)
        return float(trial["x"])

    s = study(store=url)
    for gradients in ({"x": 1.0}, None):
        trial = s.ask()
        s.tell(trial, trial["x"], gradients=gradients)
    assert [analysis.replay(s, n, objective, runner="inline")[0].same for n in (0, 1)] == [
        True,
        True,
    ]
    assert asked == [True, False]


def test_what_cannot_be_run_again(study: Make, url: str) -> None:
    s = study(store=url)
    s.optimize(seeded, trials=1)
    running = s.ask()
    for number, match in (
        (7, "has no trial 7: it has 2 trials"), (1, "not finished, it is RUNNING"),
        (-1, "number: found -1"), (True, "number: found True"), ("0", "number: found '0'"),
    ):  # fmt: skip
        with pytest.raises(HpoBridgeError, match=match):
            analysis.replay(s, number, seeded)  # type: ignore[arg-type]
    with pytest.raises(HpoBridgeError, match="times: found 0"):
        analysis.replay(s, 0, seeded, times=0)
    with pytest.raises(HpoBridgeError, match="tolerance: found -1"):
        analysis.replay(s, 0, seeded, tolerance=-1)
    with pytest.raises(ObjectiveError, match="must take one argument"):
        analysis.replay(s, 0, lambda: 1.0, runner="inline")  # type: ignore[misc,arg-type]
    s.tell(running, 1.0)


def test_a_trial_that_changed_cannot(study: Make) -> None:
    s = study()
    last = {"n": 4, "c": None}
    s.optimize(lambda trial: 0.0, trials=3, runner="fake.changes", last=last)
    with pytest.raises(HpoBridgeError, match=r"trial 1 .* took over other parameters"):
        analysis.replay(s, 1, seeded)
    assert analysis.replay(s, 2, lambda trial: 2.0, runner="inline")[0].same
