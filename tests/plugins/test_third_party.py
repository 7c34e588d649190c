"""A runner, a pruner and an observer of somebody else's, installed, picked by a study file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ACME = '''
import threading

from hpo_bridge import ObserverSpec, PrunerSpec, RunnerSpec, hookimpl
from hpo_bridge.errors import InvalidOptions
from hpo_bridge.objectives import evaluate


class Threads:
    """Two trials at a time, each in a thread; the study hears of them in this one."""

    def __init__(self, *, order="free", retries=0, width=2):
        self.order, self.retries, self.width = order, retries, width
        if not isinstance(width, int) or width < 1:
            raise InvalidOptions(f"found {width!r}, expected a number of threads", "width")

    def run(self, work):
        function, lock = work.objective.load(), threading.Lock()
        while not work.stopping:
            trials = [t for t in (work.next() for _ in range(self.width)) if t is not None]
            if not trials:
                return
            outcomes = {}

            def one(trial):
                with lock:  # reports reach the study one at a time
                    outcomes[trial.number] = evaluate(function, trial)

            threads = [threading.Thread(target=one, args=(trial,)) for trial in trials]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for number, outcome in outcomes.items():
                work.finish(number, outcome)


class OddOnes:
    """Stops every trial with an odd number once it has reported `after` times."""

    def __init__(self, *, after=1):
        self.after = after

    def should_prune(self, number, reports):
        return number % 2 == 1 and len(reports) >= self.after

    def finished(self, number, state, loss, reports):
        pass


class Diary:
    def __init__(self, *, path):
        self.path = path

    def write(self, *words):
        with open(self.path, "a") as file:
            print(*words, file=file)

    @hookimpl
    def hpo_study_started(self, study):
        self.write("study", study.name, study.runner, study.pruner)

    @hookimpl
    def hpo_trial_finished(self, trial):
        self.write("trial", trial.number, trial.state.value, len(trial.reports))


@hookimpl
def hpo_register_runners():
    return RunnerSpec(name="acme-threads", factory="hpo_acme:Threads", summary="Threads")


@hookimpl
def hpo_register_pruners():
    return PrunerSpec(name="acme.odd", factory="hpo_acme:OddOnes")


@hookimpl
def hpo_register_observers():
    yield ObserverSpec(name="acme-diary", factory="hpo_acme:Diary")
    yield ObserverSpec(name="acme-far", factory="hpo_acme:Diary", requires=("acme-absent>=2",))
'''
OBJECTIVE = """
import threading


def train(trial):
    for step in range(4):
        trial.report(trial["x"], step)
        if trial.should_prune():
            import hpo_bridge
            raise hpo_bridge.TrialPruned
    assert threading.current_thread() is not threading.main_thread()
    return trial["x"]
"""
STUDY: dict[str, Any] = {
    "study": "acme",
    "objective": "objective.py:train",
    "space": {"x": {"type": "float", "low": 0, "high": 1}},
    "seed": 0,
    "budget": {"trials": 6},
    "runner": {"name": "acme-threads", "width": 3},
    "pruner": {"name": "acme.odd", "options": {"after": 2}},
    "observers": [{"name": "acme-diary", "path": "diary"}],
}


@pytest.fixture
def run(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command in a folder with a study, with the distribution installed."""
    site("hpo-acme", ACME)
    folder = tmp_path / "study"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "objective.py").write_text(OBJECTIVE)
    (folder / "study.yaml").write_text(json.dumps(STUDY))
    return lambda *words: site.command("run", "study.yaml", *words)


def test_all_three_by_name(run: Any, site: Any) -> None:
    done = run("--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["PRUNED"] == 3
    trials = json.loads(site.command("trials", "study.yaml", "--json").stdout)
    assert [trial["state"] for trial in trials] == ["COMPLETE", "PRUNED"] * 3
    diary = Path("diary").read_text().splitlines()
    assert diary[0] == "study acme acme-threads acme.odd"
    assert sorted(diary[1:]) == [
        f"trial {n} {'PRUNED 2' if n % 2 else 'COMPLETE 4'}" for n in range(6)
    ]
    assert run("--trials", "7", "--set", "observers=[]").returncode == 0
    assert Path("diary").read_text().splitlines() == diary
    assert run("--trials", "8", "--set", "observers.0.path=other").returncode == 0
    assert Path("other").read_text().splitlines()[-1] == "trial 7 PRUNED 2"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("runner.name=acme-thread", "runner.name: found 'acme-thread'"),
        ("runner.widht=2", "runner.widht: unknown option of runner 'acme-threads'"),
        ("runner.width=0", "runner.width: found 0, expected a number of threads"),
        ("pruner.name=acme.even", "pruner.name: found 'acme.even'"),
        ("pruner.options.befor=1", "pruner.options.befor: unknown option of pruner 'acme.odd'"),
        ("observers=[acme-dairy]", "observers.0: found 'acme-dairy'"),
        ("observers.0.paht=x", "observers.0.paht: unknown option of observer 'acme-diary'"),
        (
            "observers=[acme-diary]",
            "observers.0: observer 'acme-diary' (hpo-acme 1.2) needs the",
        ),
        ("observers=[acme-far]", "observers.0: observer 'acme-far' is unavailable: needs acme-ab"),
    ],
)
def test_what_is_wrong_is_one_line(run: Any, change: str, line: str) -> None:
    done = run("--set", change)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"--set: {line}")
    assert sorted(path.name for path in Path().iterdir()) == ["objective.py", "study.yaml"]
