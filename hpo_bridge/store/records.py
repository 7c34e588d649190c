"""Trials as records, read from the tables of a SQL store."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from ..contracts.record import Change, TrialRecord, TrialState
from .codec import load, read_metrics
from .contract import metrics_of
from .schema import changes, reports, trials


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
    low, high = rows[0].number, rows[-1].number
    found, besides = _reports(connection, study, low, high)
    changed = _changes(connection, study, low, high)
    return [
        TrialRecord(
            row.number, TrialState(row.state), load(row.params), load(row.values), row.backend,
            row.started, row.finished, load(row.error), tuple(found.get(row.number, ())),
            row.attempts, tuple(changed.get(row.number, ())), load(row.gradients),
            metrics_of(len(found.get(row.number, ())), besides.get(row.number)),
            load(row.standard_errors), row.estimate, row.reused,
        )
        for row in rows
    ]  # fmt: skip


def _reports(
    connection: Connection, study: int, low: int, high: int
) -> tuple[dict[int, list[tuple[int, float]]], dict[int, dict[int, dict[str, float]]]]:
    """By trial: the reports, and the metrics of those that have any, by their positions."""
    found: dict[int, list[tuple[int, float]]] = {}
    besides: dict[int, dict[int, dict[str, float]]] = {}
    columns = reports.c
    query = select(columns.number, columns.step, columns.value, columns.metrics).where(
        columns.study_id == study, columns.number.between(low, high)
    )
    rows = connection.execute(query.order_by(columns.number, columns.seq))
    for number, step, value, metrics in rows:
        own = found.setdefault(number, [])
        if metrics is not None:
            besides.setdefault(number, {})[len(own)] = read_metrics(load(metrics))
        own.append((step, float("nan") if value is None else value))
    return found, besides


def _changes(connection: Connection, study: int, low: int, high: int) -> dict[int, list[Change]]:
    query = select(changes).where(changes.c.study_id == study, changes.c.number.between(low, high))
    found: dict[int, list[Change]] = {}
    for row in connection.execute(query.order_by(changes.c.number, changes.c.seq)):
        found.setdefault(row.number, []).append(Change(row.step, load(row.params), row.source))
    return found
