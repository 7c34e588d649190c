"""What the tests of studies share."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study
from hpo_bridge.config import StudyConfig
from hpo_bridge.plugins import PluginManager
from hpo_bridge.store import open_store
from hpo_bridge.store.event_types import Asked
from hpo_bridge.study import open_study

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def plugins() -> PluginManager:
    """The installed plugins, and the fakes."""
    manager = PluginManager()
    manager.add("study_fakes.py", HERE)
    return manager


@pytest.fixture
def made(plugins: PluginManager) -> Iterator[list[Any]]:
    """Every fake that a test builds, in order."""
    fakes = sys.modules["study_fakes"].MADE
    fakes.clear()
    yield fakes
    fakes.clear()


@pytest.fixture
def space() -> Space:
    return Space(x=Float(0, 1), n=Int(1, 4), c=Categorical(["a", True, None]))


@pytest.fixture
def study(space: Space, plugins: PluginManager) -> Iterator[Callable[..., Study]]:
    """Makes studies, and closes them."""
    opened = []

    def make(declared: Any = space, **options: Any) -> Study:
        opened.append(
            open_study(StudyConfig(declared, **{"seed": 0, "plugins": plugins, **options}))
        )
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/s.db"


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PluginManager]:
    """Installs a version of the library ``acme-search``, and gives the plugins as found then.

    The folder ``lib`` below ``tmp_path`` is what another process needs in its path.
    """
    folder = tmp_path / "lib"
    folder.mkdir()
    shutil.copy(HERE / "acme_plugin.py", folder)
    monkeypatch.syspath_prepend(str(folder))

    def of(version: str) -> PluginManager:
        for old in folder.glob("acme_search-*.dist-info"):
            shutil.rmtree(old)
        info = folder / f"acme_search-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", "Name: acme-search", f"Version: {version}", ""]
        (info / "METADATA").write_text("\n".join(lines))
        importlib.invalidate_caches()
        plugins = PluginManager()
        plugins.add("acme_plugin", folder)
        return plugins

    return of


@pytest.fixture
def kept_remarks() -> Callable[[str], list[str]]:
    """Reads the remarks in the log of study ``s`` of a store."""

    def read(url: str) -> list[str]:
        store = open_store(url)
        try:
            return [remark for event in store.events_of("s", Asked) for remark in event.remarks]
        finally:
            store.close()

    return read
