"""Plugins that a study file names: files and modules that are not installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Float, Problem, Space
from hpo_bridge.errors import ConfigError
from hpo_bridge.plugins import PluginManager

Write = Callable[[Path, str], None]
PROBLEM = Problem(Space(x=Float(0, 1)))


@pytest.fixture
def folder(site: Any) -> Iterator[Path]:
    """A folder that is not on the path."""
    before = set(sys.modules)
    folder = site.folder / "study"
    folder.mkdir()
    yield folder
    for name in set(sys.modules) - before:
        del sys.modules[name]


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
    manager.add("hpo_bridge.backends", folder)  # there by its entry point
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
