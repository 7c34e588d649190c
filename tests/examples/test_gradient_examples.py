"""The examples that tune by gradients, each with a tiny budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hpo_bridge.config import load_study_file
from hpo_bridge.plugins import manager

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = [
    "gradient_cnn",
    "gradient_kernel_ridge",
    "hypercleaning",
    "logistic_grid",
    "short_horizon",
]
PNG = b"\x89PNG"
Run = Callable[..., list[list[str]]]
Load = Callable[[str, str], ModuleType]


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """The number of torch's threads, which the examples set to one."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a script; the lines that it prints, in words. It draws its picture too."""

    def script(module: ModuleType, *arguments: str) -> list[list[str]]:
        picture = tmp_path / "picture.png"
        module.main(["--picture", str(picture), *arguments])
        assert picture.read_bytes().startswith(PNG)
        return [line.split() for line in capsys.readouterr().out.splitlines()]

    return script


@pytest.mark.parametrize("name", NAMES)
def test_the_study_file_is_valid_and_the_picture_there(name: str) -> None:
    file = load_study_file(EXAMPLES / name / "gradient.yaml", plugins=manager())
    assert file.backend.startswith("torch.")
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    (picture,) = (EXAMPLES / name).glob("*.png")
    assert f"]({picture.name})" in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("load_script")  # which removes what the study file imports
def test_the_study_file_runs(name: str, tmp_path: Path, command: Callable[..., Any]) -> None:
    study = (str(EXAMPLES / name / "gradient.yaml"), "--store", f"sqlite:///{tmp_path}/study.db")
    command("run", *study, "--trials", "3")
    values = [trial["values"]["value"] for trial in command("trials", *study)]
    assert len(values) == 3
    assert values[2] < values[0]


def test_cnn(run: Run, load_script: Load) -> None:
    options = ("--seeds", "1", "--trials", "4", "--retrainings", "1")
    compare = load_script("gradient_cnn", "compare")
    compare.Digits.steps = 75
    lines = run(compare, *options)
    ratio = float(lines[0][4])
    assert lines[0][:4] == ["a", "gradient", "trial", "costs"]
    assert 1.5 < ratio < 10
    table = [line for line in lines[2:] if len(line) == 6 and line[1].isdigit()]
    rows = {(name, int(trials)): [float(word) for word in rest] for name, trials, *rest in table}
    worth, loss, _, test_error = rows["torch.adam", 4]
    assert worth == pytest.approx(4 * ratio, abs=0.6)
    assert loss < 0.6 * rows["torch.adam", 1][1]
    assert test_error < 0.3 < rows["torch.adam", 1][3]
    for backend in ("core.random", "optuna.tpe"):
        assert rows[backend, int(worth)][1] <= rows[backend, 4][1]  # more trials
    text = [" ".join(line) for line in lines]
    assert sum("have a lower test error than" in line for line in text) == 6
    assert sum(line.startswith("the best of") for line in text) == 3


def test_kernel_ridge(run: Run, load_script: Load) -> None:
    options = ("--splits", "1", "--trials", "10")
    lines = run(load_script("gradient_kernel_ridge", "compare"), *options)
    rows = [line for line in lines if line[0] == "torch.adam" and "middle" in line]
    best = {int(line[4]): float(line[5]) for line in rows}
    assert best[10] < best[1] - 0.02
    assert any(line[:6] == ["10", "of", "torch.adam", "from", "the", "middle"] for line in lines)


def test_logistic_grid(run: Run, load_script: Load) -> None:
    compare = load_script("logistic_grid", "compare")
    compare.GRID = compare.GRID[::4]
    lines = run(compare, "--splits", "1")
    split, grid, lowest, alpha, value, apart = map(float, lines[1])
    assert split == 0
    assert apart == pytest.approx(abs(grid - alpha), abs=2e-3)
    assert apart < 0.5
    assert value <= lowest + 1e-4


def test_hypercleaning(run: Run, load_script: Load) -> None:
    clean = load_script("hypercleaning", "clean")
    clean.Cleaning.steps = 250
    lines = run(clean, "--seeds", "1", "--trials", "6")
    _, detection, by_luck, baseline, cleaned, oracle, _ = map(float, lines[1])
    assert lines[2][0] == "median"
    assert detection > 0.85 > 0.65 > by_luck
    assert baseline < cleaned <= oracle + 0.02


def test_short_horizon(run: Run, load_script: Load) -> None:
    lines = run(load_script("short_horizon", "compare"), "--trials", "15")
    final = {" ".join(line[:3]): float(line[3]) for line in lines[1:6]}
    looks = [final[f"{n} {'steps' if n > 1 else 'step'} ahead"] for n in (1, 10, 50, 250)]
    assert looks == sorted(looks, reverse=True)
    assert looks[0] > final["best fixed rate"] > looks[3]
    assert float(lines[6][-1]) < 1e-12
