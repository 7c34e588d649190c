"""The tests that a comparison rests on, against brute force and by simulation."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from scipy.stats import rankdata, t

from hpo_bridge.analysis.paired_tests import (
    LEVEL,
    holm,
    hopeless,
    mean_ranks,
    paired_tests,
    pairwise_p,
    probability_of_better,
    sign_flip_p,
    smallest_p,
)


def brute_force(one, other):
    ranks = rankdata([*one, *other])
    differences = ranks[: len(one)] - ranks[len(one) :]
    found = abs(differences.sum())
    flips = itertools.product((1, -1), repeat=len(one))
    sums = [abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in flips]
    return sum(each >= found - 1e-9 for each in sums) / len(sums)


@pytest.mark.parametrize("seed", range(8))
def test_the_sign_flip_test_is_the_permutation_test_of_midranks(seed):
    rng = random.Random(seed)
    draw = (lambda: rng.randint(0, 3)) if seed % 2 else rng.random
    one, other = [draw() for _ in range(8)], [draw() + 0.3 for _ in range(8)]
    assert sign_flip_p(one, other) == pytest.approx(brute_force(one, other))
    assert sign_flip_p(one, other) == sign_flip_p(other, one)


def test_the_smallest_p_and_none_at_all():
    assert sign_flip_p([1, 2, 3, 4], [11, 12, 13, 14]) == smallest_p(4) == 0.125
    assert sign_flip_p([1, 2, 3], [1, 2, 3]) == 1.0
    assert sign_flip_p([1], [2]) == 1.0


def test_many_seeds_are_sampled_and_the_same_each_time():
    one = [random.Random(1).random() + i / 10 for i in range(40)]
    other = [value + 0.05 for value in one]
    assert sign_flip_p(one, other) == sign_flip_p(one, other) < 0.001


def test_runs_without_a_value_are_the_worst_and_have_no_difference():
    (found,) = paired_tests({"a": [1.0, 2.0, math.inf, math.inf], "b": [2.0, 4.0, 5.0, math.inf]})
    assert (found.wins, found.losses, found.blocks) == (2, 1, 4)
    assert found.difference == pytest.approx(1.5)
    assert found.interval is not None
    low, high = found.interval
    assert low < 1.5 < high
    (nothing,) = paired_tests({"a": [math.inf] * 3, "b": [math.inf] * 3})
    assert (nothing.difference, nothing.interval, nothing.p) == (None, None, 1.0)


def test_the_interval_is_student_s():
    (found,) = paired_tests({"a": [0.0] * 4, "b": [1.0, 2.0, 3.0, 4.0]})
    low, high = found.interval
    assert (low, high) == pytest.approx((2.5 - 2.0543, 2.5 + 2.0543), abs=1e-3)


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_ranks_and_probability():
    losses = {"a": [1.0, 1.0], "b": [2.0, 1.0], "c": [math.inf, 3.0]}
    assert mean_ranks(losses) == {"a": 1.25, "b": 1.75, "c": 3.0}
    assert probability_of_better([1, 2], [2, 3]) == 0.875
    assert probability_of_better([math.inf], [math.inf]) == 0.5


def test_equal_variants_are_told_apart_in_at_most_one_of_twenty():
    rng, different = random.Random(5), 0
    for _ in range(400):
        one, other = ([rng.lognormvariate(0, 2) for _ in range(8)] for _ in range(2))
        different += sign_flip_p(one, other) <= LEVEL
    assert different / 400 < 0.08  # of a test at 0.05, 1 in 200 such counts is larger


def test_a_race_drops_equal_variants_rarely_and_hopeless_ones_soon():
    rng, wrong, soon = random.Random(7), 0, []
    for _ in range(150):
        table = {str(k): [rng.gauss(0, 1) for _ in range(10)] for k in range(4)}
        wrong += any(hopeless({k: v[:n] for k, v in table.items()}, 7) for n in range(3, 10))
        table["3"] = [value + 12 for value in table["3"]]
        ahead = (
            n for n in range(3, 10) if "3" in hopeless({k: v[:n] for k, v in table.items()}, 7)
        )
        soon.append(next(ahead, 10))
    assert wrong / 150 < 0.1
    assert sorted(soon)[75] <= 5
    assert hopeless({"a": [1.0, 2.0, 3.0]}, 7) == set()


def test_of_more_than_two_the_variance_is_that_of_all():
    rng = random.Random(3)
    at = {"a": 0, "b": 0, "c": 9}
    losses = {label: [rng.gauss(at[label], 1) for _ in range(6)] for label in at}
    p = pairwise_p(losses)
    ranks = rankdata([losses[label] for label in "abc"]).reshape(3, 6)
    rest = ranks - ranks.mean(1)[:, None] - ranks.mean(0) + ranks.mean()
    error = math.sqrt(2 * (rest**2).sum() / 10 / 6)
    for (one, other), found in p.items():
        apart = ranks["abc".index(one)].mean() - ranks["abc".index(other)].mean()
        assert found == pytest.approx(2 * t.sf(abs(apart) / error, 10))
    assert p["a", "c"] < 0.01 < 0.05 < p["a", "b"]
    assert [each.is_different for each in paired_tests(losses)] == [False, True, True]


@pytest.mark.parametrize("variants", [3, 6])
def test_any_of_several_equal_variants_is_called_different_in_one_of_twenty(variants):
    rng, different = random.Random(11), 0
    for _ in range(200):
        table = {str(k): [rng.lognormvariate(0, 2) for _ in range(10)] for k in range(variants)}
        different += any(each.is_different for each in paired_tests(table))
    assert different / 200 < 0.1
