"""Parameters: bounds, the unit interval, distributions, exact values."""

from __future__ import annotations

import decimal
import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpo_bridge.errors import SpaceError
from hpo_bridge.space import Categorical, Float, Int

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
positive = st.floats(min_value=5e-324, max_value=1.7e308)
unit = st.floats(0.0, 1.0)
whole = st.integers(-(2**47) + 1, 2**47)  # at most 2**48 values


def path_of(build: Any) -> tuple[str, ...]:
    with pytest.raises(SpaceError) as caught:
        build()
    assert "\n" not in str(caught.value)
    return caught.value.path


# -- the unit interval ----------------------------------------------------------------


@given(finite, finite, unit)
def test_floats_come_back(a: float, b: float, u: float) -> None:
    low, high = min(a, b), max(a, b)
    if not math.isfinite(high - low):
        assert path_of(lambda: Float(low, high)) == ("high",)
        return
    parameter = Float(low, high)
    assert parameter.decode(0.0) == parameter.decode(-1.0) == low
    if parameter.size is None:
        assert parameter.decode(1.0) == parameter.decode(2.0) == high
        assert parameter.decode(parameter.encode(high)) == high
    assert parameter.decode(parameter.encode(low)) == low
    value = parameter.decode(u)
    assert low <= value <= high
    assert type(value) is float
    assert parameter.check(value) == value
    back = parameter.decode(parameter.encode(value))
    assert abs(back - value) <= max(1e-15 * (high - low), 4 * math.ulp(max(abs(low), abs(high))))


@given(positive, positive, unit)
def test_log_floats_come_back(a: float, b: float, u: float) -> None:
    low, high = min(a, b), max(a, b)
    parameter = Float(low, high, log=True)
    assert parameter.decode(0.0) == parameter.decode(parameter.encode(low)) == low
    if parameter.size is None:
        assert parameter.decode(1.0) == parameter.decode(parameter.encode(high)) == high
    value = parameter.decode(u)
    assert low <= value <= high
    assert 0.0 <= parameter.encode(value) <= 1.0
    back = parameter.decode(parameter.encode(value))
    assert back == pytest.approx(value, rel=1e-12, abs=1e-320)
    assert parameter.check(value) == value


@given(
    st.integers(-(10**6), 10**6), st.integers(1, 10**6), st.integers(0, 12), st.integers(0, 999)
)
def test_each_grid_value_is_exact_as_written(low: int, step: int, places: int, count: int) -> None:
    def written(number: int) -> float:
        return float(decimal.Decimal(number).scaleb(-places))

    parameter = Float(written(low), written(low + count * step), step=written(step))
    assert parameter.size == count + 1
    for index in {0, 1, count // 2, count} & set(range(count + 1)):
        value = parameter.grid(index)
        assert value == written(low + index * step)
        assert parameter.decode(parameter.encode(value)) == value
        assert parameter.check(value) == value
        assert parameter.check(written(low) + index * written(step)) == value  # rounded
    assert parameter.decode(0.0) == written(low)
    assert parameter.decode(1.0) == written(low + count * step)


@given(whole, whole, st.data())
def test_ints_come_back(a: int, b: int, data: st.DataObject) -> None:
    low, high = min(a, b), max(a, b)
    parameter = Int(low, high)
    for value in (low, high, data.draw(st.integers(low, high))):
        assert parameter.decode(parameter.encode(value)) == value
        assert type(parameter.decode(parameter.encode(value))) is int
        assert parameter.check(value) == value
    assert (parameter.decode(0.0), parameter.decode(1.0)) == (low, high)
    assert parameter.size == high - low + 1


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6), st.integers(0, 10**6), st.data())
def test_stepped_ints_come_back(low: int, step: int, count: int, data: st.DataObject) -> None:
    parameter = Int(low, low + count * step, step=step)
    value = low + data.draw(st.integers(0, count)) * step
    assert parameter.decode(parameter.encode(value)) == value == parameter.check(value)
    assert (parameter.decode(0), parameter.decode(1)) == (low, low + count * step)
    assert parameter.size == count + 1


@given(st.integers(1, 2**40), st.integers(1, 2**40), st.data())
def test_log_ints_come_back(a: int, b: int, data: st.DataObject) -> None:
    low, high = min(a, b), max(a, b)
    parameter = Int(low, high, log=True)
    for value in (low, high, data.draw(st.integers(low, high))):
        assert parameter.decode(parameter.encode(value)) == value
    assert (parameter.decode(0.0), parameter.decode(1.0)) == (low, high)


