"""Derivatives of an objective: how it may give them, and how a trial takes them.

An objective under a backend that needs gradients returns :class:`Differentiated`, or a tensor
that depends on ``trial.tensors``, which is then differentiated in the trial's own process. The
tensors are some framework's; which one is a plugin's matter (see
:class:`hpo_bridge.contracts.optimizer.AutodiffSpec`). Nothing here imports it before a trial
asks for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import HpoBridgeError

Slope = float | list[float]
"""The derivative with respect to one parameter: a number, or one for each of its components."""


@dataclass(frozen=True, slots=True)
class Differentiated:
    """The result of an objective that knows its own derivatives.

    Under a backend without use for them it counts as its value.

    Attributes:
        value: The objective's value, or ``{name: value}``.
        gradients: Name of a continuous parameter to the derivative of ``value`` with respect
            to it: a number, or a list or an array of them for a parameter with a shape. In
            natural units (not of its logarithm), whether the study minimises or maximises.

    Example:
        >>> import hpo_bridge as hpo
        >>> def square(trial):
        ...     return hpo.Differentiated(trial["x"] ** 2, {"x": 2 * trial["x"]})
        >>> study = hpo.Study(hpo.Space(x=hpo.Float(-1, 1)), seed=0)
        >>> study.optimize(square, trials=1)
        >>> study.best.value == study.best.params["x"] ** 2
        True
    """

    value: Any
    gradients: Mapping[str, Any]


class Tape(Protocol):
    """The tensors of one trial, and what a result depends on.

    Built as ``factory(params, differentiate)``: the float parameters by name, as plain numbers
    or lists of them, and the names of those whose derivatives are wanted.
    """

    tensors: Mapping[str, Any]
    """Name to tensor, in natural units and in double precision."""

    def gradients(self, result: Any) -> Mapping[str, Slope | None] | None:
        """Derivatives of a result with respect to all that are wanted.

        ``None`` for the whole where the result is no scalar tensor with a history; for a
        single name where the result does not depend on that tensor.
        """
        ...


@dataclass(frozen=True, slots=True)
class Differentiation:
    """The derivatives that a study wants of its trials; plain data, which can be pickled.

    Attributes:
        wanted: Whether the backend needs them.
        floats: Names of the float parameters: those that have a tensor.
        continuous: Names of those among them that have no steps: those that have a derivative.
        framework: ``"module:Class"`` of a :class:`Tape`; empty if there is none.
        missing: Why there is none.
    """

    wanted: bool = False
    floats: tuple[str, ...] = ()
    continuous: tuple[str, ...] = ()
    framework: str = ""
    missing: str = "this trial belongs to no study"

    def tape(self, params: Mapping[str, Any]) -> Tape:
        """The tensors of a trial with these parameters.

        Raises:
            HpoBridgeError: If no framework for them is installed.
        """
        if not self.framework:
            raise HpoBridgeError(f"trial.tensors: {self.missing}")
        module, _, attribute = self.framework.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        differentiate = self.continuous if self.wanted else ()
        tape: Tape = factory(
            {name: params[name] for name in self.floats if name in params},
            [name for name in differentiate if name in params],
        )
        return tape


NO_DIFFERENTIATION = Differentiation()
"""For a trial that nobody differentiates."""
