"""Queries of a SQL store's tables; each takes an open connection and a study's id."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from ..contracts.record import TrialRecord, TrialState
from ..errors import StoreError
from .codec import dump, load, load_event
from .contract import Pending, Repeats
from .event_parts import Event, TrialEvent
from .event_types import EVENT_TYPES, Asked, Resampled
from .lock import Holder
from .records import COLUMNS, as_row, read_rows
from .schema import OF_STUDY, definitions, snapshots, studies, trials, values
from .schema import events as log

_STUDY_KINDS = {
    kind
    for kind, each in EVENT_TYPES.items()
    if each is not Asked and not issubclass(each, TrialEvent)
}


def counts(connection: Connection, study: int) -> dict[TrialState, int]:
    """Return the number of trials by state; every state is a key."""
    query = select(trials.c.state, func.count()).group_by(trials.c.state)
    rows = connection.execute(query.where(trials.c.study_id == study))
    found = {TrialState(state): count for state, count in rows}
    return {state: found.get(state, 0) for state in TrialState}


def repeats(connection: Connection, study: int) -> Repeats:
    """Return how often parameters came that were there already."""
    mine = trials.c.study_id == study
    # A database sorts the texts to count the unequal ones, which takes four times as long; so does
    # a list of SQLAlchemy's rows.
    rows: Any = connection.execute(select(trials.c.params).where(mine)).cursor
    unequal = len(set(map(itemgetter(0), rows)))
    counted = select(func.count(), func.count(trials.c.reused)).where(mine)
    resampled = select(func.count()).where(
        log.c.study_id == study, log.c.kind == Resampled.kind, OF_STUDY
    )
    count, reused = connection.execute(counted).one()
    return Repeats(count - unequal, reused, connection.execute(resampled).scalar_one())


def best(connection: Connection, study: int, objective: str, sign: float) -> TrialRecord | None:
    """Return the complete trial with the smallest ``sign * value``; the first of equals."""
    extreme = func.min if sign > 0 else func.max
    mine = (values.c.study_id == study, values.c.objective == dump(objective))
    bound = select(extreme(values.c.value)).where(*mine).scalar_subquery()
    number = connection.execute(
        select(func.min(values.c.number)).where(*mine, values.c.value == bound)
    ).scalar()
    return None if number is None else read_rows(connection, study, number, number)[0].record()


def pending(connection: Connection, study: int) -> list[Pending]:
    """Return the trials that wait or run, by number."""
    unfinished = [state.value for state in TrialState if not state.is_final]
    query = select(*COLUMNS).where(trials.c.study_id == study, trials.c.state.in_(unfinished))
    return [as_row(each).pending() for each in connection.execute(query.order_by(trials.c.number))]


def snapshot(connection: Connection, study: int) -> tuple[int, Any] | None:
    """Return the last snapshot and the position it belongs to, if there is one."""
    query = select(snapshots.c.seq, snapshots.c.data).where(snapshots.c.study_id == study)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.seq, load(row.data))


def redefine(connection: Connection, study: int, data: str) -> None:
    """Give a study without trials another definition, and an empty log."""
    for table in (log, snapshots):
        connection.execute(delete(table).where(table.c.study_id == study))
    defined = update(definitions).where(definitions.c.study_id == study)
    connection.execute(defined.values(data=data))
    emptied = update(studies).where(studies.c.id == study)
    connection.execute(emptied.values(seq=0, seconds=0.0, backend=None))


def events(
    connection: Connection, study: Row[Any], after: int, kinds: Sequence[str] | None, most: int
) -> list[Event]:
    """Return at most so many events after a position, in order, of some kinds or all.

    Args:
        connection: An open connection.
        study: The study's row: what was appended since that was read is left out.
        after: The position.
        kinds: Names of kinds; ``None`` for all.
        most: Largest number of events.
    """
    seq: ColumnElement[int] = log.c.seq
    query = select(log).where(log.c.study_id == study.id)
    if kinds is not None:
        query = query.where(log.c.kind.in_(kinds))
        if _STUDY_KINDS.issuperset(kinds):
            # A sum, so that SQLite does not go through the whole log in the order of its key.
            query, seq = query.where(OF_STUDY), log.c.seq + 0
    rows = connection.execute(query.where(seq <= study.seq, seq > after).order_by(seq).limit(most))
    return [load_event(e.kind, e.time, e.trial, load(e.data), e.seq) for e in rows]


def storable(name: str) -> bool:
    """Return whether both databases can hold the text: no NUL, no lone surrogate."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False


def living_holder(row: Row[Any]) -> Holder | None:
    """Return the living driver of a study, or ``None``."""
    if row.lease_token is None:
        return None
    try:
        holder = Holder.load(load(row.lease_holder))
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the lease of study {row.name!r} is damaged: {error}") from error
    return holder if holder.alive(row.silence) else None
