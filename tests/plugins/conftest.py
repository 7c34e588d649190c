"""Distributions as pip would leave them, on ``sys.path`` and on that of other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo_bridge.plugins import PluginManager

GOOD = """
from hpo_bridge import BackendSpec, PrunerSpec, RunnerSpec, Suggestion, hookimpl

class Walk:
    def __init__(self, problem, *, width=1):
        if width < 0:
            raise ValueError("width: must be positive")
        self.space, self.asked = problem.space, 0
    def ask(self, n):
        self.asked += 1
        return [Suggestion(self.space.decode([self.asked * 0.37 % 1] * self.space.dimension))]
    def tell(self, observations): pass

@hookimpl
def hpo_register_backends():
    return BackendSpec(name="{name}.walk", technique="{technique}", factory="{module}:Walk",
                       requires={requires}, rank={rank})
"""


class Site:
    """A folder with installed distributions: a module and a ``.dist-info`` folder for each."""

    good = GOOD

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def filled(source: str, module: str, **values: object) -> str:
        given = {"name": module, "module": module, "technique": "walk", "requires": "()",
                 "rank": 0, **values}  # fmt: skip
        for key, value in given.items():
            source = source.replace("{" + key + "}", str(value))
        return source

    def __call__(
        self, distribution: str, source: str | None = GOOD, *, entry: str = "",
        version: str = "1.2", requires: tuple[str, ...] = (), folder: Path | None = None,
        **values: object,
    ) -> Path:  # fmt: skip
        """Installs a distribution; the file of its module, which has the source given."""
        folder, module = folder or self.folder, distribution.replace("-", "_")
        if source is not None:
            (folder / f"{module}.py").write_text(self.filled(source, module, **values))
        info = folder / f"{module}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
        lines += [f"Requires-Dist: {text}" for text in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "entry_points.txt").write_text(
            f"[hpo_bridge]\n{entry or f'{module} = {module}'}\n"
        )
        return folder / f"{module}.py"

    @staticmethod
    def fared(distribution: str, manager: PluginManager | None = None) -> tuple[str, str]:
        """Status and reason of a distribution's plugin."""
        plugins = (manager or PluginManager()).plugins
        (info,) = [info for info in plugins if info.distribution == distribution]
        return info.status, info.reason

    @staticmethod
    def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `hpo-bridge`; standard output and error come apart."""
        return subprocess.run(
            [sys.executable, "-m", "hpo_bridge", *words],
            capture_output=True, text=True, timeout=150, env={**os.environ, **environment},
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and str(tmp_path) in str(file):
            del sys.modules[name]
