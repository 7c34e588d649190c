"""Another space in the same study: a choice more, a wider range, a new parameter.

A change is asked for, never guessed from a file that differs: it may be a slip. It is written to
the log (event ``space``) before the next session; trials stay as they were, and a backend that
begins after it is told of them as points of the new space, where a parameter that is new has its
default. Whatever would make an earlier trial no point of the new space is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..contracts.argument_checks import truth
from ..contracts.record import TrialState
from ..errors import HpoBridgeError, SpaceError, StoreError, nearest, short
from ..space import Categorical, Float, Int, Space
from ..space.changes import completed
from ..store import Store
from ..store.study_events import Adopted, SpaceChanged

REMEDY = "use another study name, with warm_start from this one"


@dataclass(frozen=True)
class Version:
    """A space that a study had.

    Attributes:
        begin: The position in the log from which on it was the study's; 0 for the first.
        space: The space.
        defaults: What the parameters that came later were before.
    """

    begin: int
    space: Space
    defaults: Mapping[str, Any]


def versions(store: Store, name: str, definition: Mapping[str, Any]) -> list[Version]:
    """The spaces that a study has had, the present one last.

    Args:
        store: Where the study is.
        name: Its name.
        definition: Its definition, as it is now.
    """
    changes = list(store.events_of(name, SpaceChanged))
    plain = [event.before for event in changes] + [definition]
    begins = [0, *(event.seq for event in changes)]
    known: dict[str, Any] = {}
    defaults = [known, *((known := {**known, **event.defaults}) for event in changes)]
    return [
        Version(begin, Space.from_plain(each["space"], each["constraints"]), given)
        for begin, each, given in zip(begins, plain, defaults, strict=True)
    ]


def require_compatible(
    store: Store, name: str, stored: Version, space: Space, defaults: Mapping[str, Any]
) -> dict[str, Any]:
    """The defaults that a change needs, once it is known that it can be made.

    Args:
        store: Where the study is.
        name: Its name.
        stored: Its space now.
        space: The new one.
        defaults: New parameter to what it was in the trials before.

    Raises:
        StoreError: If an earlier trial would be no point of the new space, or the same point
            would mean something else; says which, and what to do.
        HpoBridgeError: If a new parameter has no default, or a wrong one.
    """
    for reason in _obstacles(stored.space, space):
        raise StoreError(f"study {name!r} in {store.url}: {reason}; {REMEDY}")
    new = {}
    for each in space:
        if each not in stored.space:
            new[each] = _default(each, space, defaults)
    everything = {**stored.defaults, **new}
    for label, params, runs in _points(store, name):
        try:
            space.check(completed(space, {} if runs else everything, params))
        except SpaceError as error:
            remedy = REMEDY
            if runs:
                remedy = "it has not ended: run the study in its stored space until it has"
            raise StoreError(
                f"study {name!r} in {store.url}: {label} is no point of the new space: {error}; "
                f"{remedy}"
            ) from None
    return new


def _default(name: str, space: Space, defaults: Mapping[str, Any]) -> Any:
    if name not in defaults:
        value = short(space[name].decode(0.0))
        raise HpoBridgeError(
            f"is missing: {name!r} is new, so say what it was in the trials that are there, such "
            f"as defaults: {{{name}: {value}}} (in Python change_space={{{name!r}: {value}}})",
            "change_space",
            name,
        )
    try:
        return space[name].check(defaults[name])
    except SpaceError as error:
        raise HpoBridgeError(f"{error}", "change_space", name) from None


def _points(store: Store, name: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Every point that a backend may be told of, what to call it, and whether it is yet to run."""
    for event in store.events_of(name, Adopted):
        for trial in event.trials:
            yield (
                f"trial {trial.trial} of {event.source['study']!r}",
                trial.params,
                False,
            )
    for record in store.trials(name):
        runs = record.state in (TrialState.WAITING, TrialState.RUNNING)
        yield f"trial {record.number}", record.params, runs
        for change in record.changes[:1]:
            yield f"trial {record.number}", change.params, False


