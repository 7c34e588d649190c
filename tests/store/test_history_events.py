"""Events of a study's history that no trial has alone, in every store."""

from __future__ import annotations

from typing import Any

from hpo_bridge.contracts.record import TrialState
from hpo_bridge.store import Repeats, Store
from hpo_bridge.store.event_parts import ProposedPoint
from hpo_bridge.store.event_types import Asked, Finished, Resampled, Started
from hpo_bridge.store.study_events import Adopted, SpaceChanged

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
