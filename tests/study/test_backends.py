"""Between a study and its backend: translation, checking, waiting, the end, constraints."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, SearchExhausted, Space, Study, TrialState
from hpo_bridge.errors import (
    BackendError,
    InvalidOptions,
    UnsupportedProblem,
    WaitingForResults,
)
from hpo_bridge.store.event_types import Asked

Make = Callable[..., Study]


def naughty(mode: str) -> dict[str, Any]:
    return {"name": "fake.naughty", "options": {"mode": mode}}


@pytest.mark.parametrize(
    ("mode", "match"),
    [
        ("outside", r"outside the space: x: 1.5 is outside \[0.0, 1.0\]"),
        ("off_grid", "outside the space: n: found 2.5, expected an integer"),
        ("choice", "outside the space: c: 'a' is not one of the choices"),
        ("index", "outside the space: c: 7 is not one of the choices"),
        ("nan", "outside the space: x: found nan"), ("text", "x: found '0.5', expected a number"),
        ("missing", "outside the space: c: is missing"),
        ("extra", "outside the space: y: is no parameter"), ("list", "expected a mapping"),
        ("dict", "expected a Suggestion"), ("none", "failed in ask: TypeError"),
        ("many", "gave 2 suggestions, asked for 1"), ("token", "not plain JSON"),
        ("nan_token", "not plain JSON"), ("no_token", "the token None"),
        ("raises", "failed in ask: RuntimeError: out of ideas"),
        ("waits", "waits for results, but no trial is running"),
        ("tell", "failed in tell: ZeroDivisionError: oops"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_broken_contracts(study: Make, url: str, mode: str, match: str, where: str) -> None:
    s = study(backend=naughty(mode), store=url if where == "sqlite" else None)
    with pytest.raises(BackendError, match=match) as caught:
        s.optimize(lambda trial: 1.0, trials=5)
    assert "backend 'fake.naughty'" in str(caught.value)
    assert "\n" not in str(caught.value)
    (first,) = s.trials
    assert (first.state, first.value) == (TrialState.COMPLETE, 1.0)
    s = study(backend="core.random", store=s.store)  # another backend goes on
    s.optimize(lambda trial: 1.0, trials=3)
    assert s.counts[TrialState.COMPLETE] == 3


def test_numpy_scalars_become_plain(study: Make, url: str, made: list[Any]) -> None:
    for store in (None, url):
        s = study(backend=naughty("numpy"), store=store)
        s.tell(s.ask(), 1.0)
        trial = s.ask()
        assert dict(trial) == {"x": 0.25, "n": 3, "c": True}
        assert [type(v) for v in trial.values()] == [float, int, bool]
        json.dumps(trial.params)
        s.tell(trial, 1.0)
        s.ask()
        (_, second) = made[-1].told
        assert [type(v) for v in second.params.values()] == [float, int, int]
        assert second.token == [1, "t"]  # as any store gives it back
        s.close()


def test_indices_become_declared_choices(study: Make, made: list[Any]) -> None:
    space = Space(c=Categorical(["a", True, 1, 1.0, None, [1, "x"]], ordered=True), n=Int(5, 9))
    points = [{"c": i, "n": 9 - i % 5} for i in range(6)]
    s = study(space, backend={"name": "fake.script", "options": {"points": points}})
    view = made[-1].problem.space
    assert view["c"] == Categorical([0, 1, 2, 3, 4, 5], ordered=True)
    found = [s.ask() for _ in points]
    assert [repr(t["c"]) for t in found] == ["'a'", "True", "1", "1.0", "None", "[1, 'x']"]
    for trial in found:
        s.tell(trial, 1.0)
    s.ask()
    assert [o.params for o in made[-1].told] == points
    assert [o.token for o in made[-1].told] == list(range(6))


CONDITIONAL = Space(
    o=Categorical(["s", "t"]), m=Float(0, 1, when={"o": "s"}), n=Int(0, 9, when={"m": 0.5})
    if False else Int(0, 9, when={"o": "t"}), k="fixed",
)  # fmt: skip


def test_a_flat_backend_sees_a_flat_space(study: Make, made: list[Any]) -> None:
    points = [{"o": 0, "m": 0.25, "n": 3}, {"o": 1, "m": 0.75, "n": 4}]
    s = study(CONDITIONAL, backend={"name": "fake.script", "options": {"points": points}})
    assert not made[-1].problem.space.is_conditional
    assert list(made[-1].problem.space) == ["o", "m", "n"]
    trials = [s.ask(), s.ask()]
    assert [dict(t) for t in trials] == [
        {"o": "s", "m": 0.25, "k": "fixed"}, {"o": "t", "n": 4, "k": "fixed"}
    ]  # fmt: skip
    for trial in trials:
        s.tell(trial, 1.0)
    s.ask()
    assert [o.params for o in made[-1].told] == points  # also what was inactive
    with pytest.raises(BackendError, match="m: is missing"):
        study(
            CONDITIONAL, name="b",
            backend={"name": "fake.script", "options": {"points": [{"o": 1, "n": 4}]}},
        ).ask()  # fmt: skip


def test_a_conditional_backend_suggests_what_is_active(study: Make, made: list[Any]) -> None:
    points = [{"o": 0, "m": 0.25}, {"o": 1, "n": 4}]
    name = "fake.script_conditional"
    s = study(CONDITIONAL, backend={"name": name, "options": {"points": points}})
    view = made[-1].problem.space
    assert view.is_active("m", {"o": 0})
    assert not view.is_active("m", {"o": 1})
    trials = [s.ask(), s.ask()]
    assert [dict(t) for t in trials] == [
        {"o": "s", "m": 0.25, "k": "fixed"}, {"o": "t", "n": 4, "k": "fixed"}
    ]  # fmt: skip
    for trial in trials:
        s.tell(trial, 1.0)
    s.ask()
    assert [o.params for o in made[-1].told] == points
    wrong = [{"o": 1, "n": 4, "m": 0.5}]
    with pytest.raises(BackendError, match="m: is not active here"):
        study(CONDITIONAL, name="b", backend={"name": name, "options": {"points": wrong}}).ask()


def test_foreign_points_reach_a_flat_backend_whole(study: Make, made: list[Any]) -> None:
    points = [{"o": 0, "m": 0.25, "n": 3}]
    s = study(CONDITIONAL, backend={"name": "fake.script_inject", "options": {"points": points}})
    s.enqueue({"o": "t", "n": 7})
    s.tell(s.ask(), 2.0)
    s.ask()
    (foreign,) = made[-1].told
    assert (foreign.token, foreign.losses) == (None, (2.0,))
    assert foreign.params == {"o": 1, "m": 0.5, "n": 7}


def test_foreign_points_are_kept_from_who_does_not_learn(study: Make, made: list[Any]) -> None:
    s = study(backend={"name": "fake.script", "options": {"points": [{"x": 0, "n": 1, "c": 0}]}})
    s.enqueue({"x": 0.5, "n": 2, "c": None})
    for _ in range(3):
        s.tell(s.ask(), 2.0)
    s.ask()
    assert [o.token for o in made[-1].told] == [0, 1]


def test_what_a_backend_is_told(study: Make, made: list[Any]) -> None:
    s = study(backend={"name": "fake.script", "options": {"points": [{"x": 0, "n": 1, "c": 0}]}})
    complete, pruned, failed = s.ask(), s.ask(), s.ask()
    pruned.report(3.0, 1)
    s.tell(pruned, state="PRUNED")
    s.tell(failed, float("nan"))
    s.tell(complete, 2.0)
    s.ask()
    told = made[-1].told
    assert [(o.token, o.losses, o.state.value, o.reports) for o in told] == [
        (1, None, "PRUNED", ((1, 3.0),)), (2, None, "FAILED", ()), (0, (2.0,), "COMPLETE", ()),
    ]  # fmt: skip
    assert not any(o.infeasible for o in told)


# -- waiting and the end --------------------------------------------------------------------


def test_waiting_for_a_generation(study: Make, made: list[Any]) -> None:
    s = study(backend={"name": "fake.generation", "options": {"size": 3}})
    trials = [s.ask() for _ in range(3)]
    for _ in range(2):
        with pytest.raises(WaitingForResults, match="waits for running trials"):
            s.ask()
    s.tell(trials[2], 1.0)
    s.tell(trials[0], 3.0)
    with pytest.raises(WaitingForResults):
        s.ask()
    s.enqueue({"x": 0.5, "n": 2, "c": None})  # does not wait
    assert s.ask().number == 3
    s.tell(trials[1], 2.0)
    assert s.ask().number == 4
    assert [o.losses for o in made[-1].told] == [(1.0,), (3.0,), (2.0,)]
    s2 = study(backend={"name": "fake.generation", "options": {"size": 3}}, name="b")
    s2.optimize(lambda trial: trial["x"], trials=20)
    assert s2.counts[TrialState.COMPLETE] == 20


def test_the_grid_ends(study: Make) -> None:
    space = Space(a=Int(1, 3), c=Categorical(["x", "y"]), b=Int(0, 1, when={"c": "y"}))
    s = study(space, backend="core.grid")
    s.optimize(lambda trial: trial["a"], trials=100)
    assert [tuple(t.params.values()) for t in s.trials] == [
        tuple(point.values()) for point in space.points()
    ]
    assert len(s.trials) == 9
    with pytest.raises(SearchExhausted, match="all 9 points of the grid"):
        s.ask()
    s.enqueue({"a": 2, "c": "x"})
    assert s.ask().number == 9
    s.optimize(lambda trial: trial["a"], trials=100)
    assert len(s.trials) == 10


def test_a_grid_of_continuous_parameters(study: Make) -> None:
    space = Space(a=Float(1, 100, log=True), b=Float(0, 1), c=Int(0, 1))
    for resolution in (3, {"a": 3, "b": 3}):
        backend = {"name": "core.grid", "options": {"resolution": resolution}}
        s = study(space, backend=backend, name=str(resolution))
        s.optimize(lambda trial: 0.0)
        assert len(s.trials) == 18
        assert [t.params["a"] for t in s.trials][::6] == pytest.approx([1, 10, 100])
        assert {t.params["b"] for t in s.trials} == {0, 0.5, 1}
    for wrong in (1, 2.5, True, "3", {"c": 3}, {"a": 3, "bb": 3}, {"a": 1, "b": 2}):
        with pytest.raises(InvalidOptions, match=r"^backend\.resolution"):
            study(space, backend={"name": "core.grid", "options": {"resolution": wrong}})
    with pytest.raises(UnsupportedProblem, match="parameter 'b': is continuous"):
        study(space, backend={"name": "core.grid", "options": {"resolution": {"a": 3}}})
    close = Space(x=Float(1, 1 + 2**-51))  # three floats
    s = study(close, backend={"name": "core.grid", "options": {"resolution": 9}}, name="close")
    s.optimize(lambda trial: 0.0)
    assert len(s.trials) == 3


def test_what_enumerates_and_knows_no_conditions_refuses_them(study: Make) -> None:
    space = Space(a=Int(0, 1), b=Int(0, 3, when={"a": 1}))
    with pytest.raises(UnsupportedProblem, match=r"'b': has a condition.*core\.grid"):
        study(space, backend="optuna.grid")


# -- constraints ----------------------------------------------------------------------------


def test_forbidden_points_are_told_as_infeasible(study: Make, made: list[Any]) -> None:
    space = Space(a=Int(0, 9), b=Int(0, 9, when={"a": [3, 4]}), k=7, constraints=["a + b <= k"])
    points = [{"a": 3, "b": 9}, {"a": 3, "b": 5}, {"a": 3, "b": 4}, {"a": 9, "b": 9}]
    s = study(space, backend={"name": "fake.script", "options": {"points": points}})
    assert made[-1].problem.space.constraints == ()
    trials = [s.ask(), s.ask()]
    assert [dict(t) for t in trials] == [{"a": 3, "b": 4, "k": 7}, {"a": 9, "k": 7}]
    backend = made[-1]
    assert [o.params for o in backend.told] == points[:2]
    assert all(o.infeasible and o.losses is None and o.token in (0, 1) for o in backend.told)
    assert [o.state for o in backend.told] == [TrialState.FAILED] * 2
    (asked, _) = s.store.events_of("study", Asked)
    assert (asked.rejected, asked.told) == (2, ())


def test_a_backend_that_proposes_only_forbidden_points(study: Make) -> None:
    """The study draws a point in its place."""
    space = Space(a=Int(0, 9), constraints=["a != 3"])
    backend = {"name": "fake.script", "options": {"points": [{"a": 3}]}}
    s = study(space, backend=backend)
    assert s.ask()["a"] != 3
    (asked,) = s.store.events_of("study", Asked)
    assert (asked.rejected, asked.trials[0].token) == (200, None)


def test_a_grid_may_be_mostly_forbidden(study: Make) -> None:
    space = Space(a=Int(1, 300), b=Int(1, 300), constraints=["a * b <= 3"])
    s = study(space, backend="core.grid")
    s.optimize(lambda trial: 0.0)
    found = [(t.params["a"], t.params["b"]) for t in s.trials]
    assert found == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]


def test_a_generation_with_forbidden_points(study: Make, url: str) -> None:
    space = Space(a=Int(0, 9), b=Int(0, 9), constraints=["a + b <= 9"])
    backend = {"name": "fake.generation_flat", "options": {"size": 5}}
    whole = study(space, backend=backend, seed=3)
    whole.optimize(lambda trial: trial["a"] - trial["b"], trials=30)
    rejected = [e.rejected for e in whole.store.events_of("study", Asked)]
    assert sum(rejected) > 3
    for trials in range(1, 31):  # the same, a trial at a time, rebuilt each time
        part = study(space, backend=backend, seed=3, store=url)
        part.optimize(lambda trial: trial["a"] - trial["b"], trials=trials)
        part.close()
    again = study(space, backend=backend, seed=3, store=url)
    assert [t.params for t in again.trials] == [t.params for t in whole.trials]


def test_a_generation_that_ends_in_forbidden_points(study: Make, url: str, made: Any) -> None:
    """What was rejected before an empty answer is in the log too."""
    space = Space(a=Int(0, 9), b=Int(0, 9), constraints=["a + b <= 9"])
    backend = {"name": "fake.generation_flat", "options": {"size": 4}}

    def drive(s: Study, reopen: Callable[[], Study]) -> list[Any]:
        running: list[Any] = []
        while len(s.trials) < 40:
            try:
                running.append(s.ask())
            except WaitingForResults:
                for trial in reversed(running):
                    s.tell(trial.number, trial["a"] - trial["b"])
                running = []
                s = reopen()
        return [t.params for t in s.trials]

    memory = study(space, backend=backend, seed=5)
    expected = drive(memory, lambda: memory)
    empty = [e for e in memory.store.events_of("study", Asked) if not e.trials]
    assert empty
    stored = [study(space, backend=backend, seed=5, store=url)]

    def reopen() -> Study:
        stored[-1].close()
        stored.append(study(space, backend=backend, seed=5, store=url))
        return stored[-1]

    assert drive(stored[0], reopen) == expected


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"mode": "value"}, InvalidOptions, r"refused its options \(mode='value'\): ValueError"),
        ({"size": "3"}, InvalidOptions, "refused its options .*TypeError: size: expected an int"),
        ({"mode": "runtime"}, BackendError, "cannot be built: RuntimeError: no licence"),
        ({"sise": 3}, InvalidOptions, r"^backend\.sise: unknown option .* mode, size .*'size'"),
    ],
)
def test_options_that_are_refused(
    study: Make, options: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        study(backend={"name": "fake.picky", "options": options})


def test_random_points_depend_on_seed_and_number_alone(study: Make) -> None:
    space = Space({f"x{i}": Float(0, 1) for i in range(19)})
    a, b, c = (study(space, seed=seed, name=name) for seed, name in [(1, "a"), (1, "b"), (2, "c")])
    for s in (a, b, c):
        s.optimize(lambda trial: 0.0, trials=40)
    assert [t.params for t in a.trials] == [t.params for t in b.trials]
    values = [v for s in (a, c) for t in s.trials for v in t.params.values()]
    assert len(set(values)) == len(values)
    assert abs(sum(values) / len(values) - 0.5) < 0.03
