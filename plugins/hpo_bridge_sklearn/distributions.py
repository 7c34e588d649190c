"""Frozen distributions of SciPy that parameters of the bridge are equal to."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from hpo_bridge import Float, Int, SpaceError
from hpo_bridge.errors import SpaceWarning, warn
from hpo_bridge.space.constants import LOGARITHMIC

ACCEPTED = "uniform, loguniform (reciprocal) without loc, and randint"
"""What can be translated without loss."""
PRIORS = ("uniform", *LOGARITHMIC)
"""What scikit-optimize, and who writes like it, calls the scales of a range."""


def is_distribution(value: Any) -> bool:
    """Return ``True`` for an object to draw from, of SciPy's or like it."""
    return callable(getattr(value, "rvs", None))


def translated(name: str, frozen: Any) -> Float | Int:
    """The parameter whose ``decode`` has the distribution of ``frozen``.

    Args:
        name: The parameter's name, for errors.
        frozen: Such as ``scipy.stats.loguniform(1e-3, 1e3)``.

    Raises:
        SpaceError: If there is none; says which there are.

    Example:
        >>> from scipy.stats import randint
        >>> depth = translated("depth", randint(1, 9))
        >>> depth.low, depth.high
        (1, 8)
    """
    if all(hasattr(frozen, bound) for bound in ("low", "high", "prior")):  # scikit-optimize's
        return range_of(name, frozen.low, frozen.high, frozen.prior)
    kind = getattr(getattr(frozen, "dist", None), "name", "")
    if kind == "uniform":
        low, high = frozen.support()
        return Float(float(low), float(high))
    if kind in ("loguniform", "reciprocal") and _loc(frozen, position=2) == 0:
        low, high = frozen.support()
        return Float(float(low), float(high), log=True)
    if kind == "randint":
        low, high = frozen.support()
        return Int(int(low), int(high))
    found = f"the distribution {kind!r}" if kind else f"a {type(frozen).__name__}"
    raise SpaceError(
        f"found {found}, which no parameter equals; accepted of SciPy's: {ACCEPTED}. Give a "
        "list, hpo_bridge.Float, Int or Categorical instead",
        name,
    )


def is_range(value: Any) -> bool:
    """Return ``True`` for a range of scikit-optimize's: ``(low, high, "log-uniform", base)``.

    The base changes nothing, and may be left out.
    """
    sequence = isinstance(value, (tuple, list)) and len(value) in (3, 4)
    is_prior = sequence and isinstance(value[2], str) and value[2] in PRIORS
    return is_prior and all(_is_number(bound) for bound in value[:2])


def range_of(name: str, low: Any, high: Any, prior: str) -> Float | Int:
    """The parameter of a range: an :class:`Int` if both bounds are integers.

    Raises:
        SpaceError: If the bounds or the prior cannot be.

    Example:
        >>> range_of("C", 0.1, 10.0, "log-uniform")
        Float(low=0.1, high=10.0, log=True, step=None, when=None, shape=None)
    """
    if prior not in PRIORS:
        raise SpaceError(f"found the prior {prior!r}, expected one of {', '.join(PRIORS)}", name)
    kind = Int if all(isinstance(bound, Integral) for bound in (low, high)) else Float
    try:
        return kind(low, high, log=prior != "uniform")
    except SpaceError as error:
        raise error.under(name) from None


def warn_of_range(name: str, value: Any) -> None:
    """Warns of a tuple of two numbers, which is two choices, and elsewhere a range."""
    if isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value)):
        kind = "Int" if all(isinstance(bound, Integral) for bound in value) else "Float"
        low, high = sorted(value)
        warn(
            f"{name}: {value} is two choices; for a range give hpo_bridge.{kind}({low}, {high}), "
            f"and for the choices the list {list(value)}",
            SpaceWarning,
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _loc(frozen: Any, position: int) -> Any:
    args = frozen.args
    return args[position] if len(args) > position else frozen.kwds.get("loc", 0)


__all__ = ["is_distribution", "is_range", "range_of", "translated", "warn_of_range"]
