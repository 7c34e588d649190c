"""The states of random generators, through JSON and back."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from hpo_bridge.contracts.random_state import get_state, set_state

MADE = {
    "random.Random": (random.Random, lambda g: (g.gauss(0, 1), g.random(), g.getrandbits(70))),
    "RandomState": (np.random.RandomState, lambda g: (g.normal(), g.rand(), g.randint(9))),
    "PCG64": (np.random.default_rng, lambda g: (g.normal(), g.random(), g.integers(9))),
    "MT19937": (
        lambda seed: np.random.Generator(np.random.MT19937(seed)),
        lambda g: (g.normal(), g.random(), g.integers(9, dtype=np.uint32)),
    ),
    "Philox": (
        lambda seed: np.random.Generator(np.random.Philox(seed)),
        lambda g: (g.normal(), g.random(), g.integers(9, dtype=np.uint32)),
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_a_generator_goes_on_where_another_stood(name):
    make, draw = MADE[name]
    one, other = make(1), make(2)
    draw(one)  # leaves half a pair of normal numbers behind
    text = json.dumps(get_state(one), allow_nan=False)
    expected = [draw(one) for _ in range(1000)]
    set_state(other, json.loads(text))
    assert [draw(other) for _ in range(1000)] == expected
    assert [draw(make(2)) for _ in range(3)] != expected[:3]


def test_taking_the_state_changes_nothing():
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    get_state(one)
    assert one.random() == other.random()
