"""What the tests of formats share."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hpo_bridge import Categorical, Constant, Float, Int, Measured, Space, Study

CHOICES = [
    "adam",
    "sgd",
    "1",
    1,
    1.0,
    True,
    None,
    0.5,
    "",
    " x",
    '"q"',
    "null",
    "naïve; ,",
    [1, "a"],
]


def rich_space(rng: random.Random) -> Space:
    """A random space of every kind of parameter."""
    kinds = rng.sample(CHOICES, rng.randint(2, len(CHOICES)))
    parent = rng.choice(kinds)
    step, high = rng.choice([(0.1, 0.3), (0.25, 0.75), (0.3, 0.9)])
    return Space({
        "lr": Float(1e-5, 1e-1, log=True),
        "kind": Categorical(kinds, ordered=rng.random() < 0.5),
        "momentum": Float(0.0, high, step=step, when={"kind": [parent]}),
        "units": Int(1, 2**20, log=True),
        "even, or": Int(-4, 12, step=4),
        "single": Categorical([rng.choice(CHOICES)]),
        "pooling": Constant(rng.choice(CHOICES)),
        "free": Float(-1.0, 1.0, when={"kind": kinds[0]}),
    })  # fmt: skip


def varied(trial: Any) -> Any:
    """Reports, measures, fails and ends trials in every way there is."""
    import hpo_bridge as hpo

    for step in (5, 0, 3)[: trial.number % 4]:
        trial.report(trial["lr"] / (step + 1), step, {"auc": float("nan"), "t": 0.1 * step})
    if trial.number % 7 == 3:
        raise ValueError('not "good", at all;\nsecond line, naïve')
    if trial.number % 7 == 5:
        raise hpo.TrialPruned
    return Measured(trial["lr"], trial["lr"] / 10)


def all_of(study: Study) -> list[Any]:
    """All that a study's trials have, but for who proposed them."""
    return [
        (
            t.number, t.state, repr(dict(t.params)), t.values, t.started, t.finished, t.error,
            t.reports, repr(t.metrics), t.standard_errors, t.estimate, t.attempts, t.changes,
            t.gradients,
        )
        for t in study.trials
    ]  # fmt: skip


@pytest.fixture
def rich() -> Any:
    """Makes a study of a random space with trials of every kind."""

    def make(seed: int, trials: int = 20) -> Study:
        study = Study(rich_space(random.Random(seed)), seed=seed)
        study.optimize(varied, trials=trials)
        return study

    return make


@pytest.fixture
def everything() -> Any:
    """See :func:`all_of`."""
    return all_of


@pytest.fixture
def objective() -> Any:
    """See :func:`varied`."""
    return varied
