"""What the pruner ``folds`` saves, and what it costs: fold fits against the quality of the choice.

Studies over small grids whose fold scores are tables (``folds_tables.py``), so that hundreds of
them are cheap. Each is run with the same seed without a pruner, with ``folds``, with its option
``test: wilcoxon`` at Optuna's level of 0.1, and, if asked for, with Optuna's own ``wilcoxon``,
whose exact test takes too long for the default: a study of 15 folds up to a minute. Compared are

* ``saved``: the share of the fold fits of the study without a pruner that are not made. A point of
  the grid that comes again is fitted once, in all of them;
* ``worse``: the loss of the chosen point in the full cross-validation, on the same folds, less
  that of the study without a pruner, in per cent of the distance between the median and the best
  of the grid; its mean over seeds, with a paired 95 % interval (bootstrap);
* ``test``: the same of the loss on what was held out.

With ``core.random`` all see the same points. With ``optuna.tpe`` they do not, as it is told
of other losses: there the interval has the luck of two searches in it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from folds_tables import SCHEMES, TASKS, Table, Task, table

import hpo_bridge as hpo

PRUNERS: dict[str, Any] = {
    "none": None,
    "folds": "folds",
    "folds-wilcoxon": {"name": "folds", "options": {"test": "wilcoxon", "level": 0.1}},
    "wilcoxon": "wilcoxon",
}


@dataclass(frozen=True)
class Outcome:
    """One study.

    Attributes:
        fits: How many folds of different points were fitted.
        loss: Of the chosen point, in the full cross-validation.
        test: Of the chosen point, on what was held out.
    """

    fits: int
    loss: float
    test: float


def run(
    task: Task, found: Table, scheme: str, backend: str, pruner: Any, trials: int, seed: int
) -> Outcome:
    """Runs a study over the table."""
    losses = found.folds[scheme]
    fitted: set[tuple[int, int]] = set()

    def place(trial: Any) -> int:
        index = [trial[name] for name in task.grid]
        return int(np.ravel_multi_index(index, task.shape))

    def score(trial: Any, fold: int) -> float:
        point = place(trial)
        fitted.add((point, fold))
        return float(losses[point, fold])

    space = {name: hpo.Int(0, len(values) - 1) for name, values in task.grid.items()}
    study = hpo.Study(space, backend=backend, seed=seed, pruner=pruner)
    study.optimize(hpo.Folded(score, losses.shape[1]), trials=trials)
    chosen = place(study.best.params)
    return Outcome(len(fitted), float(losses[chosen].mean()), float(found.test[chosen]))


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean, and a 95 % interval of it by the bootstrap."""
    array = np.asarray(values)
    rng = np.random.default_rng(0)
    means = rng.choice(array, size=(2000, len(array))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(array.mean()), float(low), float(high)


@dataclass(frozen=True)
class Row:
    """A pruner against none, over all seeds; the last two in per cent, as the module says."""

    task: str
    scheme: str
    backend: str
    pruner: str
    saved: float
    worse: tuple[float, ...]
    test: tuple[float, ...]


def compared(
    task: Task, found: Table, scheme: str, backend: str, options: argparse.Namespace
) -> Iterator[Row]:
    """One row for each pruner."""
    results = {
        name: [
            run(task, found, scheme, backend, pruner, options.trials, seed)
            for seed in range(options.seeds)
        ]
        for name, pruner in PRUNERS.items()
        if name in ("none", *options.pruners)
    }
    middle = found.folds[scheme].mean(axis=1)
    span = float(np.median(middle) - middle.min())
    test_span = float(np.median(found.test) - found.test.min())
    plain = results.pop("none")
    for name, ended in results.items():
        pairs = list(zip(ended, plain, strict=True))
        yield Row(
            task.name, scheme, backend, name,
            1 - sum(one.fits for one in ended) / sum(one.fits for one in plain),
            tuple(100 * (a.loss - b.loss) / span for a, b in pairs),
            tuple(100 * (a.test - b.test) / test_span for a, b in pairs),
        )  # fmt: skip


def line(label: str, rows: Sequence[Row]) -> str:
    """Rows of one pruner in one line of a table; of the seeds of all."""
    saved = np.mean([row.saved for row in rows])
    cells = [label, rows[0].backend, rows[0].pruner, f"{100 * saved:.0f} %"]
    for name in ("worse", "test"):
        middle, low, high = interval([v for row in rows for v in getattr(row, name)])
        cells.append(f"{middle:+.2f} ({low:+.2f} to {high:+.2f})")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints a table of schemes, and one of tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, default=Path(__file__).parent / "folds-tables")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--backends", nargs="+", default=["core.random", "optuna.tpe"])
    parser.add_argument("--schemes", nargs="+", default=list(SCHEMES), choices=SCHEMES)
    parser.add_argument(
        "--pruners", nargs="+", default=["folds", "folds-wilcoxon"], choices=list(PRUNERS)[1:]
    )
    parser.add_argument("--level", type=float, help="of the pruner folds; else its default")
    parser.add_argument("--tuning", action="store_true", help="the tasks that chose the default")
    options = parser.parse_args()
    if options.level is not None:
        PRUNERS["folds"] = {"name": "folds", "options": {"level": options.level}}
    rows: list[Row] = []
    for task in TASKS:
        if task.tuning is options.tuning:
            found = table(task, options.tables)
            for scheme in options.schemes:
                for backend in options.backends:
                    rows += compared(task, found, scheme, backend, options)
                    print(".", end="", file=sys.stderr, flush=True)
    print(f"\n{options.trials} trials, {options.seeds} seeds\n")
    print("| folds | backend | pruner | saved | worse, % | worse on the test set, % |")
    print("|---|---|---|---|---|---|")
    for key in ("scheme", "task"):
        for value in dict.fromkeys(getattr(row, key) for row in rows):
            for backend in options.backends:
                for pruner in options.pruners:
                    some = [
                        row for row in rows
                        if (getattr(row, key), row.backend, row.pruner) == (value, backend, pruner)
                    ]  # fmt: skip
                    print(line(value, some))


if __name__ == "__main__":
    main()
