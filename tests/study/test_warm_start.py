"""A study that begins with the trials of earlier ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import (
    Categorical,
    Float,
    HpoBridgeError,
    Int,
    Space,
    Study,
    UnsupportedProblem,
    analysis,
)
from hpo_bridge.analysis.facts import adopted
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import StoreError
from hpo_bridge.store.event_types import Enqueued, Finished
from hpo_bridge.store.study_events import Adopted

Make = Callable[..., Study]
OLD = Space(
    learning_rate=Float(1e-4, 1.0, log=True), layers=Int(1, 5),
    optimizer=Categorical(["sgd", "adam", "lion"]),
    momentum=Float(0, 1, when={"optimizer": "sgd"}),
)  # fmt: skip
NEW = Space(
    lr=Float(1e-3, 2.0), depth=Int(1, 5), optimizer=Categorical(["adam", "sgd"]),
    momentum=Float(0, 1, when={"optimizer": "sgd"}), dropout=Float(0, 0.5), kind="cnn",
    constraints=["depth * lr < 4"],
)  # fmt: skip
MAP = {"lr": "learning_rate", "depth": "layers + 1", "dropout": {"value": 0.25}}


def point(rate: float, layers: int, optimizer: str, **more: Any) -> dict[str, Any]:
    return {"learning_rate": rate, "layers": layers, "optimizer": optimizer, **more}


POINTS = [
    point(0.5, 2, "sgd", momentum=0.9), point(0.01, 1, "adam"), point(0.0005, 1, "adam"),
    point(0.1, 1, "lion"), point(0.2, 5, "adam"), point(0.9, 4, "adam"), point(0.3, 3, "adam"),
    point(0.4, 2, "adam"),
]  # fmt: skip


@pytest.fixture
def old(study: Make, tmp_path: Path) -> str:
    """The URL of a store with the study ``old``: it minimises ``val_loss``."""
    url = f"sqlite:///{tmp_path}/old.db"
    s = study(OLD, store=url, name="old", directions={"val_loss": "minimize"}, pruner="fake")
    for params in POINTS:
        s.enqueue(params)
    for number in range(len(POINTS)):
        trial = s.ask()
        trial.report(number + 0.5, 1)
        if number == 6:
            s.tell(trial, state="FAILED")
        elif number == 7:
            s.tell(trial, state="PRUNED")
        else:
            s.tell(trial, float(number))
    s.close()
    return url


def source(old: str, **more: Any) -> list[dict[str, Any]]:
    return [{"store": old, "study": "old", "map": MAP, "values": {"value": "val_loss"}, **more}]


def test_trials_go_over(study: Make, old: str, made: list[Any]) -> None:
    s = study(NEW, backend="fake.snapshots", warm_start=source(old))
    s.optimize(lambda trial: 100.0 + trial["lr"], trials=3)
    history = made[-1].told[:3]
    assert sum(o.token is None for o in made[-1].told) == 3
    assert history[0].params == {
        "lr": 0.5, "depth": 3, "optimizer": 1, "momentum": 0.9, "dropout": 0.25,
    }  # fmt: skip
    assert (history[0].losses, history[0].reports) == ((0.0,), ((1, 0.5),))
    assert (history[1].losses, history[1].params["depth"]) == ((1.0,), 2)
    assert (history[2].state.value, history[2].losses) == ("PRUNED", None)
    assert history[2].reports == ((1, 7.5),)
    assert adopted(s.store, "study") == {
        "trials": 3,
        "left": {
            "lr: outside the range": 1, "optimizer: not one of the choices": 1,
            "depth: outside the range": 1, "a constraint forbids it": 1, "failed": 1,
        },
        "sources": [f"old in {old}"],
    }  # fmt: skip
    # They are none of this study's trials.
    assert len(s.trials) == 3
    assert s.best.value is not None
    assert s.best.value > 99


def test_it_goes_on_without_the_earlier_store(
    study: Make, old: str, url: str, made: list[Any], tmp_path: Path
) -> None:
    schedule = [{"name": "fake.generation", "trials": 6}, "fake.snapshots"]
    whole = study(NEW, backend=schedule, warm_start=source(old))
    whole.optimize(lambda trial: trial["lr"], trials=14)
    for trials in (1, 4, 6, 8, 14):
        part = study(NEW, backend=schedule, store=url, warm_start=source(old))
        part.optimize(lambda trial: trial["lr"], trials=trials)
        part.close() if trials % 4 else part._lease.leave(broken=True)
        (tmp_path / "old.db").unlink(missing_ok=True)
    assert [t.params for t in part.trials] == [t.params for t in whole.trials]
    assert len(list(whole.store.events_of("study", Adopted))) == 1
    assert analysis.verify(part).reproducible
    # Without the key it goes on, too; and another backend is told of them.
    s = study(NEW, backend="fake.generation_flat", store=url)
    with pytest.raises(UnsupportedProblem, match="would ignore"):
        s.ask()
    s.close()
    s = study(NEW, backend={"name": "fake.generation", "options": {"size": 2}}, store=url)
    s.ask()
    assert [o.token for o in made[-1].told] == [None] * (3 + 14)
    assert made[-1].told[0].params["dropout"] == 0.25


def test_it_begins_with_them_or_not_at_all(study: Make, old: str, url: str) -> None:
    study(NEW, store=url, name="begun").optimize(lambda trial: 0.0, trials=1)
    with pytest.raises(StoreError, match=r"warm_start: study 'begun' .* has begun without"):
        study(NEW, store=url, name="begun", warm_start=source(old))
    study(NEW, store=url, warm_start=source(old))._drive()
    other = source(old, map={**MAP, "dropout": {"value": 0.0}})
    with pytest.raises(StoreError, match="began with another one") as caught:
        study(NEW, store=url, warm_start=other)
    assert "\n" not in str(caught.value)


def test_objectives_change_direction_only_where_asked(
    study: Make, old: str, made: list[Any]
) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        study(NEW, direction="maximize", backend="fake.snapshots", warm_start=source(old))
    assert str(caught.value) == (
        "warm_start.0.values.value: 'val_loss' is minimized there, 'value' is maximized here; "
        "write value: -val_loss to take its negative"
    )
    with pytest.raises(HpoBridgeError, match="write value: val_loss to take it as it is"):
        study(NEW, warm_start=source(old, values={"value": "-val_loss"}))
    flipped = source(old, values={"value": "-val_loss"})
    s = study(NEW, direction="maximize", backend="fake.snapshots", warm_start=flipped)
    s.ask()
    (stored,) = s.store.events_of("study", Adopted)
    assert [t.result.values for t in stored.trials] == [{"value": 0.0}, {"value": -1.0}, None]
    assert [o.losses for o in made[-1].told] == [(0.0,), (1.0,), None]  # losses again
    assert made[-1].told[0].reports == ((1, 0.5),)


def test_what_the_rules_may_be(study: Make, old: str, made: list[Any]) -> None:
    space = Space(
        percent=Float(0, 100), momentum=Float(0, 1), deep=Categorical([True, False]),
        optimizer=Categorical(["sgd", "adam", "lion"]), layers="two",
    )  # fmt: skip
    rules = {
        "percent": "100 * learning_rate", "momentum": {"from": "momentum", "value": 0.5},
        "deep": "layers > 2", "layers": {"value": "two"},
    }  # fmt: skip
    s = study(space, backend="fake.snapshots", warm_start=source(old, map=rules))
    s.ask()
    told = [o.params for o in made[-1].told]
    assert told[0] == {"percent": 50.0, "momentum": 0.9, "deep": 1, "optimizer": 0}
    assert told[4] == {"percent": 20.0, "momentum": 0.5, "deep": 0, "optimizer": 1}
    assert adopted(s.store, "study")["left"] == {"failed": 1}  # type: ignore[index]
    needs = source(old, map={**rules, "momentum": "momentum"})
    s = study(space, name="other", warm_start=needs)
    s._drive()
    left = adopted(s.store, "other")["left"]  # type: ignore[index]
    assert left == {"momentum: a parameter is missing": 6, "failed": 1}


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"study": "odl"}, "warm_start.0.study: no study 'odl' in .* (did you mean 'old'?); "
         "studies there: old"),
        ({"store": "sqlite:///nowhere/x.db"}, "warm_start.0.store: no store at sqlite"),
        ({"study": 3}, "warm_start.0.study: found 3, expected a name"),
        ({"maps": {}}, "warm_start.0.maps: unknown key, accepted: store, study, map, values, "
         "ignore (did you mean 'map'?)"),
        ({"map": ["lr"]}, "warm_start.0.map: found ['lr'], expected a mapping"),
        ({"map": {**MAP, "lr": 3}}, "warm_start.0.map.lr: found 3, expected a name"),
        ({"map": {**MAP, "lr": {"form": "x"}}}, "warm_start.0.map.lr: found {'form': 'x'}"),
        ({"map": {**MAP, "lrr": "learning_rate"}},
         "warm_start.0.map.lrr: is no parameter of the new study (did you mean 'lr'?)"),
        ({"map": {**MAP, "depth": "layer + 1"}}, "warm_start.0.map.depth: 'layer + 1' names "
         "'layer', which is no parameter (did you mean 'layers'?)"),
        ({"map": {**MAP, "depth": "__import__('os')"}}, "warm_start.0.map.depth: "),
        ({"map": {"depth": "layers", "dropout": {"value": 0}}},
         "warm_start.0.map: study 'old' has no parameter 'lr'"),
        ({"map": {**MAP, "depth": {"value": 2}}},
         "warm_start.0: parameter 'layers' of study 'old' is none of the new study: map it, or "
         "write ignore: [layers]"),
        ({"ignore": ["layer"]}, "warm_start.0.ignore: study 'old' has no parameter 'layer' (did "),
        ({"ignore": "layers"}, "warm_start.0.ignore: found 'layers', expected a list"),
        ({"values": {}}, "warm_start.0.values: study 'old' has no objective 'value' (it has "
         "val_loss); say which one is 'value', such as values: {value: val_loss}"),
        ({"values": {"loss": "val_loss"}}, "warm_start.0.values.loss: is no objective of the new"),
        ({"values": {"value": 1}}, "warm_start.0.values.value: found 1, expected an objective's"),
    ],
)  # fmt: skip
def test_wrong_sources(
    study: Make, old: str, url: str, more: dict[str, Any], line: str, tmp_path: Path
) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        study(NEW, store=url, warm_start=source(old, **more))
    text = str(caught.value)
    start, _, end = line.partition(".*")
    assert text.startswith(start)
    assert end in text
    assert "\n" not in text
    with pytest.raises(HpoBridgeError, match="warm_start: found 'old', expected a list"):
        study(NEW, store=url, warm_start="old")
    check = study(NEW, store=url, name="check")
    assert check.store.names() == ["check"]  # nothing was created before


def test_the_backend_must_be_able_to_learn(study: Make, old: str, url: str) -> None:
    with pytest.raises(UnsupportedProblem, match="would ignore the trials of the warm start"):
        study(NEW, store=url, backend="fake.generation_deaf", warm_start=source(old))
    ignoring = {"name": "fake.generation_deaf", "handover": "ignore"}
    study(NEW, store=url, backend=ignoring, warm_start=source(old)).optimize(
        lambda trial: 0.0, trials=1
    )


def test_in_the_same_store_and_from_an_open_one(study: Make, url: str, made: list[Any]) -> None:
    space = Space(x=Float(0, 1))
    first = study(space, store=url, name="first")
    first.optimize(lambda trial: trial["x"], trials=3)
    wider = Space(x=Float(-1, 2))
    for number, store in enumerate((None, first.store, url)):
        given = [{"study": "first"} | ({} if store is None else {"store": store})]
        name = f"next{number}"
        s = study(wider, store=url, name=name, backend="fake.snapshots", warm_start=given)
        s.ask()
        assert [o.params for o in made[-1].told] == [t.params for t in first.trials]
        s.close()


def test_ten_thousand_trials_in_seconds(study: Make, url: str, made: list[Any]) -> None:
    space = Space(x=Float(0, 1), n=Int(0, 9))
    first = study(space, store=url, name="first")
    writer = first.store.acquire("first")
    events = []
    for number in range(10_000):
        events += [
            Enqueued(number, {"x": number / 1e4, "n": number % 10}),
            Finished(number, TrialState.COMPLETE, {"value": 1.0}),
        ]
    writer.append(events)
    writer.release()
    begin = time.monotonic()
    s = study(space, store=url, backend="fake.snapshots", warm_start=[{"study": "first"}])
    s.ask()
    assert time.monotonic() - begin < 30
    assert len(made[-1].told) == 10_000
