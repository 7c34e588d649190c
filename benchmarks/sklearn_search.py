"""``BridgeSearchCV`` against ``RandomizedSearchCV``: the same candidates, the same folds.

Wall time of the whole ``fit`` without refit, with one worker and with two, on cheap fits (about
10 ms) and dearer ones (about 50 ms), in memory and in SQLite; and with pruning by
folds. The candidates are those that ``core.random`` draws. The searches take turns, in one order
and in the other; a figure is the median of the rounds' ratios. With one worker the ratio of
processor time stands beside it, which says more on a machine that is busy.

    .venv/bin/python benchmarks/sklearn_search.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from figures import show
from hpo_bridge_sklearn import BridgeSearchCV
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import RandomizedSearchCV, StratifiedKFold
from sklearn.svm import SVC

import hpo_bridge as hpo

X, y = load_digits(return_X_y=True)
FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)
CHEAP = (
    SVC(),
    {"C": hpo.Float(1, 1e3, log=True), "gamma": hpo.Float(1e-4, 1e-3, log=True)},
    X[:600], y[:600], 50,
)  # fmt: skip
DEAR = (
    RandomForestClassifier(n_estimators=25, random_state=0),
    {"max_depth": hpo.Int(2, 20), "max_features": hpo.Float(0.05, 0.6)},
    X[:900], y[:900], 50,
)  # fmt: skip


def candidates(space: Any, count: int) -> list[dict[str, Any]]:
    """What ``core.random`` draws, each as a dictionary of lists of one."""
    study = hpo.Study(hpo.Space(dict(sorted(space.items()))), seed=0)
    drawn = [study.ask().params for _ in range(count)]
    study.close()
    return [{name: [value] for name, value in params.items()} for params in drawn]


def theirs(problem: Any, n_jobs: int) -> Callable[[], tuple[float, float]]:
    estimator, space, X, y, count = problem
    lists = candidates(space, count)

    def run() -> tuple[float, float]:
        search = RandomizedSearchCV(
            estimator, lists, n_iter=count, cv=FOLDS, n_jobs=n_jobs, refit=False,
            random_state=0,
        )  # fmt: skip
        spent = timed(search, X, y)
        run.best = search.best_score_
        return spent

    return run


def timed(search: Any, X: Any, y: Any) -> tuple[float, float]:
    """Wall time and processor time of a fit, in seconds."""
    begin, busy = time.perf_counter(), time.process_time()
    search.fit(X, y)
    return time.perf_counter() - begin, time.process_time() - busy


def ours(problem: Any, n_jobs: int, *, sqlite: bool = False, **options: Any):
    estimator, space, X, y, count = problem

    def run() -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as folder:
            search = BridgeSearchCV(
                estimator, space, n_trials=count, cv=FOLDS, n_jobs=n_jobs, refit=False,
                random_state=0, store=f"sqlite:///{Path(folder)}/s.db" if sqlite else None,
                **options,
            )  # fmt: skip
            spent = timed(search, X, y)
        run.best = search.best_score_
        run.fits = sum(len(trial.reports) for trial in search.trials_)
        return spent

    return run


def compare(name: str, problem: Any, n_jobs: int, rounds: int) -> list[bool]:
    """The medians of the ratios to ``RandomizedSearchCV``, each search once a round."""
    base = theirs(problem, n_jobs)
    searches = {
        "in memory": ours(problem, n_jobs),
        "SQLite": ours(problem, n_jobs, sqlite=True),
        "SQLite, pruner folds": ours(problem, n_jobs, sqlite=True, pruner="folds"),
    }
    ratios: dict[str, list[float]] = {what: [] for what in searches}
    busy: dict[str, list[float]] = {what: [] for what in searches}
    seconds = []
    for number in range(rounds):
        everyone = {"": base, **searches}
        order = list(everyone) if number % 2 else list(everyone)[::-1]
        spent = {what: everyone[what]() for what in order}
        seconds.append(spent[""][0])
        for what in searches:
            ratios[what].append(spent[what][0] / spent[""][0])
            busy[what].append(spent[what][1] / spent[""][1])
    label = f"{name}, n_jobs={n_jobs}"
    show(f"{label}: RandomizedSearchCV", statistics.median(seconds), "s", "", True)
    reached = []
    for what, search in searches.items():
        limit = 1.0 if "pruner" in what else 1.1
        ratio = statistics.median(ratios[what])
        aim = "below 1" if limit == 1.0 else "at most 1.1"
        reached.append(show(f"{label}: {what}", ratio, "x", aim, ratio <= limit))
        if n_jobs == 1:
            show(f"{label}: {what}, processor time", statistics.median(busy[what]), "x", "", True)
        print(
            f"    rounds {min(ratios[what]):.2f} to {max(ratios[what]):.2f}; {search.fits} fits; "
            f"best score {search.best:.4f}, there {base.best:.4f}"
        )
    return reached


def main() -> bool:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for problem in (CHEAP, DEAR):  # imports, and the start of joblib's workers
        ours((*problem[:2], X[:100], y[:100], 4), 2)()
    reached = []
    for n_jobs in (1, 2):
        reached += compare("cheap fits", CHEAP, n_jobs, rounds)
    for n_jobs in (1, 2):
        reached += compare("dearer fits", DEAR, n_jobs, rounds)
    return all(reached)


if __name__ == "__main__":
    sys.exit(not main())
