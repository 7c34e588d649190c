"""``hpo-bridge explain`` shows what a backend has to say of its choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_explain_shows_the_rule(tmp_path: Path, command: Any) -> None:
    (tmp_path / "objective.py").write_text("def train(trial):\n    return 1.0\n")
    file = tmp_path / "study.yaml"
    file.write_text(
        "objective: objective.py:train\nspace: {k: {type: categorical, choices: [a, b]}}\n"
        "backend: auto\nbudget: {trials: 3}\n"
    )
    words = "optuna.tpe by rule 3: it has one objective"
    assert f"auto: {words}" in command("explain", str(file)).stdout
    assert json.loads(command("explain", str(file), "--json").stdout)["remarks"] == [words]
