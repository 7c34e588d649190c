"""Seconds from opening a stored study of 300 trials to the next suggestion, for every backend.

    python benchmarks/continuing.py                       # about 15 minutes
    python benchmarks/continuing.py --backends optuna.tpe --trials 100
    python benchmarks/continuing.py --quick               # 30 trials, cheap backends

Each time in a new process, which imports the library too; from the snapshot that a closed
study leaves, and from the log alone, as after a kill before the first snapshot. A backend that
fits a model at each trial gets its model late, by its own option, so that making the study
takes minutes; it is continued with the same options, and fits the same model. Its log is not
replayed here: that takes as long as the trials took.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is there

from figures import show
from problems import mixed, trivial
from quality import DEAR, techniques
from tables import markdown, write

import hpo_bridge as hpo

TRIALS, SIZE = 300, 5
AIM = 5.0
LATE = {"optuna": "n_startup_trials", "skopt": "n_initial_points"}
CONSTRAINT = "float0 <= rate0 * 10"
"""Forbids about half of the points."""


@dataclass(frozen=True)
class Figure:
    """Seconds to the first suggestion, from snapshot and log, and to the one after it."""

    backend: str
    constrained: bool
    snapshot: float
    log: float | None
    following: float
    size: float


def options(backend: str, trials: int) -> dict[str, Any]:
    """The model of a dear backend begins ten trials before the end."""
    return {LATE[backend.partition(".")[0]]: trials - 10} if backend in DEAR else {}


def study(file: Path, backend: str, options: dict[str, Any], constrained: bool) -> hpo.Study:
    space = mixed(SIZE, (CONSTRAINT,) if constrained else ())
    chosen = {"name": backend, "options": options}
    return hpo.Study(space, backend=chosen, seed=0, store=f"sqlite:///{file}")


def continued(file: Path, backend: str, options: dict[str, Any], constrained: bool) -> list[float]:
    """Seconds to the first suggestion and to the next, in this process."""
    begin = time.perf_counter()
    with study(file, backend, options, constrained) as opened:
        trial = opened.ask()
        first = time.perf_counter()
        opened.tell(trial, trivial(trial))
        then = time.perf_counter()
        opened.ask()
        return [first - begin, time.perf_counter() - then]


def elsewhere(file: Path, *arguments: Any, script: str = __file__) -> list[float]:
    """The same in a new process of a script, on a copy."""
    copy = file.with_suffix(".copy.db")
    copy.write_bytes(file.read_bytes())
    argv = [sys.executable, script, "--continue", json.dumps([str(copy), *arguments])]
    found = subprocess.run(argv, check=True, stdout=subprocess.PIPE)
    times: list[float] = json.loads(found.stdout)
    return times


def measure(folder: Path, backend: str, trials: int, constrained: bool) -> Figure:
    """One backend."""
    file = folder / f"{backend}-{constrained}.db"
    chosen = options(backend, trials)
    with study(file, backend, chosen, constrained) as made:
        made.optimize(trivial, trials=trials)
    size = file.stat().st_size / 2**20
    snapshot, following = elsewhere(file, backend, chosen, constrained)
    log = None
    if backend not in DEAR:
        connection = sqlite3.connect(file)
        with connection:
            connection.execute("DELETE FROM hpo_snapshots")
        connection.close()
        log, _ = elsewhere(file, backend, chosen, constrained)
    return Figure(backend, constrained, snapshot, log, following, size)


def judged(figure: Figure) -> bool:
    """Prints a figure; whether its aim is reached."""
    kind = ", constrained" if figure.constrained else ""
    log = "" if figure.log is None else f" ({figure.log:.2f} s from the log alone)"
    what = f"{figure.backend}{kind}{log}"
    return show(what, figure.snapshot, "s", f"under {AIM:.0f}", figure.snapshot < AIM)


def table(figures: list[Figure]) -> str:
    """All figures."""
    header = (
        "backend", "constraint", "from the snapshot, s", "from the log alone, s",
        "one suggestion later, s", "file, MB",
    )  # fmt: skip
    return markdown(
        header,
        [
            [
                f"`{f.backend}`", "yes" if f.constrained else "no", f"{f.snapshot:.2f}",
                "-" if f.log is None else f"{f.log:.2f}", f"{f.following:.3f}", f"{f.size:.1f}",
            ]
            for f in figures
        ],
    )  # fmt: skip


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--backends", nargs="+", help="only these")
    parser.add_argument("--trials", type=int, default=TRIALS, help=f"({TRIALS})")
    parser.add_argument("--quick", action="store_true", help="30 trials, cheap backends")
    parser.add_argument("--continue", dest="arguments", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help="also into docs/comparison.md")
    given = parser.parse_args()
    if given.arguments:
        file, *rest = json.loads(given.arguments)
        print(json.dumps(continued(Path(file), *rest)))
        return True
    figures, ok = [], True
    for backend, technique in techniques().items():
        skipped = technique == "grid" or (given.quick and backend in DEAR)
        if skipped or (given.backends and backend not in given.backends):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for constrained in (False, True):
                trials = 30 if given.quick else given.trials
                figures.append(measure(Path(folder), backend, trials, constrained))
                ok &= judged(figures[-1])
    if not given.quick:
        print(f"\n{table(figures)}")
    if given.write:
        write("continuing", table(figures), keys=2)
    return ok


if __name__ == "__main__":
    sys.exit(not main())
