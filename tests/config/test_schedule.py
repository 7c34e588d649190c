"""A list of backends in a study file, and earlier studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from hpo_bridge.config import StudyFile

Load = Callable[..., StudyFile]
Refused = Callable[..., list[str]]
FIRST = {"name": "core.random", "trials": 20}


def walk(**keys: Any) -> dict[str, Any]:
    return {"name": "acme.walk", "pace": 0.25, "handover": "ignore", **keys}


def test_a_schedule_is_loaded(load: Load, good: dict[str, Any]) -> None:
    file = load(good | {"backend": [FIRST, walk(trials=5), "core.random"]})
    assert tuple(map(asdict, file.config.schedule)) == (
        {"name": "core.random", "options": {}, "trials": 20, "handover": "tell"},
        {"name": "acme.walk", "options": {"pace": 0.25}, "trials": 5, "handover": "ignore"},
        {"name": "core.random", "options": {}, "trials": None, "handover": "tell"},
    )
    assert file.backend == "core.random"
    (alone,) = load(good).config.schedule
    assert asdict(alone) == {
        "name": "acme.walk", "options": {"pace": 0.5}, "trials": None, "handover": "tell",
    }  # fmt: skip


def test_a_warm_start_needs_a_backend_that_learns_from_it(
    good: dict[str, Any], refused: Refused
) -> None:
    (line,) = refused(good | {"backend": "zen.deaf"})
    assert line.startswith("study.yaml: backend: backend 'zen.deaf' learns from its own trials")
    assert "(acme.walk, auto, hybrid, portfolio)" in line
    assert "would ignore the trials of the warm start" in line


def test_a_backend_of_the_command_line_takes_its_place(
    load: Load, good: dict[str, Any], refused: Refused
) -> None:
    schedule = [FIRST, walk()]
    (only,) = load(good | {"backend": schedule}, backend="core.random").config.schedule
    assert (only.name, only.trials) == ("core.random", None)
    file = load(
        good | {"backend": schedule}, overrides=["backend.0.trials=7", "backend.1.pace=0.5"]
    )
    assert file.config.schedule[0].trials == 7
    assert file.config.schedule[1].options == {"pace": 0.5}
    file = load(good | {"backend": [FIRST, "core.random"]}, overrides=["backend.1.trials=4"])
    assert file.config.schedule[1].trials == 4
    lines = refused(good | {"backend": schedule}, overrides=["backend.1.trials=none"])
    assert lines == [
        "--set: backend.1.trials: found 'none', expected a whole number from 1 to 1000000000"
    ]


def test_a_last_entry_with_an_end_needs_no_budget(
    load: Load, good: dict[str, Any], refused: Refused
) -> None:
    del good["budget"]
    assert load(good | {"backend": [FIRST, walk(trials=3)]}).trials is None
    assert load(good | {"backend": [FIRST]}).trials is None
    (line,) = refused(good | {"backend": [FIRST, walk()]})
    assert line.startswith("study.yaml: budget: is missing")


@pytest.mark.parametrize(
    ("backend", "line"),
    [
        ([], "backend: found [], expected a name such as core.random, {name: …, options: {…}}, "
         "or a list of such"),
        ([FIRST, 3], "backend.1: found 3, expected a name such as core.random, or "
         "{name: …, options: {…}}"),
        (3, "backend: found 3, expected a name such as core.random, {name: …, options: {…}}, or "
         "a list of such"),
        ([{"trials": 3}, "core.random"], "backend.0.name: is missing, expected a name"),
        ([{**FIRST, "trials": 0}, "core.random"],
         "backend.0.trials: found 0, expected a whole number from 1 to 1000000000"),
        ([{**FIRST, "trials": True}, "core.random"],
         "backend.0.trials: found true, expected a whole number from 1 to 1000000000"),
        (["core.random", "core.random"],
         "backend.0.trials: is missing, expected a whole number: the next one would never begin"),
        ([FIRST, walk(handover="tel")],
         "backend.1.handover: found 'tel', expected tell or ignore (did you mean 'tell'?)"),
        ({"name": "acme.walk", "handover": 1},
         "backend.handover: found 1, expected tell or ignore"),
        ([FIRST, {"name": "core.random", "options": 3}],
         "backend.1.options: found 3, expected a mapping"),
    ],
)  # fmt: skip
def test_wrong_schedules(good: dict[str, Any], refused: Refused, backend: Any, line: str) -> None:
    assert refused(good | {"backend": backend}) == [f"study.yaml: {line}"]


def test_what_plugins_say_of_an_entry(good: dict[str, Any], refused: Refused) -> None:
    (line,) = refused(good | {"backend": [FIRST, walk(pace=-1.0)]})
    assert line == "study.yaml: backend.1.pace: found -1.0; expected a number above 0"
    (line,) = refused(good | {"backend": [FIRST, "core.randm"]})
    assert line.startswith("study.yaml: backend.1: ")
    assert "did you mean 'core.random'" in line
    (line,) = refused(good | {"backend": [FIRST, "core.grid"]})
    assert line.startswith("study.yaml: backend.1: parameter 'lr': is continuous")
    (line,) = refused(good | {"backend": [FIRST, {"name": "zen.deaf"}]})
    assert line.startswith("study.yaml: backend.1: backend 'zen.deaf' learns from its own trials")
    assert "handover: ignore" in line


# -- warm_start -------------------------------------------------------------------------------


def test_earlier_studies_are_loaded(load: Load, good: dict[str, Any], folder: Any) -> None:
    earlier = {"store": "sqlite:///old.db", "study": "old", "map": {"lr": "rate"}}
    file = load(good | {"warm_start": [earlier, {"study": "demo2"}]})
    assert file.config.warm_start == (
        {**earlier, "store": f"sqlite:///{folder}/old.db"}, {"study": "demo2"},
    )  # fmt: skip
    del good["warm_start"]
    assert load(good).config.warm_start == ()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("old", "warm_start: found 'old', expected a list such as [{store: sqlite:///old.db, "
         "study: name}]"),
        ([3], "warm_start.0: found 3, expected a mapping such as {store: sqlite:///old.db, "
         "study: name}"),
        ([{}], "warm_start.0.study: is missing, expected a name"),
        ([{"study": "a", "mpa": {}}],
         "warm_start.0.mpa: unknown key, accepted: study, store, map, values, ignore (did you "
         "mean 'map'?)"),
        ([{"study": "a", "values": {"value": 3}}],
         "warm_start.0.values.value: found 3, expected an objective's name there, or -NAME"),
        ([{"study": "a", "map": {"lr": []}}], "warm_start.0.map.lr: found [], expected a name, an "
         "expression, {value: …} or {from: …, value: …}"),
        ([{"study": "a", "store": "mysql://x"}], "warm_start.0.store: "),
    ],
)  # fmt: skip
def test_wrong_earlier_studies(
    good: dict[str, Any], refused: Refused, given: Any, line: str
) -> None:
    (found,) = refused(good | {"warm_start": given})
    assert found.startswith(f"study.yaml: {line}")


def test_defaults_of_new_parameters(load: Load, good: dict[str, Any], refused: Refused) -> None:
    assert load(good | {"defaults": {"lr": 0.01}}).defaults == {"lr": 0.01}
    (line,) = refused(good | {"defaults": {"layer": 1}})
    assert (
        line == "study.yaml: defaults.layer: is no parameter of the space (did you mean 'layers'?)"
    )
    (line,) = refused(good | {"defaults": [1]})
    assert line == "study.yaml: defaults: found [1], expected a mapping such as {dropout: 0.0}"
