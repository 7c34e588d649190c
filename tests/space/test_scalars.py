"""Numbers and names of other libraries in declarations: taken as plain Python, or with advice."""

from __future__ import annotations

import enum
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hpo_bridge import Study
from hpo_bridge.errors import SpaceError, SpaceWarning
from hpo_bridge.space import Categorical, Constant, Float, Int, Space


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1


class Word(str):
    """A text of some library's own type."""


NUMBERS: list[Any] = [
    np.int8(1), np.int64(1), np.uint16(1), np.float16(1), np.float32(1), np.float64(1),
    np.longdouble(1), np.array(1), np.array(1.0), torch.tensor(1), torch.tensor(1.0),
    torch.tensor(1.0, requires_grad=True), torch.tensor(1, dtype=torch.bfloat16),
    pd.Series([1]).iloc[0], pd.Series([1.0]).max(), pd.array([1], dtype="Int64")[0], Decimal(1),
    Fraction(1), Size.SMALL,
]  # fmt: skip


@pytest.mark.parametrize("one", NUMBERS)
def test_a_number_of_any_library_is_a_bound_and_a_value(one: Any) -> None:
    real, whole = Float(one, 4 * one, step=one), Int(one, 4 * one, step=one)
    assert json.dumps(real.to_plain()) == json.dumps(Float(1.0, 4.0, step=1.0).to_plain())
    assert json.dumps(whole.to_plain()) == json.dumps(Int(1, 4, step=1).to_plain())
    values = (real.check(one), whole.check(one), Float(0, 2).check(one))
    assert [(type(value), value) for value in values] == [(float, 1.0), (int, 1), (float, 1.0)]


@pytest.mark.parametrize(
    "bad", [None, True, np.True_, pd.NA, "1", np.str_("1"), [1], np.arange(2), 1j, {}, object()],
)  # fmt: skip
@pytest.mark.parametrize("build", [lambda x: Float(x, 2), lambda x: Int(x, 2)])
def test_what_is_no_number_is_no_bound(bad: Any, build: Any) -> None:
    with pytest.raises(SpaceError) as caught:
        build(bad)
    assert caught.value.path == ("low",)


def test_single_precision_counts_as_the_number_that_it_is_written_as() -> None:
    tenth = Float(np.float32(0.1), torch.tensor(0.7), step=np.float16(0.1))
    assert (tenth.low, tenth.high, tenth.step) == (0.1, 0.7, 0.1)
    assert Float(0, 1, step=np.float32(0.1)).check(np.float32(0.1) * 3) == 0.3
    assert Float(0, 1 / 3).check(np.float32(1 / 3)) == 1 / 3
    assert Categorical(torch.tensor([0.1, 0.01])).choices == (0.1, 0.01)
    assert Float(np.finfo(np.float32).min, np.finfo(np.float32).max).size is None


LISTS: list[tuple[Any, list[Any]]] = [
    (np.arange(3), [0, 1, 2]), (range(3), [0, 1, 2]), ((0, 1, 2), [0, 1, 2]),
    (np.array(["a", "b"]), ["a", "b"]), (np.array([True, False]), [True, False]),
    (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]), ([np.arange(2), None], [[0, 1], None]),
    (pd.Series([0.5, 1.5]), [0.5, 1.5]), (pd.Series([0.1, 0.2], dtype="float32"), [0.1, 0.2]),
    (pd.Series(["x", "y"], dtype="category"), ["x", "y"]), (pd.Index(["x", "y"]), ["x", "y"]),
    (pd.array([1, 2], dtype="Int64"), [1, 2]), (torch.arange(2), [0, 1]),
    ((word for word in "ab"), ["a", "b"]), ({"a": 1, "b": 2}.keys(), ["a", "b"]),
    ([np.str_("a"), np.int32(1), np.float64(1.0), np.bool_(True)], ["a", 1, 1.0, True]),
    ([Word("a"), torch.tensor(2)], ["a", 2]),
]  # fmt: skip


@pytest.mark.parametrize(("choices", "plain"), LISTS)
def test_choices_come_out_of_any_list(choices: Any, plain: list[Any]) -> None:
    parameter = Categorical(choices)
    assert json.dumps(parameter.to_plain()["choices"]) == json.dumps(plain)
    assert [type(value) for value in parameter.choices] == [type(value) for value in plain]
    assert parameter.check(np.array(plain[0])) == plain[0]


