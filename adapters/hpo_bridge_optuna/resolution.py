"""Options of the samplers that learn nothing: of all, and of those that go through every point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo_bridge.contracts.optimizer import Translation


@dataclass(frozen=True, kw_only=True)
class SpaceOptions:
    """Options of a sampler without options of its own.

    Attributes:
        native_space: Whether everything is as ``study.optimize`` has it; see
            :mod:`hpo_bridge_optuna.translation`.
    """

    native_space: bool = False


@dataclass(frozen=True, kw_only=True)
class ResolutionOptions(SpaceOptions):
    """Options of a sampler that goes through every point of a finite space.

    Attributes:
        resolution: How many values to take of each continuous parameter: one number for all,
            or a mapping of names to numbers. They are spaced evenly (in the logarithm on a
            log scale), both bounds included.
    """

    resolution: int | Mapping[str, int] | None = None


def listed(row: Translation, count: int | None) -> Translation:
    """Return the row of a continuous parameter of which ``count`` values are taken."""
    detail = f"{count} evenly spaced values in {row.detail}"
    return Translation(row.parameter, "encoded", detail)
