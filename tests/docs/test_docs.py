"""The documentation says what the code does: its code runs, its tables are the code's."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hpo_bridge
from hpo_bridge.config import load_study_file
from hpo_bridge.plugins import manager

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LOOSE = [page for page in PAGES if page.name != "write-a-backend.md"]
"""Pages whose blocks stand alone; those of the other one build on each other, and are tested
beside this file."""
EXAMPLE = "def train(trial):\n    return 1.0\n"


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


PACKAGES = ["hpo_bridge", *sorted(path.name for path in (ROOT / "adapters").glob("hpo_bridge_*"))]


def modules() -> list[str]:
    return [
        module.name
        for package in PACKAGES
        for module in pkgutil.walk_packages(
            importlib.import_module(package).__path__, f"{package}."
        )
        if not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings_run(name):
    public = {public: getattr(hpo_bridge, public) for public in hpo_bridge.__all__}
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS, extraglobs=public
    )
    assert result.failed == 0


def test_there_are_examples_in_docstrings():
    finder = doctest.DocTestFinder()
    found = [t for name in modules() for t in finder.find(importlib.import_module(name))]
    assert sum(len(test.examples) > 0 for test in found) >= 10


ONE_BY_ONE = """
import json, sys
for block in json.load(sys.stdin):
    exec(compile(block, "block", "exec"), {"__name__": "__main__"})
"""
"""Runs blocks that know nothing of each other: what they import is imported once."""


@pytest.mark.parametrize("page", LOOSE, ids=lambda page: page.name)
def test_python_on_the_pages_runs(page, tmp_path):
    found = [
        f"import hpo_bridge\n{block}" if "import hpo_bridge" not in block and "def " in block
        else block
        for block in blocks(page, "python")
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE], input=json.dumps(found), cwd=tmp_path,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", LOOSE, ids=lambda page: page.name)
def test_study_files_on_the_pages_are_valid(page, tmp_path):
    for number, block in enumerate(blocks(page, "yaml")):
        (tmp_path / "objective.py").write_text(EXAMPLE)
        path = tmp_path / f"study{number}.yaml"
        path.write_text(block)
        assert load_study_file(path, plugins=manager()).space


def test_generated_parts_are_up_to_date():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert generate.rendered(text) == text, f"run docs/generate.py: {page.name} is out of date"


def test_every_dependency_is_explained():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [d for extra in project["optional-dependencies"].values() for d in extra]
    names = {re.split(r"[\[<>=]", d)[0] for d in [*project["dependencies"], *extras]}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Dependencies")[2]
    assert {name for name in names - {"hpo-bridge"} if name not in text} == set()


@pytest.mark.parametrize("name", ["grid", "random", "tpe"])
def test_the_flagship_study_files_are_valid(name):
    file = load_study_file(ROOT / "examples" / "cnn_images" / f"{name}.yaml", plugins=manager())
    assert set(file.space) >= {"learning_rate", "batch_size", "filter_size"}
    if name == "grid":
        assert file.space.cardinality == 27


def test_init_writes_a_study_that_runs(tmp_path, command_server):
    for command in (["init", "first"], ["run", "first/study.yaml", "--json"]):
        done = command_server(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
