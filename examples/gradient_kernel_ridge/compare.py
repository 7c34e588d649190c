"""Ten gradient trials against hundreds of others: a table, and a picture.

    python compare.py [--splits 8] [--picture comparison.png]

Takes about half a minute on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from ridge import FEATURES, test_error, train

import hpo_bridge as hpo

MIDDLE, LOW = "torch.adam from the middle", "torch.adam from a quarter"
RANDOM, TPE = "core.random", "optuna.tpe"
BACKENDS: dict[str, dict[str, Any]] = {
    MIDDLE: {"name": "torch.adam", "options": {"start": 0.5}},
    LOW: {"name": "torch.adam"},  # a quarter of each range is where it begins by default
    RANDOM: {"name": RANDOM},
    TPE: {"name": TPE},
}
ROWS = {MIDDLE: (1, 10, 40), LOW: (1, 10, 20, 40), RANDOM: (40, 400), TPE: (40, 120)}


@dataclass(frozen=True)
class Search:
    """One study: the best validation error after each trial, and the test errors of those."""

    best: list[float]
    test: dict[int, float]


def space(split: int) -> hpo.Space:
    """Eleven hyperparameters, and a constant that says which patients are for what."""
    scales = {f"length_{name}": hpo.Float(0.5, 50.0, log=True) for name in FEATURES}
    return hpo.Space({**scales, "noise": hpo.Float(1e-3, 10.0, log=True), "split": split})


def search(name: str, split: int, trials: int) -> Search:
    """Run a study."""
    study = hpo.Study(space(split), backend=BACKENDS[name], seed=split)
    study.optimize(train, trials=trials)
    best = list(accumulate((t.value for t in study.trials), min))
    values = [trial.value for trial in study.trials]
    test = {}
    for after in ROWS[name]:
        if after <= trials:
            chosen = study.trials[values.index(best[after - 1])]
            test[after] = test_error(chosen.params)
    return Search(best, test)


def table(found: dict[str, list[Search]]) -> None:
    """Print means and standard deviations over the splits."""
    print(f"{'backend':<26}{'trials':>7}{'validation error':>20}{'test error':>20}")
    for name, runs in found.items():
        for after in runs[0].test:
            best = [one.best[after - 1] for one in runs]
            test = [one.test[after] for one in runs]
            print(f"{name:<26}{after:>7}{shown(best):>20}{shown(test):>20}")


def shown(values: list[float]) -> str:
    """Mean and standard deviation."""
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread}"


def verdicts(found: dict[str, list[Search]]) -> None:
    """Print how often ten gradient trials beat all trials of another backend."""
    for start in (MIDDLE, LOW):
        ten = [one.best[:10][-1] for one in found[start]]
        for other in (RANDOM, TPE):
            last = [one.best[-1] for one in found[other]]
            wins = sum(a < b for a, b in zip(ten, last, strict=True))
            trials = len(found[other][0].best)
            print(f"10 of {start} beat {trials} of {other} in {wins} of {len(ten)} splits")


def draw(found: dict[str, list[Search]], path: Path) -> None:
    """The mean over the splits, after each trial."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.8), layout="constrained")
    for name, runs in found.items():
        curve = [mean(values) for values in zip(*(run.best for run in runs), strict=True)]
        axes.plot(range(1, len(curve) + 1), curve, label=name)
    axes.set(
        xscale="log",
        xlabel="trials",
        ylabel="best validation error so far",
        title=f"11 hyperparameters of kernel ridge, diabetes, mean of {len(runs)} splits",
        ylim=(None, 0.75),
    )
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", type=int, default=8, metavar="N")
    parser.add_argument("--trials", type=int, metavar="N", help="at most, for a quick look")
    parser.add_argument("--picture", type=Path, default=Path("comparison.png"), metavar="FILE")
    chosen = parser.parse_args(arguments)
    found: dict[str, list[Search]] = {}
    for name, rows in ROWS.items():
        trials = min(rows[-1], chosen.trials or rows[-1])
        found[name] = [search(name, split, trials) for split in range(chosen.splits)]
    table(found)
    verdicts(found)
    draw(found, chosen.picture)
    print(f"picture: {chosen.picture}")


if __name__ == "__main__":
    main()
