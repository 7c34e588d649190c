"""``hpo-bridge import`` and ``export``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture
def table(command):
    def write(text, name="t.csv"):
        (command.folder / name).write_text(text)
        return name

    return write


GOOD = "x,kind,n,value\n0.5,a,,1.25\n-0.5,b,2,0.25\n"


def test_import_run_export_import(command, table):
    done = command("import", "study.yaml", table(GOOD))
    assert (done.returncode, done.stderr) == (0, "")
    assert "added    2 trials (2 complete), numbers 0 to 1" in done.stdout
    again = command("import", "study.yaml", "t.csv", "--json")
    assert json.loads(again.stdout)["already"] == 2
    assert command("run", "study.yaml").returncode == 0
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert len(trials) == 12  # the budget counts what was imported
    assert trials[1]["params"] == {"x": -0.5, "kind": "b", "n": 2}
    assert trials[1]["backend"] == "imported:csv"
    assert command("verify", "study.yaml").returncode == 0
    written = command("export", "study.yaml", "all.json", "--json")
    assert json.loads(written.stdout) == {
        "study": "s", "target": "all.json", "format": "json", "trials": 12, "notes": [],
    }  # fmt: skip
    assert command("export", "study.yaml", "all.json").returncode == 2
    assert command("export", "study.yaml", "all.json", "--overwrite").returncode == 0
    back = command("import", "study.yaml", "all.json", "--json")
    assert json.loads(back.stdout)["added"] == 0
    other = command("import", "study.yaml", "all.json", "--store", "sqlite:///o.db", "--json")
    assert json.loads(other.stdout)["added"] == 12


def test_refused_trials_are_said(command, table):
    source = table(GOOD + "3.0,a,,1\n4.0,a,,1\n")
    done = command("import", "study.yaml", source, "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["added"], found["first"]) == (0, 2, 0)
    assert found["refused"] == [{
        "reason": "x: outside the range", "count": 2,
        "example": "line 4: x: 3.0 is outside [-1.0, 1.0]",
    }]  # fmt: skip
    strict = command("import", "study.yaml", source, "--strict")
    assert strict.returncode == 2
    assert len(strict.stderr.splitlines()) == 1
    nothing = command("import", "study.yaml", table("x,kind,n,value\n3.0,a,,1\n", "u.csv"))
    assert nothing.returncode == 1


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["no.csv"], "no.csv: there is no such file or folder"),
        (["t.csv", "--map", "a"], "--map: found 'a', expected THEIRS=OURS"),
        (["t.csv", "--map", "a=x", "--map", "a=n"], "--map: 'a' is there twice"),
        (["t.csv", "--map", "a=y"], "the study has no parameter or objective 'y'"),
        (["t.csv", "--from", "cvs"], "did you mean 'csv'?"),
        (["objective.py"], "is of no known format"),
        (["p.pkl", "--from", "hyperopt"], "a pickle can run any code"),
    ],
)
def test_wrong_use_is_one_line_and_changes_nothing(command, table, words, problem):
    table(GOOD)
    table("no pickle", "p.pkl")
    done = command("import", "study.yaml", *words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert len(done.stderr.splitlines()) == 1
    if "--map" not in words:
        assert not list(command.folder.glob("*.db"))


def test_export_of_a_study_that_is_not_there(command):
    done = command("export", "study.yaml", "t.csv")
    assert done.returncode == 2
    assert not (command.folder / "t.csv").exists()


def test_a_failed_import_creates_nothing(command, table):
    source = table("y,value\n1,2\n")
    for words in ([source], [source, "--strict"], ["no.csv"], [table("x,value\n9,9\n", "u.csv")]):
        failed = command("import", "study.yaml", *words)
        assert failed.returncode in (1, 2), failed.stdout
        assert not list(command.folder.glob("*.db*")), failed.stdout + failed.stderr
    told = command("import", "study.yaml", "t.csv", "--set", "backend=deap.cmaes")
    assert told.returncode == 2
    assert not list(command.folder.glob("*.db*"))


def test_no_log_lines_of_libraries(command):
    (command.folder / "make.py").write_text(
        "import optuna\n"
        "s = optuna.create_study(storage='sqlite:///o.db', study_name='o')\n"
        "s.optimize(lambda t: t.suggest_float('x', -1, 1), n_trials=3)\n"
    )
    subprocess.run(
        [sys.executable, "make.py"], cwd=command.folder, check=True, capture_output=True
    )
    command.write(
        "study: s\nobjective: objective.py:train\nspace:\n  x: {type: float, low: -1, high: 1}\n"
        "budget: {trials: 3}\n"
    )
    done = command("import", "study.yaml", "sqlite:///o.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert "added    3 trials" in done.stdout
