"""Errors are data: problem, path and fix, and a text that is made of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import hpo_bridge as hpo
from hpo_bridge import errors
from hpo_bridge.config import StudyConfig
from hpo_bridge.contracts.options import one_of, whole
from hpo_bridge.errors import ConfigError, HpoBridgeError, InvalidOptions, TooManyFailures
from hpo_bridge.plugins import PluginManager
from hpo_bridge.study import open_study

Load = Callable[..., Any]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]
ERRORS = [kind for kind in KINDS if issubclass(kind, HpoBridgeError)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: str(kind.__name__))
def test_every_error_keeps_its_data_when_it_is_copied(kind: type[HpoBridgeError]) -> None:
    made = TooManyFailures("s", "ten failed", "x") if kind is TooManyFailures else kind("a fault")
    below = made.under("backend", 0)
    for error in (below, pickle.loads(pickle.dumps(below)), copy.copy(below)):
        assert type(error) is kind
        assert (error.problem, error.path) == (made.problem, ("backend", "0"))
        assert str(error) == str(below)
    assert made.path == ()


def test_a_text_is_made_of_path_problem_and_fix() -> None:
    error = HpoBridgeError("needs pandas", "format", fix="pip install pandas")
    assert str(error) == "format: needs pandas; pip install pandas"
    assert str(error.under("export")) == "export.format: needs pandas; pip install pandas"


def test_a_name_with_dots_is_one_key() -> None:
    space = hpo.Space({"model.lr": hpo.Float(0, 1)})
    with pytest.raises(hpo.SpaceError) as caught:
        space.check({"model.lr": 2})
    assert (caught.value.path, caught.value.kind) == (("model.lr",), "outside the range")


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"seed": -1}, ("seed",)),
        ({"direction": "up"}, ("direction",)),
        ({"duplicates": "drop"}, ("duplicates",)),
        ({"backend": [{"name": "core.random", "trials": 0}]}, ("backend", "0", "trials")),
        ({"backend": {"name": "core.random", "pace": 1}}, ("backend", "pace")),
        ({"backend": "core.rand"}, ("backend",)),
        ({"pruner": "folds2"}, ("pruner",)),
        ({"observers": [3]}, ("observers", "0")),
        ({"warm_start": [{"study": ""}]}, ("warm_start", "0", "study")),
        ({"warm_start": [{"study": "old", "map": {"model.lr": 3}}]},
         ("warm_start", "0", "map", "model.lr")),
        ({"change_space": {"y": 1}}, ("change_space", "y")),
    ],
)  # fmt: skip
def test_arguments_of_a_study_have_paths(
    arguments: dict[str, Any], path: tuple[str, ...], plugins: PluginManager
) -> None:
    with pytest.raises(HpoBridgeError) as caught:
        open_study(StudyConfig(hpo.Space(x=hpo.Float(0, 1)), plugins=plugins, **arguments))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("key", "value", "path"),
    [
        ("seed", -1, ("seed",)),
        ("backend", {"name": "acme.walk", "options": {"pace": 0}}, ("backend", "options", "pace")),
        ("backend", {"name": "acme.walk", "speed": 3}, ("backend", "speed")),
        ("runner", {"name": "acme-pool", "workers": 0}, ("runner", "workers")),
        ("objective", {"command": ["{nothing}"]}, ("objective", "command")),
        ("objective", "none.py:train", ("objective",)),
        ("selection", {"simplest": ["+"], "rule": "one_standard_error"},
         ("selection", "simplest", "0")),
        ("warm_start", [{"study": "old", "ignore": [3]}], ("warm_start", "0", "ignore", "0")),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_has_its_path(
    load: Load, good: dict[str, Any], key: str, value: Any, path: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(good | {key: value})
    assert [error.path for error in caught.value.errors] == [path]
    (line,) = caught.value.problems
    assert line == f"study.yaml: {'.'.join(path)}: {caught.value.errors[0].problem}"


def test_options_are_refused_with_their_names() -> None:
    with pytest.raises(InvalidOptions) as small:
        whole("population", 1, least=2)
    with pytest.raises(InvalidOptions) as other:
        one_of("mate", "two", ["one_point"])
    assert (small.value.path, other.value.path) == (("population",), ("mate",))
