"""What every store does alike; the one in memory is the reference."""

from __future__ import annotations

import json
import math
import pickle
import random
import threading
from dataclasses import replace
from typing import Any

import pytest

from hpo_bridge.contracts.record import Change, TrialState
from hpo_bridge.errors import StoreError, StudyNotFound
from hpo_bridge.store import Event, MemoryStore, Store
from hpo_bridge.store import sql as sql_module
from hpo_bridge.store.event_types import Imported, Reported, Started
from hpo_bridge.store.projection import Projection
from hpo_bridge.store.sql import SqlStore
from hpo_bridge.store.study_events import SplitAssigned
from hpo_bridge.store.trial_table import TrialRow

HOSTILE = [
    "'; DROP TABLE hpo_trials; --", "\0", "\ud800", "%s %(x)s :study {now}", "é\u2028😀", '"\\',
    pickle.dumps(ValueError("x")).decode("latin-1"), "__import__('os').abort()",
]  # fmt: skip


def views(store: Store, name: str) -> dict[str, Any]:
    """Everything a store can tell about a study."""
    row = store.study(name)
    assert row is not None
    return {
        "trials": list(store.trials(name)),
        "final": list(store.trials(name, [TrialState.FAILED, TrialState.PRUNED], first=3)),
        "counts": store.counts(name),
        "pending": store.pending(name),
        "events": list(store.events(name)),
        "later": list(store.events(name, 5)),
        "some": list(store.events_of(name, Started, SplitAssigned)),
        "best": store.best(name, "value", 1.0),
        "worst": store.best(name, "value", -1.0),
        "snapshot": store.snapshot(name),
        "study": (row.name, row.definition, row.seq, row.backend),
    }


def walk(make: Any, rng: random.Random, length: int) -> list[list[Event]]:
    """A random but lawful history, in batches."""
    batches: list[list[Event]] = [[make.session()]]
    state: dict[int, str] = {}
    attempts: dict[int, int] = {}
    for _ in range(length):
        batch = []
        for _ in range(rng.randint(1, 4)):
            open_ = [n for n, s in state.items() if s != "final"]
            number = rng.choice(open_) if open_ else -1
            if number < 0 or rng.random() < 0.3:
                new = len(state)
                if rng.random() < 0.2:
                    batch.append(make.enqueued(new, x=rng.random()))
                    state[new] = "waiting"
                else:
                    many = rng.randint(1, 3)
                    batch.append(make.asked(*range(new, new + many), time=rng.random()))
                    state.update(dict.fromkeys(range(new, new + many), "waiting"))
            elif state[number] == "waiting":
                attempts[number] = attempts.get(number, 0) + 1
                batch.append(make.started(number, attempts[number], time=rng.random()))
                state[number] = "running"
            else:
                batch.append(_next(make, rng, number))
                kind = batch[-1].kind
                running = kind in ("reported", "changed", "withdrawn")
                state[number] = (
                    "running" if running else "waiting" if kind == "requeued" else "final"
                )
        batches.append(batch)
    return [*batches, [make.other()]]


def _next(make: Any, rng: random.Random, number: int) -> Event:
    kind = rng.random()
    if kind < 0.1:
        return make.withdrawn(number, rng.randint(0, 2))  # type: ignore[no-any-return]
    if kind < 0.4:
        event: Event = make.reported(number, rng.randint(0, 9), rng.choice([0.5, -2, 1e308]))
    elif kind < 0.5:
        event = make.changed(number, rng.random(), rng.random(), rng.choice([None, 3]))
    elif kind < 0.6:
        event = make.requeued(number, rng.choice(["failure", "cut", "lost"]))
    elif kind < 0.7:
        event = make.failed(number, "boom", rng.choice(["FAILED", "PRUNED"]))
    else:
        event = make.finished(number, value=rng.choice([1.0, 2.0, -3.5]), other=rng.random())
    return event


