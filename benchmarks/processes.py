"""The rate of two worker processes, once started."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from figures import show

import hpo_bridge as hpo

TRIALS, SECONDS, WORKERS = 500, 0.020, 2
SPACE = hpo.Space({f"x{i}": hpo.Float(-5.0, 5.0) for i in range(5)})


def sleeper(trial):
    time.sleep(SECONDS)
    return trial["x0"]


def rate(store: str | None) -> float:
    """Trials per second between the end of the tenth trial and that of the last."""
    with hpo.Study(SPACE, seed=0, store=store) as study:
        study.optimize(sleeper, trials=TRIALS + 10, runner="processes", workers=WORKERS)
        ends = sorted(trial.finished for trial in study.trials)
    return TRIALS / (ends[-1] - ends[9])


def main() -> bool:
    ideal = WORKERS / SECONDS
    with tempfile.TemporaryDirectory() as folder:
        shares = {
            "in memory": rate(None) / ideal,
            "SQLite": rate(f"sqlite:///{Path(folder) / 'study.db'}") / ideal,
        }
    return all(
        [
            show(f"processes, 2 workers, 500 trials of 20 ms, {store}", 100 * share, "%",
                 "at least 90", share >= 0.9)
            for store, share in shares.items()
        ]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