CHOICES: list[Any] = [
    None, True, False, 1, 1.0, 0, 0.0, -0.0, "1", "true", "null", "", [], [1], [1.0], [True],
    [[1]], ["1", None], [1, 2], "é\u2028", 1e308, -3,
]  # fmt: skip


@given(st.lists(st.sampled_from(range(len(CHOICES))), unique=True, min_size=1), unit)
def test_choices_are_kept_apart(which: list[int], u: float) -> None:
    choices = [CHOICES[i] for i in which]
    parameter = Categorical(choices)
    for index, choice in enumerate(choices):
        found = parameter.decode(parameter.encode(choice))
        assert (type(found), repr(found)) == (type(choice), repr(choice))
        assert parameter.index(choice) == index
        assert repr(parameter.check(choice)) == repr(choice)
    assert any(repr(parameter.decode(u)) == repr(choice) for choice in choices)
    for other in CHOICES:
        if not any(repr(other) == repr(choice) for choice in choices):
            with pytest.raises(SpaceError, match="is not one of the choices"):
                parameter.check(other)


@pytest.mark.parametrize(
    "parameter",
    [
        Float(3.5, 3.5), Float(3.5, 3.5, log=True), Float(3.5, 3.5, step=1), Int(4, 4),
        Int(4, 4, log=True), Int(4, 4, step=3), Categorical(["only"]),
    ],
)  # fmt: skip
def test_a_single_value(parameter: Any) -> None:
    only = parameter.decode(0.0)
    assert parameter.size == 1
    for u in (0.0, 0.3, 1.0):
        assert parameter.decode(u) == only
    assert 0.0 <= parameter.encode(only) <= 1.0


def test_neighbours_on_a_log_scale() -> None:
    low = 1e300
    parameter = Float(low, math.nextafter(low, math.inf), log=True)
    assert {parameter.decode(u) for u in (0.0, 0.2, 0.8, 1.0)} == {parameter.low, parameter.high}
    assert (parameter.encode(parameter.low), parameter.encode(parameter.high)) == (0.0, 1.0)


def test_numpy_coordinates_give_plain_values() -> None:
    u = np.float64(0.3)
    space = [
        Float(0, 1),
        Float(1, 2, log=True),
        Float(0, 1, step=0.5),
        Int(0, 9),
        Int(1, 9, log=True),
    ]
    assert [type(p.decode(u)) for p in space] == [float, float, float, int, int]
    assert Categorical(["a", "b"]).decode(u) == "a"


# -- distributions --------------------------------------------------------------------

DRAWS = 20_000
U = [(i + 0.5) / DRAWS for i in range(DRAWS)]  # even: what a uniform u gives, without noise


def frequencies(parameter: Any) -> Counter[Any]:
    return Counter(parameter.decode(u) for u in U)


def chi_square(found: Counter[Any], law: dict[Any, float]) -> float:
    total = sum(law.values())
    assert set(found) <= set(law)
    return sum((found[k] - DRAWS * p / total) ** 2 / (DRAWS * p / total) for k, p in law.items())


def test_linear_is_linear() -> None:
    values = [Float(-3, 5).decode(u) for u in U]
    for share in (0.1, 0.25, 0.5, 0.9):
        assert sum(v < -3 + 8 * share for v in values) == pytest.approx(share * DRAWS, abs=2)


def test_log_is_log() -> None:
    values = [Float(1e-5, 1e-1, log=True).decode(u) for u in U]
    for power in range(-5, -1):
        decade = sum(10**power <= v < 10 ** (power + 1) for v in values)
        assert decade == pytest.approx(DRAWS / 4, abs=3)


@pytest.mark.parametrize(
    "parameter",
    [
        Int(0, 6), Int(-3, 3), Int(10, 70, step=10), Float(0, 0.6, step=0.1),
        Float(-1e-3, -4e-4, step=1e-4), Categorical(list("abcdefg")),
    ],
)  # fmt: skip
def test_each_value_is_equally_likely(parameter: Any) -> None:
    found = frequencies(parameter)
    law = {parameter.grid(i): 1.0 for i in range(7)}
    assert set(found) == set(law)
    assert max(found.values()) - min(found.values()) <= 2  # the ends are no rarer


