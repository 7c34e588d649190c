"""Another space in a stored study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, HpoBridgeError, Int, Space, Study, analysis
from hpo_bridge.errors import StoreError
from hpo_bridge.history.space_change import space_version
from hpo_bridge.store.study_events import SpaceChanged

Make = Callable[..., Study]
FIRST = {"x": Float(0, 1), "n": Int(1, 4), "c": Categorical(["a", "b"]), "k": "fixed"}
SECOND = {
    "c": Categorical(["a", "z", "b"]), "x": Float(-1, 2), "n": Int(1, 4), "k": "fixed",
    "dropout": Float(0, 0.5), "m": Int(0, 3, when={"c": ["a", "z"]}),
}  # fmt: skip
DEFAULTS = {"dropout": 0.0, "m": 2}
GENERATION = {"name": "fake.generation", "options": {"size": 3}}


def loss(trial: Any) -> float:
    return float(trial["x"] + trial["n"] + trial.get("dropout", 0.0))


@pytest.fixture
def stored(study: Make, url: str) -> Callable[..., Study]:
    """A study in its first space with six trials; then opened with what is asked for."""
    s = study(FIRST, backend="fake.snapshots", store=url)
    s.optimize(loss, trials=6)
    s.close()

    def reopen(space: Any = SECOND, **options: Any) -> Study:
        return study(space, **{"backend": "fake.snapshots", "store": url, **options})

    return reopen


def change(
    stored: Callable[..., Study], space: Any = SECOND, change_space: Any = DEFAULTS
) -> Study:
    return stored(space, change_space=change_space)


def test_the_history_goes_over_to_the_new_space(
    stored: Callable[..., Study], made: list[Any]
) -> None:
    before = stored(FIRST).trials
    s = change(stored)
    s.optimize(loss, trials=10)
    told = made[-1].told
    assert [o.token for o in told[:6]] == [None] * 6
    for seen, trial in zip(told, before, strict=False):
        expected = {
            "c": {"a": 0, "b": 2}[trial.params["c"]], "x": trial.params["x"],
            "n": trial.params["n"], "dropout": 0.0, "m": 2,  # flat: inactive ones are there too
        }  # fmt: skip
        if trial.params["c"] == "b":
            expected["m"] = seen.params["m"]
        assert seen.params == expected
        assert seen.losses == (trial.value,)
    assert s.trials[:6] == before  # as they were
    assert all("dropout" in t.params for t in s.trials[6:])
    (event,) = s.store.events_of("study", SpaceChanged)
    assert event.version == 2
    assert event.before == Space(FIRST).to_plain()
    assert event.defaults == DEFAULTS
    assert s.store.study("study").definition["space"] == Space(SECOND).to_plain()["space"]  # type: ignore[union-attr]
    assert space_version(s.store, "study") == 2
    assert s.to_pandas()["params.dropout"].isna().sum() == 6
    assert analysis.verify(s).reproducible
    assert [streak.trials for streak in analysis.verify(s).streaks] == [6, 4]


@pytest.mark.parametrize(
    "backend",
    [
        "fake.snapshots", GENERATION, "core.random", "optuna.tpe",
        [
            {"name": "core.random", "trials": 4}, {"name": "fake.snapshots", "trials": 9},
            GENERATION,
        ],
    ],
    ids=str,
)  # fmt: skip
def test_a_changed_study_goes_on_exactly(study: Make, tmp_path: Any, backend: Any) -> None:
    found = []
    for stops in ([20], [8, 9, 13, 20]):
        url = f"sqlite:///{tmp_path}/{len(stops)}.db"
        s = study(FIRST, backend=backend, store=url)
        s.optimize(loss, trials=7)
        s.close()
        for trials in stops:
            first = trials == stops[0]
            s = study(
                SECOND, backend=backend, store=url, change_space=DEFAULTS if first else False
            )
            s.optimize(loss, trials=trials)
            s.close() if trials % 2 else s._lease.leave(broken=True)
        found.append([t.params for t in s.trials])
        assert len(list(s.store.events_of("study", SpaceChanged))) == 1
    assert found[0] == found[1]


def test_it_must_be_asked_for(stored: Callable[..., Study], url: str) -> None:
    with pytest.raises(StoreError) as caught:
        stored()
    assert str(caught.value) == (
        f"study 'study' in {url} has another space than given: x: low is 0.0 there, -1.0 here, "
        'high is 1.0 there, 2.0 here; c: choices are ["a", "b"] there, ["a", "z", "b"] here; '
        "dropout is new; m is new; declare the stored space, or use another study name or store; "
        "to go on in the new space with the trials that are there: --change-space (in Python "
        "change_space=True)"
    )
    s = stored(FIRST, change_space=True)  # nothing to change
    s.optimize(loss, trials=7)
    assert space_version(s.store, "study") == 1


def test_it_is_not_done_before_the_study_is_driven(stored: Callable[..., Study]) -> None:
    s = change(stored)
    assert space_version(s.store, "study") == 1
    other = stored(FIRST)
    other.ask()
    with pytest.raises(StoreError, match=r"another Study object|being run"):
        s.ask()
    other.close()
    with pytest.raises(
        StoreError, match="trial 6 is no point of the new space: dropout: is missing"
    ):
        s.ask()  # a trial came in between, and has not ended
    assert space_version(s.store, "study") == 1


def without(space: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in space.items() if key != name}


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        (without(FIRST, "n"), "parameter 'n' is gone"),
        ({**FIRST, "n": Float(1, 4)}, "parameter 'n' was of type int, and is float"),
        ({**FIRST, "n": 3}, "parameter 'n' is gone"),
        ({**FIRST, "x": Float(0.001, 1, log=True)}, "parameter 'x': log was False, and is True"),
        ({**FIRST, "x": Float(0, 1, step=0.5)}, "parameter 'x': step was None, and is 0.5"),
        ({**FIRST, "c": Categorical(["a", "c"])}, "parameter 'c' has lost the choice 'b'"),
        ({**FIRST, "c": Categorical(["a", "b"], ordered=True)},
         "parameter 'c': ordered was False, and is True"),
        ({**FIRST, "x": Float(0, 1, when={"c": "a"})}, "parameter 'x' has another condition"),
        ({**FIRST, "k": "other"}, "the constant 'k' is another one"),
        (without(FIRST, "k"), "the constant 'k' is another one"),
        ({**FIRST, "j": 1}, "the constant 'j' is new, and no trial has it"),
        ({**FIRST, "x": Float(0.9, 1)}, r"trial \d is no point of the new space: x: .* outside"),
        (Space(FIRST, constraints=["n > 3"]),
         r"trial \d is no point of the new space: violates the constraint 'n > 3'"),
    ],
)  # fmt: skip
def test_what_would_make_a_trial_no_point_is_refused(
    stored: Callable[..., Study], space: Any, reason: str
) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        stored(space, change_space=True)
    text = str(caught.value)
    assert text.endswith("use another study name, with warm_start from this one")
    assert "\n" not in text
    s = stored(FIRST)
    assert space_version(s.store, "study") == 1


def test_what_excludes_no_trial_is_allowed(stored: Callable[..., Study]) -> None:
    s = change(
        stored, Space({**FIRST, "n": Int(1, 9)}, constraints=["x * n < 40"]), change_space=True
    )
    s.optimize(loss, trials=8)
    s.close()
    s = change(stored, {**FIRST, "n": Int(1, 9)}, change_space=True)
    s.optimize(loss, trials=9)
    assert space_version(s.store, "study") == 3
    reordered = dict(reversed({**FIRST, "n": Int(1, 9)}.items()))
    s.close()
    change(stored, reordered, change_space=True).optimize(loss, trials=10)


def test_a_second_change_keeps_the_first_ones_defaults(
    stored: Callable[..., Study], made: list[Any]
) -> None:
    change(stored).optimize(loss, trials=8)
    third = {**SECOND, "width": Int(1, 8)}
    stored(SECOND).close()
    s = stored(third, change_space={"width": 4})
    s.optimize(loss, trials=9)
    told = [o.params for o in made[-1].told[:8]]
    assert [p["width"] for p in told] == [4] * 8
    assert [p["dropout"] for p in told[:6]] == [0.0] * 6
    assert [p["dropout"] for p in told[6:]] == [t.params["dropout"] for t in s.trials[6:8]]
    # Another backend, later: told the same, without a word in the file.
    s.close()
    s = stored(third, backend=GENERATION)
    s.ask()
    assert [o.params["width"] for o in made[-1].told[:8]] == [4] * 8
    assert analysis.verify(s).reproducible
    # And a study that begins with this one's trials.
    new = stored(third, store=None, name="new", warm_start=[{"store": s.store, "study": "study"}])
    new.ask()
    assert [o.params["width"] for o in made[-1].told[:8]] == [4] * 8


@pytest.mark.parametrize(
    ("change_space", "line"),
    [
        (
            True,
            "change_space.dropout: is missing: 'dropout' is new, so say what it was in the trials",
        ),
        ({"dropout": 0.0}, "change_space.m: is missing"),
        ({"dropout": 0.9, "m": 2}, "change_space.dropout: 0.9 is outside"),
        ({"dropout": "no", "m": 2}, "change_space.dropout: found 'no'"),
        (
            {**DEFAULTS, "dropuot": 0.0},
            "change_space.dropuot: is no parameter of the space (did you",
        ),
        ([1], "change_space: found [1], expected true, false, or a mapping"),
    ],
)
def test_defaults(stored: Callable[..., Study], change_space: Any, line: str) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        change(stored, change_space=change_space)
    assert str(caught.value).startswith(line)
    assert space_version(stored(FIRST).store, "study") == 1


def test_waiting_trials_run_in_the_new_space_if_they_are_points_of_it(
    stored: Callable[..., Study], made: list[Any]
) -> None:
    s = stored(FIRST)
    waiting = s.ask()
    s._lease.leave(broken=True)
    wider = {**FIRST, "x": Float(-1, 2)}
    s = change(stored, wider, change_space=True)
    s.optimize(loss, trials=8)
    assert s.trials[waiting.number].params == waiting.params
    assert (s.trials[6].attempts, s.trials[6].value) == (2, loss(waiting))


def test_a_trial_before_is_a_duplicate_by_its_defaults(study: Make) -> None:
    points = [{"n": 1}, {"n": 2}]
    script = {"name": "fake.script_inject", "options": {"points": points, "once": True}}
    first = study(Space(n=Int(1, 2)), backend=script, duplicates="reuse")
    first.optimize(lambda trial: trial["n"], trials=2)
    again = [{"n": 2, "m": 0}, {"n": 1, "m": 5}]
    s = study(
        Space(n=Int(1, 2), m=Int(0, 9)), store=first.store, change_space={"m": 5},
        backend={"name": "fake.script_inject", "options": {"points": again, "once": True}},
        duplicates="reuse",
    )  # fmt: skip
    s.optimize(lambda trial: 10.0 * trial["n"], trials=4)
    assert [(t.value, t.reused) for t in s.trials[2:]] == [(20.0, None), (1.0, 0)]


def test_in_memory(study: Make) -> None:
    first = study(FIRST, backend="fake.snapshots")
    first.optimize(loss, trials=3)
    s = study(SECOND, backend="fake.snapshots", store=first.store, change_space=DEFAULTS)
    s.optimize(loss, trials=5)
    assert first.store.study("study").definition["space"]["dropout"]["high"] == 0.5  # type: ignore[union-attr]
