"""The pruner ``folds``: what it stops, and what it leaves alone."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hpo_bridge as hpo
from hpo_bridge.builtin.folds_pruner import KEPT, Folds
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import InvalidOptions

HARD = [0.0, 5.0, -3.0, 2.0, 1.0, -4.0, 0.5, 3.0, -1.0, 6.0]
"""How much harder each fold is than the first, for every configuration."""


def losses(middle: float, scatter: float = 0.1, folds: int = 5, seed: int = 0) -> list[float]:
    rng = random.Random(repr((middle, seed)))
    return [middle + HARD[fold] + rng.gauss(0, scatter) for fold in range(folds)]


def complete(pruner: Folds, number: int, values: list[float]) -> None:
    reports = list(enumerate(values))
    pruner.finished(number, TrialState.COMPLETE, sum(values) / len(values), reports)


def stopped_after(pruner: Folds, values: list[float], number: int = 99) -> int | None:
    """After how many folds a trial is stopped."""
    for n in range(1, len(values)):
        if pruner.should_prune(number, list(enumerate(values[:n]))):
            return n
    return None


def begun(**options: Any) -> Folds:
    pruner = Folds(**options)
    for number, middle in enumerate((1.0, 0.9, 1.1, 1.05)):
        complete(pruner, number, losses(middle))
    return pruner


def test_a_hopeless_trial_stops_after_its_first_fold() -> None:
    assert stopped_after(begun(), losses(3.0)) == 1


def test_a_close_trial_and_a_better_one_run_to_the_end() -> None:
    best = losses(0.9)
    close = [loss + step for loss, step in zip(best, (0.1, -0.1, 0.1, -0.1, -0.1), strict=True)]
    for values in (close, losses(0.5, seed=1)):
        assert stopped_after(begun(), values) is None


def test_a_fold_is_compared_with_itself() -> None:
    """The first fold is the best one's easiest, by far: no mean would show that."""
    pruner = Folds()
    for number in range(4):
        complete(pruner, number, [10.0, 1.0 + number / 50, 1.0, 1.0 - number / 50])
    assert stopped_after(pruner, [9.9, 0.9, 0.9, 0.9]) is None
    assert stopped_after(pruner, [10.5, 1.5, 1.5, 1.5]) is not None


def test_folds_may_come_in_any_order() -> None:
    """Complete trials with the same folds are rivals, whatever the order in which they came."""
    pruner = Folds()
    for number, middle in enumerate((1.0, 0.9, 1.1, 1.05)):
        values = losses(middle)
        shuffled = random.Random(number).sample(list(enumerate(values)), len(values))
        pruner.finished(number, TrialState.COMPLETE, sum(values) / len(values), shuffled)
    hopeless, close = (list(enumerate(losses(middle)))[::-1] for middle in (3.0, 0.9))
    assert pruner.should_prune(98, hopeless[:1])
    assert not pruner.should_prune(99, close[:1])
    assert pruner.estimate(98, hopeless[:2]) == begun().estimate(98, hopeless[:2])


def test_nothing_is_stopped_before_there_is_a_usual_scatter() -> None:
    pruner = Folds(startup=1)
    bad = losses(100.0)
    assert stopped_after(pruner, bad) is None
    complete(pruner, 0, losses(1.0))
    assert stopped_after(pruner, bad) is None
    complete(pruner, 1, losses(1.0))  # the same again says nothing
    assert stopped_after(pruner, bad) is None
    complete(pruner, 2, losses(1.1))
    assert stopped_after(pruner, bad) == 1


def test_startup() -> None:
    pruner = begun(startup=5)
    assert stopped_after(pruner, losses(100.0)) is None
    complete(pruner, 4, losses(2.0))
    assert stopped_after(pruner, losses(100.0)) == 1


def test_a_tie_is_never_stopped() -> None:
    assert stopped_after(begun(), losses(0.9)) is None


def test_constant_differences() -> None:
    """Configurations that differ by the same on every fold: one fold says all."""
    pruner = Folds()
    complete(pruner, 0, [1.0, 2.0, 4.0])
    complete(pruner, 1, [1.5, 2.5, 4.5])
    assert stopped_after(pruner, [1.25, 2.25, 4.25]) == 1
    assert stopped_after(pruner, [0.75, 1.75, 3.75]) is None


def test_what_it_has_pruned_or_failed_teaches_it_nothing() -> None:
    pruner = begun()
    before = repr(pruner._fields)
    pruner.finished(9, TrialState.PRUNED, None, [(0, -5.0), (1, -5.0)])
    pruner.finished(10, TrialState.FAILED, None, [(0, -5.0), (1, -5.0)])
    assert repr(pruner._fields) == before


def test_trials_without_folds() -> None:
    pruner = Folds()
    pruner.finished(0, TrialState.COMPLETE, 0.0, [])
    pruner.finished(1, TrialState.COMPLETE, 0.0, [(0, 0.0)])
    assert pruner.estimate(2, [(0, 1.0)]) is None
    assert not pruner.should_prune(2, [(0, 1.0)])


def test_other_folds() -> None:
    """Rivals are those with the folds of the last complete trial."""
    pruner = begun()
    for number, middle in enumerate((2.0, 2.2, 2.1), 10):
        complete(pruner, number, losses(middle, folds=10))
    assert pruner.estimate(20, [(0, 3.0)]) == pytest.approx(
        sum(losses(2.0, folds=10)) / 10 + 3.0 - losses(2.0, folds=10)[0]
    )
    assert stopped_after(pruner, losses(2.0, folds=10)) is None
    assert not pruner.should_prune(21, [(step, 50.0) for step in range(20, 30)])  # none in common
    assert pruner.estimate(21, [(20, 50.0)]) is None


