"""A study of 100,000 trials in one SQLite file."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import show

TRIALS = 100_000
STUDY = """\
study: large
objective: objective.py:train
space:
  a: {type: float, low: -5.0, high: 5.0}
  b: {type: float, low: 1.0e-4, high: 1.0, log: true}
  c: {type: int, low: 1, high: 100}
  d: {type: categorical, choices: [x, y, z]}
  e: {type: float, low: 0.0, high: 1.0}
seed: 0
budget: {trials: 100000}
"""
OBJECTIVE = "def train(trial):\n    return trial['a'] ** 2 + trial['b']\n"


LOAD = "import hpo_bridge; hpo_bridge.load_study(store='sqlite:///large.db').best"
LOOKS = {
    "hpo-bridge status": ("-m", "hpo_bridge", "status", "--store", "large.db"),
    "hpo-bridge best": ("-m", "hpo_bridge", "best", "--store", "large.db"),
    "load_study and its best trial": ("-c", LOAD),
}
TIMES = 5


def python(folder: Path, *words: str) -> tuple[float, float]:
    """Wall seconds and peak MB of a process."""
    begin = time.perf_counter()
    argv = [sys.executable, *words]
    subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def command(folder: Path, *words: str) -> tuple[float, float]:
    """Wall seconds and peak MB of an `hpo-bridge` command."""
    return python(folder, "-m", "hpo_bridge", *words)


def look(folder: Path) -> list[bool]:
    """Show how long it takes to look at the study, beside an import alone, in turn."""
    words = {"import hpo_bridge": ("-c", "import hpo_bridge"), **LOOKS}
    rounds = [
        {name: python(folder, *each)[0] for name, each in words.items()} for _ in range(TIMES)
    ]
    best = {name: min(each[name] for each in rounds) for name in words}
    show("import hpo_bridge, as a whole process", best["import hpo_bridge"], "s", "", True)
    return [
        show(f"{name} of 100,000 trials, whole", best[name], "s", "under 1", best[name] < 1)
        for name in LOOKS
    ]


def main() -> bool:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.yaml").write_text(STUDY)
        (folder / "objective.py").write_text(OBJECTIVE)
        made, memory = command(folder, "run", "study.yaml")
        looks = look(folder)
        more = str(TRIALS + 100)
        again, memory_again = command(folder, "run", "study.yaml", "--trials", more)
        size = (folder / "large.db").stat().st_size / 2**20
    show("making it, as a whole command", made, "s", "", True)
    show("its file", size, "MB", "", True)
    peak = max(memory, memory_again)
    return all(
        [
            *looks,
            show("continuing it by 100 trials, as a whole command", again, "s", "under 5",
                 again < 5),
            show("the driver's peak memory", peak, "MB", "under 500", peak < 500),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
