"""Keys and options of other tools in a study file: named as they are here."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("change", "path", "here"),
    [
        ({"n_trials": 9}, "n_trials", "budget.trials"), ({"sampler": "tpe"}, "sampler", "backend"),
        ({"search_space": {}}, "search_space", "space"),
        ({"timeout": 9}, "timeout", "budget.time"),
        ({"metric": "loss"}, "metric", "direction"), ({"goal": "minimize"}, "goal", "direction"),
        ({"storage": "x"}, "storage", "store"), ({"n_jobs": 2}, "n_jobs", "the option workers"),
        ({"budget": {"max_evals": 9}}, "budget.max_evals", "budget.trials"),
        ({"runner": {"name": "inline", "n_trials": 9}}, "runner.n_trials", "budget.trials"),
        ({"runner": {"name": "inline", "timeout": 9}}, "runner.timeout", "budget.time"),
        ({"space": {"x": {"type": "uniform", "low": 0, "high": 1}}}, "space.x.type", "float"),
        ({"space": {"x": {"type": "float", "low": 0, "high": 1, "q": 0.1}}}, "space.x.q", "step"),
        ({"space": {"x": {"type": "int", "lower": 0, "high": 1}}}, "space.x.lower", "low"),
        ({"executor": "ray"}, "executor", "runner"), ({"name": "x"}, "name", "study"),
        ({"n_startup_trials": 9}, "n_startup_trials", "an option of the backend"),
        ({"runner": {"name": "inline", "seed": 9}}, "runner.seed", "seed in a study file"),
        ({"backend": [{"name": "acme.walk", "trials": 3, "timeout": 2}, "core.random"]},
         "backend.0.timeout", "budget.time"),
        ({"backend": ["acme.walk", {"name": "core.random", "options": {"n_jobs": 2}}]},
         "backend.1.options.n_jobs", "the option workers"),
        ({"space": {"x": {"distribution": "uniform", "type": "float", "low": 0, "high": 1}}},
         "space.x.distribution", "type"),
        ({"space": {"x": {"type": "categorical", "values": [1]}}}, "space.x.values", "choices"),
    ],
)  # fmt: skip
def test_a_key_of_another_tool_is_named_as_it_is_here(
    refused: Any, good: dict[str, Any], change: dict[str, Any], path: str, here: str
) -> None:
    keep = {key: good[key] for key in ("study", "objective", "space", "budget")}
    lines = refused(keep | change)
    (line,) = (line for line in lines if line.startswith(f"study.yaml: {path}: "))
    assert "(here it is " in line
    assert here in line.partition("(here it is ")[2]
