"""Events of a study's history that no trial has alone, in every store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import event

from hpo_bridge.contracts.record import TrialState
from hpo_bridge.store import Repeats, Store
from hpo_bridge.store.event_parts import ProposedPoint
from hpo_bridge.store.event_types import Asked, Finished, Resampled, Started
from hpo_bridge.store.sql import SqlStore
from hpo_bridge.store.study_events import Adopted, SessionStarted, SpaceChanged, SplitAssigned

DEFINITION = {
    "space": {"x": {"type": "int", "low": 0, "high": 9}}, "constraints": [],
    "directions": {"value": "minimize"}, "seed": 0,
}  # fmt: skip


def asked(number: int, x: int) -> Asked:
    trials = (ProposedPoint({"x": x}, token=number, number=number),)
    return Asked(n=1, backend="b", told=(), rejected=0, trials=trials)


def finished(number: int, **more: Any) -> Finished:
    return Finished(number, TrialState.COMPLETE, {"value": 0.5}, **more)


def test_repeats_and_reused_results(store: Store) -> None:
    store.create("s", DEFINITION)
    writer = store.acquire("s")
    assert store.repeats("s") == Repeats()
    writer.append([asked(0, 4), Started(0, 1), finished(0)])
    writer.append([asked(1, 4), finished(1, reused=0)])  # born and ended in one batch
    writer.append([asked(2, 4)])
    writer.append([finished(2, reused=0, standard_errors={"value": 0.1})])
    point = ProposedPoint({"x": 4}, token=9)
    again = Resampled(n=1, backend="b", told=(0,), rejected=0, point=point, of=0)
    writer.append([again, asked(3, 5)])
    assert store.repeats("s") == Repeats(trials=2, reused=2, resampled=1)
    trials = list(store.trials("s"))
    assert [t.reused for t in trials] == [None, 0, 0, None]
    assert [t.attempts for t in trials] == [1, 0, 0, 0]
    assert trials[2].standard_errors == {"value": 0.1}
    assert [store.trial("s", number) for number in range(4)] == trials
    writer.release()


def test_another_space_is_the_definition(store: Store) -> None:
    store.create("s", DEFINITION)
    store.create("t", DEFINITION)
    writer = store.acquire("s")
    wider = {**DEFINITION, "space": {"x": {"type": "int", "low": 0, "high": 99}}}
    before = {key: DEFINITION[key] for key in ("space", "constraints")}
    change = SpaceChanged(version=2, before=before, definition=wider, defaults={})
    adopted = Adopted(place=0, source={"study": "old"}, trials=(), left={"failed": 2})
    writer.append([adopted, change])
    writer.release()
    for name, definition in (("s", wider), ("t", DEFINITION)):
        row = store.study(name)
        assert row is not None
        assert row.definition == definition
    assert [e.kind for e in store.events("s")] == ["adopted", "space"]
    assert list(store.trials("s")) == []


def test_events_of_the_study_are_looked_up_not_searched_for(tmp_path: Path, make: Any) -> None:
    store = SqlStore(f"sqlite:///{tmp_path}/s.db")
    store.create("s", {"space": {}})
    writer = store.acquire("s")
    writer.append([make.session(), *make.round(0), make.other()])
    writer.release()
    sent: list[Any] = []
    event.listen(store._engine, "before_cursor_execute", lambda *args: sent.append(args[2:4]))
    assert len(list(store.events_of("s", SessionStarted, SplitAssigned))) == 2
    assert len(list(store.events_of("s", SessionStarted, Finished))) == 2
    assert store.repeats("s") == Repeats()
    store.close()
    with closing(sqlite3.connect(tmp_path / "s.db")) as raw:
        plans = [
            str(raw.execute(f"EXPLAIN QUERY PLAN {sql}", given).fetchall())
            for sql, given in sent
            if "hpo_events" in sql
        ]
    assert ["hpo_events_of_study" in plan for plan in plans] == [True, False, True]