@pytest.mark.parametrize(("low", "high"), [(1, 8), (1, 1000), (16, 256), (7, 9)])
def test_the_law_of_log_ints(low: int, high: int) -> None:
    found = frequencies(Int(low, high, log=True))
    law = {k: math.log((k + 0.5) / (k - 0.5)) for k in range(low, high + 1)}
    assert chi_square(found, law) < 0.2 * len(law)
    assert found[low] > 0
    assert found[high] > 0
    assert all(found[a] >= found[b] - 1 for a, b in pairwise(range(low, high + 1)))


def test_huge_ranges_reach_both_ends() -> None:
    for parameter in (Int(0, 2**47), Float(0.0, 2.0**40, step=1.0), Float(-8e307, 8e307)):
        assert (parameter.decode(0.0), parameter.decode(1.0)) == (parameter.low, parameter.high)
        assert parameter.low < parameter.decode(0.25) < parameter.decode(0.75) < parameter.high


# -- grids as written -----------------------------------------------------------------


def test_point_three_is_point_three() -> None:
    assert 0.1 + 0.2 != 0.3
    parameter = Float(0, 0.9, step=0.1)
    values = [parameter.grid(i) for i in range(10)]
    assert values == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert parameter.check(0.1 + 0.2) == 0.3
    assert repr(parameter.check(0.1 + 0.2)) == "0.3"


def test_a_step_as_python_computes_it() -> None:
    # 0.1 + 0.2 as written is 0.30000000000000004, and the grid says so.
    parameter = Float(0, 4 * (0.1 + 0.2), step=0.1 + 0.2)
    values = [parameter.grid(i) for i in range(5)]
    assert values == [i * (0.1 + 0.2) for i in range(5)]
    assert parameter.high == parameter.decode(1.0) == parameter.check(parameter.high)
    spread = Float(0, 0.1 + 0.2, step=0.1)  # divides it but for rounding
    assert (spread.size, spread.high, spread.grid(3)) == (4, 0.1 + 0.2, 0.1 + 0.2)


def test_the_grid_does_not_hang_on_the_decimal_context() -> None:
    with decimal.localcontext() as context:
        context.prec = 3
        context.traps[decimal.Inexact] = True
        parameter = Float(0, 1.2345678, step=1e-7)
        assert parameter.size == 12345679
        assert parameter.grid(12345677) == 1.2345677
    wide = Float(1e-12, 1.000000000001, step=0.25)
    assert wide.grid(3) == 0.750000000001


@pytest.mark.parametrize(
    ("build", "highest"),
    [
        (lambda: Float(0, 1, step=0.3), "0.9"), (lambda: Float(0, 1, step=2), "0.0"),
        (lambda: Int(1, 10, step=4), "9"), (lambda: Int(-5, 6, step=10), "5"),
        (lambda: Float(0.1, 0.95, step=0.1), "0.9"),
    ],
)  # fmt: skip
def test_a_step_that_does_not_divide(build: Any, highest: str) -> None:
    with pytest.raises(SpaceError, match=f"the highest value it reaches is {highest}$") as caught:
        build()
    assert caught.value.path == ("step",)


# -- declarations that are wrong -------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "path"),
    [
        (lambda: Float(1, 0), "low"), (lambda: Int(1, 0), "low"),
        (lambda: Float(0, 1, log=True), "low"), (lambda: Float(-1, 1, log=True), "low"),
        (lambda: Int(0, 5, log=True), "low"), (lambda: Int(1, 2**41, log=True), "high"),
        (lambda: Float("0", 1), "low"), (lambda: Float(0, None), "high"),
        (lambda: Float(True, 2), "low"), (lambda: Float(0, math.inf), "high"),
        (lambda: Float(math.nan, 1), "low"), (lambda: Float(-1.7e308, 1.7e308), "high"),
        (lambda: Float(0, 10**400), "high"), (lambda: Int(0.5, 2), "low"),
        (lambda: Int(0, 2**53 + 1), "high"), (lambda: Int(0, math.nan), "high"),
        (lambda: Int(-(2**53), 2**53), "high"), (lambda: Int(0, 4, step=0), "step"),
        (lambda: Int(0, 4, step=1.5), "step"), (lambda: Float(0, 1, step=-0.1), "step"),
        (lambda: Float(1, 2, step=0.5, log=True), "step"),
        (lambda: Int(1, 4, step=1, log=True), "step"), (lambda: Float(0, 1, log=1), "log"),
        (lambda: Float(0, 1e30, step=0.1), "step"), (lambda: Float(1e16, 2e16, step=0.5), "step"),
        (lambda: Float(0, 1, step=1e-300), "step"), (lambda: Categorical([]), "choices"),
        (lambda: Categorical("abc"), "choices"), (lambda: Categorical({"a": 1}), "choices"),
        (lambda: Categorical(["a"], ordered="yes"), "ordered"),
        (lambda: Categorical(["a", "b", "a"]), "choices.2"),
        (lambda: Categorical([[1], [1]]), "choices.1"),
        (lambda: Categorical([math.nan]), "choices.0"), (lambda: Categorical([(1,)]), "choices.0"),
        (lambda: Categorical([1, {"a": 1}]), "choices.1"),

        (lambda: Categorical([[1, math.inf]]), "choices.0"),
    ],
)  # fmt: skip
def test_wrong_declarations(build: Any, path: str) -> None:
    assert ".".join(path_of(build)) == path


