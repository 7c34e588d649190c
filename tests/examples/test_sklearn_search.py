"""The examples that search as scikit-learn does, run small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Load = Callable[[str, str], ModuleType]


@pytest.fixture
def run(load_script: Load, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a script; what it prints."""

    def script(name: str, *arguments: str) -> str:
        load_script("sklearn_search", name).main([*arguments])
        return capsys.readouterr().out

    return script


@pytest.mark.slow
def test_the_support_vector_machine(run: Callable[..., str]) -> None:
    shown = run("svm", "--trials", "8", "--jobs", "1")
    assert shown.startswith("8 candidates, ")
    fits = int(shown.split()[2])
    assert 8 <= fits <= 40
    assert float(shown.split("accuracy: ")[1].split()[0]) > 0.9


@pytest.mark.slow
def test_the_boosting_goes_on_where_it_was(run: Callable[..., str], tmp_path: Path) -> None:
    kept = ("--jobs", "1", "--store", f"sqlite:///{tmp_path}/boosting.db")
    assert run("boosting", "--trials", "3", *kept).startswith("best of 3: ")
    shown = run("boosting", "--trials", "4", *kept)
    assert shown.startswith("best of 4: ")
    assert 0 < float(shown.split("log loss: ")[1].split()[0]) < 0.5


@pytest.mark.slow
def test_the_comparison(
    load_script: Load, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "comparison.png"
    compare = load_script("sklearn_search", "compare")
    compare.GRID["C"] = compare.GRID["C"][2:]
    compare.main(["--seeds", "1", "--trials", "4", "--picture", str(picture)])
    shown = capsys.readouterr().out
    names = [line.split()[1] for line in shown.splitlines() if line.startswith("| ")][1:]
    assert names == ["core.grid", "core.random", "optuna.tpe", "skopt.gp", "deap.ga"]
    assert "GridSearchCV finds the same on the grid: True" in shown
    assert picture.stat().st_size > 10_000
