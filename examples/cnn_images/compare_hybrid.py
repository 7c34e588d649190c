"""The hybrid against a black box over everything, at the same compute: a table.

    python compare_hybrid.py [--seeds 3] [--trials 45]

Takes about a quarter of an hour on one core. Compute is CPU time, so that other work on the
machine does not count; all runs in this process.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from cnn import Config
from differentiable import train
from evaluate import Best, score

import hpo_bridge as hpo
from hpo_bridge.config import load_study_file
from hpo_bridge.plugins import manager

FILE = Path(__file__).parent / "hybrid.yaml"
TPE, GA, ALONE = "hybrid: optuna.tpe outside", "hybrid: deap.ga outside", "optuna.tpe alone"
PARTS = (0.25, 0.5, 1.0)
TEST_SEEDS = range(5)


@dataclass(frozen=True)
class Search:
    """One study: after each trial the lowest loss and the seconds so far; the best parameters."""

    best: list[float]
    seconds: list[float]
    params: dict[str, Any]

    def within(self, seconds: float) -> float:
        """The lowest loss of the trials that had ended by then; of the first one at the least."""
        ended = sum(at <= seconds for at in self.seconds)
        return self.best[max(ended, 1) - 1]

    @property
    def trials(self) -> int:
        """How many trials it had."""
        return len(self.best)

    def test_error(self) -> float:
        """Mean test error of the best configuration, trained anew with seeds of its own."""
        sizes = self.params["train_images"], self.params["validation_images"]
        best = Best("", 0, "loss", self.best[-1], Config.of(self.params), *sizes)
        return mean(score(best, TEST_SEEDS)[1])


def search(
    space: hpo.Space, backend: dict[str, Any], seed: int, trials: int | None, seconds: float = 0
) -> Search:
    """Run a study, for a number of trials or until so much CPU time is spent."""
    study = hpo.Study(space, backend=backend, seed=seed)
    begin, ends = time.process_time(), list[float]()
    while (len(ends) < trials) if trials else (not ends or ends[-1] < seconds):
        study.optimize(train, trials=len(ends) + 1)
        ends.append(time.process_time() - begin)
    losses = [float("inf") if t.value is None else t.value for t in study.trials]
    return Search(list(accumulate(losses, min)), ends, study.best.params)


def compare(seed: int, trials: int, sets: dict[str, Any]) -> dict[str, Search]:
    """The hybrids for a number of trials; the black box for the CPU time of the first of them.

    `sets` has other constants than the study file.
    """
    file = load_study_file(FILE, plugins=manager())
    space = hpo.Space({**file.space, **file.space.constants, **sets})
    found = {}
    for name, outer in ((TPE, "optuna.tpe"), (GA, "deap.ga")):
        backend = {"name": "hybrid", "options": {**file.backend_options, "outer": outer}}
        found[name] = search(space, backend, seed, trials)
        say(seed, name, found[name])
    found[ALONE] = search(space, {"name": "optuna.tpe"}, seed, None, found[TPE].seconds[-1])
    say(seed, ALONE, found[ALONE])
    return found


def say(seed: int, name: str, one: Search) -> None:
    """Print how a study went."""
    shown = {k: f"{v:.3g}" if isinstance(v, float) else v for k, v in one.params.items()}
    tail = f"{one.trials} trials, {one.seconds[-1]:.0f} CPU s, best {one.best[-1]:.4f}"
    print(f"seed {seed}: {name}: {tail}: {shown}", flush=True)


def table(found: list[dict[str, Search]]) -> None:
    """Print means and standard deviations over the seeds."""
    parts = "".join(f"{f'loss at {part:.0%}':>18}" for part in PARTS)
    print(f"{'backend':<28}{'trials':>8}{'CPU s':>8}{parts}{'test error':>18}")
    for name in found[0]:
        runs = [one[name] for one in found]
        budgets = [one[TPE].seconds[-1] for one in found]
        columns = [
            [run.within(part * budget) for run, budget in zip(runs, budgets, strict=True)]
            for part in PARTS
        ]
        columns.append([run.test_error() for run in runs])
        trials, seconds = mean(r.trials for r in runs), mean(r.seconds[-1] for r in runs)
        shown = "".join(f"{shown_(column):>18}" for column in columns)
        print(f"{name:<28}{trials:>8.0f}{seconds:>8.0f}{shown}")


def shown_(values: list[float]) -> str:
    """Mean and standard deviation."""
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--trials", type=int, default=45, metavar="N")
    chosen = parser.parse_args()
    table([compare(seed, chosen.trials, {}) for seed in range(chosen.seeds)])
