"""docs/write-a-runner.md: its runner does all that the page says, without a look at our source."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import hpo_bridge as hpo
from hpo_bridge.config import StudyConfig
from hpo_bridge.errors import InvalidOptions, StopStudy
from hpo_bridge.plugins import PluginManager
from hpo_bridge.study import open_study

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "write-a-runner.md").read_text("utf-8")
(RUNNER,) = re.findall(r"(?ms)^```python\n(# hpo_threads\.py\n.*?)^```$", PAGE)
SPACE = hpo.Space(x=hpo.Float(0, 1))


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("runner")
    (folder / "hpo_threads.py").write_text(RUNNER)
    found = PluginManager()
    found.add("hpo_threads.py", folder)
    yield found
    del sys.modules["hpo_threads"]


def study(plugins: PluginManager, **more: Any) -> hpo.Study:
    return open_study(StudyConfig(SPACE, backend="core.random", seed=0, plugins=plugins, **more))


def test_it_imports_nothing_but_public_modules() -> None:
    imported = set(re.findall(r"^from (hpo_bridge\S*) import", RUNNER, re.MULTILINE))
    modules = {
        f"hpo_bridge.{name}" for name in ("objectives", "contracts.options", "contracts.runner")
    }
    assert imported == {"hpo_bridge", *modules}


def test_trials_run_side_by_side(plugins: PluginManager) -> None:
    together = threading.Barrier(3)

    def objective(trial: hpo.Trial) -> float:
        together.wait(60)  # three of them, or nobody goes on
        return float(trial["x"])

    s = study(plugins)
    s.optimize(objective, trials=6, runner="threads", workers=3)
    assert [t.state.value for t in s.trials] == ["COMPLETE"] * 6


def test_reports_and_pruning(plugins: PluginManager) -> None:
    def objective(trial: hpo.Trial) -> float:
        for step in range(5):
            trial.report(trial["x"], step, metrics={"twice": 2 * trial["x"]})
            if trial.should_prune():
                raise hpo.TrialPruned
        return float(trial["x"])

    s = study(plugins, pruner={"name": "threshold", "options": {"upper": 0.5}})
    s.optimize(objective, trials=12, runner="threads", workers=4)
    for trial in s.trials:
        assert (trial.state.value == "PRUNED") == (trial.params["x"] > 0.5)
        assert len(trial.reports) == (1 if trial.state.value == "PRUNED" else 5)
    assert len({trial.state for trial in s.trials}) == 2


def test_failures_checkpoints_and_further_attempts(plugins: PluginManager, tmp_path: Path) -> None:
    def objective(trial: hpo.Trial) -> float:
        folder = trial.load_checkpoint()
        if folder is None:
            trial.report(1.0, 0)
            (tmp_path / "kept").mkdir(exist_ok=True)
            (tmp_path / "kept" / "epoch").write_text("1")
            trial.checkpoint(tmp_path / "kept")
            raise RuntimeError("the first attempt")
        assert (folder / "epoch").read_text() == "1"
        trial.report(0.5, 1)
        return float(trial["x"])

    s = study(plugins, store=f"sqlite:///{tmp_path}/s.db")
    s.optimize(objective, trials=1, runner="threads", workers=1, retries=1)
    (trial,) = s.trials
    assert (trial.state.value, trial.attempts) == ("COMPLETE", 2)
    assert [step for step, _ in trial.reports] == [0, 1]

    def fails(trial: hpo.Trial) -> float:
        raise ValueError("always")

    s.optimize(fails, trials=2, runner="threads")
    assert s.trials[1].state.value == "FAILED"
    assert "ValueError: always" in (s.trials[1].error or "")


def test_the_budget_of_time_gives_back_what_runs(plugins: PluginManager) -> None:
    release = threading.Event()

    def objective(trial: hpo.Trial) -> float:
        while not trial.should_prune() and not release.wait(0.01):
            trial.report(1.0, 0)
        return 1.0

    s = study(plugins)
    s.optimize(objective, seconds=0.5, runner="threads", workers=2)
    release.set()
    assert [t.state.value for t in s.trials] == ["WAITING"] * 2


def test_an_objective_that_stops_the_study(plugins: PluginManager) -> None:
    def objective(trial: hpo.Trial) -> float:
        raise StopStudy("enough")

    s = study(plugins)
    with pytest.raises(StopStudy, match="enough"):
        s.optimize(objective, trials=5, runner="threads", workers=1)
    assert [t.state.value for t in s.trials] == ["WAITING"]


def test_wrong_options(plugins: PluginManager) -> None:
    with pytest.raises(InvalidOptions, match="workers: found 0, expected at least 1"):
        study(plugins).optimize(lambda trial: 1.0, trials=1, runner="threads", workers=0)


PROGRAM = """
import sys, time
from pathlib import Path
import hpo_bridge as hpo
from hpo_bridge.plugins import manager


def objective(trial):
    Path(f"begun{trial.number}").touch()
    while True:
        time.sleep(0.01)
        trial.report(1.0, 0)


manager().add("hpo_threads.py", Path())
study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), store="sqlite:///s.db", name="cut")
try:
    study.optimize(objective, trials=9, runner="threads", workers=2)
except KeyboardInterrupt:
    print("cut", *(trial.state.value for trial in study.trials))
"""


def test_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "hpo_threads.py").write_text(RUNNER)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        limit = time.monotonic() + 120
        while len(list(tmp_path.glob("begun*"))) < 2 and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert out.split() == ["cut", "WAITING", "WAITING"], err
