"""What the log of a study says of its history, beside its trials; for those who only read."""

from __future__ import annotations

from typing import Any

from ..store import Store


def schedule_entry(store: Store, name: str) -> dict[str, int] | None:
    """Which entry of its schedule a study is at: ``entry``, from 1, ``of`` so many.

    ``None`` for a study with a single backend.
    """
    last: dict[str, Any] = {}
    for event in store.events(name, kinds=["session"]):
        last = event.data
    if "phase" not in last:
        return None
    return {"entry": last["phase"] + 1, "of": last["of"]}
