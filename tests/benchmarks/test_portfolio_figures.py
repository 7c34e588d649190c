"""The figures of the portfolio follow from its rows, and the runs are made once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "portfolio.py"
REGRETS = {
    "portfolio": (0.1, 0.3), "optuna.tpe": (0.2, 0.2), "optuna.gp": (0.4, 0.6),
    "hub rules": (0.2, 0.2), "auto": (0.1, 0.3),
}  # fmt: skip
PROBLEMS = ("domains/branin", "mixint/f1-5d")


def row(entrant: str, problem: str, regret: float) -> dict[str, Any]:
    cpu = {"cpu": 0.1 if entrant == "auto" else 1.0, "own_cpu": 0.9, "members_cpu": 0.8}
    return {
        "entrant": entrant, "problem": problem, "seed": 0, "trials": 50, **cpu,
        "regret": {"25": regret, "50": regret},
    }  # fmt: skip


def figures(file: Path, *more: str) -> dict[str, list[str]]:
    command = [sys.executable, str(SCRIPT), "--seeds", "1", "--trials", "50", "--out", str(file)]
    done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line[66:67] == " " and line]
    assert lines, done.stderr
    return {line[:66].strip(): line[67:].split() for line in lines}


def test_figures_of_known_rows(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [
        row(entrant, problem, regret)
        for entrant, regrets in REGRETS.items()
        for problem, regret in zip(PROBLEMS, regrets, strict=True)
    ]
    file.write_text("".join(json.dumps(each) + "\n" for each in rows))
    found = figures(file, "--table", "--only", *REGRETS, "--problems", *PROBLEMS)
    assert found["rank of portfolio of 3 after 50, 2 problems"][0] == "1.500"
    assert found["domains: regret after 50 beside optuna.tpe's 0.2000"][0] == "0.500"
    assert found["mixint: regret after 50 beside optuna.tpe's 0.2000"][0] == "1.500"
    assert found["families with less regret than its best member"][0] == "1.000"
    assert found["CPU beside that of its members"][:3] == ["1.125", "x", "at"]
    assert found["CPU of auto beside portfolio's"][0] == "0.100"


def test_runs_are_made_once(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    chosen = (
        "--only",
        "portfolio",
        "optuna.tpe",
        "--problems",
        "domains/branin",
        "--trials",
        "25",
    )
    first = figures(file, *chosen)
    rows = file.read_text()
    assert len(rows.splitlines()) == 2
    assert figures(file, *chosen) == first
    assert file.read_text() == rows