@pytest.mark.parametrize("seed", range(3))
def test_projections_equal_the_reference(store: Store, make: Any, seed: int) -> None:
    reference = MemoryStore()
    writers = []
    for each in (reference, store):
        each.create("s", {"space": {"x": [0, 1]}, "seed": 3})
        writers.append(each.acquire("s"))
    for step, batch in enumerate(walk(make, random.Random(seed), 60)):
        for writer in writers:
            writer.append([replace(event) for event in batch])
            if step == 20:
                writer.save_snapshot({"rng": [1, 2.5, None]})
    assert writers[0].seq == writers[1].seq
    assert views(store, "s") == views(reference, "s")
    # The same history in one transaction comes to the same.
    store.create("again", {"space": {"x": [0, 1]}, "seed": 3})
    events = list(reference.events("s"))
    store.acquire("again").append([replace(event, seq=0) for event in events])
    for key in ("trials", "pending", "counts", "best", "worst", "events"):
        assert views(store, "again")[key] == views(reference, "s")[key]


def test_append_numbers_the_events(store: Store, make: Any) -> None:
    store.create("s", {})
    writer = store.acquire("s")
    assert writer.seq == 0
    writer.append([])
    events = [make.session(), make.asked(0)]
    writer.append(events)
    assert writer.seq == 2
    assert [e.seq for e in store.events("s")] == [1, 2]
    assert [e.seq for e in store.events("s", after=1)] == [2]


def test_a_study_without_trials(store: Store) -> None:
    store.create("s", {"a": 1})
    store.create("s", {"a": 1})
    assert store.names() == ["s"]
    assert [*store.trials("s"), *store.events("s"), *store.pending("s")] == []
    assert store.counts("s") == dict.fromkeys(TrialState, 0)
    assert store.best("s", "value", 1.0) is None
    assert store.snapshot("s") is None
    row = store.study("s")
    assert row is not None
    assert (row.seq, row.seconds, row.backend, row.driver) == (0, 0.0, None, None)


def test_studies_are_apart(store: Store, make: Any) -> None:
    for name in ("b", "a", "ä"):
        store.create(name, {"of": name})
        store.acquire(name).append(make.round(0))
    assert store.names() == ["a", "b", "ä"]
    assert [len(list(store.trials(name))) for name in "ab"] == [1, 1]


def test_an_unknown_study(store: Store) -> None:
    assert store.study("no") is None
    for call in (store.acquire, store.counts, store.pending, store.snapshot):
        with pytest.raises(StudyNotFound, match="no study 'no'"):
            call("no")
    with pytest.raises(StudyNotFound):
        list(store.trials("no"))
    with pytest.raises(StudyNotFound):
        list(store.events("no"))
    with pytest.raises(StudyNotFound):
        store.best("no", "value", 1.0)


def test_the_first_of_equal_trials_is_best(store: Store, make: Any) -> None:
    store.create("s", {})
    writer = store.acquire("s")
    writer.append([make.asked(*range(5)), *(make.started(n) for n in range(5))])
    for number, loss in ((3, 1.0), (1, 1.0), (2, 7.0), (4, 7.0)):
        writer.append([make.finished(number, loss=loss, **{'q"$.x': -loss})])
    for objective, sign, number in (
        ("loss", 1.0, 1), ("loss", -1.0, 2), ('q"$.x', 1.0, 2), ('q"$.x', -1.0, 1),
    ):  # fmt: skip
        best = store.best("s", objective, sign)
        assert best is not None
        assert best.number == number


def test_numbers_that_json_has_not(store: Store, make: Any) -> None:
    store.create("s", {})
    writer = store.acquire("s")
    values = [math.nan, math.inf, -math.inf]
    writer.append([make.asked(0), make.started(0)])
    writer.append([make.reported(0, step, value) for step, value in enumerate(values)])
    (trial,) = store.trials("s")
    assert [repr(v) for _, v in trial.reports] == ["nan", "inf", "-inf"]
    read = [e.value for e in store.events_of("s", Reported)]
    assert [repr(v) for v in read] == ["nan", "inf", "-inf"]


