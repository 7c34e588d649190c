"""What a study's history costs: going on with it, verifying it, and trials in a fixed order.

    python benchmarks/history.py continue                  # 1,000 trials, every backend: an hour
    python benchmarks/history.py continue --backends optuna.tpe --trials 300
    python benchmarks/history.py verify
    python benchmarks/history.py order                     # five minutes, asleep

``continue``: CPU seconds from a new process's opening of a stored study until its backend can be
asked, and until its next suggestion, from the snapshot that a closed study leaves (from the log
where the backend has none), the library's import included; and those of one suggestion more, which
is what the library needs at this size anyway. A backend that fits a model at each trial gets its
model for the last trial only, by its own option: the snapshot, the history and the fit are of full
size, and making the study takes minutes. ``skopt.gp`` gets none at all: one fit takes minutes.

``verify``: the backend replayed against the log of the same studies, without the five backends
whose replay is as many fits as there are trials. In CPU seconds, too: other programs do not count.

``order``: the share of the workers' time that is idle with ``order: deterministic`` and with
``free``, from the start of the first trial to the end of the last. Trials only sleep. Beside it
what waiting alone makes of the same durations, computed.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is there

from continuing import CONSTRAINT, LATE, elsewhere
from figures import show
from problems import mixed
from quality import DEAR, techniques
from tables import markdown

import hpo_bridge as hpo
from hpo_bridge import analysis

TRIALS, SIZE, AIM = 1000, 5, 10.0
SLEEPERS, MEAN = 60, 1.0
FLOATS = {f"x{i}": hpo.Float(-5.0, 5.0) for i in range(SIZE)}
UNFITTED = "skopt.gp"
"""One fit at this size takes minutes: it is continued without."""
GRADIENT = ("gradient", "hybrid")
DRAWN: dict[str, Callable[[random.Random], float]] = {
    "exponential": lambda rng: rng.expovariate(1),
    "lognormal, sigma 1": lambda rng: rng.lognormvariate(-0.5, 1),
}
"""Durations of mean 1."""


def value(trial: hpo.Trial) -> Any:
    """Takes no time; with derivatives where they are wanted."""
    if "units0" in trial:
        return trial["float0"] ** 2 + trial["units0"] * 0.1
    total = sum(v * v for k, v in trial.items())
    return hpo.Differentiated(total, {k: 2 * v for k, v in trial.items()})


def space_of(technique: str, constrained: bool) -> hpo.Space:
    if technique in GRADIENT:
        return hpo.Space(FLOATS, constraints=("x0 <= x1 + 5",) if constrained else ())
    return mixed(SIZE, (CONSTRAINT,) if constrained else ())


def study(file: Path, backend: str, trials: int, constrained: bool) -> hpo.Study:
    late = trials + 100 if backend == UNFITTED else trials - 1
    options = {LATE[backend.partition(".")[0]]: late} if backend in DEAR else {}
    return hpo.Study(
        space_of(techniques()[backend], constrained),
        backend={"name": backend, "options": options}, seed=0, store=f"sqlite:///{file}",
    )  # fmt: skip


def going_on(file: Path, backend: str, trials: int, constrained: bool) -> list[float]:
    """CPU seconds until it may ask, to the first suggestion, and of the next, in this process."""
    begin = time.process_time()
    with study(file, backend, trials, constrained) as opened:
        opened._drive()
        ready = time.process_time()
        trial = opened.ask()
        first = time.process_time()
        result = value(trial)
        opened.tell(trial, result)
        then = time.process_time()
        opened.ask()
        return [ready - begin, first - begin, time.process_time() - then]


def stored(given: argparse.Namespace) -> Iterator[tuple[str, bool, Path]]:
    """A study of each backend, with and without a constraint."""
    for backend, technique in techniques().items():
        if technique == "grid" or (given.backends and backend not in given.backends):
            continue
        for constrained in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "s.db")
                with study(file, backend, given.trials, constrained) as made:
                    made.optimize(value, trials=given.trials)
                yield backend, constrained, file


def measure_continuing(given: argparse.Namespace) -> bool:
    rows, ok = [], True
    for backend, constrained, file in stored(given):
        times = elsewhere(file, backend, given.trials, constrained, script=__file__)
        label = f"{backend}{', constrained' if constrained else ''}, continued"
        ok &= show(label, times[1], "s", f"under {AIM:.0f}", times[1] < AIM)
        cells = [f"{seconds:.2f}" for seconds in times]
        rows.append([f"`{backend}`", "yes" if constrained else "no", *cells])
    header = ("backend", "constraint", "ready to ask, s", "first suggestion, s", "one more, s")
    print(f"\n{markdown(header, rows)}")
    return ok


def measure_verifying(given: argparse.Namespace) -> bool:
    rows, ok = [], True
    for backend, constrained, file in stored(given):
        if backend in DEAR:
            continue
        begin = time.process_time()
        with study(file, backend, given.trials, constrained) as opened:
            found = analysis.verify(opened)
        seconds = time.process_time() - begin
        label = f"{backend}{', constrained' if constrained else ''}, verify"
        ok &= show(label, seconds, "s", "reproducible", found.reproducible)
        rows.append([f"`{backend}`", "yes" if constrained else "no", f"{seconds:.2f}"])
    print(f"\n{markdown(('backend', 'constraint', 'verify, s'), rows)}")
    return ok


# -- order ---------------------------------------------------------------------------------------


def sleeper(trial: hpo.Trial) -> float:
    time.sleep(trial["nap"][trial.number])
    return float(trial["x"])


def idle(naps: list[float], workers: int, order: str) -> float:
    """The share of the workers' time in which they had no trial, measured."""
    space = hpo.Space(x=hpo.Float(0, 1), nap=naps)
    with hpo.Study(space, seed=0) as measured:
        for trials in (workers, len(naps)):  # the first ones bring the workers up
            measured.optimize(
                sleeper, trials=trials, runner="processes", workers=workers, order=order
            )
        trials_ = measured.trials[workers:]
    span = max(t.finished or 0 for t in trials_) - min(t.started or 0 for t in trials_)
    return 1 - sum(naps[workers:]) / (workers * span)


