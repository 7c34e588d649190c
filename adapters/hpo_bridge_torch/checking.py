"""Comparison of the derivatives of an objective with differences of its values.

Meant for double precision and a smooth point: with single precision a difference has about three
good digits, and a network of ReLUs jumps at small steps, though its gradient is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from hpo_bridge.contracts.gradients import Differentiated, Differentiation
from hpo_bridge.contracts.trial import Trial, as_number
from hpo_bridge.errors import GradientRequired

from .bilevel import as_hyper
from .hypergradient import without_influence

STEPS = (1e-4, 1e-5, 1e-6)
"""Sizes of the differences, relative to the parameter."""
AGREES, DIFFERS, ROUGH = "agrees", "DIFFERS", "not smooth here"


@dataclass(frozen=True)
class Row:
    """The comparison of one parameter's derivatives.

    Attributes:
        name: The parameter.
        gradient: The objective's derivative by it; of a vector, along a random direction.
        difference: The quotient of differences that is nearest to those of neighbouring sizes.
        error: How far the two are apart, relative to the larger.
        spread: How far that quotient is from its neighbour, in the same measure: what of the error
            may be due to the differences.
        verdict: ``agrees``; ``DIFFERS``; or ``not smooth here``, where the quotients disagree so
            much among themselves that they say nothing: the value jumps, or its numbers are of
            single precision.
    """

    name: str
    gradient: float
    difference: float
    error: float
    spread: float
    verdict: str


@dataclass(frozen=True)
class GradientCheck:
    """All rows; printed as a table.

    Attributes:
        value: The objective's value.
        rows: One for each parameter.
    """

    value: float
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """True if all agree."""
        return all(row.verdict == AGREES for row in self.rows)

    def __str__(self) -> str:
        width = max([9, *(len(row.name) for row in self.rows)])
        titles = ("gradient", "differences", "error", "spread")
        lines = [f"{'parameter':<{width}}" + "".join(f"{t:>15}" for t in titles)]
        lines += [
            f"{row.name:<{width}}{row.gradient:>15.6g}{row.difference:>15.6g}{row.error:>15.1e}"
            f"{row.spread:>15.1e}  {row.verdict}"
            for row in self.rows
        ]
        return "\n".join(lines)


def check_gradient(
    objective: Callable[[Trial], Any],
    params: Mapping[str, Any],
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    tolerance: float = 1e-6,
) -> GradientCheck:
    """Compare an objective's gradient with central differences.

    It evaluates the objective once with gradients, and six times for each parameter without.

    Args:
        objective: A function of a trial, or a :class:`hpo_bridge_torch.bilevel.Bilevel`.
        params: The point. Floats, and lists of them, are differentiated by.
        names: The parameters to check; all of these by default.
        seed: The trial's seed.
        tolerance: The largest relative error that counts as agreement.

    Raises:
        GradientRequired: If the objective gives no gradient, or none of a parameter.

    Example:
        >>> result = check_gradient(lambda trial: trial.tensors["x"] ** 3, {"x": 2.0})
        >>> result.ok, result.rows[0].gradient
        (True, 12.0)
    """
    floats = [name for name, value in as_hyper(params).items() if value is not params[name]]
    value, gradients = _differentiated(objective, params, floats, seed)

    def at(changed: Mapping[str, Any]) -> float:
        trial = _trial({**params, **changed}, floats, seed, wanted=False)
        return _number(objective(trial))

    rows = []
    for name in floats if names is None else names:
        if gradients.get(name) is None:
            raise GradientRequired(without_influence(name))
        rows.append(_row(name, params[name], gradients[name], at, tolerance))
    return GradientCheck(value, tuple(rows))


def _row(
    name: str,
    value: Any,
    gradient: Any,
    at: Callable[[Mapping[str, Any]], float],
    tolerance: float,
) -> Row:
    vector = isinstance(value, list)
    values = [float(v) for v in value] if vector else [float(value)]
    random = Random(name)
    direction = [random.choice((-1.0, 1.0)) if vector else 1.0 for _ in values]
    slopes = gradient if vector else [gradient]
    slope = sum(d * s for d, s in zip(direction, slopes, strict=True))
    scale = max(abs(v) for v in values) or 1.0

    def quotient(step: float) -> float:
        ends = [
            [v + sign * step * scale * d for v, d in zip(values, direction, strict=True)]
            for sign in (1.0, -1.0)
        ]
        up, down = (at({name: end if vector else end[0]}) for end in ends)
        return (up - down) / (2 * step * scale)

    quotients = [quotient(step) for step in STEPS]
    pairs = [(_apart(one, other), other) for one, other in pairwise(quotients)]
    spread, difference = min(pairs)
    error = _apart(slope, difference)
    telling = spread < error / 3
    verdict = AGREES if error <= tolerance else DIFFERS if telling else ROUGH
    return Row(name, slope, difference, error, spread, verdict)


def _apart(one: float, other: float) -> float:
    """Return the distance of two numbers, relative to the larger; 0 for two zeros."""
    larger = max(abs(one), abs(other))
    return abs(one - other) / larger if larger else 0.0


def _differentiated(
    objective: Callable[[Trial], Any], params: Mapping[str, Any], floats: Sequence[str], seed: int
) -> tuple[float, Mapping[str, Any]]:
    trial = _trial(params, floats, seed, wanted=True)
    result = objective(trial)
    if isinstance(result, Differentiated):
        return _number(result.value), result.gradients
    slopes = None if trial.tape is None else trial.tape.gradients(result)
    if slopes is None:
        raise GradientRequired(
            "the objective gave no gradient",
            fix=(
                "return a torch scalar that depends on trial.tensors, "
                "or hpo_bridge.Differentiated(value, gradients)"
            ),
        )
    return _number(result), slopes


def _number(result: Any) -> float:
    if isinstance(result, Differentiated):
        result = result.value
    if isinstance(result, Mapping) and len(result) == 1:
        (result,) = result.values()
    value = as_number(result)
    if not math.isfinite(value):
        raise GradientRequired(f"the objective gave {value}, which has no gradient")
    return value


def _trial(params: Mapping[str, Any], floats: Sequence[str], seed: int, *, wanted: bool) -> Trial:
    tape = "hpo_bridge_torch.tensors:Tape"
    told = Differentiation(wanted, tuple(floats), tuple(floats), tape)
    return Trial(0, params, seed, _Silent(), differentiation=told)


class _Silent:
    """Nobody listens to what a checked objective reports."""

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Drops it."""

    def should_prune(self, number: int) -> bool:
        """Never."""
        return False

    def resumed(self, number: int) -> None:
        """Drops it."""
