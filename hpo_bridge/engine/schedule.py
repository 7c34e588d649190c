"""A schedule: the backends that propose a study's trials, one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contracts.argument_checks import Choice, split_choice
from ..contracts.options import one_of, whole
from ..errors import HpoBridgeError, InvalidOptions, KeyPath, counted

HANDOVER = ("tell", "ignore")
"""The accepted treatments of points that a stage's backend did not propose."""
OWN = ("trials", "handover")
"""The keys of a stage beside its backend's name and options."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One backend of a schedule, and the trials that it proposes.

    Attributes:
        name: The backend's name.
        options: Its options.
        trials: Number of trials that it proposes before the next one takes over; ``None``: it
            goes on until it has nothing left.
        handover: ``tell``: it is told of the trials that others proposed. ``ignore``: it is
            told of none but its own.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    trials: int | None = None
    handover: str = "tell"


def schedule_of(backend: Choice | Sequence[Choice]) -> tuple[Stage, ...]:
    """Return the stages of a study's ``backend``: of a name or a mapping it is one.

    Args:
        backend: A name, a mapping with ``name``, ``options``, ``trials`` and ``handover``, or
            a list of such. All but the last need ``trials``, or a backend that ends by itself.

    Raises:
        HpoBridgeError: With the path of what is wrong, such as ``backend.1.trials``.

    Example:
        >>> first, second = schedule_of([{"name": "core.random", "trials": 20}, "optuna.tpe"])
        >>> first.trials, second.name
        (20, 'optuna.tpe')
    """
    if isinstance(backend, (str, Mapping)) or not isinstance(backend, Sequence):
        return (stage_of(backend, ("backend",)),)
    if not backend:
        raise HpoBridgeError("found an empty list, expected at least one backend", "backend")
    return tuple(stage_of(each, ("backend", str(place))) for place, each in enumerate(backend))


def stage_of(choice: Any, path: KeyPath) -> Stage:
    """Return one stage, checked.

    Args:
        choice: A name, or a mapping.
        path: Its path, for errors.
    """
    own = {}
    if isinstance(choice, Mapping):
        own = {key: choice[key] for key in OWN if choice.get(key) is not None}
        choice = {key: value for key, value in choice.items() if key not in OWN}
    name, options = split_choice(choice, *path)
    try:
        if "trials" in own:
            own["trials"] = whole("trials", own["trials"], 1)
        one_of("handover", own.get("handover", "tell"), HANDOVER)
    except InvalidOptions as error:
        raise error.under(*path) from None
    return Stage(name, options, **own)


def schedule_text(schedule: Sequence[Stage]) -> str:
    """Return a schedule in words.

    >>> schedule_text(schedule_of([{"name": "core.random", "trials": 20}, "optuna.tpe"]))
    'core.random (20 trials), then optuna.tpe'
    """
    if len(schedule) == 1:
        return schedule[0].name
    parts = [
        each.name + ("" if each.trials is None else f" ({counted(each.trials, 'trial')})")
        for each in schedule
    ]
    return ", then ".join(parts)
