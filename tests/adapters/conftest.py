"""What the tests of all adapters share."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from hpo_bridge.testing.checks import seeds


class Ended:
    """A process that has ended, for what expects one that may run."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self._done, self.returncode = done, done.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Return its output and its errors."""
        return self._done.stdout, self._done.stderr


@pytest.fixture(scope="session", autouse=True)
def libraries_imported_once(
    command_servers: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """For the kit's check with other hash seeds, import each library once a seed.

    Its processes are forks of one with that hash seed, which has imported the library and built
    nothing; new ones spend nearly all their time on imports. The backends of the core and those
    with faults are tried in new ones.
    """
    folder = tmp_path_factory.mktemp("seeds")

    def start(task: Mapping[str, Any], **environment: str) -> Ended:
        done = command_servers(**environment)(
            json.dumps(task), module="hpo_bridge.testing.process", cwd=folder, timeout=300,
            before=[task["factory"].partition(":")[0]], **environment,
        )  # fmt: skip
        return Ended(done)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeds, "start", start)
        yield
