"""What a trial costs through the bridge against the library's own loop, for every backend.

    python benchmarks/backends_overhead.py                     # about 15 minutes
    python benchmarks/backends_overhead.py --backends optuna.tpe --sizes 5
    python benchmarks/backends_overhead.py --quick             # one short pair of each

In memory, in turn, CPU time, one thread, an objective that costs nothing.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is there

import native
from figures import show
from problems import mixed, trivial
from quality import DEAR, techniques
from tables import markdown, write

import hpo_bridge as hpo

PAIRS, TRIALS = 7, 300
DEAR_PAIRS, DEAR_TRIALS = 3, 60
RATIO, ADDED = 1.05, 150.0
"""Aims: times the native loop where that computes; microseconds a trial where it does not."""
COMPUTES = ("bayesian", "annealing")


@dataclass(frozen=True)
class Figure:
    """Medians over the pairs; milliseconds per trial, and microseconds added."""

    backend: str
    size: int
    trials: int
    bridge: float
    native: float
    ratio: float
    added: float


def timed(function: Callable[[], None]) -> float:
    gc.collect()
    begin = time.process_time()
    function()
    return time.process_time() - begin


def compare(backend: str, size: int, trials: int, pairs: int) -> Figure | None:
    """A backend against its own loop; ``None`` if there is no such loop."""
    loop = native.loop(backend)
    if loop is None:
        return None
    space = mixed(size)

    def ours(seed: int, trials: int = trials) -> float:
        study = hpo.Study(space, backend=backend, seed=seed)
        return 1e3 / trials * timed(lambda: study.optimize(trivial, trials=trials))

    def theirs(seed: int, trials: int = trials) -> float:
        return 1e3 / trials * timed(lambda: loop(space, trivial, trials, seed))

    ours(0, 15), theirs(0, 15)  # imports, caches
    both = []
    for seed in range(pairs):  # who begins changes too
        first = ours(seed) if seed % 2 else None
        other = theirs(seed)
        both.append((ours(seed) if first is None else first, other))
    return Figure(
        backend,
        size,
        trials,
        bridge=statistics.median(b for b, _ in both),
        native=statistics.median(n for _, n in both),
        ratio=statistics.median(b / n for b, n in both),
        added=statistics.median(1e3 * (b - n) for b, n in both),
    )


def by_ratio(backend: str, technique: str) -> bool:
    """Whether the aim is a ratio: for what computes something at each trial."""
    return technique in COMPUTES or backend == "optuna.cmaes" or backend.startswith("hyperopt.")


def judged(figure: Figure, technique: str, *, quick: bool) -> bool:
    """Prints a figure; whether its aim is reached."""
    what = f"{figure.backend}, {figure.size} parameters, {figure.native:.3f} ms natively"
    if by_ratio(figure.backend, technique):
        ok, aim = figure.ratio <= RATIO, f"at most {RATIO}"
        return show(what, figure.ratio, "x", "" if quick else aim, ok or quick)
    ok, aim = figure.added <= ADDED, f"at most {ADDED:.0f}"
    return show(what, figure.added, "us added", "" if quick else aim, ok or quick)


def table(figures: list[Figure]) -> str:
    """All figures."""
    header = (
        "backend", "parameters", "trials", "native ms/trial", "bridge ms/trial", "ratio",
        "added µs/trial",
    )  # fmt: skip
    return markdown(
        header,
        [
            [
                f"`{f.backend}`", str(f.size), str(f.trials), f"{f.native:.3f}",
                f"{f.bridge:.3f}", f"{f.ratio:.2f}", f"{f.added:+.0f}",
            ]
            for f in figures
        ],
    )  # fmt: skip


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backends", nargs="+", help="only these")
    parser.add_argument("--sizes", nargs="+", type=int, default=[5, 20], help="parameters (5 20)")
    parser.add_argument("--pairs", type=int, help="how many, instead of 7 (dear backends: 3)")
    parser.add_argument("--quick", action="store_true", help="one short pair, nothing judged")
    parser.add_argument("--write", action="store_true", help="also into docs/comparison.md")
    given = parser.parse_args()
    figures, ok = [], True
    for backend, technique in techniques().items():
        if technique == "grid" or (given.backends and backend not in given.backends):
            continue
        trials, pairs = (DEAR_TRIALS, DEAR_PAIRS) if backend in DEAR else (TRIALS, PAIRS)
        if given.quick:
            trials, pairs = (15 if backend in DEAR else 60), 1
        for size in given.sizes:
            figure = compare(backend, size, trials, given.pairs or pairs)
            if figure is not None:
                figures.append(figure)
                ok &= judged(figure, technique, quick=given.quick)
    if not given.quick:
        print(f"\n{table(figures)}")
    if given.write:
        write("overhead", table(figures), keys=2)
    return ok


if __name__ == "__main__":
    sys.exit(not main())
