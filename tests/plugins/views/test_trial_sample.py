"""The trials of a long study that a live page draws: bounded, even, and never taken back."""

from __future__ import annotations

import random

import pytest
from hpo_bridge_views.trial_sample import MOST_UNFINISHED, TrialSample

from hpo_bridge.contracts.record import TrialRecord, TrialState

SIGNS = {"value": 1.0}


def complete(number, value):
    return TrialRecord(number, TrialState.COMPLETE, {}, values={"value": value})


def drawn(values, capacity=100, known=None):
    trials = [complete(number, value) for number, value in enumerate(values)]
    return TrialSample(capacity, len(trials) if known is None else known, SIGNS).numbers(trials)


def test_all_trials_up_to_the_capacity():
    assert drawn([5.0] * 100) == list(range(100))


def test_an_even_sample_of_more():
    assert drawn([5.0] * 1000) == list(range(0, 1000, 10))


def test_each_that_was_the_best_so_far_is_drawn():
    generator = random.Random(0)
    values = [generator.random() for _ in range(5000)]
    best = [n for n in range(5000) if values[n] < min(values[:n], default=1.0)]
    numbers = drawn(values)
    assert set(best) <= set(numbers)
    assert len(numbers) < 150


def test_it_is_bounded_where_every_trial_is_better_than_those_before():
    assert len(drawn([-float(n) for n in range(20_000)])) < 600


def test_it_is_bounded_for_a_page_that_was_opened_when_the_study_began():
    assert len(drawn([1.0] * 20_000, known=10)) < 600


@pytest.mark.parametrize("seed", range(20))
def test_a_page_that_asks_from_its_first_unfinished_trial_has_the_list(seed):
    """The page keeps what it has up to its first trial that has not ended, and adds the answer."""
    generator = random.Random(seed)
    trials: list[TrialRecord] = []
    sample = TrialSample(20, 0, SIGNS)
    page: list[TrialRecord] = []
    for _ in range(200):
        for _ in range(generator.randrange(4)):
            trials.append(TrialRecord(len(trials), TrialState.RUNNING, {}))
        running = [t.number for t in trials if not t.state.is_final]
        for number in generator.sample(running, generator.randrange(len(running) + 1)):
            trials[number] = complete(number, generator.random())
        unfinished = (at for at, t in enumerate(page) if not t.state.is_final)
        after = next(unfinished, len(page))
        numbers = sample.numbers(trials)
        page = page[:after] + [trials[number] for number in numbers[after:]]
        assert page == [trials[number] for number in numbers]


def test_running_trials_are_drawn_and_very_many_that_wait_are_not():
    trials = [complete(n, 1.0) for n in range(500)]
    trials += [TrialRecord(n, TrialState.RUNNING, {}) for n in range(500, 520)]
    sample = TrialSample(50, len(trials), SIGNS)
    assert sample.numbers(trials)[-20:] == list(range(500, 520))
    trials += [TrialRecord(n, TrialState.WAITING, {}) for n in range(520, 5000)]
    assert len(sample.numbers(trials)) < MOST_UNFINISHED + 150


def test_the_front_of_several_objectives():
    points = [(3, 3), (2, 4), (4, 2), (5, 5), (1, 1), (1, 1)] + [(5, 5)] * 500
    trials = [
        TrialRecord(n, TrialState.COMPLETE, {}, values={"a": float(a), "b": float(b)})
        for n, (a, b) in enumerate(points)
    ]
    numbers = TrialSample(100, len(trials), {"a": 1.0, "b": 1.0}).numbers(trials)
    assert numbers[:6] == [0, 1, 2, 4, 6, 12]
