"""The core's own backends pass the kit."""

from __future__ import annotations

from hpo_bridge.builtin.random import RandomSearch
from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.space import Categorical, Float, Int, Space
from hpo_bridge.testing import BackendConformance


class TestRandom(BackendConformance):
    backend = "core.random"


class TestGrid(BackendConformance):
    backend = "core.grid"


class TestGridOfResolution(BackendConformance):
    backend = "core.grid"
    options = {"resolution": 4}


def test_a_seed_gives_the_same_points_in_every_release():
    """Else a study that goes on after an upgrade would draw from another sequence."""
    space = Space(x=Float(0, 1), n=Int(1, 9), c=Categorical(["a", "b"]))
    assert [suggestion.params for suggestion in RandomSearch(Problem(space, 1, 7)).ask(2)] == [
        {"x": 0.5092776087691608, "n": 3, "c": "b"},
        {"x": 0.7273484607699635, "n": 1, "c": "b"},
    ]
