"""Grid, random, Bayesian and genetic search through the same door: a table, and a picture.

    python compare.py [--seeds 5] [--trials 40] [--picture comparison.png]

Takes about five minutes on two cores. Every seed splits the data anew.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from hpo_bridge_sklearn import BridgeSearchCV
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.svm import SVC

import hpo_bridge as hpo

SPACE = {
    "C": hpo.Float(1e-3, 1e4, log=True),
    "gamma": hpo.Float(1e-7, 1e1, log=True),
    "shrinking": [True, False],
}
GRID = {
    "C": list(np.logspace(-3, 4, 5)),
    "gamma": list(np.logspace(-7, 1, 4)),
    "shrinking": [True, False],
}
BACKENDS: dict[str, Any] = {
    "core.grid": GRID,
    "core.random": SPACE,
    "optuna.tpe": SPACE,
    "skopt.gp": SPACE,
    "deap.ga": SPACE,
}


@dataclass(frozen=True)
class Found:
    """One search: the lowest error after each candidate, that of the test set, the time."""

    best: list[float]
    test: float
    seconds: float


def data(seed: int) -> tuple[Any, ...]:
    """600 digits to search with, the others to test."""
    X, y = load_digits(return_X_y=True)
    return tuple(train_test_split(X, y, train_size=600, stratify=y, random_state=seed))


def search(backend: str, seed: int, trials: int) -> Found:
    """One search of so many candidates."""
    X, X_test, y, y_test = data(seed)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    begin = time.monotonic()
    found = BridgeSearchCV(
        SVC(), BACKENDS[backend], backend=backend, n_trials=trials, cv=folds, random_state=seed
    ).fit(X, y)
    seconds = time.monotonic() - begin
    errors = [1 - score for score in found.cv_results_["mean_test_score"]]
    return Found(list(accumulate(errors, min)), 1 - found.score(X_test, y_test), seconds)


def shown(values: list[float]) -> str:
    """Mean and standard deviation."""
    spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread}"


def table(found: dict[str, list[Found]]) -> None:
    """Print means over the seeds; the grid is not in an order that half of it says anything."""
    print("| backend | error after half | after all | on the test set | seconds |")
    print("|---|---|---|---|---|")
    for name, runs in found.items():
        half = [one.best[max(0, len(one.best) // 2 - 1)] for one in runs]
        cells = [shown(half), shown([one.best[-1] for one in runs])]
        cells += [shown([one.test for one in runs]), f"{mean(one.seconds for one in runs):.1f}"]
        print(f"| {name} | " + " | ".join(cells) + " |")


def same_as_grid_search(seed: int) -> bool:
    """Whether `GridSearchCV` gives the whole grid the very same scores."""
    X, _, y, _ = data(seed)
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    theirs = GridSearchCV(SVC(), GRID, cv=folds, refit=False).fit(X, y)
    ours = BridgeSearchCV(SVC(), GRID, backend="core.grid", cv=folds, refit=False).fit(X, y)
    scores = [one.cv_results_["mean_test_score"] for one in (theirs, ours)]
    return bool(np.array_equal(*scores)) and theirs.best_params_ == ours.best_params_


def draw(found: dict[str, list[Found]], path: Path) -> None:
    """The mean over the seeds, after each candidate."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.8), layout="constrained")
    for name, runs in found.items():
        curve = [mean(values) for values in zip(*(run.best for run in runs), strict=True)]
        axes.plot(range(1, len(curve) + 1), curve, label=name)
    axes.set(
        yscale="log",
        xlabel="candidates",
        ylabel="lowest error in cross-validation so far",
        title=f"A support vector machine for 600 digits, mean of {len(runs)} seeds",
    )
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument("--trials", type=int, default=40, metavar="N")
    parser.add_argument("--picture", type=Path, default=Path("comparison.png"), metavar="FILE")
    chosen = parser.parse_args(arguments)
    found = {
        name: [search(name, seed, chosen.trials) for seed in range(chosen.seeds)]
        for name in BACKENDS
    }
    table(found)
    print(f"GridSearchCV finds the same on the grid: {same_as_grid_search(0)}")
    draw(found, chosen.picture)
    print(f"picture: {chosen.picture}")


if __name__ == "__main__":
    main()
