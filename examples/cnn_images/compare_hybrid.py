"""The hybrid against a black box over everything, at the same compute: a table.

    python compare_hybrid.py [--seeds 3] [--trials 45]

Takes about twenty minutes on one core. Compute is CPU time, so that other work on the
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
from hpo_bridge.store import MemoryStore

FILE = Path(__file__).parent / "hybrid.yaml"
TPE, GA = "hybrid, optuna.tpe outside", "hybrid, deap.ga outside"
AFTER, ALONE = "20 of optuna.tpe, then hybrid", "optuna.tpe alone"
PLAIN = 20
MANY = 10_000
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
    space: hpo.Space,
    backend: Any,
    seed: int,
    *,
    trials: int = MANY,
    seconds: float = float("inf"),
    plain: int = 0,
) -> Search:
    """Run a study.

    Args:
        space: What varies.
        backend: What proposes.
        seed: Where all randomness comes from.
        trials: So many at the most.
        seconds: No trial begins after so much CPU time.
        plain: So many trials at the beginning are of TPE alone, without gradients.
    """
    store, begin, ends = MemoryStore(), time.process_time(), list[float]()
    for proposes, most in (("optuna.tpe", plain), (backend, trials)):
        with hpo.Study(space, backend=proposes, seed=seed, store=store) as study:
            while len(ends) < most and (not ends or ends[-1] < seconds):
                study.optimize(train, trials=len(ends) + 1)
                ends.append(time.process_time() - begin)
    losses = [float("inf") if t.value is None else t.value for t in study.trials]
    return Search(list(accumulate(losses, min)), ends, study.best.params)


def compare(seed: int, trials: int, sets: dict[str, Any]) -> dict[str, Search]:
    """The hybrid of the study file for a number of trials; the others for as much CPU time.

    `sets` has other constants than the study file.
    """
    file = load_study_file(FILE, plugins=manager())
    space = hpo.Space({**file.space, **file.space.constants, **sets})

    def hybrid(outer: str) -> dict[str, Any]:
        return {"name": "hybrid", "options": {**file.backend_options, "outer": outer}}

    found = {TPE: search(space, hybrid("optuna.tpe"), seed, trials=trials)}
    enough = found[TPE].seconds[-1]
    found[GA] = search(space, hybrid("deap.ga"), seed, seconds=enough)
    found[AFTER] = search(space, hybrid("optuna.tpe"), seed, seconds=enough, plain=PLAIN)
    found[ALONE] = search(space, "optuna.tpe", seed, seconds=enough)
    for name, one in found.items():
        say(seed, name, one)
    return found


def say(seed: int, name: str, one: Search) -> None:
    """Print how a study went."""
    shown = {k: f"{v:.3g}" if isinstance(v, float) else v for k, v in one.params.items()}
    tail = f"{one.trials} trials, {one.seconds[-1]:.0f} CPU s, best {one.best[-1]:.4f}"
    print(f"seed {seed}: {name}: {tail}: {shown}", flush=True)


def table(found: list[dict[str, Search]]) -> None:
    """Print means and standard deviations over the seeds."""
    parts = "".join(f"{f'loss at {part:.0%}':>18}" for part in PARTS)
    print(f"{'backend':<31}{'trials':>8}{'CPU s':>8}{parts}{'test error':>18}")
    for name in found[0]:
        runs = [one[name] for one in found]
        budgets = [one[TPE].seconds[-1] for one in found]
        columns = [
            [run.within(part * budget) for run, budget in zip(runs, budgets, strict=True)]
            for part in PARTS
        ]
        columns.append([run.test_error() for run in runs])
        trials, seconds = mean(r.trials for r in runs), mean(r.seconds[-1] for r in runs)
        shown = "".join(f"{spread(column):>18}" for column in columns)
        print(f"{name:<31}{trials:>8.0f}{seconds:>8.0f}{shown}")


def spread(values: list[float]) -> str:
    """Mean and standard deviation."""
    deviation = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.4f}{deviation}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--trials", type=int, default=45, metavar="N")
    chosen = parser.parse_args()
    table([compare(seed, chosen.trials, {}) for seed in range(chosen.seeds)])
