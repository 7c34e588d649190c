"""The example that runs one study file with every backend."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
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


def test_the_table(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/swap.db"
    names = ["core.grid", "core.random", "optuna.tpe"]
    call = ("svm.yaml", "--backends", *names, "--trials", "4", "--store", store)
    done = compare(str(FOLDER / call[0]), *call[1:])
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert sorted(row[0].removeprefix("| ") for row in rows) == names
    bests = [float(row[3]) for row in rows]
    assert bests == sorted(bests)
    assert all(0 < best < 0.91 for best in bests)
    assert all(row[4:6] == ["4", "0"] for row in rows)
    again = compare(str(FOLDER / call[0]), *call[1:])  # all is there: nothing runs again
    no_seconds = [re.sub(r"\d+ \|$", "", t) for t in again.stdout.splitlines()]
    assert no_seconds == [re.sub(r"\d+ \|$", "", t) for t in done.stdout.splitlines()]
    command = [sys.executable, "-m", "hpo_bridge", "trials", str(FOLDER / "svm.yaml"), "--json"]
    command += ["--store", store, "--set", "study=svm-optuna.tpe-0"]
    trials = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert {trial["backend"] for trial in trials} == {"optuna.tpe"}
    assert all(("degree" in t["params"]) == (t["params"]["kernel"] == "poly") for t in trials)


def test_a_backend_that_refuses_the_study(tmp_path: Path) -> None:
    names = ["core.random", "optuna.grid"]
    store = f"sqlite:///{tmp_path}/swap.db"
    path = str(FOLDER / "svm.yaml")
    done = compare(path, "--backends", *names, "--trials", "1", "--store", store)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[2].startswith("| core.random")
    assert lines[3].startswith("optuna.grid refuses this study: ")
    assert "'degree': has a condition" in lines[3]


def test_a_backend_that_is_not_there() -> None:
    done = compare(str(FOLDER / "svm.yaml"), "--backends", "acme.walk")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "acme.walk: there is no such backend\n"
