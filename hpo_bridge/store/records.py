"""Trials, read from the tables of a SQL store."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from ..contracts.record import Change, TrialState
from .codec import load, read_metrics
from .schema import changes, reports, trials
from .trial_table import TrialRow

COLUMNS = tuple(
    trials.c[name]
    for name in (
        "number", "params", "raw", "token", "backend", "state", "values", "started", "finished",
        "error", "gradients", "standard_errors", "estimate", "reused", "attempts", "failures",
        "losses",
    )
)  # fmt: skip
"""The columns of ``hpo_trials`` that a trial is made of, in the order of its fields."""


def read_rows(
    connection: Connection, study: int, low: int, high: int, states: Sequence[str] | None = None
) -> list[TrialRow]:
    """The trials with a number in ``[low, high]``, with their reports."""
    query = select(*COLUMNS).where(trials.c.study_id == study, trials.c.number.between(low, high))
    if states is not None:
        query = query.where(trials.c.state.in_(states))
    rows = [as_row(each) for each in connection.execute(query.order_by(trials.c.number))]
    if rows:
        found = {row.number: row for row in rows}
        _add_reports(connection, study, found, rows[0].number, rows[-1].number)
        _add_changes(connection, study, found, rows[0].number, rows[-1].number)
    return rows


def as_row(found: Sequence[Any]) -> TrialRow:
    """Return the trial of a row of ``COLUMNS``, without its reports and changes."""
    # To unpack a row takes a tenth of the time that access by name does.
    (
        number, params, raw, token, backend, state, values, started, finished, error, gradients,
        standard_errors, *rest,
    ) = found  # fmt: skip
    return TrialRow(
        number, load(params), load(raw), load(token), backend, TrialState(state), load(values),
        started, finished, load(error), (), None, (), load(gradients), load(standard_errors),
        *rest,
    )  # fmt: skip


def _add_reports(
    connection: Connection, study: int, found: dict[int, TrialRow], low: int, high: int
) -> None:
    columns = reports.c
    query = select(columns.number, columns.step, columns.value, columns.metrics).where(
        columns.study_id == study, columns.number.between(low, high)
    )
    rows = connection.execute(query.order_by(columns.number, columns.position))
    for number, step, value, metrics in rows:
        row = found.get(number)
        if row is None:
            continue
        if metrics is not None:
            row.metrics = row.metrics or {}
            row.metrics[len(row.reports)] = read_metrics(load(metrics))
        if not isinstance(row.reports, list):
            row.reports = []
        row.reports.append((step, math.nan if value is None else value))


def _add_changes(
    connection: Connection, study: int, found: dict[int, TrialRow], low: int, high: int
) -> None:
    query = select(changes).where(changes.c.study_id == study, changes.c.number.between(low, high))
    for row in connection.execute(query.order_by(changes.c.number, changes.c.position)):
        if row.number in found:
            found[row.number].changes += (Change(row.step, load(row.params), row.source),)
