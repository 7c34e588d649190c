"""Solvers of ``H x = b`` for a Hessian that is known by its products with vectors alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from hpo_bridge.contracts.options import number, whole

from .errors import NotConverged

Product = Callable[[Tensor], Tensor]
"""A vector to its product with the Hessian."""

POWER_STEPS = 20
WAYS_OUT = "give the solver a damping, let it be Neumann, or take method reverse"


@dataclass(frozen=True)
class Solution:
    """The result of a solver.

    Attributes:
        x: The solution.
        residual: Norm of ``b - H x``, relative to that of ``b``.
        products: How many products with the Hessian it took.
    """

    x: Tensor
    residual: float
    products: int


class Solver(Protocol):
    """Solves ``H x = b``."""

    def solve(self, product: Product, b: Tensor) -> Solution:
        """The solution; raises NotConverged if it finds none."""
        ...


@dataclass(frozen=True)
class CG:
    """Conjugate gradients, for a Hessian that is positive definite: that of a strict minimum.

    Hestenes and Stiefel (1952), https://doi.org/10.6028/jres.049.044; for hypergradients Pedregosa
    (2016), https://arxiv.org/abs/1602.02355.

    Args:
        tolerance: Relative norm of the residual at which it stops; by default what the numbers'
            precision allows for: 4e-11 in double precision, 2e-5 in single.
        iterations: The most it takes.
        damping: Added to the diagonal of the Hessian. It makes a problem solvable that is flat in
            some direction, at the price of a biased gradient (by 0.3 % at 1e-3 in a logistic
            regression), so by default there is none.

    Example:
        >>> H = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
        >>> CG().solve(lambda v: H @ v, H @ torch.tensor([1.0, -1.0]).double()).x.round(decimals=9)
        tensor([ 1., -1.], dtype=torch.float64)
    """

    tolerance: float | None = None
    iterations: int = 1000
    damping: float = 0.0

    def __post_init__(self) -> None:
        if self.tolerance is not None:
            number("CG: tolerance", self.tolerance, above=0.0)
        whole("CG: iterations", self.iterations, 1)
        number("CG: damping", self.damping, 0.0)

    def solve(self, product: Product, b: Tensor) -> Solution:
        """The solution.

        Raises:
            NotConverged: If the iterations do not suffice, or the Hessian is not positive.
        """
        goal = self.tolerance or torch.finfo(b.dtype).eps ** (2 / 3)
        x, residual = torch.zeros_like(b), b.clone()
        direction, squared = residual.clone(), float(residual @ residual)
        scale = math.sqrt(squared)
        if scale == 0.0:
            return Solution(x, 0.0, 0)
        for done in range(1, self.iterations + 1):
            image = product(direction) + self.damping * direction
            curvature = float(direction @ image)
            if not curvature > 0.0:
                raise NotConverged(
                    f"CG: the training loss has curvature {curvature:.1e} in some direction after "
                    f"{done} products with its Hessian: it is not at a strict minimum",
                    fix=(f"train longer, {WAYS_OUT}"),
                )
            length = squared / curvature
            x = x + length * direction
            residual = residual - length * image
            before, squared = squared, float(residual @ residual)
            if math.sqrt(squared) <= goal * scale:
                return Solution(x, math.sqrt(squared) / scale, done)
            direction = residual + (squared / before) * direction
        raise NotConverged(
            f"CG: the residual is {math.sqrt(squared) / scale:.1e} of its first after "
            f"{self.iterations} iterations, expected {goal:.1e}: allow more iterations or a "
            f"larger tolerance, {WAYS_OUT}"
        )


@dataclass(frozen=True)
class Neumann:
    """The first terms of the Neumann series: ``rate * sum((I - rate * H) ** j) b``.

    Lorraine, Vicol and Duvenaud (2020), https://arxiv.org/abs/1911.02590. An approximation on
    purpose: with few terms it is wrong by much where the loss is flat, and stays useful where the
    training has not converged, as with a network.

    Args:
        terms: How many.
        rate: Less than 2 divided by the largest eigenvalue of the Hessian; ``None``: 1 divided by
            it, estimated by 20 more products.

    Example:
        >>> H = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
        >>> b = H @ torch.tensor([1.0, -1.0]).double()
        >>> [round(Neumann(terms, rate=0.4).solve(lambda v: H @ v, b).residual, 4)
        ...  for terms in (5, 10)]
        [0.0179, 0.0003]
    """

    terms: int = 20
    rate: float | None = None

    def __post_init__(self) -> None:
        whole("Neumann: terms", self.terms, 1)
        if self.rate is not None:
            number("Neumann: rate", self.rate, above=0.0)

    def solve(self, product: Product, b: Tensor) -> Solution:
        """The sum.

        Raises:
            NotConverged: If the terms grow.
        """
        scale = float(b.norm())
        if scale == 0.0:
            return Solution(torch.zeros_like(b), 0.0, 0)
        rate = self.rate or 1.0 / _largest_eigenvalue(product, b)
        x, term = torch.zeros_like(b), b.clone()
        for done in range(1, self.terms + 1):
            x = x + rate * term
            term = term - rate * product(term)
            residual = float(term.norm()) / scale
            if not residual < 10.0:
                raise NotConverged(
                    f"Neumann: term {done} is {residual:.1e} times the first: rate {rate:.1e} is "
                    "above 2 / (largest eigenvalue of the Hessian), or the training is not near a "
                    "minimum",
                    fix="take a smaller rate or fewer terms, or method reverse",
                )
        return Solution(x, residual, self.terms + (0 if self.rate else POWER_STEPS))


def _largest_eigenvalue(product: Product, b: Tensor) -> float:
    """By the power method, from ``b`` and a direction that no symmetry is likely to exclude."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(b.shape, generator=generator, dtype=b.dtype).to(b.device)
    vector = b / b.norm() + start / start.norm()
    largest = 0.0
    for _ in range(POWER_STEPS):
        vector = vector / vector.norm()
        image = product(vector)
        largest, vector = float(image.norm()), image
        if largest == 0.0 or not math.isfinite(largest):
            raise NotConverged(
                f"Neumann: the largest eigenvalue of the Hessian is {largest}, expected a "
                "positive number: the training loss has no curvature"
            )
    return largest
