"""The derivatives of one evaluation: taken from its tape, and made plain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..contracts.gradients import Differentiated, Slope
from ..contracts.trial import Trial, as_number
from ..errors import short
from .folded import Measured


def differentiated(result: Any, trial: Trial) -> Any:
    """``result`` with its derivatives, if they are wanted and it has a history on the tape.

    A parameter on which it does not depend has none.
    """
    if not trial.wants_gradients or trial.tape is None or isinstance(result, Differentiated):
        return result
    if isinstance(result, Measured):
        return replace(result, value=differentiated(result.value, trial))
    single = isinstance(result, Mapping) and len(result) == 1
    slopes = trial.tape.gradients(next(iter(result.values())) if single else result)
    if slopes is None:
        return result
    return Differentiated(result, {n: slope for n, slope in slopes.items() if slope is not None})


def plain_gradients(gradients: Any) -> dict[str, Slope]:
    """Derivatives as plain floats and lists of floats, finite or not.

    >>> plain_gradients({"lr": 1, "weights": (2, 3)})
    {'lr': 1.0, 'weights': [2.0, 3.0]}

    Raises:
        TypeError: If they are anything else; says what.
    """
    if not isinstance(gradients, Mapping):
        raise TypeError(f"gradients: found {short(gradients)}, expected {{parameter: number}}")
    plain: dict[str, Slope] = {}
    for name, slope in gradients.items():
        if not isinstance(name, str):
            raise TypeError(f"gradients: found the name {short(name)}, expected a string")
        try:
            plain[str(name)] = _slope(slope)
        except TypeError as error:
            raise TypeError(f"the gradient of {name}: {error}") from None
    return plain


def _slope(slope: Any) -> Slope:
    if callable(getattr(slope, "tolist", None)):  # an array, a tensor, a scalar of NumPy's
        slope = slope.tolist()
    if isinstance(slope, (list, tuple)):
        return [as_number(component) for component in slope]
    return as_number(slope)
