"""The examples that search as scikit-learn does, run small."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "sklearn_search"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", str(FOLDER / script), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_support_vector_machine() -> None:
    shown = run("svm.py", "--trials", "8", "--jobs", "1")
    assert shown.startswith("8 candidates, ")
    fits = int(shown.split()[2])
    assert 8 <= fits <= 40
    assert float(shown.split("accuracy: ")[1].split()[0]) > 0.9


@pytest.mark.slow
def test_the_boosting_goes_on_where_it_was(tmp_path: Path) -> None:
    kept = ("--jobs", "1", "--store", f"sqlite:///{tmp_path}/boosting.db")
    assert run("boosting.py", "--trials", "3", *kept).startswith("best of 3: ")
    shown = run("boosting.py", "--trials", "4", *kept)
    assert shown.startswith("best of 4: ")
    assert 0 < float(shown.split("log loss: ")[1].split()[0]) < 0.5


@pytest.mark.slow
def test_the_comparison(tmp_path: Path) -> None:
    picture = tmp_path / "comparison.png"
    shown = run("compare.py", "--seeds", "1", "--trials", "4", "--picture", str(picture))
    names = [line.split()[1] for line in shown.splitlines() if line.startswith("| ")][1:]
    assert names == ["core.grid", "core.random", "optuna.tpe", "skopt.gp", "deap.ga"]
    assert "GridSearchCV finds the same on the grid: True" in shown
    assert picture.stat().st_size > 10_000
