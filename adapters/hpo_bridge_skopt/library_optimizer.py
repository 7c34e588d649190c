"""Functions of the library's ``Optimizer`` that reach for what it keeps to itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo_bridge.contracts.random_state import get_state, set_state

_SEEDS = np.iinfo(np.int32).max


def load(model: Any, points: list[list[Any]], losses: list[float], initial: int) -> None:
    """Set the observations of an optimizer; ``_tell`` of nothing fits it.

    Args:
        model: The library's optimizer.
        points: Points in the library's terms.
        losses: One for each point.
        initial: Number of initial points that are left.
    """
    model.Xi, model.yi = points, losses
    model._n_initial_points = initial


def twin_of(model: Any) -> Any:
    """Return a copy of an optimizer without observations, with a generator of its own."""
    known, model.Xi = model.Xi, []  # else the copy would be fitted to them
    try:
        twin = model.copy(random_state=model.rng.randint(0, _SEEDS))
    finally:
        model.Xi = known
    twin.max_model_queue_size = 1
    return twin


def optimizer_state(model: Any) -> dict[str, Any]:
    """Return the generator of an optimizer, and the gains and candidates of ``gp_hedge``."""
    return {
        "generator": get_state(model.rng),
        "gains": _listed(getattr(model, "gains_", None)),
        "candidates": _listed(getattr(model, "next_xs_", None)),
    }


def restore_optimizer(model: Any, state: Mapping[str, Any]) -> None:
    """Set what :func:`optimizer_state` returned."""
    set_state(model.rng, state["generator"])
    if state["gains"] is not None:
        model.gains_ = np.array(state["gains"])
    if state["candidates"] is not None:
        model.next_xs_ = [np.array(x) for x in state["candidates"]]


def _listed(arrays: Any) -> Any:
    return None if arrays is None else np.asarray(arrays).tolist()
