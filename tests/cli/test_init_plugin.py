"""`hpo-bridge init --plugin`: what it writes installs, lists and passes the kit as it is."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest


def test_what_it_writes_installs_lists_and_passes_the_kit(environment, tmp_path):
    done = environment("hpo-bridge init --plugin hpo-acme", tmp_path)
    assert done.returncode == 0, done.stdout
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [
        "hpo-acme/README.md",
        "hpo-acme/hpo_acme.py",
        "hpo-acme/pyproject.toml",
        "hpo-acme/tests/test_conformance.py",
    ]
    advice = done.stdout.splitlines()[-1].removeprefix("next: ")
    assert advice == "pip install -e hpo-acme && hpo-bridge check acme.climb"
    done = environment(f"{advice} --json", tmp_path)
    assert done.returncode == 0, done.stdout
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["passed"]
    applied = [c["name"] for c in report["checks"] if c["result"] == "passed"]
    assert {"explain", "inject[history]", "progress", "space[vector]", "replay"} <= set(applied)

    rows = json.loads(environment("hpo-bridge backends --json", tmp_path).stdout)
    (row,) = [row for row in rows if row["name"] == "acme.climb"]
    assert (row["status"], row["library"], row["version"]) == ("active", "hpo-acme", "0.1.0")
    done = environment("pytest -q", tmp_path / "hpo-acme")
    assert done.returncode == 0, done.stdout

    done = environment("hpo-bridge init --plugin Hpo_Acme elsewhere", tmp_path)
    assert done.returncode == 2
    assert done.stdout.startswith("--plugin: a module 'hpo_acme' is there already (")
    assert not (tmp_path / "elsewhere").exists()


def test_the_template_has_no_lint(command, tmp_path):
    command("init", "--plugin", "hpo-acme")
    for tool in ("check", "format --check"):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *tool.split(), "--isolated", "--line-length", "99"],
            cwd=tmp_path / "hpo-acme", capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "distribution", "module", "backend"),
    [
        ("Hpo.Deep_Thought", "hpo-deep-thought", "hpo_deep_thought", "deep-thought.climb"),
        ("hpo-bridge-acme", "hpo-bridge-acme", "hpo_bridge_acme", "acme.climb"),
        ("walker", "walker", "walker", "walker.climb"),
        ("hpo-42", "hpo-42", "hpo_42", "hpo-42.climb"),
    ],
)
def test_names(command, tmp_path, name, distribution, module, backend):
    done = command("init", "--plugin", name)
    assert done.returncode == 0, done.stderr
    project = tomllib.loads((tmp_path / distribution / "pyproject.toml").read_text())["project"]
    assert project["name"] == distribution
    assert list(project["entry-points"]["hpo_bridge"].values()) == [module]
    source = (tmp_path / distribution / f"{module}.py").read_text()
    assert f'name="{backend}"' in source
    assert f'factory="{module}:Climb"' in source


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is no name of a distribution and a module"),
        ("2fast", "is no name of a distribution and a module"),
        ("hpo acme", "is no name of a distribution and a module"),
        ("../up", "is no name of a distribution and a module"),
        ("hpo--acme", "is no name of a distribution and a module"),
        ("lambda", "is no name of a distribution and a module"),
        ("bräu", "is no name of a distribution and a module"),
        ("hpo-bridge", "a module 'hpo_bridge' is there already ("),
        ("random", "a module 'random' is there already ("),
        ("sys", "a module 'sys' is there already ("),
        ("scikit-optimize", "a distribution 'scikit-optimize' is installed already"),
    ],
)
def test_bad_names_give_one_line(command, tmp_path, name, reason):
    before = set(tmp_path.iterdir())
    done = command("init", "--plugin", name)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("--plugin: ")
    assert reason in line
    assert set(tmp_path.iterdir()) == before


def test_a_folder_that_is_not_empty_is_left_alone(command, tmp_path):
    before = set(tmp_path.iterdir())
    done = command("init", "--plugin", "hpo-acme", ".")
    assert (done.returncode, done.stderr) == (2, ".: is not empty; nothing was written\n")
    done = command("init", "--plugin", "hpo-acme", "study.yaml")
    assert (done.returncode, done.stderr) == (
        2, "study.yaml: cannot be written: Not a directory\n"
    )  # fmt: skip
    assert set(tmp_path.iterdir()) == before
    (tmp_path / "empty").mkdir()
    assert command("init", "--plugin", "hpo-acme", "empty").returncode == 0
