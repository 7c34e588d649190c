"""The core's own backends pass the kit."""

from __future__ import annotations

from hpo_bridge.testing import BackendConformance


class TestRandom(BackendConformance):
    backend = "core.random"


class TestGrid(BackendConformance):
    backend = "core.grid"


class TestGridOfResolution(BackendConformance):
    backend = "core.grid"
    options = {"resolution": 4}
