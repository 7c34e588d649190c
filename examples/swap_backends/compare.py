"""Run one study file with every backend that is installed, and print one table.

    python compare.py svm.yaml                    # every active backend, but for gradient steps
    python compare.py cnn.yaml --backends optuna.tpe deap.ga --trials 20 --seeds 3

Each run is the command `hpo-bridge run FILE --backend NAME`, into one store: a second call
goes on where the first was interrupted, and only prints the table if all is there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# A grid needs to know how many values to take of a continuous parameter.
OPTIONS = {"grid": {"resolution": 4}}
COLUMNS = ("backend", "technique", "half way", "best", "trials", "failed", "seconds")


class Refused(Exception):
    """An `hpo-bridge` command that would not begin; its message says why."""


def call(*arguments: str) -> Any:
    """What an `hpo-bridge` command prints as JSON.

    Raises:
        Refused: If it ends with exit code 2.
    """
    command = [sys.executable, "-m", "hpo_bridge", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 2:
        raise Refused(done.stderr.strip())
    sys.stderr.write(done.stderr)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command[2:])}: exit code {done.returncode}")
    return json.loads(done.stdout)


def active(wanted: Sequence[str]) -> dict[str, str]:
    """Name to technique of the backends that are installed, or of those that are wanted."""
    listed = {row["name"]: row for row in call("backends")}
    for name in wanted:
        if name not in listed or listed[name]["status"] != "active":
            reason = listed[name]["reason"] if name in listed else "there is no such backend"
            raise SystemExit(f"{name}: {reason}")
    names = wanted or [
        name
        for name, row in listed.items()
        if row["status"] == "active" and row["technique"] != "gradient"  # these take floats alone
    ]
    return {name: listed[name]["technique"] for name in names}


def run(file: Path, name: str, technique: str, seed: int, trials: int, store: str) -> list[Any]:
    """Run, or go on with, the study of one backend and seed; its trials."""
    backend = {"name": name, "options": OPTIONS.get(technique, {})}
    study = f"{file.stem}-{name}-{seed}"
    where = [str(file), "--store", store, "--set", f"study={study}"]
    chosen = ["--set", f"backend={json.dumps(backend)}"]
    call("run", *where, *chosen, "--trials", str(trials), "--seed", str(seed))
    return call("trials", *where)


def lowest(trials: Sequence[Any]) -> float:
    """The lowest value of the complete trials; infinite without one."""
    values = [trial["values"]["value"] for trial in trials if trial["state"] == "COMPLETE"]
    return min(values, default=float("inf"))


def row(file: Path, name: str, technique: str, options: argparse.Namespace) -> tuple[Any, ...]:
    """One line of the table: medians over the seeds."""
    begin = time.monotonic()
    studies = [
        run(file, name, technique, seed, options.trials, options.store)
        for seed in range(options.seeds)
    ]
    seconds = (time.monotonic() - begin) / options.seeds
    half = statistics.median(lowest(trials[: options.trials // 2]) for trials in studies)
    best = statistics.median(map(lowest, studies))
    failed = sum(trial["state"] == "FAILED" for trials in studies for trial in trials)
    count = statistics.median(map(len, studies))
    return name, technique, f"{half:.4f}", f"{best:.4f}", f"{count:g}", failed, f"{seconds:.0f}"


def main() -> None:
    """Run what is missing, then print the table, the best backend first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="svm.yaml or cnn.yaml, or your own")
    parser.add_argument("--backends", nargs="*", default=[], help="all active ones by default")
    parser.add_argument("--trials", type=int, default=30, help="trials of each study")
    parser.add_argument("--seeds", type=int, default=1, help="studies of each backend")
    parser.add_argument("--store", default="sqlite:///swap.db", help="where the studies are kept")
    options = parser.parse_args()
    rows, refused = [], []
    for name, technique in active(options.backends).items():
        try:
            rows.append(row(options.file, name, technique, options))
            print(f"{name}: {rows[-1][3]}", file=sys.stderr)
        except Refused as reason:
            refused.append(f"{name} refuses this study: {reason}")
    rows.sort(key=lambda cells: (float(cells[3]), float(cells[2]), cells[0]))
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for cells in rows:
        print("| " + " | ".join(map(str, cells)) + " |")
    for line in refused:
        print(line)


if __name__ == "__main__":
    main()
