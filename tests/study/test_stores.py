"""Several studies and several Study objects on one store; definitions that changed."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study, TrialState
from hpo_bridge.config import StudyConfig
from hpo_bridge.errors import StoreError, StudyLocked
from hpo_bridge.store import MemoryStore, open_store
from hpo_bridge.study import open_study

Make = Callable[..., Study]


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, url: str) -> Any:
    opened: Any = MemoryStore() if request.param == "memory" else open_store(url)
    yield opened
    opened.close()


def test_two_objects_take_turns(study: Make, store: Any) -> None:
    a, b = study(store=store), study(store=store)
    for trials in range(1, 9):
        (a if trials % 3 else b).optimize(lambda trial: trial["x"], trials=trials)
    assert a.trials == b.trials
    alone = study()
    alone.optimize(lambda trial: trial["x"], trials=8)
    assert [t.params for t in a.trials] == [t.params for t in alone.trials]
    assert a.counts == b.counts == alone.counts


def test_only_one_may_drive(study: Make, store: Any) -> None:
    a, b = study(store=store), study(store=store)
    trial = a.ask()
    calls: list[Callable[[], object]] = [
        b.ask, lambda: b.optimize(lambda trial: 0.0, trials=3), lambda: b.tell(0, 1.0),
        lambda: b.enqueue({"x": 0.5, "n": 1, "c": None}),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(StudyLocked, match=r"study 'study' .* is being run by"):
            call()
    assert b.counts[TrialState.RUNNING] == 1
    assert b.trials[0].params == trial.params
    a.tell(trial, 1.0)
    assert b.best.value == 1.0
    a.close()
    b.optimize(lambda trial: 0.0, trials=3)
    assert b.counts[TrialState.COMPLETE] == 3


def test_a_forgotten_study_is_free(study: Make, store: Any, plugins: Any, space: Space) -> None:
    forgotten = open_study(StudyConfig(space, seed=0, store=store, plugins=plugins))
    forgotten.ask()
    del forgotten
    gc.collect()
    s = study(store=store)
    s.optimize(lambda trial: 0.0, trials=2)
    assert [t.attempts for t in s.trials] == [2, 1]


def test_closing_one_leaves_the_others_store_open(study: Make, store: Any) -> None:
    a, b = study(store=store, name="a"), study(store=store, name="b")
    trial = b.ask()
    a.close()
    a.close()
    b.tell(trial, 1.0)
    assert b.best.value == 1.0
    assert store.names() == ["a", "b"]


def test_a_file_is_let_go(plugins: Any, space: Space, url: str) -> None:
    with open_study(StudyConfig(space, store=url, plugins=plugins)) as s:
        s.ask()
    with open_study(StudyConfig(space, store=url, plugins=plugins)) as s:
        assert s.tell(s.ask(), 1.0) is TrialState.COMPLETE


def test_studies_are_apart(study: Make, store: Any) -> None:
    a, b = study(store=store, name="a"), study(store=store, name="b", seed=1)
    ta, tb = a.ask(), b.ask()
    a.tell(ta, 1.0)
    b.tell(tb, 2.0)
    assert (a.best.value, b.best.value) == (1.0, 2.0)
    assert ta.params != tb.params


BASE: dict[str, Any] = {
    "x": Float(0, 1), "o": Categorical(["s", "t"]), "m": Int(0, 4, when={"o": "s"}), "k": 1,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "options", "match"),
    [
        ({"x": Float(0, 2)}, {}, r"another space than given: x: high is 1.0 there, 2.0 here;"),
        ({"k": True}, {}, "another space than given: k is 1 there, true here"),
        ({"m": Int(0, 4)}, {}, "another space than given: m: when is .*, null here;"),
        ({"y": Int(0, 4)}, {}, "another space than given: y is new"),
        ({"k": None}, {}, "another space than given: k is 1 there, null here"),
        ({}, {"direction": "maximize"}, "other directions than given: value is"),
        ({}, {"directions": {"a": "maximize"}}, "other directions than given: value is missing"),
        ({}, {"seed": 1}, "another seed than given: 0 there, 1 here; use the stored seed"),
        ({}, {"constraints": ["x < 0.5"]},
         r"other constraints than given: constraints are \[\] there"),
    ],
)  # fmt: skip
def test_changed_definitions(study: Make, url: str, change: Any, options: Any, match: str) -> None:
    first = study(Space(BASE), store=url)
    first.optimize(lambda trial: 0.0, trials=2)
    first.close()
    constraints = options.pop("constraints", ())
    with pytest.raises(StoreError, match=match) as caught:
        study(Space({**BASE, **change}, constraints=constraints), store=url, **options)
    assert "\n" not in str(caught.value)
    assert "study 'study' in sqlite:///" in str(caught.value)
    again = study(Space(BASE), store=url, seed=None)
    assert (len(again.trials), again.seed) == (2, 0)


@pytest.mark.parametrize("where", ["sqlite", "memory"])
def test_a_study_without_trials_may_be_redefined(study: Make, url: str, where: str) -> None:
    store = url if where == "sqlite" else MemoryStore()
    study(Space(x=Float(0, 1)), store=store, direction="maximize", seed=1)
    second = study(Space(y=Int(0, 9)), store=store, seed=2)
    assert (second.seed, list(second.space)) == (2, ["y"])
    second.optimize(lambda trial: trial["y"], trials=1)
    with pytest.raises(StoreError, match="has trials: its definition stays"):
        second.store.redefine("study", {})
    second.close()
    with pytest.raises(StoreError, match="another space than given"):
        study(Space(x=Float(0, 1)), store=store)
    assert study(Space(y=Int(0, 9)), store=store, seed=None).seed == 2


def test_the_first_to_drive_a_redefined_study_defines_it(study: Make, url: str) -> None:
    first = study(Space(x=Float(0, 1)), store=url, seed=1)
    second = study(Space(y=Int(0, 9)), store=url, seed=2)
    first.optimize(lambda trial: trial["x"], trials=2)
    with pytest.raises(StoreError, match="another space than given"):
        second.optimize(lambda trial: trial["y"], trials=2)
    assert study(Space(x=Float(0, 1)), store=url, seed=None).seed == 1


def test_the_order_of_parameters_is_no_difference(study: Make, url: str) -> None:
    study(Space(a=Int(0, 1), b=Int(0, 1)), store=url).optimize(lambda t: 0.0, trials=1)
    assert list(study(Space(b=Int(0, 1), a=Int(0, 1)), store=url).space) == ["a", "b"]


def test_the_same_in_other_words(study: Make, url: str) -> None:
    study(Space(BASE), store=url)
    study(Space({**BASE, "x": Float(0.0, 1.0), "m": Int(0, 4, when={"o": ["s"]})}), store=url)
    study(Space.from_plain(**Space(BASE).to_plain()), store=url)
    study(Space({**BASE, "m": Int(0, 4, step=1, when={"o": "s"})}), store=url)


def test_two_that_create_at_once_agree(plugins: Any, space: Space, url: str) -> None:
    open_store(url).close()
    found: list[Any] = []
    gate = threading.Barrier(4)

    def create() -> None:
        gate.wait()
        with open_study(StudyConfig(space, store=url, plugins=plugins)) as s:
            found.append(s.seed)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_a_store_that_fails_midway(
    study: Make, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever append raises, nothing in memory gets ahead of the log."""
    s = study(store=store, backend="fake.generation")
    running = s.ask()
    writer = s._lease.driver.log.writer  # type: ignore[union-attr]

    def failing(events: Any) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(writer, "append", failing)
    with pytest.raises(StoreError, match="disk full"):
        s.ask()
    monkeypatch.undo()
    again = s.ask()  # rebuilt from the log: the trial that ran has lost its driver
    assert again.number == running.number == 0
    assert s.trials[0].attempts == 2
    s.tell(again, 1.0)
    s.optimize(lambda trial: trial["x"], trials=9)
    alone = study(backend="fake.generation")
    alone.tell(alone.ask(), 1.0)
    alone.optimize(lambda trial: trial["x"], trials=9)
    assert [t.params for t in s.trials] == [t.params for t in alone.trials]
