"""The model that ranks parameters by how well they predict trials left out."""

import numpy as np
import pytest
from hpo_bridge_views.surrogate import Surrogate


def points(trials, parameters):
    rng = np.random.default_rng(0)
    return {f"x{i}": rng.uniform(size=(trials, 1)) for i in range(parameters)}


@pytest.mark.parametrize("trials", [40, 1000])
@pytest.mark.parametrize("function", [
    lambda a, b: (a - 0.3) ** 2 + 2 * (b - 0.7) ** 2,
    lambda a, b: a * b,
    lambda a, b: np.abs(a - b),
    lambda a, b: 10 ** (300 * np.maximum(a, b)),
])  # fmt: skip
def test_the_parameters_that_matter_are_chosen(function, trials):
    columns = points(trials, 8)
    model = Surrogate(columns, function(columns["x2"], columns["x5"])[:, 0])
    assert set(model.chosen[:2]) == {"x2", "x5"}
    assert model.explained > 0.6


def test_nothing_is_explained_where_nothing_matters():
    columns = points(100, 8)
    model = Surrogate(columns, np.random.default_rng(1).normal(size=100))
    assert model.explained < 0.1


def test_whether_a_parameter_is_active_can_matter():
    columns = points(60, 3)
    columns["x1"][::2] = np.nan
    model = Surrogate(columns, np.arange(60) % 2)
    assert model.chosen == ["x1"]


@pytest.mark.parametrize("losses", [[1.0], [1.0, 1.0, 1.0]])
def test_one_trial_and_equal_losses_are_no_error(losses):
    assert Surrogate(points(len(losses), 2), losses).explained <= 1.0
