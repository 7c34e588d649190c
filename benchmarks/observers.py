"""What an observer costs a study: what its trials take longer, and what the end waits for it.

The same for the progress on a terminal, at a thousand trials a second and as fast as they go.
"""

from __future__ import annotations

import logging
import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figures import show

import hpo_bridge as hpo

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
SPACE = hpo.Space({f"x{i}": hpo.Float(-5.0, 5.0) for i in range(5)})
ROUNDS = 5
TRIALS = {"sleeps 50 ms at each call": 30, "mlflow, SQLite": 100}
"""No-op trials where they are not 1,000: the end waits for three notifications of each."""
HOOKS = ("hpo_study_started", "hpo_trial_started", "hpo_trial_reported", "hpo_trial_finished",
         "hpo_study_finished")  # fmt: skip


def observer(act) -> object:
    """An observer that does the same at each notification."""
    methods = {name: hpo.hookimpl(lambda self: act()) for name in HOOKS}
    for name, method in methods.items():
        method.__name__ = name
    return type("Benchmarked", (), methods)()


def fail():
    raise RuntimeError("each time")


def kinds(folder: Path) -> dict[str, list]:
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return {
        "none": [],
        "no-op": [observer(lambda: None)],
        "raises each time": [observer(fail)],
        "sleeps 50 ms at each call": [observer(lambda: time.sleep(0.05))],
        "mlflow, SQLite": [{"name": "mlflow", "options": {"tracking_uri": uri}}],
        "mlflow, SQLite, nested: false": [
            {"name": "mlflow", "options": {"tracking_uri": uri, "nested": False}}
        ],
    }  # fmt: skip


class Clock:
    """An objective with one report, that notes when it was first and last called."""

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.begin = self.end = 0.0

    def __call__(self, trial) -> float:
        if trial.number == 0:
            self.begin = time.perf_counter()
        if self.pause:
            time.sleep(self.pause)
        trial.report(trial["x0"], 0)
        self.end = time.perf_counter()
        return trial["x0"]


def timed(watching: list, trials: int, pause: float) -> tuple[float, float]:
    """Seconds per trial while trials ran, and seconds that the end waited."""
    clock = Clock(pause)
    with hpo.Study(SPACE, seed=0, observers=watching) as study:
        study.optimize(clock, trials=trials)
        return (clock.end - clock.begin) / trials, time.perf_counter() - clock.end


def compare(
    trials: dict[str, int], pause: float, what: str, *, rounds: int, reach: dict[str, float]
) -> bool:
    """Every kind in turn, ``rounds`` times; ratios to none, within a round."""
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for name, watching in kinds(Path(folder)).items():
                found.setdefault(name, []).append(timed(watching, trials[name], pause))
    bare = statistics.median(per for per, _ in found["none"])
    show(f"{what}, no observer", 1e6 * bare, "us/trial", "", True)
    good = True
    for name, times in found.items():
        if name == "none":
            continue
        pairs = zip(times, found["none"], strict=True)
        ratio = statistics.median(per / none for (per, _), (none, _) in pairs)
        waited = statistics.median(end for _, end in times)
        most = reach.get(name)
        good &= show(
            f"{what}, {name}", ratio, "x", f"at most {most}" if most else "",
            most is None or ratio <= most,
        )  # fmt: skip
        show(f"    after {trials[name]} trials the end waited", waited, "s", "", True)
    return good


@contextmanager
def terminal() -> Iterator[None]:
    """A terminal for standard error; another process reads what it shows."""
    shown, end = pty.openpty()
    reader = subprocess.Popen(["cat"], stdin=shown, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)  # fmt: skip
    before, sys.stderr = sys.stderr, os.fdopen(end, "w")
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = before
        os.close(shown)
        reader.wait()


def busy(seconds: float):
    """An objective with one report that computes for so long."""

    def objective(trial) -> float:
        end = time.perf_counter() + seconds
        trial.report(trial["x0"], 0)
        while time.perf_counter() < end:
            pass
        return trial["x0"]

    return objective


def progress(trials: int, pause: float, reach: float | None) -> bool:
    """The time of a study with the progress on a terminal, relative to one without."""

    def run(show: bool) -> float:
        with hpo.Study(SPACE, seed=0) as study:
            begin = time.perf_counter()
            study.optimize(busy(pause), trials=trials, progress=show)
            return time.perf_counter() - begin

    with terminal():
        run(True)
        pairs = [(run(True), run(False)) for _ in range(ROUNDS)]
    ratio = statistics.median(on / off for on, off in pairs)
    rate = trials / statistics.median(off for _, off in pairs)
    return show(
        f"progress on a terminal, {rate:.0f} trials a second", ratio, "x",
        f"at most {reach}" if reach else "", reach is None or ratio <= reach,
    )  # fmt: skip


def main() -> bool:
    logging.getLogger("hpo_bridge").setLevel(logging.ERROR)
    names = kinds(Path())
    short = {name: TRIALS.get(name, 1_000) for name in names}
    fifty, most = dict.fromkeys(names, 50), dict.fromkeys(names, 1.05)
    with tempfile.TemporaryDirectory() as folder:
        timed(kinds(Path(folder))["mlflow, SQLite"], 1, 0.0)  # imports
    return all(
        [
            compare(short, 0.0, "no-op trials", rounds=ROUNDS, reach={}),
            compare(fifty, 0.02, "trials of 20 ms", rounds=2, reach=most),
            progress(2_000, 0.001, 1.05),
            progress(20_000, 0.0, None),
        ]
    )


if __name__ == "__main__":
    sys.exit(not main())