def _obstacles(stored: Space, given: Space) -> Iterator[str]:
    """Why a change cannot be made, whatever trials there are."""
    for name in stored:
        if name not in given:
            yield f"parameter {name!r} is gone"
            continue
        before, after = stored[name], given[name]
        if type(before) is not type(after):
            kinds = before.to_plain()["type"], given.to_plain()["space"][name]["type"]
            yield f"parameter {name!r} was of type {kinds[0]}, and is {kinds[1]}"
        elif isinstance(before, Categorical) and isinstance(after, Categorical):
            yield from _other_choices(name, before, after)
        elif isinstance(before, (Float, Int)):
            plain = before.to_plain(), after.to_plain()
            for key in ("log", "step", "shape"):
                there, here = plain[0].get(key), plain[1].get(key)
                if (there or None) != (here or None):
                    yield f"parameter {name!r}: {key} was {short(there)}, and is {short(here)}"
        if stored.conditions.get(name) != given.conditions.get(name):
            yield f"parameter {name!r} has another condition"
    for name, value in stored.constants.items():
        if name not in given.constants or repr(given.constants[name]) != repr(value):
            yield f"the constant {name!r} is another one"
    for name in given.constants:
        if name not in stored.constants:
            yield f"the constant {name!r} is new, and no trial has it"


def _other_choices(name: str, before: Categorical, after: Categorical) -> Iterator[str]:
    kept = []
    for choice in before.choices:
        try:
            kept.append(after.index(choice))
        except SpaceError:
            yield f"parameter {name!r} has lost the choice {short(choice)}"
    if before.ordered != after.ordered:
        yield f"parameter {name!r}: ordered was {before.ordered}, and is {after.ordered}"
    elif before.ordered and kept != sorted(kept):
        yield f"parameter {name!r} has its choices in another order"


@dataclass(frozen=True)
class SpaceChange:
    """A change of a stored study's space that can be made.

    Attributes:
        version: Of the new space, from 2.
        definition: The study's, as it is yet.
        space: The new space.
        defaults: What the parameters that are new were before.
    """

    version: int
    definition: Mapping[str, Any]
    space: Space
    defaults: Mapping[str, Any]

    def event(self) -> SpaceChanged:
        """Return its event for the log."""
        before = {key: self.definition[key] for key in ("space", "constraints")}
        definition = {**self.definition, **self.space.to_plain()}
        return SpaceChanged(
            version=self.version, before=before, definition=definition,
            defaults=dict(self.defaults),
        )  # fmt: skip


def plan_change(
    store: Store, name: str, space: Space, defaults: Mapping[str, Any]
) -> SpaceChange | None:
    """The change that makes a space that of a stored study; ``None`` if it is.

    Raises:
        StoreError, HpoBridgeError: If it cannot be made; see :func:`require_compatible`.
    """
    row = store.study(name)
    assert row is not None
    history = versions(store, name, row.definition)
    if history[-1].space == space:
        return None
    new = require_compatible(store, name, history[-1], space, defaults)
    return SpaceChange(len(history) + 1, row.definition, space, new)


def known_defaults(store: Store, name: str, change: SpaceChange | None) -> dict[str, Any]:
    """Return the earlier values of later parameters, including those of a planned change."""
    known: dict[str, Any] = {}
    for event in store.events_of(name, SpaceChanged):
        known |= event.defaults
    return known if change is None else known | dict(change.defaults)


def checked_change(change: Any, space: Space) -> bool | dict[str, Any]:
    """Return ``change_space``: true or false, or earlier values of parameters that are new.

    Raises:
        HpoBridgeError: If it is neither, or names what is no parameter.
    """
    if not isinstance(change, Mapping):
        return truth("change_space", change, "true, false, or a mapping such as {dropout: 0.0}")
    for name in change:
        if name not in space:
            raise unknown_parameter(name, space).under("change_space")
    return dict(change)


def unknown_parameter(name: Any, space: Space) -> HpoBridgeError:
    """Return the error of an earlier value for what is no parameter."""
    hint = nearest(str(name), list(space))
    return HpoBridgeError(f"is no parameter of the space{hint}", name)


def space_version(store: Store, name: str) -> int:
    """Return the version of the study's space, from 1."""
    return 1 + sum(1 for _ in store.events_of(name, SpaceChanged))
