"""Checks of option values."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from hpo_bridge.contracts.options import Range, flag, number, one_of, whole, with_options


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


@dataclass(frozen=True, kw_only=True)
class Base:
    size: Annotated[int, Range(2)] = 20
    rate: Annotated[float | None, Range(0, 1)] = None
    seed: Any = None

    def __post_init__(self) -> None:
        if self.size == 13:
            raise ValueError("size: found 13, expected another")


@dataclass(frozen=True, kw_only=True)
class Declared(Base):
    size: Annotated[int, Range(2, most=99)] = 30
    kind: Literal["sobol", "halton"] = "sobol"
    kappa: Annotated[float | Literal["inf"], Range(above=0)] = 1.5
    flat: bool | None = None
    given: int | Mapping[str, int] | None = None


@with_options(Declared)
class Built:
    def __init__(self, problem: str, options: Declared) -> None:
        self.problem, self.options = problem, options


def test_options_of_a_dataclass_are_keyword_arguments() -> None:
    parameters = inspect.signature(Built).parameters
    names = ["problem", "size", "kind", "kappa", "flat", "given", "rate", "seed"]
    assert list(parameters) == names
    assert {p.default for n, p in parameters.items() if n == "size"} == {30}
    assert all(p.kind is p.KEYWORD_ONLY for n, p in parameters.items() if n != "problem")
    built: Any = Built("p", size=np.int64(3), kappa="inf", given={"a": 3}, rate=1)  # type: ignore[call-arg]
    assert built.problem == "p"
    assert built.options == Declared(size=3, kappa="inf", given={"a": 3}, rate=1)
    assert type(built.options.size) is int


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": 1}, ValueError, "size: found 1, expected at least 2"),
        ({"size": 100}, ValueError, "size: found 100, .* at most 99"),
        ({"size": 13}, ValueError, "size: found 13"),
        ({"size": None}, TypeError, "size: found None, expected an integer"),
        ({"size": 3.0}, TypeError, "size: found 3.0, expected an integer"),
        ({"rate": 1.5}, ValueError, "rate: found 1.5"),
        ({"rate": "x"}, TypeError, "rate: found 'x', expected a number"),
        ({"kind": "sobul"}, ValueError, "kind: found 'sobul', expected one of .*did you mean"),
        ({"kind": 3}, TypeError, "kind: found 3, expected one of sobol, halton"),
        ({"kappa": "info"}, ValueError, "kappa: found 'info', expected one of inf"),
        ({"kappa": 0}, ValueError, "kappa: found 0, .* more than 0"),
        ({"flat": 1}, TypeError, "flat: found 1, expected true or false"),
        ({"siz": 1}, TypeError, "siz"),
    ],
)
def test_options_of_a_dataclass_are_checked(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Built("p", **options)
