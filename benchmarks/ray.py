"""Runner ``ray`` beside a bare pool of Ray actors and bare Ray Tune, on logical CPUs.

Ray is started before the clock. ``--only ROW …`` runs some of the rows, by the names that
``--help`` lists. The machine should be idle: Ray's workers run at a low priority.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != HERE.resolve()]
# This script has the name of the package; its neighbours are found behind all packages.
sys.path.append(str(HERE))

os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import logging  # noqa: E402

import psutil  # noqa: E402
import ray  # noqa: E402
from figures import show  # noqa: E402

import hpo_bridge as hpo  # noqa: E402

SPACE = hpo.Space({f"x{i}": hpo.Float(-5.0, 5.0) for i in range(5)})


@contextmanager
def cluster(cpus: int):
    """A Ray of so many logical CPUs."""
    ray.init(
        address="local", num_cpus=cpus, include_dashboard=False, log_to_driver=False,
        configure_logging=False, logging_level=logging.CRITICAL,
    )  # fmt: skip
    try:
        yield
    finally:
        ray.shutdown()


def objective(seconds: float) -> Callable[[hpo.Trial], float]:
    def sleeper(trial):
        if seconds:
            time.sleep(seconds)
        return trial["x0"]

    return sleeper


def ours(trials: int, seconds: float, workers: int, store: str | None = None, **more: object):
    """Seconds from the call to its return, and those at which trials ended."""
    begin = time.time()
    with hpo.Study(SPACE, seed=0, store=store) as study:
        study.optimize(objective(seconds), trials=trials, runner="ray", workers=workers, **more)
        took = time.time() - begin
        return took, sorted(trial.finished - begin for trial in study.trials)


def pool(trials: int, seconds: float, workers: int) -> tuple[float, list[float]]:
    """The same by bare actors that get parameters and give a value, started inside the clock.

    No study, no store, no process of the objective's own, no retries: the least that Ray takes.
    """

    @ray.remote(num_cpus=1)
    class Actor:
        def run(self, params: dict[str, float]) -> float:
            if seconds:
                time.sleep(seconds)
            return params["x0"]

    def params() -> dict[str, float]:
        return {f"x{i}": random.uniform(-5.0, 5.0) for i in range(5)}

    begin = time.time()
    actors = [Actor.remote() for _ in range(workers)]
    running = {actor.run.remote(params()): actor for actor in actors}
    started, ends = workers, []
    while running:
        (done,), _ = ray.wait(list(running))
        actor = running.pop(done)
        ray.get(done)
        ends.append(time.time() - begin)
        if started < trials:
            running[actor.run.remote(params())] = actor
            started += 1
    return time.time() - begin, ends


def tune(trials: int, seconds: float, workers: int, *, tuned: bool) -> float:
    """Seconds of bare Ray Tune: as it comes, or with all that makes it fast."""
    from ray import tune as library
    from ray.tune import RunConfig, TuneConfig

    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1" if tuned else "0"
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)

    def trainable(config):
        if seconds:
            time.sleep(seconds)
        library.report({"loss": config["x0"]})

    with tempfile.TemporaryDirectory() as folder:
        begin = time.time()
        library.Tuner(
            trainable,
            param_space={f"x{i}": library.uniform(-5.0, 5.0) for i in range(5)},
            tune_config=TuneConfig(
                num_samples=trials, reuse_actors=tuned, max_concurrent_trials=workers
            ),
            run_config=RunConfig(storage_path=folder, verbose=0),
        ).fit()
        return time.time() - begin


def rate(ends: list[float], skip: int) -> float:
    """Trials per second, once so many have ended."""
    return (len(ends) - 1 - skip) / (ends[-1] - ends[skip])


def noop() -> bool:
    with cluster(2):
        ours(10, 0, 2)
        per_trial = 1000 * ours(2000, 0, 2)[0] / 2000
        tuned = 1000 * tune(200, 0, 2, tuned=True) / 200
        plain = 1000 * tune(10, 0, 2, tuned=False) / 10
        bare = 1000 * pool(2000, 0, 2)[0] / 2000
    show("a pool of actors: 2,000 no-op trials, 2 CPUs, start included", bare, "ms", "", True)
    show("Ray Tune, actors reused: 200 no-op trials", tuned, "ms", "", True)
    show("Ray Tune as it comes: 10 no-op trials", plain, "ms", "", True)
    return all(
        [
            show("slots: 2,000 no-op trials, 2 CPUs, start included", per_trial, "ms",
                 "at most 3", per_trial <= 3),
            show("Ray Tune, actors reused, to slots", tuned / per_trial, "x", "at least 5",
                 tuned >= 5 * per_trial),
            show("Ray Tune as it comes, to slots", plain / per_trial, "x", "at least 300",
                 plain >= 300 * per_trial),
        ]
    )  # fmt: skip


def tenth() -> bool:
    with cluster(2):
        ours(4, 0, 2)
        slots = rate(ours(300, 0.1, 2)[1], 2) / 20
        bare = rate(pool(300, 0.1, 2)[1], 2) / 20
    show("a pool of actors: 300 trials of 0.1 s, 2 CPUs, of the ideal", 100 * bare, "%", "", True)
    return show("slots: 300 trials of 0.1 s, 2 CPUs, once up, of the ideal", 100 * slots, "%",
                "at least 90", slots >= 0.9)  # fmt: skip


def trials() -> bool:
    with cluster(2):
        ours(4, 0, 2, mode="trials")
        by_trial = 1000 * ours(200, 0.1, 2, mode="trials")[0] / 200
        tuned = 1000 * tune(200, 0.1, 2, tuned=True) / 200
    show("Ray Tune, actors reused: 200 trials of 0.1 s, 2 CPUs", tuned, "ms", "", True)
    return show("trials: 200 trials of 0.1 s, 2 CPUs, start included", by_trial, "ms",
                "at most Tune's", by_trial <= tuned)  # fmt: skip


def sixteen() -> bool:
    with cluster(16):
        ours(16, 0, 16)
        slots = rate(ours(1600, 0.1, 16)[1], 160)
        bare = rate(pool(1600, 0.1, 16)[1], 160)
    show("a pool of actors: 1,600 trials of 0.1 s, 16 logical CPUs", bare, "1/s", "", True)
    return all(
        [
            show("slots: 1,600 trials of 0.1 s, 16 logical CPUs, once up", slots, "1/s",
                 "at least 120", slots >= 120),
            show("slots to a pool of actors", 100 * slots / bare, "%", "at least 75",
                 slots >= 0.75 * bare),
        ]
    )  # fmt: skip


def seconds() -> bool:
    with cluster(16):
        slots = ours(160, 1.0, 16)[0]
        bare = pool(160, 1.0, 16)[0]
    show("a pool of actors: 160 trials of 1 s, 16 logical CPUs, whole", bare, "s", "", True)
    show("slots: 160 trials of 1 s, 16 logical CPUs, whole", slots, "s", "", True)
    return show("slots to a pool of actors", slots / bare, "x", "at most 1.3",
                slots <= 1.3 * bare)  # fmt: skip


def many() -> bool:
    """10,000 trials in SQLite: the last 2,000 beside the second 2,000."""
    sizes: list[float] = []

    with cluster(2), tempfile.TemporaryDirectory() as folder:
        ends: list[float] = []
        for total in (2000, 4000, 6000, 8000, 10000):
            begin = time.time()
            with hpo.Study(SPACE, seed=0, store=f"sqlite:///{folder}/study.db") as study:
                study.optimize(objective(0), trials=total, runner="ray", workers=2)
            ends.append(time.time() - begin)
            sizes.append(psutil.Process().memory_info().rss / 1024)
    grown = (sizes[-1] - sizes[1]) / 6000
    show("slots: driver's memory, from 4,000 to 10,000 trials", grown, "KB/trial", "", True)
    return show("slots: time of a trial, 8,001-10,000 to 2,001-4,000", ends[-1] / ends[1], "x",
                "at most 1.5", ends[-1] <= 1.5 * ends[1])  # fmt: skip


EPOCHS = 27


def perceptron(trial) -> float:
    """One for scikit-learn's digits; learning rate, decay and momentum matter."""
    import numpy as np
    from scipy.special import softmax
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, loss = x / 16, 0.0
    weights = speed = np.zeros((64, 10))
    for epoch in range(EPOCHS):
        shares = softmax(x[:1000] @ weights, axis=1)
        shares[np.arange(1000), y[:1000]] -= 1
        slope = x[:1000].T @ shares / 1000 + trial["decay"] * weights
        speed = trial["momentum"] * speed - trial["lr"] * slope
        weights = weights + speed
        held = softmax(x[1000:] @ weights, axis=1)[np.arange(797), y[1000:]]
        loss = float(-np.log(np.maximum(held, 1e-12)).mean())
        trial.report(loss, step=epoch)
    return loss


