"""The kit's check with other hash seeds where libraries are imported once; see conftest.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo_bridge.plugins import PluginManager
from hpo_bridge.testing import backend_checks, run_check


@pytest.mark.parametrize(("backend", "result"), [("sound", "passed"), ("hash_seed", "failed")])
def test_a_backend_that_depends_on_the_hash_seed_is_caught(backend, result):
    plugins = PluginManager()
    plugins.add("faulty_backends.py", Path(__file__).parents[1] / "testing")
    checks = {c.name: c for c in backend_checks(f"fake.{backend}", plugins=plugins)}
    assert run_check(checks["seed[process]"]).result == result