def computed(naps: list[float], workers: int, order: str) -> float:
    """The same for a runner that loses no time."""
    naps, ends = naps[workers:], []
    running: list[float] = []
    now = 0.0
    for number, nap in enumerate(naps):
        if len(running) == workers:
            now = max(now, heapq.heappop(running))
        if order == "deterministic" and number >= workers:
            now = max(now, ends[number - workers])
        ends.append(now + nap)
        heapq.heappush(running, now + nap)
        if order == "deterministic":  # trial n waits for all trials up to n - workers
            ends[-1] = max(ends[-1], ends[-2] if number else 0.0)
    return 1 - sum(naps) / (workers * max(running + ends))


def measure_order(given: argparse.Namespace) -> bool:
    rows = []
    for name, draw in DRAWN.items():
        for workers in (2, 4):
            cells = [name, str(workers)]
            for order in ("free", "deterministic"):
                found = []
                for seed in range(given.repeats):
                    rng = random.Random(f"{name}/{seed}")
                    naps = [MEAN * draw(rng) for _ in range(SLEEPERS + workers)]
                    found.append((idle(naps, workers, order), computed(naps, workers, order)))
                shares = [statistics.median(column) for column in zip(*found, strict=True)]
                show(f"idle, {name}, {workers} workers, {order}", 100 * shares[0], "%", "", True)
                cells += [f"{100 * share:.0f} %" for share in shares]
            rows.append(cells)
    header = (
        "durations", "workers", "free, measured", "computed", "deterministic, measured",
        "computed",
    )  # fmt: skip
    print(f"\n{markdown(header, rows)}")
    return True


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    measures = {
        "continue": measure_continuing, "verify": measure_verifying, "order": measure_order,
    }  # fmt: skip
    parser.add_argument("what", nargs="*", default=[*measures], help=", ".join(measures))
    parser.add_argument("--backends", nargs="+", help="only these")
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"({TRIALS})")
    parser.add_argument("--repeats", type=int, default=1, help="of each order (1)")
    parser.add_argument("--continue", dest="arguments", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.arguments:
        import json

        file, *rest = json.loads(given.arguments)
        print(json.dumps(going_on(Path(file), *rest)))
        return True
    return all([measures[what](given) for what in given.what])


if __name__ == "__main__":
    sys.exit(not main())
