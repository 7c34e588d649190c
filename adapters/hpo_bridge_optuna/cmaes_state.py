"""The state of an optimizer of the package ``cmaes`` as plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo_bridge.errors import short

from .learning import NoSnapshot

_NOT_KEPT = ("_rng", "_funhist_values")
"""The generator is seeded anew at each trial; the history is for a stop that is never used,
and begins as uninitialised memory."""


def to_plain(optimizer: Any) -> dict[str, Any]:
    """Return a ``CMA``, ``SepCMA`` or ``CMAwM`` as plain data.

    Raises:
        NoSnapshot: If it holds what is not a finite number, an array of them, or another such.
    """
    fields = {key: value for key, value in vars(optimizer).items() if key not in _NOT_KEPT}
    return {"class": type(optimizer).__name__, **{k: _plain_value(v) for k, v in fields.items()}}


def from_plain(state: Mapping[str, Any]) -> Any:
    """Return the optimizer given to :func:`to_plain`, also after a round trip through JSON."""
    import cmaes

    classes = {"CMA": cmaes.CMA, "SepCMA": cmaes.SepCMA, "CMAwM": cmaes.CMAwM}
    kind: Any = classes[state["class"]]
    optimizer = kind.__new__(kind)
    fields = vars(optimizer)
    fields.update({key: _value(value) for key, value in state.items() if key != "class"})
    if kind is not cmaes.CMAwM:  # which has both in the CMA that it holds
        fields["_rng"] = np.random.RandomState(0)
        fields["_funhist_values"] = np.zeros(2 * fields["_funhist_term"])
    return optimizer


def _plain_value(value: Any) -> Any:
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind in "biuf" and np.all(np.isfinite(value)):
            array = np.asarray(value)
            flat = array.ravel().tolist()
            shape = None if isinstance(value, np.generic) else list(array.shape)
            return {"dtype": array.dtype.str, "shape": shape, "numbers": flat}
    elif type(value).__module__.startswith("cmaes"):
        return to_plain(value)
    raise NoSnapshot(f"the state of cmaes holds {short(value)}")


def _value(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    if "class" in found:
        return from_plain(found)
    array = np.array(found["numbers"], dtype=found["dtype"])
    return array[0] if found["shape"] is None else array.reshape(found["shape"])
