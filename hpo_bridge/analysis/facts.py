"""The history of a study as its log has it, beside the trials; for those who only read."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..engine.schedule_cursor import last_session
from ..store import Store
from ..store.study_events import Adopted


def schedule_entry(store: Store, name: str) -> dict[str, int] | None:
    """Return the schedule entry at work as ``entry``, from 1, and their number as ``of``.

    ``None`` for a study with a single backend.
    """
    last = last_session(store, name)
    if last is None or last.phase is None or last.of is None:
        return None
    return {"entry": last.phase + 1, "of": last.of}


def adopted(store: Store, name: str) -> dict[str, Any] | None:
    """Return the trials adopted from earlier studies: ``trials``, ``left`` by reason, ``sources``.

    ``None`` if it began with nothing.
    """
    trials, left, sources = 0, Counter[str](), {}
    for event in store.events_of(name, Adopted):
        trials += len(event.trials)
        left.update(event.left)
        sources[event.place] = f"{event.source['study']} in {event.source['store']}"
    if not sources:
        return None
    return {"trials": trials, "left": dict(left), "sources": list(sources.values())}
