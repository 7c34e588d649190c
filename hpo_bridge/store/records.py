"""Trials as records, read from the tables of a SQL store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from ..trial import Change, TrialRecord, TrialState
from .codec import load
from .schema import changes, gradients, reports, trials


def read_records(
    connection: Connection, study: int, low: int, high: int, states: Sequence[str] | None = None
) -> list[TrialRecord]:
    """The trials with a number in ``[low, high]``, with their reports."""
    query = select(trials).where(trials.c.study_id == study, trials.c.number.between(low, high))
    if states is not None:
        query = query.where(trials.c.state.in_(states))
    rows = connection.execute(query.order_by(trials.c.number)).all()
    if not rows:
        return []
    found: dict[int, list[tuple[int, float]]] = {}
    reported = select(reports.c.number, reports.c.step, reports.c.value).where(
        reports.c.study_id == study,
        reports.c.number.between(rows[0].number, rows[-1].number),
    )
    order = (reports.c.number, reports.c.seq)
    for number, step, value in connection.execute(reported.order_by(*order)):
        found.setdefault(number, []).append((step, float("nan") if value is None else value))
    changed = _changes(connection, study, rows[0].number, rows[-1].number)
    slopes = _gradients(connection, study, rows[0].number, rows[-1].number)
    return [
        TrialRecord(
            row.number, TrialState(row.state), load(row.params), load(row.values), row.backend,
            row.started, row.finished, load(row.error), tuple(found.get(row.number, ())),
            row.attempts, tuple(changed.get(row.number, ())), slopes.get(row.number),
        )
        for row in rows
    ]  # fmt: skip


def _gradients(connection: Connection, study: int, low: int, high: int) -> dict[int, Any]:
    query = select(gradients.c.number, gradients.c.data).where(
        gradients.c.study_id == study, gradients.c.number.between(low, high)
    )
    return {number: load(data) for number, data in connection.execute(query)}


def _changes(connection: Connection, study: int, low: int, high: int) -> dict[int, list[Change]]:
    query = select(changes).where(changes.c.study_id == study, changes.c.number.between(low, high))
    found: dict[int, list[Change]] = {}
    for row in connection.execute(query.order_by(changes.c.number, changes.c.seq)):
        found.setdefault(row.number, []).append(Change(row.step, load(row.params), row.source))
    return found