def test_metrics(store: Store, make: Any) -> None:
    store.create("s", {})
    writer = store.acquire("s")
    metrics = {"none": math.nan, "most": math.inf, "\ud800\0": -math.inf, "auc": 0.5}
    reports = [
        make.reported(0, 0, 1.0), make.reported(0, 4, 2.0, metrics), make.reported(0, 5, 3.0)
    ]  # fmt: skip
    writer.append([make.asked(0), make.started(0), *reports])
    (trial,) = store.trials("s")
    assert repr(trial.metrics) == repr(({}, metrics, {}))
    read = [e.metrics for e in store.events_of("s", Reported)]
    assert repr(read) == repr([None, metrics, None])
    writer.append([make.requeued(0, "failure"), make.started(0, attempt=2)])
    (trial,) = store.trials("s")
    assert repr(trial.metrics) == repr(({}, metrics, {}))
    writer.append([make.withdrawn(0, 0)])
    writer.append([make.reported(0, 0, 1.0, {"auc": 0.75}), make.reported(0, 1, 1.0)])
    (trial,) = store.trials("s")
    assert trial.metrics == ({"auc": 0.75}, {})


def test_reports_stay_in_order_until_they_are_withdrawn(store: Store, make: Any) -> None:
    """Of each trial for itself; what is left keeps its metrics."""
    store.create("s", {})
    writer = store.acquire("s")
    for number in (0, 1):
        reports = [
            make.reported(number, step, step / 2, {"auc": number} if step in (2, 4) else None)
            for step in (7, 2, 9, 4)
        ]
        writer.append([make.asked(number), make.started(number), *reports])
    writer.append([make.requeued(1, "lost"), make.started(1, attempt=2)])
    assert [step for step, _ in store.trial("s", 1).reports] == [7, 2, 9, 4]
    writer.append([make.withdrawn(1, 2), make.reported(1, 4, 0.0), make.reported(1, 1, 0.5)])
    assert store.trial("s", 1).reports == ((7, 3.5), (2, 1.0), (4, 0.0), (1, 0.5))
    assert store.trial("s", 1).metrics == ({}, {"auc": 1}, {}, {})
    assert [step for step, _ in store.trial("s", 0).reports] == [7, 2, 9, 4]
    assert store.trial("s", 0).metrics == ({}, {"auc": 0}, {}, {"auc": 0})


def test_imported_trials_equal_the_reference(store: Store, make: Any) -> None:
    """One event has all of a trial, and some trials have all that there is."""

    def imported(number: int, **more: Any) -> Event:
        fields = {
            "state": TrialState.COMPLETE, "params": {"x": number}, "values": {"value": number / 2},
            "backend": "imported:csv", "started": 1.5, "attempts": 1, "source": "t.csv", **more,
        }  # fmt: skip
        return Imported(number, time=9.0, **fields)

    reports = ((0, 1.0), (3, 2.0))
    metrics, change = ({"auc": math.nan}, {"t": 0.5}), Change(0, {"x": 7})
    events = [
        imported(0),
        imported(1, reports=reports, metrics=metrics, changes=(change, change)),
        imported(
            2, state=TrialState.FAILED, values=None, error="\ud800", started=None, finished=3.5
        ),
        imported(3, state=TrialState.PRUNED, values=None, reports=reports, estimate=4.5),
        imported(4, standard_errors={"value": 0.25}, gradients={"x": 2.0}, reports=reports),
    ]  # fmt: skip
    found = []
    for each in (MemoryStore(), store):
        each.create("s", {"space": {}, "directions": {"value": "minimize"}, "seed": 0})
        writer = each.acquire("s")
        writer.append([make.session(), *events[:2]])
        writer.append(events[2:])
        writer.append([make.enqueued(5, x=1)])
        writer.release()
        found.append(repr(views(each, "s")))
    assert found[0] == found[1]
    trial = next(store.trials("s", first=1))
    assert trial.reports == ((0, 1.0), (3, 2.0))
    assert math.isnan(trial.metrics[0]["auc"])
    assert [dict(each.params) for each in trial.changes] == [{"x": 7}] * 2
    assert store.best("s", "value", 1.0).number == 0  # type: ignore[union-attr]


