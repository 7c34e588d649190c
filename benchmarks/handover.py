"""What it costs to hand a history over, and to begin with one.

    python benchmarks/handover.py                              # ten minutes
    python benchmarks/handover.py --backends optuna.tpe deap.ga
    python benchmarks/handover.py --trials 300 --adopted 1000

A stored study of 1,000 trials of ``core.random`` gets each backend that learns from them: CPU
seconds until the backend has been told and gives its first suggestion, with the library loaded.
Beside it what the library needs for that: the adapter alone, told the same points and asked once.
What is between the two is ours. A backend that fits a model to all points gets its model late, by
its own option: a fit of 1,000 points is no part of handing them over.

Then 10,000 complete trials of an earlier study, adopted by a new one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy is there

from continuing import LATE
from figures import show
from history import space_of, value
from quality import DEAR, techniques
from tables import markdown

import hpo_bridge as hpo
from hpo_bridge.engine.handover import FINAL
from hpo_bridge.engine.schedule import schedule_of
from hpo_bridge.engine.stages import StageBuilder
from hpo_bridge.engine.untold import ended_trial, observations
from hpo_bridge.plugins import manager

TRIALS, ADOPTED, OURS, SECONDS = 1000, 10_000, 5.0, 10.0


def learning() -> list[str]:
    """The backends that learn from points which they did not propose."""
    able = {
        offer.spec.name
        for offer in manager().offers("backend")
        if hpo.Capability.INJECT in getattr(offer.spec, "capabilities", ())
    }
    return [name for name in techniques() if name in able]


def choice(backend: str, trials: int) -> dict[str, Any]:
    """The backend, with its model after the points that are there."""
    options = {LATE[backend.partition(".")[0]]: trials + 100} if backend in DEAR else {}
    return {"name": backend, "options": options}


def made(file: Path, backend: str, trials: int) -> hpo.Space:
    """A study of random trials in a file, with derivatives where the backend wants them."""
    space = space_of(techniques()[backend], constrained=False)
    with hpo.Study(space, seed=0, store=f"sqlite:///{file}") as study:
        study.optimize(value, trials=trials)
    return space


def alone(file: Path, space: hpo.Space, chosen: dict[str, Any]) -> float:
    """CPU seconds of the adapter alone: told all, asked once."""
    with hpo.Study(space, seed=0, store=f"sqlite:///{file}") as study:
        stages = StageBuilder(schedule_of(chosen), manager(), space, 1)
        optimizer = stages.build(0, 1).checked
        history = [ended_trial(t) for t in study.store.trials(study.name, FINAL)]
        told = observations(history, optimizer, study.objectives)
    begin = time.process_time()
    optimizer = stages.build(0, 1).checked
    optimizer.built.tell(told)
    optimizer.built.ask(1)
    return time.process_time() - begin


def handed_over(file: Path, space: hpo.Space, chosen: dict[str, Any]) -> float:
    """CPU seconds from opening the stored study to the new backend's first suggestion."""
    begin = time.process_time()
    with hpo.Study(space, backend=chosen, seed=0, store=f"sqlite:///{file}") as study:
        study.ask()
        return time.process_time() - begin


def measure_handing_over(given: argparse.Namespace) -> bool:
    rows, ok = [], True
    for backend in learning():
        if given.backends and backend not in given.backends:
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "s.db")
            space, chosen = made(file, backend, given.trials), choice(backend, given.trials)
            library = min(alone(file, space, chosen) for _ in range(2))
            whole = handed_over(file, space, chosen)
        ours = whole - library
        ok &= show(f"{backend}, handed {given.trials} trials", ours, "s", f"ours under {OURS:.0f}",
                   ours < OURS)  # fmt: skip
        rows.append([f"`{backend}`", f"{whole:.2f}", f"{library:.2f}", f"{ours:.2f}"])
    header = ("backend", "in all, s", "of these the library, s", "ours, s")
    print(f"\n{markdown(header, rows)}")
    return ok


def measure_warm_start(given: argparse.Namespace) -> bool:
    """Adopting a long study: reading, mapping, writing, telling."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "s.db")
        space = made(file, "optuna.tpe", given.adopted)
        begin = time.process_time()
        source = {"store": f"sqlite:///{file}", "study": "study"}
        with hpo.Study(
            space, backend="core.random", seed=0, store=f"sqlite:///{folder}/new.db",
            warm_start=[source],
        ) as study:  # fmt: skip
            study.ask()
        seconds = time.process_time() - begin
        begin = time.process_time()
        with hpo.Study(
            space, backend="optuna.tpe", seed=0, store=f"sqlite:///{folder}/new.db"
        ) as study:
            study.ask()
        told = time.process_time() - begin
    ok = show(f"{given.adopted} trials adopted", seconds, "s", f"under {SECONDS:.0f}",
              seconds < SECONDS)  # fmt: skip
    show("the same, told to optuna.tpe, with its first suggestion", told, "s", "", True)
    return ok


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--backends", nargs="*", default=[])
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--adopted", type=int, default=ADOPTED)
    given = parser.parse_args()
    ok = measure_handing_over(given)
    sys.exit(not (measure_warm_start(given) and ok))


if __name__ == "__main__":
    main()
