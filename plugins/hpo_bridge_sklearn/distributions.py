"""Frozen distributions of SciPy that parameters of the bridge are equal to."""

from __future__ import annotations

from typing import Any

from hpo_bridge import Float, Int, SpaceError

ACCEPTED = "uniform, loguniform (reciprocal) without loc, and randint"
"""What can be translated without loss."""


def is_distribution(value: Any) -> bool:
    """Whether it is something to draw from, of SciPy's or like it."""
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
        [name],
    )


def _loc(frozen: Any, position: int) -> Any:
    args = frozen.args
    return args[position] if len(args) > position else frozen.kwds.get("loc", 0)


__all__ = ["is_distribution", "translated"]
