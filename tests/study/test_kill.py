"""kill -9 at any moment: no finished trial is lost, and the rest is as if nothing had been.

A nursery imports everything once, and forks a driver for each life; importing anew would
take most of the time. Each driver opens the store, takes the study over, and runs it until
its budget is met or it is killed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study, TrialState
from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.store import Store, open_store

NURSERY = """
import json, os, sys
import hpo_bridge as hpo
import hpo_bridge.runners.inline, hpo_bridge.runners.processes, hpo_bridge.runners.process_loop
import hpo_bridge.store.sql
from hpo_bridge.plugins import manager
{imports}
url, name, backend, runner, trials, log, seed, naps = json.loads(sys.argv[1])
manager()
space = hpo.Space(
    x=hpo.Float(1e-3, 1, log=True), o=hpo.Categorical(["s", "t"]),
    n=hpo.Int(0, 9, when={{"o": "s"}}),
)

def objective(trial, log=log, nap=naps):
    import os, time
    line = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(line, b"%d %d\\n" % (trial.number, os.getpid()))
    trial.report(trial["x"], step=0)
    time.sleep(nap)
    trial.report(trial["x"] / 2, step=1)
    os.write(line, b"%d done\\n" % trial.number)
    os.close(line)
    if trial.number % 11 == 5:
        raise ValueError("unlucky")
    return trial["x"] + trial.get("n", 3)

