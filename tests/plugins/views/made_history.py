"""Histories made for tests: trials with given parameters and ends, and no store."""

import random

from hpo_bridge.contracts.record import Direction, TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory


def made_history(space, trials, *, directions=None, **fields):
    """Return a history of trials, each a record or a pair of parameters and value.

    A value of ``None`` makes a failed trial, a text a failed one with that error.
    """
    directions = directions or {"value": Direction.MINIMIZE}
    records = [
        trial if isinstance(trial, TrialRecord) else made_trial(number, *trial)
        for number, trial in enumerate(trials)
    ]
    return StudyHistory(
        name="made", space=space, directions=directions, seed=0,
        definition={"space": space.to_plain(), "constraints": [], "directions": directions},
        trials=tuple(records), **fields,
    )  # fmt: skip


def made_trial(number, params, value=None, *, backend="core.random", **fields):
    if isinstance(value, (int, float)):
        value = {"value": value}
    failed = value is None or isinstance(value, str)
    state = TrialState.FAILED if failed else TrialState.COMPLETE
    defaults = {
        "state": state, "values": None if failed else value,
        "error": (value or "ValueError: no") if failed else None,
        "started": float(number), "finished": number + 1.0,
    }  # fmt: skip
    return TrialRecord(number, params=params, backend=backend, **{**defaults, **fields})


def random_points(space, count, seed=0):
    rng = random.Random(seed)
    return [space.sample(rng) for _ in range(count)]
