"""A schedule: which backends propose a study's trials, one after another, and how many each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contracts.argument_checks import Choice, split_choice
from ..contracts.options import one_of, whole
from ..errors import HpoBridgeError, InvalidOptions, KeyPath, counted

HANDOVER = ("tell", "ignore")
"""What an entry may say of points that its backend did not propose."""
OWN = ("trials", "handover")
"""What an entry has beside its backend's name and options."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One backend of a schedule.

    Attributes:
        name: The backend's name.
        options: Its options.
        trials: How many trials it proposes before the next one takes over; ``None``: it goes
            on until it has nothing left.
        handover: ``tell``: it is told of the trials that others proposed. ``ignore``: it is
            told of none but its own.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    trials: int | None = None
    handover: str = "tell"


def schedule_of(backend: Choice | Sequence[Choice]) -> tuple[Entry, ...]:
    """The entries of a study's ``backend``: of a name or a mapping it is one.

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
        return (entry_of(backend, ("backend",)),)
    if not backend:
        raise HpoBridgeError("found an empty list, expected at least one backend", "backend")
    return tuple(entry_of(each, ("backend", str(place))) for place, each in enumerate(backend))


def entry_of(choice: Any, path: KeyPath) -> Entry:
    """One entry, checked.

    Args:
        choice: A name, or a mapping.
        path: Where it stands, for what is wrong with it.
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
    return Entry(name, options, **own)


def written(schedule: Sequence[Entry]) -> str:
    """A schedule in words.

    >>> written(schedule_of([{"name": "core.random", "trials": 20}, "optuna.tpe"]))
    'core.random (20 trials), then optuna.tpe'
    """
    if len(schedule) == 1:
        return schedule[0].name
    parts = [
        each.name + ("" if each.trials is None else f" ({counted(each.trials, 'trial')})")
        for each in schedule
    ]
    return ", then ".join(parts)
