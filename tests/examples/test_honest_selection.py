"""The example that says how much of a best score is luck."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "honest_selection"


def hpo_bridge(*words: str) -> Any:
    command = [sys.executable, "-m", "hpo_bridge", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_study_file(tmp_path: Path) -> None:
    words = (str(FOLDER / "study.yaml"), "--store", f"sqlite:///{tmp_path}/s.db")
    small = ("--set", "budget.trials=3", "--set", "selection.nested=2")
    found = hpo_bridge("run", *words, *small)
    assert found["counts"]["COMPLETE"] == 3
    assert found["selected"]["number"] in found["selected"]["within"]
    assert found["nested"]["done"] == 2
    tested = hpo_bridge("test", *words)
    assert tested["trial"] == found["selected"]["number"]
    assert 0.4 < tested["values"]["accuracy"] < 0.85


def test_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.delitem(sys.modules, "models", raising=False)  # another example's
    spec = importlib.util.spec_from_file_location("compare_reports", FOLDER / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    compare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(compare)
    best, nested, true = compare.reports(0, 3)
    assert compare.reports(0, 3) == (best, nested, true)
    assert all(0.4 < score < 0.95 for score in (best, nested))
    assert 0.4 < true < 0.85
    sys.modules.pop("models", None)
