"""The check of gradients that users have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hpo_bridge_torch.checking import check_gradient

import hpo_bridge as hpo


def test_a_training_is_checked(trainings: Any) -> None:
    training = trainings.Logistic()
    check = check_gradient(training, training.params)
    assert check.ok, str(check)
    assert [row.name for row in check.rows] == list(training.params)
    assert all(row.error <= 1e-6 for row in check.rows)
    assert check.value == pytest.approx(training.value(training.params), rel=1e-12)


def test_the_table() -> None:
    check = check_gradient(lambda trial: trial.tensors["x"] ** 2, {"x": 3.0, "n": 1})
    header, row = str(check).splitlines()
    assert header.split() == ["parameter", "gradient", "differences", "error", "spread"]
    assert row.split()[:3] == ["x", "6", "6"]
    assert row.endswith("agrees")


def test_a_wrong_gradient_is_found() -> None:
    def wrong(trial: hpo.Trial) -> hpo.Differentiated:
        x, y = trial["x"], trial["y"]
        return hpo.Differentiated(x**2 * y, {"x": 2 * x * y, "y": 1.01 * x**2})

    check = check_gradient(wrong, {"x": 3.0, "y": 2.0})
    assert not check.ok
    assert [row.verdict for row in check.rows] == ["agrees", "DIFFERS"]
    assert check.rows[1].error == pytest.approx(0.01, rel=0.02)
    assert check_gradient(wrong, {"x": 3.0, "y": 2.0}, names=["x"]).ok


def test_a_jump_is_told_from_a_wrong_gradient() -> None:
    def rough(trial: hpo.Trial) -> Any:
        x = trial.tensors["x"]
        return x + 1e-3 * torch.floor(x)

    (row,) = check_gradient(rough, {"x": 1.0}).rows
    assert row.verdict == "not smooth here"


def test_vectors_are_checked_along_a_direction() -> None:
    def quadratic(trial: hpo.Trial) -> Any:
        w = trial.tensors["w"]
        return (w**2 * torch.arange(1.0, 4.0)).sum()

    (row,) = check_gradient(quadratic, {"w": [1.0, 2.0, 3.0]}).rows
    assert row.verdict == "agrees"

    def wrong(trial: hpo.Trial) -> Any:
        value = quadratic(trial).detach().item()
        return hpo.Differentiated(value, {"w": [2.0, 8.0, 19.0]})

    (row,) = check_gradient(wrong, {"w": [1.0, 2.0, 3.0]}).rows
    assert row.verdict == "DIFFERS"


def test_no_gradient_at_all() -> None:
    with pytest.raises(hpo.GradientRequired, match=r"return a torch scalar that depends on"):
        check_gradient(lambda trial: trial["x"] ** 2, {"x": 3.0})


def test_no_gradient_of_one_parameter() -> None:
    def cut(trial: hpo.Trial) -> Any:
        return trial.tensors["x"] * trial["y"]

    with pytest.raises(hpo.GradientRequired, match=r"no gradient of 'y'.*\.item\(\)"):
        check_gradient(cut, {"x": 3.0, "y": 2.0})


def test_a_value_that_is_no_number() -> None:
    with pytest.raises(hpo.GradientRequired, match="the objective gave nan"):
        check_gradient(lambda trial: trial.tensors["x"] * float("nan"), {"x": 3.0})


def test_single_precision_is_not_blamed_on_the_gradient(trainings: Any) -> None:
    class Single(trainings.Network):  # type: ignore[misc, name-defined]
        dtype = torch.float32

    check = check_gradient(Single(), Single.params)
    assert all(row.verdict != "agrees" or row.error <= 1e-6 for row in check.rows)
    assert any(row.verdict == "not smooth here" for row in check.rows)
