"""Fixtures: a folder with an objective, plugins without heavy libraries, and a good file."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge.config import StudyFile, load_study_file
from hpo_bridge.errors import ConfigError
from hpo_bridge.plugins import PluginManager

PLUGIN = """
from hpo_bridge.builtin.random import RandomSearch
from hpo_bridge.errors import InvalidOptions, UnsupportedProblem
from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import (
    BackendSpec, Capability, ObserverSpec, PrunerSpec, RunnerSpec
)
from hpo_bridge.contracts.runner_options import as_choice, as_count


class Walk(RandomSearch):
    def __init__(self, problem, *, pace=1.0, native_space=False):
        if any(parameter.size == 1 for parameter in problem.space.values()):
            name = next(n for n, p in problem.space.items() if p.size == 1)
            raise UnsupportedProblem("has a single value", name)
        if not isinstance(pace, float) or pace <= 0:
            raise InvalidOptions(f"found {pace!r}; expected a number above 0", "pace")
        super().__init__(problem)


class Pool:
    def __init__(self, workers=1, trial_timeout=None, order="free", retries=0, colour="red"):
        as_count("workers", workers, 1)
        as_count("retries", retries, 0)
        as_choice("order", order, "free", "deterministic")


class Halving:
    def __init__(self, *, factor=3):
        if not isinstance(factor, int) or factor < 2:
            raise ValueError("factor must be an integer above 1,\\nat least 2")


class Diary:
    def __init__(self, *, pages=10, title=None):
        if not isinstance(pages, int) or pages < 1:
            raise InvalidOptions(f"found {pages!r}; expected a number of pages", "pages")

    @hookimpl
    def hpo_trial_finished(self, trial): ...


@hookimpl
def hpo_register_observers():
    return ObserverSpec(name="acme-diary", factory="acme_for_config:Diary")


@hookimpl
def hpo_register_backends():
    walk = dict(technique="annealing", factory="acme_for_config:Walk")
    yield BackendSpec(name="acme.walk", capabilities=frozenset({Capability.INJECT}), **walk)
    yield BackendSpec(name="zen.deaf", technique="hybrid", factory=walk["factory"])
    yield BackendSpec(name="acme.absent", requires=("acme-absent>=2",), **walk)


@hookimpl
def hpo_register_runners():
    return RunnerSpec(name="acme-pool", factory="acme_for_config:Pool")


@hookimpl
def hpo_register_pruners():
    return PrunerSpec(name="acme-halving", factory="acme_for_config:Halving")
"""
OBJECTIVE = """
raise RuntimeError("a study file's check must not import the objective")


def train(trial):
    return 0.0


async def later(trial):
    return 0.0


constant = 3
"""
GOOD: dict[str, Any] = {
    "study": "demo",
    "objective": "objective.py:train",
    "direction": "minimize",
    "space": {
        "lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
        "momentum": {
            "type": "float", "low": 0.0, "high": 0.9, "step": 0.1, "when": {"optimizer": "sgd"},
        },
        "layers": {"type": "int", "low": 1, "high": 3},
        "optimizer": {"type": "categorical", "choices": ["adam", "sgd"], "ordered": False},
        "pooling": "max",
        "epochs": 5,
    },
    "constraints": ["layers * 2 <= 6"],
    "backend": {"name": "acme.walk", "options": {"pace": 0.5}},
    "seed": 0,
    "budget": {"trials": 60, "time": "20m"},
    "runner": {"name": "acme-pool", "workers": 2, "trial_timeout": "5m"},
    "pruner": {"name": "acme-halving", "options": {"factor": 3}},
    "selection": {
        "rule": "one_standard_error", "simplest": ["layers", "momentum"], "errors": 2,
        "paired": True, "test": "objective.py:train",
    },
    "observers": ["acme-diary", {"name": "acme-diary", "options": {"pages": 3}}],
    "store": "sqlite:///demo.db",
    "duplicates": "reuse",
    "warm_start": [
        {
            "store": "sqlite:///old.db", "study": "old", "ignore": ["width"],
            "map": {"lr": "rate", "layers": {"value": 2}}, "values": {"value": "loss"},
        },
    ],
    "defaults": {"layers": 1},
    "plugins": [],
    "requires": ["pydantic>=2"],
}  # fmt: skip


@pytest.fixture(scope="session")
def plugin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plugin that offers every kind of thing that has options."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "acme_for_config.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="session")
def plugins(plugin_folder: Path) -> PluginManager:
    """The core's own plugin, and that one."""
    manager = PluginManager([EntryPoint("core", "hpo_bridge.builtin", "hpo_bridge")])
    manager.add("./acme_for_config.py", plugin_folder)
    return manager


@pytest.fixture
def good() -> dict[str, Any]:
    """A study file's data with every key but those that exclude another."""
    return copy.deepcopy(GOOD)


@pytest.fixture(autouse=True)
def _same_path(monkeypatch: pytest.MonkeyPatch, plugin_folder: Path) -> None:
    """Looking for an objective's module puts its folder on the path.

    The plugin's stays there, whichever test of which folder was the first to load it.
    """
    monkeypatch.setattr(sys, "path", [*sys.path, str(plugin_folder)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an objective that must not be imported."""
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    return tmp_path


Content = str | bytes | dict[str, Any]
Load = Callable[..., StudyFile]
Refused = Callable[..., list[str]]


def write(path: Path, content: Content) -> Path:
    """Writes a study file; a mapping as JSON, which is YAML."""
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.fixture
def load(folder: Path, plugins: PluginManager) -> Load:
    """Loads a study file with the given content."""

    def loaded(content: Content, name: str = "study.yaml", **arguments: Any) -> StudyFile:
        return load_study_file(write(folder / name, content), plugins=plugins, **arguments)

    return loaded


def files_in(folder: Path) -> list[Path]:
    """Return all files and folders, but not the bytecode that Python keeps of an import."""
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.fixture
def refused(folder: Path, load: Load) -> Refused:
    """Loads a damaged study file: the lines that it gives, checked for what all must be."""

    def lines(content: Content, name: str = "study.yaml", **arguments: Any) -> list[str]:
        write(folder / name, content)
        before = files_in(folder)
        with pytest.raises(ConfigError) as caught:
            load(content, name, **arguments)
        assert files_in(folder) == before, "a damaged file must create nothing"
        assert caught.value.problems
        for line in caught.value.problems:
            assert line == " ".join(line.split())
            assert line.isprintable()
            assert len(line) <= 800
            lower = line.lower()
            for leak in ("traceback", "pydantic_core", "input should", "value error", "nonetype"):
                assert leak not in lower
        return list(caught.value.problems)

    return lines
