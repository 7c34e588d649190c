"""The example that says how much of a best score is luck."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "honest_selection"


@pytest.mark.usefixtures("load_script")  # which removes what the study file imports
def test_the_study_file(tmp_path: Path, command: Callable[..., Any]) -> None:
    words = (str(FOLDER / "study.yaml"), "--store", f"sqlite:///{tmp_path}/s.db")
    small = ("--set", "budget.trials=3", "--set", "selection.nested=2")
    found = command("run", *words, *small)
    assert found["counts"]["COMPLETE"] == 3
    assert found["selected"]["number"] in found["selected"]["within"]
    assert found["nested"]["done"] == 2
    tested = command("test", *words)
    assert tested["trial"] == found["selected"]["number"]
    assert 0.4 < tested["values"]["accuracy"] < 0.85


def test_the_comparison(load_script: Callable[[str, str], ModuleType]) -> None:
    compare = load_script("honest_selection", "compare")
    best, nested, true = compare.reports(0, 3)
    assert compare.reports(0, 3) == (best, nested, true)
    assert all(0.4 < score < 0.95 for score in (best, nested))
    assert 0.4 < true < 0.85
