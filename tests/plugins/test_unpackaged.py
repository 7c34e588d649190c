"""Plugins that a study file names: files and modules that are not installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Float, Problem, Space
from hpo_bridge.errors import ConfigError
from hpo_bridge.plugins import PluginManager

Write = Callable[[Path, str], None]
PROBLEM = Problem(Space(x=Float(0, 1)))


@pytest.fixture
def folder(site: Any) -> Path:
    """A folder that is not on the path."""
    folder: Path = site.folder / "study"
    folder.mkdir()
    return folder


@pytest.fixture
def write(site: Any) -> Write:
    """Writes a plugin with a backend ``NAME.walk``."""

    def write(path: Path, name: str) -> None:
        path.write_text(site.filled(site.good, path.stem, name=name))

    return write


def test_a_file(folder: Path, write: Write) -> None:
    write(folder / "my_walk.py", "my")
    manager = PluginManager()
    manager.add("my_walk.py", folder)
    manager.add("./my_walk.py", folder)  # once is enough
    assert manager.build("backend", "my.walk", {}, PROBLEM).ask(1)
    offer = manager.find("backend", "my.walk")
    assert offer.plugin.origin == str((folder / "my_walk.py").resolve())
    assert offer.plugin.distribution is None
    assert len([i for i in manager.plugins if "my_walk" in i.name]) == 1
    other = PluginManager()  # in the same process
    other.add("my_walk.py", folder)
    assert other.find("backend", "my.walk").status == "active"


def test_a_module_and_an_installed_one(
    folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    write(folder / "mod_walk.py", "mod")
    manager = PluginManager()
    manager.add("mod_walk", folder)
    assert manager.find("backend", "mod.walk").status == "active"
    before = manager.plugins
    manager.add("hpo_bridge.builtin", folder)  # there by its entry point
    assert manager.plugins == before
    assert manager.find("backend", "core.grid").status == "active"


@pytest.mark.parametrize(
    ("file", "source", "match"),
    [
        ("gone.py", None, "FileNotFoundError: no file"),
        ("nothing_of_that_name", None, "ModuleNotFoundError"),
        ("boom.py", "raise RuntimeError('boom')", "RuntimeError: boom"),
        ("leave.py", "import sys; sys.exit()", "SystemExit"),
        ("typo.py", "from hpo_bridge import hookimpl\n@hookimpl\ndef hpo_x(): pass", "hpo_x"),
        ("empty.py", "", "nothing in it is decorated with @hpo_bridge.hookimpl"),
        ("json.py", "", "a module 'json' is there already"),
        ("sched.py", "", "a module 'sched' is there already"),  # not yet imported, but would be
        ("numpy.py", "", "a module 'numpy' is there already"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_loaded(
    folder: Path, write: Write, file: str, source: str | None, match: str
) -> None:
    if source is not None:
        (folder / file).write_text(source)
    manager = PluginManager()
    for _ in range(2):  # and it is said every time
        with pytest.raises(ConfigError, match=match) as caught:
            manager.add(file, folder)
        assert str(caught.value).startswith(f"plugins: {file}: ")
        assert "\n" not in str(caught.value)
    assert manager.find("backend", "core.random").status == "active"
    if file == "boom.py":
        assert "boom" not in sys.modules
        write(folder / "boom.py", "boom")  # mended
        manager.add(file, folder)


def test_two_files_of_one_name(folder: Path, write: Write) -> None:
    for sub in ("a", "b"):
        (folder / sub).mkdir()
        write(folder / sub / "same_walk.py", sub)
    manager = PluginManager()
    manager.add("same_walk.py", folder / "a")
    with pytest.raises(ConfigError, match=r"a module 'same_walk' is there already .* rename"):
        manager.add("same_walk.py", folder / "b")


# -- in a study file, through the command --------------------------------------------------------

STUDY = """\
objective: objective.py:train
space: {x: {type: float, low: 0.0, high: 1.0}}
backend: my.walk
budget: {trials: 2}
"""


@pytest.fixture
def run(site: Any, folder: Path, write: Write) -> Callable[[str], Any]:
    """Runs a study with ``my.walk`` and further lines."""
    write(folder / "my_walk.py", "my")
    (folder / "objective.py").write_text("def train(trial): return trial['x']\n")

    def run(more: str) -> Any:
        (folder / "study.yaml").write_text(STUDY + more)
        return site.command("run", str(folder / "study.yaml"), "--json")

    return run


def test_a_study_names_its_plugins(site: Any, run: Any, folder: Path) -> None:
    site("hpo-acme", version="0.3")
    (folder / "my_walk.py").write_text((folder / "my_walk.py").read_text() + "print('hello')\n")
    done = run('plugins: [./my_walk.py]\nrequires: ["hpo-acme>=0.3"]\n')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["COMPLETE"] == 2
    assert done.stderr == "hello\n"


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("plugins: [./gone.py]", "study.yaml: plugins.0: ./gone.py: FileNotFoundError: no file "),
        ("plugins: [./objective.py]", "study.yaml: plugins.0: ./objective.py: nothing in it is"),
        ("plugins: [no.such]", "study.yaml: plugins.0: no.such: ModuleNotFoundError: No mod"),
        ("plugins: ./my_walk.py", "study.yaml: plugins: found './my_walk.py', expected a list of"),
        ('plugins: [./my_walk.py]\nrequires: ["hpo-acme>=0.3"]', "study.yaml: requires.0: needs "
         'hpo-acme>=0.3, which is not installed — pip install "hpo-acme>=0.3"'),
        ('plugins: [./my_walk.py]\nrequires: ["hpo_bridge>=9"]', "study.yaml: requires.0: needs "
         'hpo_bridge>=9, found 0.1.0 — pip install "hpo_bridge>=9"'),
        ("requires: ['>=']", "study.yaml: requires.0: found '>=', expected one such as"),
        ("", "study.yaml: backend: found 'my.walk', expected one of auto, core.grid"),
    ],
)  # fmt: skip
def test_a_study_that_lacks_one_ends_with_one_line(run: Any, more: str, line: str) -> None:
    done = run(more + "\n")
    assert done.returncode == 2
    assert done.stdout == ""
    (found,) = done.stderr.splitlines()
    assert found.startswith(line)
