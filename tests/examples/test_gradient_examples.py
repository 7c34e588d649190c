"""The examples that tune by gradients, each with a tiny budget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from hpo_bridge.config import load_study_file
from hpo_bridge.plugins import manager

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = [
    "gradient_cnn",
    "gradient_kernel_ridge",
    "hypercleaning",
    "logistic_grid",
    "short_horizon",
]
PNG = b"\x89PNG"


def script(example: str, name: str, folder: Path, *arguments: str) -> list[list[str]]:
    """The lines that a script prints, in words; it draws its picture too."""
    picture = folder / "picture.png"
    command = [sys.executable, str(EXAMPLES / example / name), "--picture", str(picture)]
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(PNG)
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_the_study_file_is_valid_and_the_picture_there(name: str) -> None:
    file = load_study_file(EXAMPLES / name / "gradient.yaml", plugins=manager())
    assert file.backend.startswith("torch.")
    text = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    (picture,) = (EXAMPLES / name).glob("*.png")
    assert f"]({picture.name})" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_study_file_runs(name: str, tmp_path: Path) -> None:
    bridge = [sys.executable, "-m", "hpo_bridge"]
    file = str(EXAMPLES / name / "gradient.yaml")
    store = ["--store", f"sqlite:///{tmp_path}/study.db"]
    run = [*bridge, "run", file, *store, "--trials", "3"]
    subprocess.run(run, check=True, capture_output=True)
    listed = [*bridge, "trials", file, *store, "--json"]
    trials = json.loads(subprocess.run(listed, check=True, capture_output=True).stdout)
    values = [trial["values"]["value"] for trial in trials]
    assert len(values) == 3
    assert values[2] < values[0]


def test_cnn(tmp_path: Path) -> None:
    options = ("--seeds", "1", "--trials", "4", "--retrainings", "1")
    lines = script("gradient_cnn", "compare.py", tmp_path, *options)
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


def test_kernel_ridge(tmp_path: Path) -> None:
    options = ("--splits", "1", "--trials", "10")
    lines = script("gradient_kernel_ridge", "compare.py", tmp_path, *options)
    rows = [line for line in lines if line[0] == "torch.adam" and "middle" in line]
    best = {int(line[4]): float(line[5]) for line in rows}
    assert best[10] < best[1] - 0.02
    assert any(line[:6] == ["10", "of", "torch.adam", "from", "the", "middle"] for line in lines)


def test_logistic_grid(tmp_path: Path) -> None:
    lines = script("logistic_grid", "compare.py", tmp_path, "--splits", "1")
    split, grid, lowest, alpha, value, apart = map(float, lines[1])
    assert split == 0
    assert apart == pytest.approx(abs(grid - alpha), abs=2e-3)
    assert apart < 0.5
    assert value <= lowest + 1e-4


def test_hypercleaning(tmp_path: Path) -> None:
    lines = script("hypercleaning", "clean.py", tmp_path, "--seeds", "1", "--trials", "8")
    _, detection, by_luck, baseline, cleaned, oracle, _ = map(float, lines[1])
    assert lines[2][0] == "median"
    assert detection > 0.85 > 0.65 > by_luck
    assert baseline < cleaned <= oracle + 0.02


def test_short_horizon(tmp_path: Path) -> None:
    lines = script("short_horizon", "compare.py", tmp_path, "--trials", "15")
    final = {" ".join(line[:3]): float(line[3]) for line in lines[1:6]}
    looks = [final[f"{n} {'steps' if n > 1 else 'step'} ahead"] for n in (1, 10, 50, 250)]
    assert looks == sorted(looks, reverse=True)
    assert looks[0] > final["best fixed rate"] > looks[3]
    assert float(lines[6][-1]) < 1e-12