def drive():
    options = {{"workers": 2}} if runner == "processes" else {{}}
    with hpo.Study(space, backend=backend, seed=seed, store=url, name=name) as study:
        print("driving", flush=True)
        study.optimize(objective, trials=trials, runner=runner, **options)
        print("finished", flush=True)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            drive()
        except BaseException as error:
            print(f"error {{error!r}}", flush=True)
        os._exit(0)
    print(f"pid {{child}}", flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""

SPACE = Space(x=Float(1e-3, 1, log=True), o=Categorical(["s", "t"]), n=Int(0, 9, when={"o": "s"}))


@dataclass
class Case:
    """One study that is killed over and over.

    Attributes:
        kills: How many drivers are killed before one is left to finish.
        life: Seconds that a driver lives at most once it drives.
    """

    url: str
    folder: Path
    kills: int
    backend: Any = "core.random"
    runner: str = "inline"
    trials: int = 300
    life: float = 0.3
    nap: float = 0.004
    name: str = "killed"
    seed: int = 5
    killed: int = 0

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def done(self) -> int:
        """How many objectives have come to their end, lost trials counted again."""
        return self.log.read_bytes().count(b"done") if self.log.exists() else 0

    def nursery(self) -> subprocess.Popen[str]:
        imports = "import hpo_bridge_optuna.tpe" if "optuna" in str(self.backend) else ""
        settings = [self.url, self.name, self.backend, self.runner, self.trials, str(self.log),
                    self.seed, self.nap]  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-c", NURSERY.format(imports=imports), json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


def live(case: Case, nursery: subprocess.Popen[str], seconds: float | None) -> bool:
    """One driver's life, cut after ``seconds``; whether it met the budget."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write("\n")
    nursery.stdin.flush()
    word, pid = nursery.stdout.readline().split()
    assert word == "pid"
    if seconds is not None:
        end = time.monotonic() + seconds
        share = case.trials * (case.killed + 1) / (case.kills + 1)
        # Also killed when it has done its share, so that there is something left for the next.
        while time.monotonic() < end and case.done() < share:
            time.sleep(0.003 * random.random())
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    finished = False
    for line in nursery.stdout:
        assert not line.startswith("error"), line
        finished = finished or line == "finished\n"
        if line == "dead\n":
            return finished
    raise AssertionError("the nursery died")


def settled(store: Store, name: str) -> dict[int, TrialRecord]:
    """The trials that are final, with all that is kept of them."""
    return {t.number: t for t in store.trials(name) if t.state.is_final}


def kill_over_and_over(case: Case) -> None:
    rng = random.Random(f"{case.name}/{case.url[:6]}/{case.runner}")
    nursery = case.nursery()
    store = open_store(case.url)
    before: dict[int, TrialRecord] = {}
    try:
        while case.killed < case.kills:
            # From before the study is taken over to well into the run.
            done = live(case, nursery, rng.random() * case.life)
            after = settled(store, case.name) if case.name in store.names() else {}
            assert before.items() <= after.items()
            before = after
            assert not done, f"finished after {case.killed} kills: too few trials"
            case.killed += 1
        assert live(case, nursery, None)
        after = settled(store, case.name)
        assert before.items() <= after.items()
        check(case, store)
    finally:
        store.close()
        nursery.kill()
        nursery.communicate()


def check(case: Case, store: Store) -> None:
    trials = list(store.trials(case.name))
    assert [t.number for t in trials] == list(range(case.trials))
    assert store.pending(case.name) == []
    for t in trials:
        lost = t.error is not None and "while this trial ran" in t.error
        if t.number % 11 == 5 or lost:
            assert t.state is TrialState.FAILED
        else:
            assert t.state is TrialState.COMPLETE
            assert t.values == {"value": t.params["x"] + t.params.get("n", 3)}
            assert t.reports == ((0, t.params["x"]), (1, t.params["x"] / 2))
    # Run once each, but for those that a kill has cut.
    events = list(store.events(case.name))
    starts = Counter(e.trial for e in events if e.kind == "started")
    requeued = Counter(e.trial for e in events if e.kind == "requeued")
    given_up = sum(t.error is not None and "while this trial ran" in t.error for t in trials)
    workers = 2 if case.runner == "processes" else 1
    assert {e.cause for e in events if e.kind == "requeued"} <= {"lost"}
    assert requeued.total() + given_up <= case.kills * workers
    for t in trials:
        lost = t.error is not None and "while this trial ran" in t.error
        assert starts[t.number] == t.attempts == requeued[t.number] + 1
        assert not lost or t.attempts == 3
    begun = Counter(int(line.split()[0]) for line in case.log.read_text().splitlines()
                    if not line.endswith("done"))  # fmt: skip
    assert all(begun[t.number] <= t.attempts for t in trials)
    assert all(begun[t.number] >= 1 for t in trials)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert sum(e.kind == "finished" for e in events) == case.trials


def uninterrupted(case: Case) -> list[dict[str, Any]]:
    study = Study(SPACE, backend=case.backend, seed=case.seed)

    def objective(trial: Any) -> float:
        if trial.number % 11 == 5:
            raise ValueError("unlucky")
        return float(trial["x"] + trial.get("n", 3))

    study.optimize(objective, trials=case.trials)
    return [t.params for t in study.trials]


@pytest.fixture
def urls(tmp_path: Path, postgres_url: str) -> Callable[[str], str]:
    paths = {"sqlite": f"sqlite:///{tmp_path}/s.db", "postgresql": postgres_url}
    return paths.__getitem__


def test_kill_nine_inline_and_processes(urls: Callable[[str], str], tmp_path: Path) -> None:
    """More than fifty kills; two studies at a time."""
    cases = [
        Case(urls("sqlite"), tmp_path, 20, name="a", life=0.5),
        Case(urls("postgresql"), tmp_path, 16, name="b", life=0.5),
        Case(urls("sqlite").replace("s.db", "p.db"), tmp_path, 12, name="c", runner="processes",
             life=0.9),
        Case(urls("postgresql"), tmp_path, 8, name="d", runner="processes", life=0.9),
    ]  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill_over_and_over, cases))
    assert sum(case.killed for case in cases) >= 50
    for case in cases:
        store = open_store(case.url)
        assert [t.params for t in store.trials(case.name)] == uninterrupted(case)
        store.close()


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs optuna")
def test_kill_nine_with_a_backend_that_learns(urls: Callable[[str], str], tmp_path: Path) -> None:
    case = Case(urls("sqlite"), tmp_path, 8, name="tpe", backend="optuna.tpe", life=1.0,
                trials=60, nap=0.01)  # fmt: skip
    kill_over_and_over(case)
    store = open_store(case.url)
    stored = list(store.trials("tpe"))
    store.close()
    if not any("while this trial ran" in (t.error or "") for t in stored):
        assert [t.params for t in stored] == uninterrupted(case)


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs optuna")
def test_kill_nine_all_along_a_schedule(urls: Callable[[str], str], tmp_path: Path) -> None:
    schedule = [
        {"name": "core.random", "trials": 8}, {"name": "optuna.tpe", "trials": 12},
        {"name": "core.random", "trials": 4}, "optuna.tpe",
    ]  # fmt: skip
    case = Case(urls("sqlite"), tmp_path, 7, name="relay", backend=schedule, life=1.0,
                trials=30, nap=0.01)  # fmt: skip
    kill_over_and_over(case)
    store = open_store(case.url)
    stored = list(store.trials("relay"))
    store.close()
    names = ["core.random"] * 8 + ["optuna.tpe"] * 12 + ["core.random"] * 4 + ["optuna.tpe"] * 6
    assert [t.backend for t in stored] == names
    if not any("while this trial ran" in (t.error or "") for t in stored):
        assert [t.params for t in stored] == uninterrupted(case)


@pytest.mark.skipif(importlib.util.find_spec("optuna") is None, reason="needs optuna")
def test_kill_nine_with_a_portfolio(urls: Callable[[str], str], tmp_path: Path) -> None:
    members = ["optuna.tpe", {"name": "deap.ga", "share": 2}]
    backend = {"name": "portfolio", "options": {"members": members}}
    case = Case(urls("sqlite"), tmp_path, 5, name="mix", backend=backend, life=1.0,
                trials=30, nap=0.01)  # fmt: skip
    kill_over_and_over(case)
    store = open_store(case.url)
    stored = list(store.trials("mix"))
    store.close()
    assert {t.backend for t in stored} == {"optuna.tpe", "deap.ga"}
    if not any("while this trial ran" in (t.error or "") for t in stored):
        assert [t.params for t in stored] == uninterrupted(case)
