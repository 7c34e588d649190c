"""Folds of one trial in processes beside each other: the values of one after the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from hpo_bridge_sklearn import cross_validated
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import hpo_bridge as hpo
from hpo_bridge.study.opened import OpenedStudy

X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
MARK = "multiprocessing.spawn"
CV = KFold(6, shuffle=True, random_state=0)


class Diary(BaseEstimator):  # type: ignore[misc]
    """Writes down each fit; its score is worse the later the fold, and it may be slow or die."""

    def __init__(self, path: str = "", level: float = 0.0, slow: float = 0.0, dies: bool = False):
        self.path, self.level, self.slow, self.dies = path, level, slow, dies

    def fit(self, X: Any, y: Any) -> Diary:
        fold = next(n for n, (_, test) in enumerate(CV.split(X_ALL)) if len_key(X) == len_key(
            X_ALL[[i for i in range(len(X_ALL)) if i not in set(test)]]))  # fmt: skip
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{self.level} {fold}\n")
        if self.dies and fold == 2:
            os.kill(os.getpid(), signal.SIGSEGV)
        end = time.monotonic() + (self.slow if fold > 1 else 0)
        while time.monotonic() < end:
            time.sleep(0.01)
        return self

    def score(self, X: Any, y: Any) -> float:
        return self.level if self.level < 7 else float("nan")


X_ALL = X


def len_key(X: Any) -> float:
    return round(float(X.sum()), 6)


def alive() -> list[psutil.Process]:
    """The processes of workers and for folds that run now, of this test."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if MARK in line and process.info["status"] != psutil.STATUS_ZOMBIE and ours(process):
            found.append(process)
    return found


def folds() -> list[psutil.Process]:
    """Those that a worker has started."""
    workers = {process.pid: process for process in alive()}
    return [process for process in workers.values() if process.ppid() in workers]


def ours(process: psutil.Process) -> bool:
    """Other tests may run beside this one."""
    try:
        return process.environ().get("HPO_TEST_FOLDS") == os.environ["HPO_TEST_FOLDS"]
    except psutil.Error:
        return False


@pytest.fixture(autouse=True)
def _nobody_is_left_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HPO_TEST_FOLDS", str(tmp_path))
    yield
    end = time.monotonic() + 150
    while alive() and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive()


def until(happened: Callable[[], Any], seconds: float = 150) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def study(space: Any, **more: Any) -> hpo.Study:
    return hpo.Study(space, direction="maximize", seed=0, **more)


def test_the_same_values_as_one_after_the_other() -> None:
    space = hpo.Space(C=hpo.Float(0.01, 10, log=True), gamma=hpo.Float(0.01, 1, log=True))
    found = []
    for workers, options in ((None, {}), (2, {"runner": "processes", "workers": 1})):
        one = study(space)
        objective = cross_validated(SVC(), X, y, cv=CV, scoring=["accuracy", "f1_macro"],
                                    objective="f1_macro", fold_workers=workers)  # fmt: skip
        one.optimize(objective, trials=3, **options)  # type: ignore[arg-type]
        found.append(one.trials)
    for alone, beside in zip(*found, strict=True):
        assert (alone.params, alone.values, alone.reports) == (
            beside.params, beside.values, beside.reports
        )  # fmt: skip
        assert alone.standard_errors == beside.standard_errors
        names = ("test_accuracy", "test_f1_macro", "n_test_samples")
        for one, other in zip(alone.metrics, beside.metrics, strict=True):
            assert {n: one[n] for n in names} == {n: other[n] for n in names}


