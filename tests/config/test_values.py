"""Durations, plain scalars of YAML 1.2, and the reference of all keys."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hpo_bridge.config import parse_duration, reference_rows
from hpo_bridge.config.models import SECTION_LISTS, SECTIONS, StudyModel
from hpo_bridge.config.problems import Problems, one_line
from hpo_bridge.config.yaml_file import parse_yaml
from hpo_bridge.objectives.command import KEYS as COMMAND_KEYS
from hpo_bridge.space.plain import KINDS


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90s", 90), ("20m", 1200), ("1h30m", 5400), ("2d", 172_800), ("1h 30m", 5400),
        ("500ms", 0.5), ("1.5h", 5400), ("5min", 300), ("1d2h3m4s5ms", 93_784.005),
        (90, 90), (0.5, 0.5), ("90", 90), (" 90 s ", 90),
    ],
)  # fmt: skip
def test_durations(value: Any, seconds: float) -> None:
    assert parse_duration(value) == pytest.approx(seconds, rel=1e-12)
    assert type(parse_duration(value)) is float


@pytest.mark.parametrize(
    "value",
    [
        0, -1, math.nan, math.inf, -math.inf, 10**400, -(10**400), True, None, [], {}, b"5m", "",
        "m", "5,5", "5 5m", "5x", "-5m", "1e3s", "5m5m", "5m5min", "30s1m", "٣s", "9" * 50 + "s",
    ],
)  # fmt: skip
def test_what_is_no_duration(value: Any) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(value)


def plain_scalar(text: str) -> Any:
    """The value of an unquoted scalar in a file."""
    return parse_yaml(f"x: {text}\n", Problems("x"))["x"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1E3", 1000.0), (".5", 0.5), ("-1.", -1.0), ("+3", 3), ("017", 17),
        ("0o17", 15), ("0x1F", 31), ("-.inf", -math.inf), (".INF", math.inf), ("null", None),
        ("~", None), ("", None), ("true", True), ("FALSE", False),
        (str(10**50), 10**50), ("2_3", "2_3"),
    ],
)  # fmt: skip
def test_scalars_of_yaml_1_2(text: str, value: Any) -> None:
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "no", "yes", "on", "Off", "y", "1_000", "1:30", "2024-01-01", "tRUE", "nan", "inf", "1e",
        "0b1", "0x", "+-1", "_", "-_", "9" * 401, ".", "e5", "-0x1F", "٣", "=", "<<",
    ],
)  # fmt: skip
def test_strings_of_yaml_1_2(text: str) -> None:
    assert plain_scalar(text) == text


def test_nan() -> None:
    assert math.isnan(plain_scalar(".nan"))


def test_quoted_and_block_scalars_are_strings() -> None:
    text = "a: '1'\nb: \"true\"\nc: |\n  3\nd: !x\n"
    with pytest.raises(Exception, match="tags are not allowed"):
        parse_yaml(text, Problems("x"))
    assert parse_yaml(text[:-6], Problems("x")) == {"a": "1", "b": "true", "c": "3\n"}


def test_merges_give_way_to_own_keys_and_earlier_ones() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\nd: {'<<': 1}\n"
    data = parse_yaml(text, Problems("x"))
    assert data["c"] == {"x": 1, "y": 1, "z": 3}
    assert data["d"] == {"<<": 1}


def test_one_line() -> None:
    assert one_line("a\n b\t\x1b[31m\ud800") == "a b \\x1b[31m\\ud800"
    assert len(one_line("x" * 10_000)) == 800


def test_the_reference_has_every_key_in_words() -> None:
    rows = {row.key: row for row in reference_rows()}
    keys = {*StudyModel.model_fields}
    for section, model in SECTIONS.items():
        keys |= {f"{section}.{key}" for key in model.model_fields}
    for section, model in SECTION_LISTS.items():
        keys |= {f"{section}.N.{key}" for key in model.model_fields}
    for _, required, optional in KINDS.values():
        keys |= {f"space.NAME.{key}" for key in ("type", *required, *optional)}
    keys |= {"space.NAME.constant", *(f"objective.{key}" for key, *_ in COMMAND_KEYS)}
    assert set(rows) == keys
    for row in rows.values():
        assert row.type
        assert row.default
        assert row.meaning.endswith((".", "`"))
    assert rows["objective"].default == "required"
    assert rows["budget.time"].default == "no limit"
