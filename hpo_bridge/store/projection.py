"""The changes of a batch of events in the tables, as statements to run in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..contracts.record import TrialState
from .codec import dump, strict_metrics, to_plain, trial_of
from .event_parts import Event
from .event_types import Reported, Withdrawn
from .trial_table import TrialRow, TrialTable

Row = dict[str, Any]
Step = tuple[str, list[Row]]
"""The key of a statement and the rows to run it with."""


class Projection:
    """The trials of a study that have not ended, as far as they were needed, and their tables.

    Args:
        study: The study's id.
    """

    def __init__(self, study: int) -> None:
        self._study = study
        self.forget()

    def forget(self) -> None:
        """Read every trial again that is needed: it is not known what the tables have."""
        self._table = TrialTable()
        self._stored: dict[int, tuple[int, int]] = {}  # how many reports and changes
        self._touched: dict[int, TrialRow] = {}

    def _apply(self, event: Event, read: Callable[[int], TrialRow]) -> None:
        try:
            self._table.apply(event)
        except KeyError as missing:
            row = self._table.rows[missing.args[0]] = read(missing.args[0])
            self._stored[row.number] = len(row.reports), len(row.changes)
            self._table.apply(event)

    def plan(
        self, seq: int, events: Sequence[Event], read: Callable[[int], TrialRow]
    ) -> list[Step]:
        """Return the writes that append ``events`` after position ``seq``.

        Follow it by :meth:`written` once they are done, or by :meth:`forget`.

        Args:
            seq: The position of the last event stored.
            events: The events to append.
            read: Reads a trial from the tables.

        Raises:
            StoreError: If an event's data is not plain JSON.
        """
        table = self._table
        backend, definition = table.backend, table.definition
        kept: dict[int, int] = {}
        changed: dict[int, None] = {}
        log = [self._logged(event, position) for position, event in enumerate(events, seq + 1)]
        for event in events:
            self._apply(event, read)
            for number in event.numbers:
                stored = kept.get(number, self._stored.get(number, (0, 0))[0])
                kept[number] = min(stored, len(table.rows[number].reports))
                if not isinstance(event, (Reported, Withdrawn)):
                    changed[number] = None
        self._touched = rows = {number: table.rows[number] for number in kept}
        steps: dict[str, list[Row]] = {"event": log}
        if table.backend is not backend:
            steps["session"] = [{"study": self._study, "backend": table.backend}]
        if table.definition is not definition:
            steps["redefine"] = [{"study": self._study, "data": dump(table.definition)}]
        steps["trial"] = [self._trial(rows[number]) for number in changed]
        for key, write in (
            ("withdraw", self._withdrawn), ("report", self._reports), ("change", self._changes),
            ("value", self._values),
        ):  # fmt: skip
            steps[key] = [each for n, row in rows.items() for each in write(row, kept[n])]
        return [(key, found) for key, found in steps.items() if found]

    def _logged(self, event: Event, seq: int) -> Row:
        return {
            "study": self._study, "seq": seq, "kind": event.kind, "time": event.time,
            "trial": trial_of(event), "data": dump(to_plain(event)),
        }  # fmt: skip

    def written(self) -> None:
        """Remember that the tables have what was planned."""
        for number, row in self._touched.items():
            self._stored[number] = len(row.reports), len(row.changes)
            if row.state.is_final:
                del self._table.rows[number], self._stored[number]
        self._touched = {}

    def _trial(self, row: TrialRow) -> Row:
        return {
            "study": self._study, "number": row.number, "state": row.state.value,
            "params": dump(row.params), "raw": _text(row.raw), "token": _text(row.token),
            "values": _text(row.values), "backend": row.backend, "started": row.started,
            "finished": row.finished, "error": _text(row.error), "attempts": row.attempts,
            "failures": row.failures, "losses": row.losses, "gradients": _text(row.gradients),
            "standard_errors": _text(row.standard_errors), "estimate": row.estimate,
            "reused": row.reused,
        }  # fmt: skip

    def _withdrawn(self, row: TrialRow, kept: int) -> list[Row]:
        if kept == self._stored.get(row.number, (0, 0))[0]:
            return []
        return [{"study": self._study, "number": row.number, "kept": kept}]

    def _reports(self, row: TrialRow, kept: int) -> list[Row]:
        metrics = row.metrics or {}
        return [
            {
                "study": self._study, "number": row.number, "position": at, "step": step,
                "value": value,
                "metrics": dump(strict_metrics(metrics[at])) if metrics.get(at) else None,
            }
            for at, (step, value) in enumerate(row.reports[kept:], kept)
        ]  # fmt: skip

    def _changes(self, row: TrialRow, kept: int) -> list[Row]:
        first = self._stored.get(row.number, (0, 0))[1]
        return [
            {
                "study": self._study, "number": row.number, "position": at, "step": change.step,
                "params": dump(change.params), "source": change.source,
            }
            for at, change in enumerate(row.changes[first:], first)
        ]  # fmt: skip

    def _values(self, row: TrialRow, kept: int) -> list[Row]:
        if row.state is not TrialState.COMPLETE:
            return []
        return [
            {
                "study": self._study, "objective": dump(objective), "value": float(value),
                "number": row.number,
            }
            for objective, value in (row.values or {}).items()
        ]  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else dump(value)