def test_more_folds_than_the_best() -> None:
    """Of what only this trial has there is nothing to compare; after the last it may go on."""
    pruner = Folds()
    for number, middle in enumerate((1.0, 0.9, 1.1)):
        complete(pruner, number, losses(middle, folds=3))
    near = [*losses(0.9, folds=2), losses(0.9, folds=3)[2] + 0.1, 50.0, 50.0, 50.0]
    assert stopped_after(pruner, near) is None


def test_more_folds_are_asked_for_where_it_is_close() -> None:
    pruner = Folds()
    for number, middle in enumerate((1.0, 0.9, 1.1, 1.05)):
        complete(pruner, number, losses(middle, 0.3, folds=10))
    best = losses(0.9, 0.3, folds=10)
    taken = []
    for gap in (0.0, 0.1, 0.2, 0.4, 3.0):
        values = [loss + gap + 0.2 * (-1) ** fold for fold, loss in enumerate(best)]
        taken.append(stopped_after(pruner, values) or 10)
    assert taken == sorted(taken, reverse=True)
    assert (taken[0], taken[-1]) == (10, 1)
    assert 1 < taken[2] < 10


@pytest.mark.parametrize(("folds", "stopped"), [(6, True), (40, False)])
def test_the_more_folds_are_left_the_less_four_of_them_say(folds: int, stopped: bool) -> None:
    pruner = Folds()
    for number in range(4):
        uneven = [0.1 if (fold + number) % 2 else -0.1 for fold in range(folds)]
        complete(pruner, number, [1 + number / 10 + wobble for wobble in uneven])
    best = (0.9, 1.1, 0.9, 1.1)
    worse = [loss + by for loss, by in zip(best, (0.05, 0.15, 0.05, 0.15), strict=True)]
    assert pruner.should_prune(9, list(enumerate(worse))) is stopped


def test_wilcoxon_needs_five_folds() -> None:
    pruner = Folds(test="wilcoxon", startup=1)
    complete(pruner, 0, losses(1.0, folds=10))
    assert stopped_after(pruner, losses(100.0, folds=10)) == 5
    assert stopped_after(pruner, losses(0.5, folds=10)) is None
    loose = Folds(test="wilcoxon", startup=1, level=0.1)
    complete(loose, 0, losses(1.0, folds=10))
    assert stopped_after(loose, losses(100.0, folds=10)) == 4


def test_what_overflows_is_left_alone() -> None:
    pruner = Folds()
    complete(pruner, 0, [1e308, -1e308, 1.0])
    complete(pruner, 1, [-1e308, 1e308, 2.0])
    complete(pruner, 2, [1e200, -1e200, 3.0])
    for values in ([1e308, 1e308, 1e308], [-1e308, 1e308, 0.0]):
        stopped_after(pruner, values)  # raises nothing


def test_it_stays_small() -> None:
    pruner = Folds()
    for number in range(3 * KEPT):
        complete(pruner, number, losses(float(number % 50)))
    (rivals,) = pruner._fields.values()
    assert (len(rivals.kept), rivals.count) == (KEPT, 3 * KEPT)
    assert rivals.kept == sorted(rivals.kept)


@given(
    st.lists(st.lists(st.floats(-10, 10), min_size=4, max_size=4), min_size=3, max_size=8),
    st.lists(st.floats(-10, 10), min_size=1, max_size=3),
    st.floats(0.01, 0.2),
    st.floats(-5, 5),
    st.floats(0.125, 8),
)
def test_only_differences_count(
    history: list[list[float]], trial: list[float], level: float, shift: float, scale: float
) -> None:
    """Verdicts do not depend on how hard a fold is, and on no unit; lenient levels stop less."""
    plain, moved, strict = Folds(level=level), Folds(level=level), Folds(level=level / 4)
    hard = [shift * fold for fold in range(4)]
    for number, values in enumerate(history):
        values = [round(value, 2) for value in values]
        complete(plain, number, values)
        complete(strict, number, values)
        complete(moved, number, [value + h for value, h in zip(values, hard, strict=True)])
    trial = [round(value, 2) for value in trial]
    reports = list(enumerate(trial))
    shifted = [(step, value + hard[step]) for step, value in reports]
    if abs(_margin(plain, reports)) > 1e-6:  # else a rounding decides
        assert moved.should_prune(9, shifted) == plain.should_prune(9, reports)
    assert strict.should_prune(9, reports) <= plain.should_prune(9, reports)


def _margin(pruner: Folds, reports: list[tuple[int, float]]) -> float:
    (rivals,) = pruner._fields.values()
    second = rivals.kept[1][0] - rivals.kept[0][0]
    if not rivals.variance or second < 1e-9:  # rounding may choose another best
        return 0.0
    return pruner._chance(pruner._differences(reports), rivals.variance) - pruner.level


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 0}, "level: found 0, expected a finite number, more than 0.0"),
        ({"level": 0.5}, "level: found 0.5, expected less than 0.5"),
        ({"level": "low"}, "level: found 'low', expected a number"),
        ({"test": "wilcoxen"}, "expected one of predictive, wilcoxon"),
        ({"startup": 0}, "startup: found 0, expected at least 1"),
        ({"prior": 0}, "prior: found 0"),
        ({"folds": 3}, "folds"),
    ],
)
def test_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOptions, match=message):
        hpo.Study({"x": hpo.Float(0, 1)}, pruner={"name": "folds", "options": options})
