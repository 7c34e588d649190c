"""Implicit mode: against a dense solve, reverse mode to convergence, and differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hpo_bridge_torch.errors import NotConverged, NotInLoss
from hpo_bridge_torch.inner import LBFGS, SGD, AdamW
from hpo_bridge_torch.solvers import CG, Neumann


def converged(trainings: Any, **settings: Any) -> Any:
    """The logistic regression, at a fixed learning rate and to convergence."""
    training = trainings.Logistic()
    training.steps, training.inner = 600, SGD(lr=0.3, momentum=0.9)
    training.params = {name: training.params[name] for name in trainings.DECAYS}
    for name, value in settings.items():
        setattr(training, name, value)
    return training


def test_it_agrees_with_reverse_mode_and_differences(trainings: Any) -> None:
    training = converged(trainings)
    found = training.differentiate(training.params, method="implicit")
    reverse = training.differentiate(training.params, method="reverse")
    assert trainings.apart(found.gradients, reverse.gradients) <= 1e-9
    expected = trainings.differences(training, training.params)
    assert trainings.apart(found.gradients, expected) <= 1e-6
    assert found.facts["residual"] <= 1e-10
    assert found.facts["training_gradient"] <= 1e-9


def test_the_minimum_of_lbfgs_is_the_same(trainings: Any) -> None:
    training = converged(trainings)
    expected = training.differentiate(training.params, method="reverse")
    training.inner, training.method = LBFGS(), "auto"
    found = training.differentiate(training.params)
    assert found.method == "implicit"
    assert found.reason == "the inner LBFGS has no steps to differentiate"
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert trainings.apart(found.gradients, expected.gradients) <= 1e-9


def test_weight_decay_is_part_of_the_loss(trainings: Any) -> None:
    training = converged(trainings, inner=SGD(lr=0.3, momentum=0.9, weight_decay="wd"))
    params = {**training.params, "wd": 0.05}
    found = training.differentiate(params, method="implicit")
    reverse = training.differentiate(params, method="reverse")
    assert trainings.apart(found.gradients, reverse.gradients) <= 1e-9


def test_a_network_in_single_steps_of_neumann(trainings: Any) -> None:
    """One term is one step of descent, differentiated backwards: T1-T2 of Luketina et al."""
    training = converged(trainings, solver=Neumann(1, rate=0.3))
    found = training.differentiate(training.params, method="implicit").gradients
    training.solver = CG()
    exact = training.differentiate(training.params, method="implicit").gradients
    first, second = (torch.tensor(list(g.values())) for g in (found, exact))
    assert torch.cosine_similarity(first, second, dim=0) > 0.8


@pytest.mark.parametrize(
    ("inner", "setting", "name"),
    [
        (SGD(lr="rate"), "lr", "rate"),
        (SGD(lr=0.1, momentum="rate"), "momentum", "rate"),
        (AdamW(weight_decay="rate"), "weight_decay", "rate"),
        (AdamW(beta2="rate"), "beta2", "rate"),
    ],
    ids=str,
)
def test_settings_of_the_optimizer_are_refused(
    trainings: Any, inner: Any, setting: str, name: str
) -> None:
    training = converged(trainings, inner=inner)
    params = {**training.params, name: 0.1}
    message = f"cannot tune 'rate': it is the {setting} of the inner .* take method reverse"
    with pytest.raises(NotInLoss, match=message):
        training.differentiate(params, method="implicit")
    found = training.differentiate(params, names=trainings.DECAYS, method="implicit")
    assert set(found.gradients) == set(trainings.DECAYS)


def test_lbfgs_has_no_steps(trainings: Any) -> None:
    training = converged(trainings, inner=LBFGS())
    for method in ("reverse", "forward"):
        with pytest.raises(ValueError, match="inner LBFGS has no steps to differentiate"):
            training.differentiate(training.params, method=method)


def test_lbfgs_that_is_not_there_yet_says_so(trainings: Any) -> None:
    training = converged(trainings, inner=LBFGS(), steps=2)
    softplus = torch.nn.functional.softplus  # of a line: it falls for ever
    training.train_loss = lambda params, hp, t: softplus(-params["w"]).sum()
    with pytest.raises(NotConverged, match="inner LBFGS: a component of the gradient is"):
        training.value(training.params)


def test_a_network_that_is_at_no_minimum(trainings: Any) -> None:
    training = trainings.Network()
    training.inner = SGD(lr=0.05)
    params = {"dropout": 0.3}
    with pytest.raises(NotConverged, match="not at a strict minimum; train longer"):
        training.differentiate(params, method="implicit")
    training.solver = Neumann(20)
    with pytest.raises(NotConverged, match="or the training is not near a minimum"):
        training.differentiate(params, method="implicit")
    training.solver = Neumann(2)
    assert training.differentiate(params, method="implicit").facts["residual"] < 4


# --- the solvers alone


def hessian(size: int, condition: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(size)
    basis, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    values = torch.logspace(0, -float(torch.tensor(condition).log10()), size).double()
    return basis @ torch.diag(values) @ basis.T


@pytest.mark.parametrize("condition", [1.0, 10.0, 1e4])
def test_cg_against_a_dense_solve(condition: float) -> None:
    matrix = hessian(30, condition)
    b = torch.linspace(-1, 1, 30).double()
    solution = CG().solve(lambda v: matrix @ v, b)
    expected = torch.linalg.solve(matrix, b)
    assert float((solution.x - expected).norm() / expected.norm()) <= 1e-6
    assert float((b - matrix @ solution.x).norm() / b.norm()) <= 1e-9
    assert solution.residual <= 4e-11


def test_damping_is_added_to_the_diagonal() -> None:
    matrix = hessian(10, 100.0)
    b = torch.ones(10).double()
    solution = CG(damping=0.1).solve(lambda v: matrix @ v, b)
    expected = torch.linalg.solve(matrix + 0.1 * torch.eye(10).double(), b)
    assert torch.allclose(solution.x, expected, rtol=1e-8)


def test_cg_that_does_not_converge_says_so() -> None:
    matrix = hessian(30, 1e4)
    with pytest.raises(NotConverged, match=r"residual is .* after 5 iterations, expected"):
        CG(iterations=5).solve(lambda v: matrix @ v, torch.ones(30).double())


def test_cg_at_a_saddle_says_so() -> None:
    with pytest.raises(NotConverged, match="curvature -"):
        CG().solve(lambda v: torch.tensor([1.0, -2.0]) * v, torch.ones(2))


@pytest.mark.parametrize("rate", [None, 1.0])
def test_neumann_against_a_dense_solve(rate: float | None) -> None:
    matrix = hessian(10, 5.0)
    b = torch.ones(10).double()
    solution = Neumann(200, rate=rate).solve(lambda v: matrix @ v, b)
    assert torch.allclose(solution.x, torch.linalg.solve(matrix, b), rtol=1e-9)
    few = Neumann(5, rate=rate).solve(lambda v: matrix @ v, b)
    assert few.residual == pytest.approx(float((b - matrix @ few.x).norm() / b.norm()))


def test_neumann_that_grows_says_so() -> None:
    matrix = hessian(10, 5.0)
    with pytest.raises(NotConverged, match="above 2 / "):
        Neumann(50, rate=3.0).solve(lambda v: matrix @ v, torch.ones(10).double())


@pytest.mark.parametrize("solver", [CG(), Neumann()])
def test_nothing_to_solve(solver: Any) -> None:
    found = solver.solve(lambda v: v, torch.zeros(3))
    assert torch.equal(found.x, torch.zeros(3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CG(tolerance=0.0), "CG: tolerance: found 0.0"),
        (lambda: CG(iterations=0), "CG: iterations: found 0"),
        (lambda: CG(damping=-1.0), "CG: damping: found -1.0"),
        (lambda: Neumann(0), "Neumann: terms: found 0"),
        (lambda: Neumann(rate=-1.0), "Neumann: rate: found -1.0"),
        (lambda: LBFGS(tolerance=0.0), "LBFGS: tolerance"),
        (lambda: LBFGS(history=0), "LBFGS: history"),
    ],
)
def test_settings_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
