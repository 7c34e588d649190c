"""Studies made directly, as plain data."""

from random import Random

import pytest

from hpo_bridge.contracts.record import Direction, TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory


@pytest.fixture
def history_of():
    """A history with these trials."""
    return _history_of


@pytest.fixture
def made_study():
    """A history of random trials with the values of a function."""
    return _made_study


def _history_of(space, trials, *, directions=None, name="made", **facts):
    directions = directions or {"value": "minimize"}
    return StudyHistory(
        name=name,
        space=space,
        directions={key: Direction(each) for key, each in directions.items()},
        seed=0,
        definition={},
        trials=tuple(trials),
        **facts,
    )


def _made_study(space, value, trials=60, *, seed=0, directions=None, **facts):
    rng = Random(seed)
    name = next(iter(directions or {"value": "minimize"}))
    records = []
    for number in range(trials):
        params = space.sample(rng)
        found = value(params)
        records.append(
            TrialRecord(
                number,
                TrialState.COMPLETE,
                params,
                found if isinstance(found, dict) else {name: found},
                "core.random",
                100.0 + number,
                100.8 + number,
                attempts=1,
            )
        )
    return _history_of(space, records, directions=directions, **facts)
