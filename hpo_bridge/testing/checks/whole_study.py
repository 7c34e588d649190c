"""The whole way: through :class:`hpo_bridge.Study`, with what only the core knows of."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

from ...config import StudyConfig
from ...contracts.trial import Trial
from ...errors import SearchExhausted, WaitingForResults
from ...space import Categorical, Constant, Float, Int, Space
from ...space.parameters import choice_key
from ...study import Study, open_study
from ..subject import Subject
from ..verdicts import Fault, require
from .check_spec import check_spec

DECLARED = Space(
    {
        "choice": Categorical([None, True, 1, 1.0, "a", [1, "b"]]),
        "flag": Categorical([False, 0]),
        "rate": Float(1e-4, 1e-1, log=True),
        "level": Float(0.0, 0.9, step=0.3, when={"flag": False}),
        "depth": Int(1, 4),
        "width": Int(8, 64, step=8, when={"choice": [None, "a", [1, "b"]]}),
        "inner": Int(1, 20, log=True, when={"width": [48, 56, 64], "flag": False}),
        "pool": "max",
        "sizes": Constant([3, 5]),
        "nothing": None,
    },
    constraints=["depth * width <= 160", "depth >= 2 or pool != 'max' or level < 0.8"],
)
"""What a study file can declare, in one space."""


def _study(subject: Subject, space: Space, **more: Any) -> Study:
    backend = {"name": subject.name, "options": subject.options}
    config = StudyConfig(space, backend=backend, seed=5, plugins=subject.plugins, **more)
    return open_study(config)


def _loss(params: Mapping[str, Any]) -> float:
    """Depends on every parameter, whatever its type."""
    text = "".join(choice_key(params[name]) for name in sorted(params))
    rough = sum(ord(c) for c in text) % 13 / 13
    return float(params.get("depth", 1)) + float(params.get("level", 0.5)) + rough


def _round(study: Study, number: int) -> Trial | None:
    """One trial, told at once: every sixth fails, every fifth is pruned."""
    try:
        trial = study.ask()
    except SearchExhausted:
        return None
    except WaitingForResults as wait:
        raise Fault(f"waits, though no trial runs: {wait}") from wait
    if number % 5 == 4:
        trial.report(_loss(trial.params), step=1)
        study.tell(trial, state="PRUNED")
    elif number % 6 == 5:
        study.tell(trial, state="FAILED", error="as it should")
    else:
        study.tell(trial, _loss(trial.params), gradients=_gradients(study.space, trial))
    return trial


def _gradients(space: Space, trial: Trial) -> dict[str, float] | None:
    """Some derivatives, where they are needed."""
    if not trial.wants_gradients:
        return None
    return {
        name: 0.5 - number % 3
        for number, name in enumerate(trial)
        if isinstance(space.get(name), Float) and space[name].size is None
    }


def values(subject: Subject) -> str:
    """In a study every value is one of the declared ones, of its very type.

    Inactive parameters are absent, constants present, constraints hold.

    Catches indices in place of choices, `True` for `1`, tuples for lists (Hyperopt).
    """
    space = subject.taken(DECLARED)
    target = subject.startup + subject.few(40, 0.5)
    with _study(subject, space) as study:
        for number in range(target):
            trial = _round(study, number)
            if trial is None:
                break
            _check_trial(space, trial.params)
        count = len(study.trials)
    return f"{count} trials"


def _check_trial(space: Space, params: Mapping[str, Any]) -> None:
    point = space.check(params)
    require(list(point) == list(params), f"has {list(params)}, expected {list(point)}")
    for name, value in params.items():
        require(
            choice_key(value) == choice_key(point[name]) and type(value) is type(point[name]),
            f"{name}: found {value!r}, expected {point[name]!r}",
        )
    missing = [name for name in space.constants if name not in params]
    require(not missing, f"the constants {missing} are not there")


def stored(subject: Subject) -> str:
    """A study in SQLite, left and continued, proposes what an uninterrupted one does.

    Catches handles that do not come back from a store as they were, and state that no replay
    brings back.
    """
    space = subject.taken(DECLARED)
    half = max(4, subject.startup // 2 + subject.few(12, 0.2) // 2)
    with _study(subject, space) as whole:
        for number in range(2 * half):
            _round(whole, number)
        expected = [trial.params for trial in whole.trials]
    with tempfile.TemporaryDirectory(prefix="hpo-bridge-") as folder:
        url = f"sqlite:///{folder}/study.db"
        for first in (0, half):
            with _study(subject, space, store=url) as study:
                for number in range(first, first + half):
                    _round(study, number)
                found = [trial.params for trial in study.trials]
    for number, (one, other) in enumerate(zip(found, expected, strict=False)):
        require(
            choice_key(_items(one)) == choice_key(_items(other)),
            f"trial {number} is {dict(one)}, in the uninterrupted study {dict(other)}",
        )
    require(len(found) == len(expected), f"has {len(found)} trials, expected {len(expected)}")
    return f"{len(found)} trials are the same, {half} before the break"


def _items(params: Mapping[str, Any]) -> list[Any]:
    return [[name, value] for name, value in params.items()]


CHECKS = (
    check_spec("study[values]", values),
    check_spec("study[stored]", stored),
)