class Asked:
    """A pruner that stops a good trial after two folds, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def should_prune(self, number: int, reports: Any) -> bool:
        self.asked.append([step for step, _ in reports])
        return len(reports) == 2 and -reports[-1][1] < 0.4

    def finished(self, *ended: Any) -> None: ...

    def estimate(self, *asked: Any) -> None: ...


def test_folds_that_are_not_needed_are_cancelled_and_one_that_dies_fails_its_trial_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruner = Asked()
    monkeypatch.setattr(OpenedStudy, "_build_pruner", lambda self: pruner)
    path = tmp_path / "fits"
    space = hpo.Space(
        level=hpo.Categorical([0.3, 0.5]), slow=hpo.Categorical([0.0, 60.0]),
        dies=hpo.Categorical([True, False]), path=hpo.Categorical([str(path), "/nowhere/fits"]),
    )  # fmt: skip
    found, usual = study(space, pruner="median"), {"dies": False, "path": str(path)}
    found.enqueue({**usual, "level": 0.3, "slow": 60.0})
    found.enqueue({**usual, "level": 0.5, "slow": 0.0, "dies": True})
    found.enqueue({**usual, "level": 0.5, "slow": 0.0, "path": "/nowhere/fits"})
    found.enqueue({**usual, "level": 0.5, "slow": 0.0})
    found.optimize(cross_validated(Diary(), X, y, cv=CV, fold_workers=2), trials=4)
    pruned, died, failed, fine = found.trials
    assert pruned.state is hpo.TrialState.PRUNED
    assert pruner.asked[:2] == [[0], [0, 1]]
    assert pruned.finished - pruned.started < 50  # no slow fit was waited for
    fits = [line.split() for line in path.read_text().splitlines()]
    assert {fold for level, fold in fits if level == "0.3"} <= {"0", "1", "2", "3"}
    assert died.error == "fold 2: the fold's process was killed by SIGSEGV"
    assert failed.error is not None
    assert failed.error.startswith("fold 0: FileNotFoundError: [Errno 2] No such file")
    assert (fine.value, len(fine.reports)) == (0.5, 6)
    asked = pruner.asked[-5:]
    assert asked == [list(range(len(asked[0]) + more)) for more in range(5)]  # in order


def test_a_value_that_is_no_number_leaves_nothing_to_the_next_trial(tmp_path: Path) -> None:
    path = str(tmp_path / "fits")
    space = hpo.Space(level=hpo.Categorical([7.0, 0.5]), path=path, slow=0.3)
    found = study(space)
    for level in (7.0, 0.5):  # 7 stands for NaN
        found.enqueue({"level": level})
    found.optimize(cross_validated(Diary(), X, y, cv=CV, fold_workers=2), trials=2)
    first, second = found.trials
    assert first.error == "the objective returned nan, expected a finite number"
    assert [value for _, value in second.reports] == [0.5] * 6


@pytest.mark.parametrize("runner", [{}, {"runner": "processes", "workers": 1}], ids=str)
def test_a_trial_that_takes_too_long_takes_its_folds_along(
    tmp_path: Path, runner: dict[str, Any]
) -> None:
    space = hpo.Space(level=0.5, path=str(tmp_path / "fits"), slow=hpo.Categorical([60.0]))
    found = study(space)
    objective = cross_validated(Diary(), X, y, cv=CV, fold_workers=2)
    found.optimize(objective, trials=1, trial_timeout=2.5, **runner)
    assert found.trials[0].error == "timed out after 2.5 s"


@pytest.mark.slow
def test_the_death_of_the_trials_own_process_ends_its_folds(tmp_path: Path) -> None:
    path = tmp_path / "fits"
    space = hpo.Space(level=0.5, path=str(path), slow=hpo.Categorical([60.0]))
    found = study(space)
    objective = cross_validated(Diary(), X, y, cv=CV, fold_workers=2)

    def kill() -> None:
        until(lambda: path.exists() and len(folds()) == 2)
        for parent in {process.ppid() for process in folds()}:
            assert parent != os.getpid()
            os.kill(parent, signal.SIGKILL)

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill)
        found.optimize(objective, trials=1, runner="processes", workers=1)
        killed.result()
    assert found.trials[0].error == "worker was killed by SIGKILL (out of memory?)"


SCRIPT = """
import hpo_bridge as hpo
from hpo_bridge_sklearn import cross_validated
from sklearn.datasets import load_iris
import time
from sklearn.dummy import DummyClassifier

class Slow(DummyClassifier):
    def fit(self, X, y):
        open("begun", "w").close()
        time.sleep(600)

if __name__ == "__main__":
    X, y = load_iris(return_X_y=True)
    space = hpo.Space(strategy=hpo.Categorical(["prior"]))
    study = hpo.Study(space, direction="maximize", store="sqlite:///s.db")
    study.optimize(cross_validated(Slow(), X, y, fold_workers=2), trials=2, RUNNER)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runner", "how"),
    [
        ("runner='inline'", signal.SIGINT),
        ("runner='processes', workers=1, grace=0", signal.SIGKILL),
    ],
)
def test_whatever_ends_the_driver_ends_the_folds(
    tmp_path: Path, runner: str, how: signal.Signals
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.replace("RUNNER", runner))
    driver = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path,
                              stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        until((tmp_path / "begun").exists)
        assert alive()
        driver.send_signal(how)
        driver.wait(30)
    finally:
        driver.kill()
        driver.wait()
    # the fixture looks for what is left over


OWN_CLASS = """
import pickle
from multiprocessing import Pool
from sklearn.base import BaseEstimator
import hpo_bridge as hpo
from hpo_bridge_sklearn import cross_validated
print("run")
LEVEL = 3

def own(level):
    return level + LEVEL

class Own(BaseEstimator):
    def __init__(self, level=0.0):
        self.level = level
    def fit(self, X, y):
        assert pickle.loads(pickle.dumps(self)).level == self.level
        with Pool(1) as pool:
            (self.score_,) = pool.map(own, [self.level])
        return self
    def score(self, X, y):
        return self.score_

for runner in ("inline", "processes"):
    study = hpo.Study(hpo.Space(level=hpo.Categorical([0.5])), direction="maximize")
    objective = cross_validated(Own(), [[0], [1], [2], [3]], [0, 1, 0, 1], cv=2, fold_workers=2)
    study.optimize(objective, trials=1, runner=runner)
    print(runner, study.trials[0].values, study.trials[0].error)
"""


@pytest.mark.parametrize("how", ["script.py", "-"])
def test_an_estimator_of_the_script_finds_its_main(tmp_path: Path, how: str) -> None:
    (tmp_path / "script.py").write_text(OWN_CLASS)
    done = subprocess.run(
        [sys.executable, how], input=OWN_CLASS, cwd=tmp_path, capture_output=True, text=True,
        timeout=340,
    )  # fmt: skip
    lines = ["run", "inline {'value': 3.5} None", "processes {'value': 3.5} None"]
    assert done.stdout.splitlines() == lines, done.stderr