def test_declarations_do_not_change_with_the_callers_lists() -> None:
    choices: list[Any] = [[1], [2]]
    when = {"other": [1]}
    parameter = Categorical(choices, when=when)
    choices[0].append(9)
    when["other"].append(2)
    parameter.decode(0.0).append(3)
    parameter.to_plain()["choices"][1].append(4)
    assert parameter.choices == ([1], [2])
    assert parameter.when == {"other": [1]}


def test_equality() -> None:
    assert Float(0, 1) == Float(0.0, 1.0) != Float(0, 1, step=0.5)
    assert Categorical([1]) != Categorical([True])
    assert Categorical([1]) != Categorical([1.0])
    assert Categorical([1, 2]) == Categorical((1, 2)) != Categorical([2, 1])
    assert len({Int(0, 1), Int(0, 1), Categorical([1]), Categorical([True])}) == 3


# -- values from libraries -------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [3, 3.0, np.int64(3), np.float64(3), torch.tensor(3), np.uint8(3)]
)
def test_ints_of_libraries(value: Any) -> None:
    found = Int(0, 5).check(value)
    assert (found, type(found)) == (3, int)
    number = Float(0, 5).check(value)
    assert (number, type(number)) == (3.0, float)


@pytest.mark.parametrize(
    "value",
    [
        None, "3", b"3", True, np.True_, torch.tensor(True), 1j, [3], np.ones(3), torch.ones(2),
        math.nan, math.inf, np.nan, torch.tensor(math.nan), object(),
    ],
)  # fmt: skip
def test_no_numbers(value: Any) -> None:
    for parameter in (Int(0, 5), Float(0, 5), Float(0, 5, step=1), Int(1, 5, log=True)):
        with pytest.raises(SpaceError, match=r"expected a(n integer|( finite)? number)"):
            parameter.check(value)


def test_rounding_errors_are_clipped_and_mistakes_are_not() -> None:
    assert Float(0.1, 0.7).check(0.7000000000000001) == 0.7
    assert Float(0, 1).check(-1e-17) == 0.0
    log = Float(1e-6, 1e3, log=True)
    assert log.check(1e-6 * (1 - 1e-12)) == 1e-6
    for wrong in (0.0, 1e-9, 9.9e-7, 1e3 + 1e-3, -1e-6):
        with pytest.raises(SpaceError, match="is outside"):
            log.check(wrong)
    with pytest.raises(SpaceError, match="is outside"):
        Float(1e-10, 1, log=True).check(0.0)
    narrow = Float(1e6, 1e6 + 1e-6)
    assert narrow.check(1e6 - 1e-10) == 1e6
    with pytest.raises(SpaceError, match="is outside"):
        narrow.check(1e6 - 1e-5)
    stepped = Float(1e6, 1e6 + 1, step=1e-3)
    assert stepped.check(1e6 + 7 * 1e-3) == 1000000.007
    with pytest.raises(SpaceError, match="plus a multiple of"):
        stepped.check(1e6 + 1.5e-3)
    for wrong in (-1, 6, 10**30, -0.5, 2.5):
        with pytest.raises(SpaceError):
            Int(0, 5).check(wrong)
    with pytest.raises(SpaceError, match="plus a multiple of"):
        Int(0, 6, step=3).check(4)
