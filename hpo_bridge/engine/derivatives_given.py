"""Derivatives in a study: who needs them, which there are, and what is wrong with those given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from ..contracts.gradients import Differentiation, Slope
from ..errors import nearest, short
from ..plugins import PluginManager
from ..space import Float, Space
from ..store import Store
from ..store.event_types import Finished, Imported

WAYS_OUT = (
    "return a torch scalar that depends on trial.tensors, or "
    "hpo_bridge.Differentiated(value, gradients); for an objective that has no derivatives ask "
    "for the option estimator: spsa"
)
"""What to do where a backend needs derivatives and gets none."""


def differentiation(plugins: PluginManager, space: Space, *, wanted: bool) -> Differentiation:
    """Return what the trials of a study are told of derivatives.

    Args:
        plugins: Where to find a framework for ``trial.tensors``.
        space: The declared space.
        wanted: Whether the backend needs derivatives.
    """
    floats = tuple(name for name, parameter in space.items() if isinstance(parameter, Float))
    continuous = tuple(name for name in floats if space[name].size is None)
    offers = plugins.offers("autodiff")
    for offer in offers:
        if offer.status == "active":
            return Differentiation(wanted, floats, continuous, offer.spec.factory)
    reasons = [f"{offer.spec.name} is {offer.status}: {offer.reason}" for offer in offers]
    missing = "; ".join(reasons) or "no plugin offers tensors: see hpo-bridge plugins"
    return Differentiation(wanted, floats, continuous, missing=missing)


def missing_gradients(
    given: Mapping[str, Slope] | None,
    params: Mapping[str, Any],
    asked: Differentiation,
    backend: str,
) -> str | None:
    """Why the derivatives of a complete trial are not all that its backend needs, if so."""
    if not asked.wanted:
        return None
    names = [name for name in asked.continuous if name in params]
    if not given and names:
        return f"the objective gave no gradients, which backend {backend!r} needs: {WAYS_OUT}"
    for name in names:
        if name not in (given or {}):
            return (
                f"the objective gave no gradient of {name!r}, which backend {backend!r} needs: "
                f"its result must depend on trial.tensors[{name!r}] itself, not on float() or "
                f".item() of it; where it truly does not depend on it, add "
                f"0 * trial.tensors[{name!r}]"
            )
    return None


def invalid_gradients(
    given: Mapping[str, Slope] | None, params: Mapping[str, Any], asked: Differentiation
) -> str | None:
    """Return the fault of the derivatives that a trial gave, in words, if there is one."""
    names = [name for name in asked.continuous if name in params]
    for name, slope in (given or {}).items():
        if name not in names:
            hint = nearest(name, names)
            expected = f"expected {', '.join(names)}{hint}" if names else "which is not continuous"
            return f"found the gradient of {name!r}, {expected}"
        value = params[name]
        sizes = [len(found) if isinstance(found, list) else None for found in (value, slope)]
        if sizes[0] != sizes[1]:
            wanted = "a number" if sizes[0] is None else f"a list of {sizes[0]} numbers"
            return f"the gradient of {name} is {short(slope)}, expected {wanted}"
        for component in slope if isinstance(slope, list) else [slope]:
            if not math.isfinite(component):
                return f"the gradient of {name} is {component}, expected a finite number"
    return None


def has_gradients(store: Store, study: str) -> bool:
    """Return whether any trial of a study has given derivatives."""
    ends: Iterable[Finished | Imported] = chain(
        store.events_of(study, Finished), store.events_of(study, Imported)
    )
    return any(event.gradients is not None for event in ends)


def loss_gradients(gradients: Mapping[str, Slope] | None, sign: float) -> dict[str, Slope] | None:
    """The derivatives of the loss, from those of the value."""
    if gradients is None:
        return None
    return {
        name: [sign * s for s in slope] if isinstance(slope, list) else sign * slope
        for name, slope in gradients.items()
    }
