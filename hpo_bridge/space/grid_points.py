"""Grids over a space: single values in place of the continuous parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidOptions, UnsupportedProblem, nearest, short
from .parameters import Categorical, Parameter
from .space import Space


def discretized(space: Space, resolution: int | Mapping[str, int] | None) -> Space:
    """The space with evenly spaced values in place of each continuous parameter.

    Args:
        space: The space.
        resolution: How many values to take of each continuous parameter: one number for all,
            or a mapping of names to numbers. They are evenly spaced (in the logarithm on a
            log scale), ascending, both bounds included.

    Returns:
        A space of finitely many points; continuous parameters are ordered categoricals.

    Raises:
        UnsupportedProblem: For a continuous parameter without a resolution.
        InvalidOptions: For a resolution below 2, or of a parameter that is not continuous.

    Example:
        >>> from hpo_bridge.space import Float, Space
        >>> discretized(Space(x=Float(0, 1)), 3)["x"].choices
        (0.0, 0.5, 1.0)
    """
    resolutions = _resolutions(space, resolution)
    if not resolutions:
        return space
    view: dict[str, Parameter] = dict(space)
    for name, count in resolutions.items():
        # In a range of a few floats some of the values are the same.
        values = dict.fromkeys(space[name].decode(i / (count - 1)) for i in range(count))
        view[name] = Categorical(list(values), ordered=True, when=space[name].when)
    return Space(view)


def _resolutions(space: Space, resolution: Any) -> dict[str, int]:
    """The number of values of each continuous parameter."""
    continuous = [name for name, parameter in space.items() if parameter.size is None]
    if not isinstance(resolution, Mapping):
        resolution = {} if resolution is None else dict.fromkeys(continuous, resolution)
    for name, count in resolution.items():
        if name not in continuous:
            hint = nearest(str(name), continuous)
            raise InvalidOptions(f"{name!r} is no continuous parameter{hint}", "resolution")
        if not isinstance(count, int) or isinstance(count, bool) or count < 2:
            raise InvalidOptions(
                f"found {short(count)}, expected an integer of at least 2", "resolution"
            )
    for name in continuous:
        if name not in resolution:
            raise UnsupportedProblem(
                "is continuous and a grid needs single values",
                name,
                fix=(
                    "give it a step, make it an "
                    "ordered categorical, or set the backend's option resolution"
                ),
            )
    return dict(resolution)
