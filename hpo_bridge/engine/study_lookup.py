"""Finding a stored study, with errors that name what is there instead."""

from __future__ import annotations

from ..contracts.directions import Objectives
from ..contracts.formatting import format_name
from ..contracts.record import TrialRecord
from ..errors import HpoBridgeError, StoreError, StudyNotFound, nearest
from ..space import Space
from ..store import Store, StudyRow
from .definition import Definition, check_format

MOST_NAMES = 10
"""Number of studies that an error names."""


def find_study(store: Store, name: str | None) -> StudyRow:
    """Return a study of a store: the one of that name, or the only one if no name is given.

    Raises:
        StudyNotFound: If there is none; names the nearest, and those that are there.
        StoreError: If no name is given and there are several, or it is of a newer version.
    """
    row = store.study(only_name(store) if name is None else name)
    if row is None:
        assert name is not None
        known = store.names()
        there = f"studies there: {_listed(known)}"
        raise StudyNotFound(f"no study {name!r} in {store.url}{nearest(name, known)}", fix=there)
    check_format(row, store)
    return row


def only_name(store: Store) -> str:
    """Return the name of a store's only study.

    Raises:
        StudyNotFound: If it is empty.
        StoreError: If there are several; names them.
    """
    known = store.names()
    if not known:
        raise StudyNotFound(f"no study in {store.url}: it is empty")
    if len(known) > 1:
        raise StoreError(
            f"{store.url} holds {len(known)} studies, and none is named",
            fix=f"name one of them (--study NAME, in Python name=): {_listed(known)}",
        )
    return known[0]


def _listed(names: list[str]) -> str:
    more = f" … {len(names)} in all" if len(names) > MOST_NAMES else ""
    return ", ".join(map(format_name, names[:MOST_NAMES])) + more or "none"


def best_trial(store: Store, name: str, objectives: Objectives) -> TrialRecord | None:
    """Return the best trial; ``None`` without a complete one, or with several objectives."""
    if len(objectives) != 1:
        return None
    ((objective, sign),) = objectives.signs.items()
    return store.best(name, objective, sign)


def read_definition(store: Store, row: StudyRow) -> Definition:
    """Return the seed, the space and the objectives of a stored study.

    Raises:
        StoreError: If this version cannot read them.
    """
    stored = row.definition
    try:
        space = Space.from_plain(stored["space"], stored["constraints"])
        return Definition(int(stored["seed"]), space, Objectives(stored["directions"]))
    except (HpoBridgeError, KeyError, TypeError, ValueError) as error:
        problem = f"study {row.name!r} in {store.url} cannot be read: {error!s}"
        raise StoreError(problem) from error
