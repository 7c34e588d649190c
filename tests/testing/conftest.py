"""The faulty backends, and how checks are run on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hpo_bridge.plugins import PluginManager
from hpo_bridge.testing import Result, backend_checks, run_check

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def plugins() -> PluginManager:
    """The installed plugins, and the faulty ones."""
    manager = PluginManager()
    manager.add("faulty_backends.py", HERE)
    return manager


@pytest.fixture
def checked(plugins: PluginManager) -> Callable[..., dict[str, Result]]:
    """Runs checks of a fake by name, and gives their results by name."""

    def run(name: str, *wanted: str, **more: object) -> dict[str, Result]:
        checks = backend_checks(f"fake.{name}", plugins=plugins, **more)
        return {c.name: run_check(c) for c in checks if not wanted or c.name in wanted}

    return run
