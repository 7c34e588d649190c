"""Trials as records, read from the tables of a SQL store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from ..trial import Change, TrialRecord, TrialState
from .base import metrics_of
from .codec import load, read_metrics
from .schema import changes, estimates, gradients, metrics, reports, trials


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
    slopes = _gradients(connection, study, low, high)
    judged = _estimates(connection, study, low, high)
    return [
        TrialRecord(
            row.number, TrialState(row.state), load(row.params), load(row.values), row.backend,
            row.started, row.finished, load(row.error), tuple(found.get(row.number, ())),
            row.attempts, tuple(changed.get(row.number, ())), slopes.get(row.number),
            metrics_of(len(found.get(row.number, ())), besides.get(row.number)),
            *judged.get(row.number, (None, None, None)),
        )
        for row in rows
    ]  # fmt: skip


def _reports(
    connection: Connection, study: int, low: int, high: int
) -> tuple[dict[int, list[tuple[int, float]]], dict[int, dict[int, dict[str, float]]]]:
    """By trial: the reports, and the metrics of those that have any, by their positions."""
    measured = _metrics(connection, study, low, high)
    found: dict[int, list[tuple[int, float]]] = {}
    besides: dict[int, dict[int, dict[str, float]]] = {}
    reported = select(reports.c.number, reports.c.seq, reports.c.step, reports.c.value).where(
        reports.c.study_id == study, reports.c.number.between(low, high)
    )
    order = (reports.c.number, reports.c.seq)
    for number, seq, step, value in connection.execute(reported.order_by(*order)):
        own = found.setdefault(number, [])
        if seq in measured:
            besides.setdefault(number, {})[len(own)] = measured[seq]
        own.append((step, float("nan") if value is None else value))
    return found, besides


def _gradients(connection: Connection, study: int, low: int, high: int) -> dict[int, Any]:
    query = select(gradients.c.number, gradients.c.data).where(
        gradients.c.study_id == study, gradients.c.number.between(low, high)
    )
    return {number: load(data) for number, data in connection.execute(query)}


def _metrics(
    connection: Connection, study: int, low: int, high: int
) -> dict[int, dict[str, float]]:
    """By the position of the report in the log."""
    query = select(metrics.c.seq, metrics.c.data).where(
        metrics.c.study_id == study, metrics.c.number.between(low, high)
    )
    return {seq: read_metrics(load(data)) for seq, data in connection.execute(query)}


def _estimates(
    connection: Connection, study: int, low: int, high: int
) -> dict[int, tuple[Any, float | None, int | None]]:
    """Standard errors, estimates, and whose results were reused."""
    query = select(estimates).where(
        estimates.c.study_id == study, estimates.c.number.between(low, high)
    )
    return {
        row.number: (load(row.standard_errors), row.estimate, row.reused)
        for row in connection.execute(query)
    }


def _changes(connection: Connection, study: int, low: int, high: int) -> dict[int, list[Change]]:
    query = select(changes).where(changes.c.study_id == study, changes.c.number.between(low, high))
    found: dict[int, list[Change]] = {}
    for row in connection.execute(query.order_by(changes.c.number, changes.c.seq)):
        found.setdefault(row.number, []).append(Change(row.step, load(row.params), row.source))
    return found
