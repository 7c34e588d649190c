"""Resources of a worker or a trial: numbers, or expressions over the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpo_bridge.contracts.objective import Objective, UsesProcesses
from hpo_bridge.contracts.options import number
from hpo_bridge.errors import InvalidOptions, SpaceError
from hpo_bridge.objectives import explain
from hpo_bridge.space.expressions import Expression

_OPTIONS = {"CPU": "cpu", "GPU": "gpu"}


@dataclass(frozen=True)
class Resources:
    """Amounts by Ray's names.

    Attributes:
        fixed: Those that are the same for all trials, without zeros.
        varying: Those that depend on the parameters.

    Example:
        >>> Resources.of(1, "0.5 if model == 'small' else 1", None).at({"model": "small"})
        {'CPU': 1.0, 'GPU': 0.5}
    """

    fixed: dict[str, float]
    varying: dict[str, Expression] = field(default_factory=dict)

    @classmethod
    def of(cls, cpu: Any, gpu: Any, more: Any) -> Resources:
        """Reads the runner's options ``cpu``, ``gpu`` and ``resources``.

        Raises:
            InvalidOptions: If something is neither a number nor an expression.
        """
        if more is not None and not isinstance(more, Mapping):
            raise InvalidOptions(f"found {more!r}; expected a mapping", "resources")
        amounts = {"CPU": cpu, "GPU": gpu}
        for name, amount in (more or {}).items():
            if name in _OPTIONS:
                raise InvalidOptions(f"give {name} by the option {_OPTIONS[name]}", "resources")
            if name.lower() in _OPTIONS.values():
                amounts[name.upper()] = amount
            else:
                amounts[name] = amount
        fixed, varying = {}, {}
        for name, amount in amounts.items():
            option = _OPTIONS.get(name, f"resources.{name}")
            if isinstance(amount, str):
                try:
                    varying[name] = Expression(amount)
                except SpaceError as error:
                    raise InvalidOptions(f"{error}", option) from None
            elif value := float(number(option, amount, 0.0)):
                fixed[name] = value
        if not fixed and not varying:
            raise InvalidOptions(
                "a worker needs something: found cpu 0, gpu 0, no resources", "cpu"
            )
        return cls(fixed, varying)

    def check_room_for(self, objective: Objective) -> None:
        """Compares with what a trial keeps busy.

        Raises:
            InvalidOptions: If it is more than a worker asks for; ``cpu: 0`` asks for no part.
        """
        wanted = objective.processes if isinstance(objective, UsesProcesses) else 1
        cpu = self.fixed.get("CPU", 0.0)
        if wanted > 1 and 0 < cpu < wanted:
            raise InvalidOptions(
                f"found {cpu:g}, expected {wanted} or more: {objective.describe()} runs "
                f"{wanted} processes for each trial",
                "cpu",
            )

    @property
    def vary(self) -> bool:
        """True if they depend on the parameters."""
        return bool(self.varying)

    def at(self, params: Mapping[str, Any]) -> dict[str, float]:
        """Return the resources of a trial, by name.

        Raises:
            InvalidOptions: If an expression gives no amount for it.
        """
        found = dict(self.fixed)
        for name, expression in self.varying.items():
            option = _OPTIONS.get(name, f"resources.{name}")
            try:
                expression.check_names(list(params))
                amount = float(number(option, expression(params), 0.0))
            except (SpaceError, ArithmeticError, TypeError, ValueError) as error:
                raise InvalidOptions(
                    f"{expression.text!r} gives no amount for {dict(params)}: {explain(error)}",
                    option,
                ) from None
            if amount:
                found[name] = amount
        return found or {"CPU": 0.0}
