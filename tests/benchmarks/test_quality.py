"""The comparison of backends runs, and its native loops propose what the bridge proposes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "quality.py"


def test_the_bridge_and_the_libraries_own_loops_make_the_same_trials():
    names = [
        "deap.cmaes", "deap.de", "deap.ga", "deap.mu_comma_lambda", "deap.mu_plus_lambda",
        "deap.nsga2", "deap.pso", "hyperopt.anneal", "hyperopt.random", "hyperopt.tpe",
        "optuna.cmaes", "optuna.nsga2", "optuna.nsga3", "optuna.random", "optuna.qmc",
        "optuna.tpe", "skopt.random", "skopt.sobol",
    ]  # fmt: skip
    command = [sys.executable, str(SCRIPT), "--quick", "--problems", "domains", "mixint"]
    command += ["--backends", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # Both problems with every backend; random search, the reference, has no loop of its own.
    pairs = 2 * len(names)
    assert f"of {pairs} runs with the very points of the library's own loop" in done.stdout
    assert f"{pairs}.000" in done.stdout
