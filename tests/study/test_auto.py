"""``auto``: which backend a problem gets, and that the study says so."""

from __future__ import annotations

import logging
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study
from hpo_bridge.config import StudyConfig
from hpo_bridge.plugins import PluginManager
from hpo_bridge.study import open_study
from hpo_bridge.testing import BackendConformance


class TestAuto(BackendConformance):
    backend = "auto"


NUMBERS = Space(x=Float(0, 1), n=Int(1, 9), size=Categorical([1, 2, 4], ordered=True))
CATEGORIES = Space(x=Float(0, 1), kind=Categorical(["a", "b"]))
CONDITIONS = Space(n=Int(1, 2), x=Float(0, 1, when={"n": 1}))
VECTORS = Space(w=Float(0, 1, shape=[3]))
TWO = {"a": "minimize", "b": "minimize"}
RULES = [
    (VECTORS, {}, "core.random", "rule 1: it has vectors"),
    (NUMBERS, {"directions": TWO}, "optuna.tpe", "rule 2: it has several objectives"),
    (CATEGORIES, {}, "optuna.tpe", "rule 3: it has one objective"),
    (NUMBERS, {}, "optuna.tpe", "rule 3: it has one objective"),
    (CONDITIONS, {}, "optuna.tpe", "rule 3: it has one objective"),
]


def installed(*names: str) -> PluginManager:
    points = metadata.entry_points(group="hpo_bridge")
    return PluginManager([point for point in points if point.name in names])


@pytest.mark.parametrize(("space", "more", "backend", "words"), RULES)
def test_the_first_rule_that_holds_is_taken_and_recorded(
    space: Space, more: Any, backend: str, words: str, tmp_path: Path,
    caplog: pytest.LogCaptureFixture, kept_remarks: Any,
) -> None:  # fmt: skip
    url = f"sqlite:///{tmp_path}/s.db"
    losses = {"a": 1.0, "b": 2.0} if more else 1.0
    with caplog.at_level(logging.INFO):
        for trials in (2, 3):
            with Study(space, backend="auto", seed=1, store=url, name="s", **more) as study:
                study.optimize(lambda trial: losses, trials=trials)
                assert {trial.backend for trial in study.trials} == {backend}
    said = [record for record in caplog.records if "auto" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.INFO]
    assert f"{backend} by {words}" in said[0].getMessage()
    kept = kept_remarks(url)
    assert len(kept) == 1
    assert f"{backend} by {words}" in kept[0]


def test_another_library_does_if_the_first_is_not_there() -> None:
    config = StudyConfig(CATEGORIES, backend="auto", plugins=installed("core", "hyperopt"))
    with open_study(config) as study:
        study.optimize(lambda trial: 1.0, trials=1)
        assert study.trials[0].backend == "hyperopt.tpe"


def test_without_any_optimizer_it_is_random_search_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        config = StudyConfig(NUMBERS, backend="auto", seed=1, plugins=installed("core"))
        with open_study(config) as study:
            study.optimize(lambda trial: 1.0, trials=1)
            assert study.trials[0].backend == "core.random"
    (record,) = caplog.records
    assert 'pip install "hpo-bridge[optuna]"' in record.getMessage()


def test_it_proposes_what_the_backend_does() -> None:
    found = []
    for backend in ("auto", "optuna.tpe"):
        with Study(CATEGORIES, backend=backend, seed=4) as study:
            study.optimize(lambda trial: trial["x"], trials=20)
            found.append([trial.params for trial in study.trials])
    assert found[0] == found[1]
