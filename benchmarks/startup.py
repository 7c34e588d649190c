"""How long the command and the package take to start."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from figures import show

ROUNDS = 9


def seconds(*argv: str) -> float:
    """Median wall seconds of a whole process."""
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *argv], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> bool:
    show("python -c pass", seconds("-c", "pass"), "s", "", True)
    package = seconds("-c", "import hpo_bridge")
    command = seconds("-m", "hpo_bridge", "--help")
    return all(
        [
            show("import hpo_bridge", package, "s", "under 0.3", package < 0.3),
            show("hpo-bridge --help", command, "s", "under 0.3", command < 0.3),
        ]
    )


if __name__ == "__main__":
    sys.exit(not main())
