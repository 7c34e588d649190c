"""Checks of option values."""

from __future__ import annotations

import math

import pytest

from hpo_bridge.contracts.options import flag, number, one_of, whole


def test_what_is_right_comes_back() -> None:
    assert (whole("n", 3), whole("n", -3), whole("n", 3, 3)) == (3, -3, 3)
    assert (number("x", 1), number("x", 0.5, 0, 1), number("x", 1e-9, above=0)) == (1, 0.5, 1e-9)
    assert flag("f", False) is False
    assert one_of("w", "b", {"a": 1, "b": 2}) == "b"


@pytest.mark.parametrize("value", [None, True, "3", 3.0, [3]])
def test_no_integer(value: object) -> None:
    with pytest.raises(TypeError, match=r"^n: found .*, expected an integer$"):
        whole("n", value)


@pytest.mark.parametrize("value", [None, False, "3", [3], 1j])
def test_no_number(value: object) -> None:
    with pytest.raises(TypeError, match=r"^x: found .*, expected a number$"):
        number("x", value)


@pytest.mark.parametrize(
    ("value", "bounds", "expected"),
    [
        (math.nan, {}, "a finite number"), (math.inf, {}, "a finite number"),
        (-math.inf, {"most": 1}, "a finite number, at most 1"),
        (0, {"least": 1}, "a finite number, at least 1"),
        (0, {"above": 0}, "a finite number, more than 0"),
        (1.5, {"least": 0, "most": 1}, "a finite number, at least 0 and at most 1"),
    ],
)  # fmt: skip
def test_a_number_out_of_range(value: float, bounds: dict[str, float], expected: str) -> None:
    with pytest.raises(ValueError, match=f"^x: found {value}, expected {expected}$"):
        number("x", value, **bounds)


def test_too_small() -> None:
    with pytest.raises(ValueError, match=r"^n: found 1, expected at least 2$"):
        whole("n", 1, least=2)


def test_no_flag_and_no_name() -> None:
    with pytest.raises(TypeError, match=r"^f: found 1, expected true or false$"):
        flag("f", 1)
    with pytest.raises(TypeError, match=r"^w: found 1, expected one of ant, bee$"):
        one_of("w", 1, ["ant", "bee"])
    with pytest.raises(ValueError, match=r"^w: found 'be', expected one of ant, bee \(did you"):
        one_of("w", "be", ["ant", "bee"])
