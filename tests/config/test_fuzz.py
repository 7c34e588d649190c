"""Whatever a study file holds, loading it gives a study or a ConfigError."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hpo_bridge.config import load_study_file
from hpo_bridge.errors import ConfigError
from hpo_bridge.plugins import PluginManager

WORDS = st.sampled_from(
    [
        "", "lr", "sgd", "float", "int", "categorical", "objective.py:train", "core.grid", "5m",
        "inline", "acme-pool", "layers * 2 < 4", "sqlite:///x.db", "maximize", "name", "options",
        "type", "choices", "when", "\x00", "a\nb", "\ud800", "é", "{a}", "x" * 300,
    ]
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 2, 2**31, 2**53, 2**64, 10**390, 0.5, 1e-320, 1e308, -1e308])
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
SETTINGS = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def holders(value: Any) -> Iterator[Any]:
    """Every mapping and list in a file's data."""
    if isinstance(value, (dict, list)):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from holders(item)


def mutate(data: Any, draw: Any) -> None:
    holder = draw(st.sampled_from(list(holders(data))))
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    kind = draw(st.sampled_from(["set", "delete", "rename", "add"]))
    if kind == "add" or not keys:
        if isinstance(holder, dict):
            holder[draw(WORDS)] = draw(VALUES)
        else:
            holder.append(draw(VALUES))
        return
    key = draw(st.sampled_from(keys))
    if kind == "set":
        holder[key] = draw(VALUES)
    elif kind == "delete" or isinstance(holder, list):
        del holder[key]
    else:
        holder[draw(WORDS)] = holder.pop(key)


def loaded(folder: Path, plugins: PluginManager, content: str, overrides: list[str]) -> None:
    path = folder / "study.yaml"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    try:
        load_study_file(path, plugins=plugins, overrides=overrides)
    except ConfigError as error:
        problems = error.problems
    else:
        problems = ("none",)
    assert problems
    assert all(line.isprintable() for line in problems)
    assert {p.name for p in folder.iterdir()} == {"study.yaml", "objective.py"}


@SETTINGS
@given(data=st.data())
def test_mutated_data(
    data: st.DataObject, folder: Path, plugins: PluginManager, good: dict[str, Any]
) -> None:
    mutated = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 3))):
        mutate(mutated, data.draw)
    loaded(folder, plugins, json.dumps(mutated), [])


@SETTINGS
@given(data=st.data())
def test_mutated_text(
    data: st.DataObject, folder: Path, plugins: PluginManager, good: dict[str, Any]
) -> None:
    text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in good.items())
    signs = st.sampled_from([*"\t\n -?:,[]{}#&*!|>'\"%@`0e.~<", "\n---\n", "\x00", "\ud800"])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 3))
        text = text[:start] + data.draw(signs) + text[start + length :]
    loaded(folder, plugins, text, [])


@SETTINGS
@given(
    start=st.sampled_from(
        ["", "space.", "backend.", "runner.options.", "constraints.", "budget."]
    ),
    path=st.lists(WORDS, min_size=1, max_size=3),
    value=VALUES,
)
@example(start="", path=["\udcff"], value=1)
def test_any_override(
    start: str,
    path: list[str],
    value: Any,
    folder: Path,
    plugins: PluginManager,
    good: dict[str, Any],
) -> None:
    assignment = f"{start}{'.'.join(path)}={json.dumps(value)}"
    loaded(folder, plugins, json.dumps(good), [assignment])


@SETTINGS
@given(content=st.binary(max_size=60))
def test_any_bytes(content: bytes, folder: Path, plugins: PluginManager) -> None:
    path = folder / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_study_file(path, plugins=plugins)