def digits(seed: int, pruner: object) -> list[hpo.TrialRecord]:
    space = hpo.Space(
        lr=hpo.Float(1e-3, 30.0, log=True),
        decay=hpo.Float(1e-6, 1.0, log=True),
        momentum=hpo.Float(0.0, 0.99),
    )
    with hpo.Study(space, seed=seed, pruner=pruner) as study:
        study.optimize(perceptron, trials=40, runner="ray", workers=2)
        return list(study.trials)


def idle() -> bool:
    """A Gaussian process of some hundred points, which thinks while the trials run."""
    with cluster(2):
        backend = {"name": "optuna.gp", "options": {"n_startup_trials": 10}}
        begin = time.time()
        with hpo.Study(SPACE, backend=backend, seed=0) as study:
            for _ in range(100):  # so many points from the start
                asked = study.ask()
                study.tell(asked, asked["x0"] ** 2 + asked["x1"])
            thinks = (time.time() - begin) / 100
            study.optimize(objective(0.5), trials=160, runner="ray", workers=2)
            ends = sorted(trial.finished for trial in study.trials[100:])
    busy = 100 * rate(ends, 10) * 0.5 / 2
    show("optuna.gp: seconds per suggestion, mean of the first 100", thinks, "s", "", True)
    return show("slots: share of two workers' time in trials of 0.5 s", busy, "%",
                "at least 90", busy >= 90)  # fmt: skip


def asha() -> bool:
    """``ray.asha`` beside no pruning, with as many epochs of the same random points."""
    ratios, spent = [], []
    with cluster(2):
        for seed in range(5):
            pruner = {"name": "ray.asha", "options": {"max_t": EPOCHS, "reduction_factor": 3}}
            pruned = digits(seed, pruner)
            spent.append(sum(len(trial.reports) for trial in pruned))
            whole = digits(seed, None)[: spent[-1] // EPOCHS]
            best = [min(t.value for t in some if t.value is not None) for some in (pruned, whole)]
            ratios.append(best[0] / best[1])
    ratio, mean = statistics.median(ratios), statistics.mean(spent)
    show(f"ray.asha: epochs of 40 trials of {EPOCHS}, mean of 5 seeds", mean, "", "", True)
    return show("ray.asha to no pruning, best loss at equal epochs, median of 5 seeds", ratio, "x",
                "at most 1", ratio <= 1)  # fmt: skip


ROWS = {row.__name__: row for row in (noop, tenth, trials, sixteen, seconds, many, idle, asha)}


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=ROWS, default=list(ROWS))
    return all([ROWS[name]() for name in parser.parse_args().only])


if __name__ == "__main__":
    sys.exit(not main())
