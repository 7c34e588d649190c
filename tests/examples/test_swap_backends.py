"""The example that runs one study file with every backend."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hpo_bridge.config import load_study_file
from hpo_bridge.errors import ConfigError
from hpo_bridge.plugins import manager

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "swap_backends"
ACTIVE = [
    o.spec
    for o in manager().offers("backend")
    if o.status == "active" and o.spec.technique != "gradient"  # which take floats alone
]


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "compare.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def inline(folder: Path) -> Path:
    """The study of support vector machines without worker processes."""
    shutil.copy(FOLDER / "objective.py", folder)
    text = (FOLDER / "svm.yaml").read_text(encoding="utf-8")
    path = folder / "svm.yaml"
    path.write_text(re.sub("(?m)^runner:.*", "runner: inline", text), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["svm", "cnn"])
@pytest.mark.parametrize("spec", ACTIVE, ids=lambda spec: spec.name)
def test_every_backend_takes_the_study_files(name: str, spec: Any) -> None:
    grid = ["backend.options.resolution=4"] if spec.technique == "grid" else []
    path = FOLDER / f"{name}.yaml"
    if (name, spec.name) == ("svm", "optuna.grid"):  # the one that knows no conditions
        with pytest.raises(ConfigError, match="'degree': has a condition"):
            load_study_file(path, plugins=manager(), backend=spec.name, overrides=grid)
        return
    file = load_study_file(path, plugins=manager(), backend=spec.name, overrides=grid)
    assert file.backend == spec.name


def test_the_table(
    tmp_path: Path,
    load_script: Callable[[str, str], ModuleType],
    command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = ["core.grid", "core.random", "optuna.tpe"]
    path, store = inline(tmp_path), f"sqlite:///{tmp_path}/swap.db"
    script = load_script("swap_backends", "compare")
    monkeypatch.setattr(script, "call", command)  # the same, without a process for each

    def table() -> list[str]:
        words = ["--backends", *names, "--trials", "4", "--store", store]
        monkeypatch.setattr(sys, "argv", ["compare.py", str(path), *words])
        script.main()
        return capsys.readouterr().out.splitlines()

    lines = table()
    rows = [line.split(" | ") for line in lines[2:]]
    assert sorted(row[0].removeprefix("| ") for row in rows) == names
    bests = [float(row[3]) for row in rows]
    assert bests == sorted(bests)
    assert all(0 < best < 0.91 for best in bests)
    assert all(row[4:6] == ["4", "0"] for row in rows)
    again = table()  # all is there: nothing runs again
    no_seconds = [re.sub(r"\d+ \|$", "", line) for line in again]
    assert no_seconds == [re.sub(r"\d+ \|$", "", line) for line in lines]
    trials = command("trials", str(path), "--store", store, "--set", "study=svm-optuna.tpe-0")
    assert {trial["backend"] for trial in trials} == {"optuna.tpe"}
    assert all(("degree" in t["params"]) == (t["params"]["kernel"] == "poly") for t in trials)


def test_a_backend_that_refuses_the_study(tmp_path: Path) -> None:
    names = ["core.random", "optuna.grid"]
    store = f"sqlite:///{tmp_path}/swap.db"
    done = compare(str(inline(tmp_path)), "--backends", *names, "--trials", "1", "--store", store)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[2].startswith("| core.random")
    assert lines[3].startswith("optuna.grid refuses this study: ")
    assert "'degree': has a condition" in lines[3]


def test_a_backend_that_is_not_there() -> None:
    done = compare(str(FOLDER / "svm.yaml"), "--backends", "acme.walk")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "acme.walk: there is no such backend\n"