@pytest.mark.parametrize(
    ("choices", "advice"),
    [
        (Color, "[each.name for each in Color]"), (list(Color), "use its name, 'RED'"),
        ([Size.SMALL], "use its name, 'SMALL'"), ([lambda x: x], "use a string"),
        ([torch.nn.ReLU], "'ReLU', and look the class up"),
        ([torch.relu], "'relu', and look the function up"), ([{"a": 1}], "use a name"),
        ([torch.nn.ReLU()], "use a string"), ([("a", 1)], "use a list"),
        ([Decimal("0.1")], "a float or a string"), ([pd.NA], "use a string"),
        ({"a", "b"}, "sorted(…)"), (frozenset("ab"), "sorted(…)"), ({"a": 1}, "its keys"),
        ("ab", "a list"), (3, "a list"), (None, "a list"), (torch.tensor(3), "a list"),
    ],
)  # fmt: skip
def test_other_choices_get_advice(choices: Any, advice: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Categorical(choices)
    assert caught.value.path[0] == "choices"
    assert advice in str(caught.value)


def test_conditions_flags_and_constants_are_plain_too() -> None:
    space = Space(
        n=Int(np.int64(1), 3, log=np.False_),
        o=Categorical(["a", "b"], ordered=np.True_),
        x=Float(0, 1, when={"n": np.arange(1, 3), "o": np.str_("a")}),
        y=Float(0, 1, when={"n": (1, np.int64(2))}),
        k=np.float64(0.5),
        betas=Constant(np.array([0.9, 0.99])),
    )
    plain = space.to_plain()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["space"]["x"]["when"] == {"n": [1, 2], "o": "a"}
    assert space.constants == {"k": 0.5, "betas": [0.9, 0.99]}
    assert Space.from_plain(plain["space"]) == space


def test_a_point_of_any_scalars_is_stored_as_plain_python() -> None:
    space = {"x": Float(0, 1, step=0.1), "n": Int(1, 3), "c": Categorical(["a", "b"])}
    with Study(space, seed=0) as study:
        study.enqueue({"x": np.float32(0.3), "n": torch.tensor(2), "c": np.str_("b")})
        study.optimize(lambda trial: np.float32(0.5), trials=1)
        (trial,) = study.trials
    assert trial.params == {"x": 0.3, "n": 2, "c": "b"}
    assert [type(value) for value in trial.params.values()] == [float, int, str]
    assert type(trial.value) is float


def test_a_list_in_the_place_of_a_parameter_warns_with_the_ways_out() -> None:
    with pytest.warns(SpaceWarning) as caught:
        space = Space(n=Int(1, 2), lr=[0.1, 0.01])
    (warning,) = caught
    text = str(warning.message)
    assert "hpo.Categorical([0.1, 0.01])" in text
    assert "hpo.Constant([0.1, 0.01])" in text
    assert "hpo.Float(0.01, 0.1)" in text
    assert warning.filename == __file__
    assert space == Space(n=Int(1, 2), lr=Constant([0.1, 0.01]))  # without a warning
    assert Space.from_plain(space.to_plain()["space"]) == space


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ((-5, 5), "hpo.Int(-5, 5)"), ((-5.0, 5), "hpo.Float(-5.0, 5.0)"),
        ((1e-4, 0.1), "hpo.Float(0.0001, 0.1)"), ((np.int64(1), np.int64(9)), "hpo.Int(1, 9)"),
        ((0.1, 10.0, "log-uniform"), "hpo.Float(0.1, 10.0, log=True)"),
        ((1, 10, "log-uniform"), "hpo.Float(1.0, 10.0, log=True)"),
        (("adam", "sgd"), "hpo.Categorical(['adam', 'sgd'])"),
        ((1, 2, 3), "hpo.Categorical([1, 2, 3])"), (range(3), "hpo.Categorical(range(0, 3))"),
        ({2, 1}, "hpo.Categorical([1, 2])"), (np.arange(2), "hpo.Categorical([0, 1])"),
        (Float, "hpo.Float(…)"), ({"type": "float", "low": 0, "high": 1}, "Space.from_plain(…)"),
    ],
)  # fmt: skip
def test_what_looks_like_a_parameter_is_none(value: Any, meant: str) -> None:
    with pytest.raises(SpaceError) as caught:
        Space(n=Int(1, 2), lr=value)
    assert caught.value.path == ("lr",)
    assert f"did you mean {meant}" in str(caught.value)


def test_dimensions_of_other_libraries_are_named_as_parameters() -> None:
    import scipy.stats
    from hyperopt import hp
    from optuna.distributions import FloatDistribution, IntDistribution
    from ray import tune
    from skopt.space import Integer, Real

    for value, meant in (
        (IntDistribution(1, 10, step=3), "hpo.Int(1, 10, step=3)"),
        (tune.uniform(0, 1), "hpo.Float(0, 1)"),
        (tune.randint(0, 9), "hpo.Int(0, 8)"),
        (tune.loguniform(1e-4, 1), "hpo.Float(0.0001, 1, log=True)"),
        (tune.quniform(0, 9, 3), "hpo.Float(0, 9, step=3)"),
        (tune.grid_search([1, 2]), "hpo.Categorical([1, 2])"),
        (scipy.stats.uniform(0, 2), "hpo.Float(0.0, 2.0)"),
        (scipy.stats.loguniform(0.1, 1), "hpo.Float(0.1, 1.0, log=True)"),
        (scipy.stats.randint(1, 9), "hpo.Int(1, 8)"),
        (hp.uniform("lr", 0, 1), "hpo.Float(low, high)"),
        (Real(0.1, 1, prior="log-uniform"), "hpo.Float(0.1, 1, log=True)"),
        (Integer(1, 5), "hpo.Int(1, 5)"),
        (FloatDistribution(0.1, 1.0, log=True), "hpo.Float(0.1, 1.0, log=True)"),
    ):
        with pytest.raises(SpaceError) as caught:
            Space(lr=value)
        assert f"did you mean {meant}" in str(caught.value)
