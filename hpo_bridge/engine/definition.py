"""A study's definition as plain data, and how two of them differ."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..contracts.directions import Objectives
from ..errors import SpaceError, StoreError
from ..space import Space
from ..space.changes import differences
from ..store import Store, StudyRow
from ..version import __version__

FORMAT = 1
"""The form of definitions that this version writes and reads."""
REMEDIES = {
    "space": "declare the stored space",
    "constraints": "declare the stored constraints",
    "directions": "use the stored directions",
    "seed": "use the stored seed",
}
"""What must be as stored, and what to do otherwise."""
OTHER = {
    "space": "another space",
    "constraints": "other constraints",
    "directions": "other directions",
    "seed": "another seed",
}


class Definition(NamedTuple):
    """The definition of a study, as it is in the store."""

    seed: int
    space: Space
    objectives: Objectives


def ensure_study(
    store: Store,
    name: str,
    space: Space,
    objectives: Objectives,
    seed: int | None,
    *,
    change_space: bool = False,
    new_seed: int | None = None,
) -> Definition:
    """Adds a study to a store, or compares it with the one of that name that is there.

    Args:
        store: Where it is, or is to be.
        name: Its name.
        space: Its space.
        objectives: What it measures.
        seed: Its seed, if one is given.
        new_seed: The seed of a new study, if none is given; by default drawn at random.
        change_space: Whether the space may be another one; :mod:`.space_change` sees to it.

    Returns:
        The study as it is in the store: its seed, as given, as stored, or drawn for a new study;
        and its space and objectives, where the given ones differ in order or in a name that is
        not given.

    Raises:
        StoreError: If the stored study is another one; says in what.
    """
    stored = _stored_definition(store, name, space, objectives, seed, new_seed)
    kept = _stored_space(stored, space)
    is_same = kept is not None and kept.same_in_any_order(space)
    if kept is not None and is_same and kept != space:
        space = kept
    objectives = objectives.renamed(stored["directions"])
    wanted = definition(space, objectives, stored["seed"] if seed is None else seed)
    for key, remedy in REMEDIES.items():
        if as_json(stored[key]) == as_json(wanted[key]):
            continue
        if key not in ("space", "constraints"):
            raise StoreError(
                f"study {name!r} in {store.url} has {OTHER[key]} than given: "
                f"{difference(stored[key], wanted[key])}",
                fix=f"{remedy}, or use another study name or store",
            )
        if not is_same and not change_space:
            raise _other_space(store, name, key, stored, kept, space)
    return Definition(int(stored["seed"]), space, objectives)


def _stored_definition(
    store: Store,
    name: str,
    space: Space,
    objectives: Objectives,
    seed: int | None,
    new_seed: int | None,
) -> Mapping[str, Any]:
    """Return the definition in the store, made or made anew for a study without trials."""
    found = store.study(name)
    if found is None:
        drawn = new_seed if seed is None else seed
        drawn = secrets.randbits(31) if drawn is None else drawn
        store.create(name, definition(space, objectives, drawn))
    elif not any(store.counts(name).values()):
        check_format(found, store)
        stored = found.definition
        wanted = definition(space, objectives, stored["seed"] if seed is None else seed)
        wanted = {**stored, **wanted}  # a search keeps there what it is evaluated on
        if as_json(stored) == as_json(wanted):
            return stored
        store.redefine(name, wanted)  # nothing depends on it yet
    else:
        check_format(found, store)
        return found.definition
    found = store.study(name)  # another process may have been first
    assert found is not None
    return found.definition


def _other_space(
    store: Store, name: str, key: str, stored: Mapping[str, Any], kept: Space | None, space: Space
) -> StoreError:
    """Return the message about another space: exactly what differs, and the ways out."""
    if kept is None:
        found = difference(stored[key], space.to_plain()[key])
    else:
        found = "; ".join(differences(kept, space))
    return StoreError(
        f"study {name!r} in {store.url} has {OTHER[key]} than given: {found}; "
        f"{REMEDIES[key]}, or use another study name or store; to go on in the new space with the "
        "trials that are there: --change-space (in Python change_space=True)"
    )


def _stored_space(stored: Mapping[str, Any], given: Space) -> Space | None:
    """Return a stored study's space; ``None`` if it is of a version that cannot be read.

    To build a space is to try its constraints out, so it is the given one where that is equal.
    """
    plain = given.to_plain()
    if all(as_json(stored[key]) == as_json(plain[key]) for key in ("space", "constraints")):
        return given
    try:
        return Space.from_plain(stored["space"], stored["constraints"])
    except SpaceError:
        return None


def definition(space: Space, objectives: Objectives, seed: int) -> dict[str, Any]:
    """Return the definition of a study as plain data."""
    directions = {name: d.value for name, d in objectives.directions.items()}
    return {**space.to_plain(), "directions": directions, "seed": seed, "format": FORMAT}


def check_format(row: StudyRow, store: Store) -> None:
    """Refuse a study whose definition is of a later form than this version reads.

    Raises:
        StoreError: If it is.
    """
    found = row.definition.get("format", FORMAT)
    if found != FORMAT:
        raise StoreError(
            f"study {row.name!r} in {store.url} was written by another version of hpo-bridge, in "
            f"format {found}; this one, {__version__}, reads format {FORMAT}",
            fix="use the version that wrote it",
        )


def as_json(value: Any) -> str:
    """``value`` as JSON, in its own order; what JSON cannot hold, as its ``repr``."""
    return json.dumps(value, sort_keys=False, default=repr)


def jsonable(options: Mapping[str, Any]) -> Any:
    """``options`` as they come back from a store."""
    return json.loads(as_json(options))


def difference(stored: Any, given: Any) -> str:
    """The first key in which two plain values differ, in words."""
    if isinstance(stored, Mapping) and isinstance(given, Mapping):
        for key in [*stored, *given]:
            if key not in given:
                return f"{key} is missing"
            if key not in stored:
                return f"{key} is new"
            if as_json(stored[key]) != as_json(given[key]):
                return f"{key} is {as_json(stored[key])} there, {as_json(given[key])} here"
        return "the order of the names"
    return f"{as_json(stored)} there, {as_json(given)} here"