def test_standard_errors_and_estimates(store: Store, make: Any) -> None:
    store.create("s", {})
    writer = store.acquire("s")
    for number in range(3):
        writer.append([make.asked(number), make.started(number), make.reported(number, 0, 1.0)])
    sure = replace(make.finished(0, **{'q"$.x': 1.0}), standard_errors={'q"$.x': 0.25})
    pruned = replace(make.failed(1, "", state="PRUNED"), estimate=0.0)
    writer.append([sure, pruned, make.finished(2, **{'q"$.x': 2.0})])
    found = [(trial.standard_errors, trial.estimate) for trial in store.trials("s")]
    assert found == [({'q"$.x': 0.25}, None), (None, 0.0), (None, None)]
    best = store.best("s", 'q"$.x', 1.0)
    assert best is not None
    assert (best.number, best.standard_errors) == (0, {'q"$.x': 0.25})


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_data(store: Store, make: Any, text: str) -> None:
    store.create("s", {text: text})
    writer = store.acquire("s")
    writer.append([make.session(), make.asked(0, 1, **{text: text}), make.started(0)])
    writer.append([make.finished(0, **{text: 1.0}), make.started(1), make.failed(1, text)])
    writer.save_snapshot({text: [text]})
    first, second = store.trials("s")
    row = store.study("s")
    assert row is not None
    assert row.definition == {text: text}
    assert first.params[text] == text
    assert first.values == {text: 1.0}
    assert second.error == text
    assert store.best("s", text, 1.0) == first
    assert store.snapshot("s") == (6, {text: [text]})


def test_reading_in_chunks(store: Store, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_module, "CHUNK", 10)
    store.create("s", {})
    writer = store.acquire("s")
    writer.append([make.asked(*range(35)), *(make.started(n) for n in range(0, 35, 17))])
    writer.append([make.reported(n, s, s) for n in (0, 34) for s in range(3)])
    writer.append([make.failed(n, "x") for n in (0, 34)])
    assert [t.number for t in store.trials("s")] == list(range(35))
    assert [t.number for t in store.trials("s", first=9)] == list(range(9, 35))
    assert [t.number for t in store.trials("s", [TrialState.FAILED])] == [0, 34]
    assert [t.number for t in store.trials("s", [])] == []
    assert [len(t.reports) for t in store.trials("s", [TrialState.FAILED])] == [3, 3]
    assert [e.seq for e in store.events("s", 3)] == list(range(4, 13))
    events = store.events("s")
    assert next(events).seq == 1
    writer.append([make.started(1)])  # nobody who reads holds up the driver


def test_what_is_not_json_is_refused(sql_store: SqlStore, make: Any) -> None:
    writer = sql_store.acquire("s")
    for bad in (object(), math.nan, {1, 2}):
        with pytest.raises(StoreError, match="not plain JSON"):
            writer.append([make.asked(0), make.other({"x": bad})])
        with pytest.raises(StoreError, match="not plain JSON"):
            writer.save_snapshot(bad)
    assert list(sql_store.events("s")) == []
    writer.append([make.asked(0)])
    assert writer.seq == 1


def test_names_that_a_database_cannot_hold(sql_store: SqlStore) -> None:
    for name in ("a\0b", "\ud800"):
        with pytest.raises(StoreError, match="not a name"):
            sql_store.create(name, {})
        assert sql_store.study(name) is None
        with pytest.raises(StudyNotFound):
            sql_store.acquire(name)


def test_a_store_outlives_its_object(sql_url: str, make: Any) -> None:
    with_history = SqlStore(sql_url)
    with_history.create("s", {"a": [1]})
    writer = with_history.acquire("s")
    writer.append([make.session("optuna.tpe"), *make.round(0)])
    expected = views(with_history, "s")
    with_history.close()
    with_history.close()
    again = SqlStore(sql_url, create=False)
    assert views(again, "s") == expected
    assert again.acquire("s").seq == 4
    again.close()


