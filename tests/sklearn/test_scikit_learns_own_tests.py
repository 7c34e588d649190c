"""Scikit-learn's own tests of its searches, with ``BridgeSearchCV`` in their place."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ADAPTED = Path(__file__).parent / "adapted"


@pytest.mark.slow
def test_the_tests_of_grid_search_pass(tmp_path: Path) -> None:
    """What is left out, and why, is in ``adapted/as_scikit_learns.py``."""
    options = ["-q", "-p", "no:cacheprovider", "-p", "as_scikit_learns", "-W", "ignore", "-rf"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--pyargs",
         "sklearn.model_selection.tests.test_search"],
        cwd=tmp_path, capture_output=True, text=True, timeout=580, check=False,
        env={
            **os.environ, "PYTHONPATH": str(ADAPTED), "OMP_NUM_THREADS": "1",
            # Else scikit-learn's tests set as many threads as there are CPUs, which take ten
            # times as long for problems as small as theirs.
            "PYTEST_XDIST_WORKER_COUNT": str(os.cpu_count()),
        },
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    passed = re.search(r"(\d+) passed", run.stdout)
    assert passed is not None
    assert int(passed[1]) >= 120
