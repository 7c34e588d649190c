"""Warnings about a study file, on standard error."""

from __future__ import annotations

import json
from typing import Any


def test_a_list_in_the_place_of_a_parameter_warns_once_and_goes_on(command: Any) -> None:
    command.write(command.text.replace("  n:", "  lr: [0.1, 0.01]\n  n:"))
    done = command("run", "study.yaml", "--trials", "2", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["best"]["params"]["lr"] == [0.1, 0.01]
    (line,) = (line for line in done.stderr.splitlines() if "space.lr" in line)
    assert "{type: categorical, choices: [0.1, 0.01]}" in line
    assert "{constant: [0.1, 0.01]}" in line
    assert "space.lr" not in command("best", "study.yaml").stderr  # it only reads
    command.write(command.text.replace("  n:", "  lr: {constant: [0.1, 0.01]}\n  n:"))
    again = command("run", "study.yaml", "--trials", "2")
    assert (again.returncode, "space.lr" in again.stderr) == (0, False)
