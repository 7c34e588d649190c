"""One configuration of a hybrid: what is fixed, what searches the rest, and how that went."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contracts.optimizer import Observation, Optimizer
from ..contracts.record import TrialState
from ..engine.checked_optimizer import Proposal


@dataclass
class Chain:
    """The trials of one configuration.

    Attributes:
        fixed: The configuration: outer parameters by name.
        names: The continuous parameters that are active there.
        inner: What searches them; ``None`` if there is none.
        proposal: What the outer backend is to be told; ``None`` without one.
        asked: How many trials it had since it was last proposed.
        told: How many of them have ended.
        ended: Whether the inner search has nothing left.
        loss: The best loss, if there is one.
        infeasible: Whether a constraint forbade all of its trials.
        reports: Those of a pruned trial, the last one.
    """

    fixed: Mapping[str, Any]
    names: tuple[str, ...]
    inner: Optimizer | None
    proposal: Proposal | None = None
    asked: int = 0
    told: int = 0
    ended: bool = False
    loss: float | None = None
    infeasible: bool = True
    reports: tuple[tuple[int, float], ...] = ()

    def take(self, seen: Observation) -> None:
        """Takes note of how one of its trials ended."""
        self.told += 1
        self.infeasible = self.infeasible and seen.infeasible
        self.reports = seen.reports or self.reports
        if seen.losses is not None and (self.loss is None or seen.losses[0] < self.loss):
            self.loss = seen.losses[0]

    def lesson(self, raw: Mapping[str, Any], token: Any) -> Observation:
        """Return what the outer backend is told: the best of the chain."""
        if self.loss is not None:
            return Observation(raw, (self.loss,), token)
        if self.reports:
            return Observation(raw, None, token, TrialState.PRUNED, self.reports)
        return Observation(raw, None, token, TrialState.FAILED, infeasible=self.infeasible)

    @property
    def rank(self) -> float:
        """Its best loss; infinite without one."""
        return math.inf if self.loss is None else self.loss


def key_of(fixed: Mapping[str, Any]) -> str:
    """A configuration as text."""
    return json.dumps(dict(fixed), sort_keys=True)
