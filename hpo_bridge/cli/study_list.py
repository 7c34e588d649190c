"""``hpo-bridge studies``: the studies of a store."""

from __future__ import annotations

import json
import time
from typing import Any

from ..contracts.formatting import format_name, format_value
from ..study import StudySummary, studies
from .printing import print_table
from .selected_trial import short_trial


def show_studies(store: str, *, as_json: bool) -> None:
    """Print a row for each study of a store.

    Raises:
        StoreError: If there is no store, or it cannot be read.
    """
    found = studies(store)
    if as_json:
        print(json.dumps([_plain(each) for each in found]))
    elif found:
        columns = ("study", "backend", "trials", "best", "created", "driver")
        print_table(columns, [_row(each) for each in found])
    else:
        print(f"no study in {store}: it is empty")


def _plain(study: StudySummary) -> dict[str, Any]:
    return {
        "name": study.name, "directions": dict(study.directions), "backend": study.backend,
        "counts": {state.value: n for state, n in study.counts.items()},
        "best": None if study.best is None else short_trial(study.best),
        "created": study.created, "seconds": round(study.seconds, 3), "driver": study.driver,
    }  # fmt: skip


def _row(study: StudySummary) -> tuple[str, ...]:
    counts = [f"{n} {state.value.lower()}" for state, n in study.counts.items() if n]
    best = "" if len(study.directions) == 1 else f"{len(study.directions)} objectives"
    if study.best is not None and study.best.value is not None:
        best = f"{format_value(study.best.value, 6)} (trial {study.best.number})"
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(study.created))
    return (
        format_name(study.name), study.backend or "not begun", ", ".join(counts) or "none",
        best, created, study.driver or "",
    )  # fmt: skip
