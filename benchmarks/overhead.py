"""What the bridge adds to a loop in memory."""

from __future__ import annotations

import statistics
import sys
import time

import optuna
from figures import show

import hpo_bridge as hpo

NAMES = [f"x{i}" for i in range(5)]
SPACE = hpo.Space({name: hpo.Float(-5.0, 5.0) for name in NAMES})
ROUNDS = 7
TPE_TRIALS = 300


def sphere(trial):
    return sum(trial[name] ** 2 for name in NAMES)


def native(trial):
    return sum(trial.suggest_float(name, -5.0, 5.0) ** 2 for name in NAMES)


def timed(function) -> float:
    begin = time.process_time()
    function()
    return time.process_time() - begin


def random_search() -> bool:
    """Microseconds per trial around trial 100 and around trial 100,000."""
    early, late = [], []
    for _ in range(ROUNDS):
        study = hpo.Study(SPACE, seed=0)
        study.optimize(sphere, trials=100)
        early.append(timed(lambda: study.optimize(sphere, trials=2_100)) / 2_000)  # noqa: B023
    study = hpo.Study(SPACE, seed=0)
    study.optimize(sphere, trials=100_000)
    for round_ in range(ROUNDS):
        end = 100_000 + 2_000 * (round_ + 1)
        late.append(timed(lambda: study.optimize(sphere, trials=end)) / 2_000)  # noqa: B023
    objective = timed(lambda: [sphere(dict.fromkeys(NAMES, 1.0)) for _ in range(10_000)]) / 10_000
    at_100, at_100k = (1e6 * (statistics.median(times) - objective) for times in (early, late))
    ratio = at_100k / at_100
    return all(
        [
            show("core.random, 5 parameters, added per trial at trial 100", at_100, "us",
                 "at most 150", at_100 <= 150),
            show("the same at trial 100,000", at_100k, "us", "at most 150", at_100k <= 150),
            show("ratio of the two", ratio, "x", "0.8 to 1.2", ratio <= 1.2),
        ]
    )  # fmt: skip


def tpe() -> bool:
    """CPU time of a TPE study through the bridge and of Optuna's own loop, in turn."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def bridge(seed: int) -> float:
        study = hpo.Study(SPACE, backend="optuna.tpe", seed=seed)
        return timed(lambda: study.optimize(sphere, trials=TPE_TRIALS))

    def loop(seed: int) -> float:
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
        return timed(lambda: study.optimize(native, n_trials=TPE_TRIALS))

    bridge(0), loop(0)  # imports, caches
    pairs = [(bridge(seed), loop(seed)) for seed in range(ROUNDS)]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    per_trial = 1e3 * statistics.median(theirs for _, theirs in pairs) / TPE_TRIALS
    show("optuna's own loop, 300 trials of TPE", per_trial, "ms/trial", "", True)
    return show("optuna.tpe through the bridge against it", ratio, "x", "at most 1.05",
                ratio <= 1.05)  # fmt: skip


if __name__ == "__main__":
    sys.exit(not all([random_search(), tpe()]))