def test_time_adds_up_over_drivers(
    sql_store: SqlStore, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    for _ in range(2):
        writer = sql_store.acquire("s")
        now += 7
        writer.append([make.session()])
        now += 3
        writer.release()
        now += 100
    row = sql_store.study("s")
    assert row is not None
    assert row.seconds == pytest.approx(20)


def test_readers_and_a_driver_at_once(sql_store: SqlStore, make: Any) -> None:
    """Any thread may read, and sees whole transactions only."""
    over = threading.Event()
    problems: list[object] = []

    def look() -> None:
        while not over.is_set():
            try:
                row = sql_store.study("s")
                assert row is not None
                events = list(sql_store.events("s"))
                assert [e.seq for e in events] == list(range(1, len(events) + 1))
                assert len(events) % 3 == 0
                assert len(events) >= row.seq
                assert all(t.state is TrialState.COMPLETE for t in sql_store.trials("s"))
            except BaseException as error:
                problems.append(error)
                return

    threads = [threading.Thread(target=look) for _ in range(3)]
    writer = sql_store.acquire("s")
    for thread in threads:
        thread.start()
    for number in range(200):
        writer.append(make.round(number))
        writer.beat()
    over.set()
    for thread in threads:
        thread.join()
    assert problems == []


@pytest.mark.parametrize("done", [True, False])
def test_an_interrupt_at_the_commit(
    sql_store: SqlStore, make: Any, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    """Ctrl-C can hit anywhere; the position is right afterwards, committed or not."""
    writer = sql_store.acquire("s")
    writer.append(make.round(0))
    commit = sql_store._engine.dialect.do_commit

    def interrupted(connection: Any) -> None:
        if done:
            commit(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sql_store._engine.dialect, "do_commit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.append(make.round(1))
    writer.append(make.round(2 if done else 1))
    count = 3 if done else 2
    assert writer.seq == 3 * count
    assert [e.seq for e in sql_store.events("s")] == list(range(1, 3 * count + 1))
    assert [t.number for t in sql_store.trials("s")] == list(range(count))


def test_a_trial_costs_few_statements(sql_store: SqlStore, make: Any) -> None:
    from sqlalchemy import event

    writer = sql_store.acquire("s")
    writer.append(make.round(0))
    seen: list[str] = []
    event.listen(sql_store._engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    writer.append([make.asked(1), make.started(1)])
    writer.append([make.finished(1, value=1.0)])
    assert len([s for s in seen if not s.startswith("BEGIN")]) == 7, seen


def test_the_tables_are_text_and_numbers(sql_store: SqlStore, make: Any) -> None:
    """Everything that is not a plain value is JSON, for whoever reads it without us."""
    from sqlalchemy import create_engine, text

    sql_store.acquire("s").append([make.session(), *make.round(0)])
    url = sql_store.url.replace("postgresql:", "postgresql+psycopg:")
    if "postgresql" in url:
        url = str(sql_store._address.url.render_as_string(hide_password=False))
    engine = create_engine(url)
    with engine.connect() as connection:
        (data,) = connection.execute(text("SELECT data FROM hpo_events WHERE seq = 2")).one()
        assert json.loads(data)["trials"][0]["params"] == {"x": 0.0}
        row = connection.execute(text('SELECT state, "values" FROM hpo_trials')).one()
        assert tuple(row) == ("COMPLETE", '{"value":0}')
        row = connection.execute(text("SELECT raw, token FROM hpo_trials")).one()
        assert tuple(row) == (None, None)  # of no use any more, and the log has them
    engine.dispose()


def test_a_report_without_metrics_costs_no_statement_more(make: Any) -> None:
    bare, measured = make.reported(0, 0, 1.0), make.reported(0, 1, 1.0, {"auc": 0.5})
    projection = Projection(1)
    for seq, event in enumerate((bare, measured)):
        steps = projection.plan(seq, [event], lambda number: TrialRow(number, {"x": 1}))
        projection.written()
        assert [key for key, _ in steps] == ["event", "report"]
