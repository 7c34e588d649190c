"""A wrapper that passes on only the proposals that a study's constraints allow."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..contracts.optimizer import Capability, Observation
from .checked_optimizer import CheckedOptimizer, IsTaken, Proposal, infeasible
from .feasible_points import FeasiblePoints

log = logging.getLogger("hpo_bridge")


class FeasibleOptimizer:
    """An optimizer that proposes feasible points; it is told at once of those that it may not.

    After too many of these in a row a point is drawn here, see :mod:`.feasible_points`.

    Args:
        optimizer: Proposes points.

    Attributes:
        checked: That optimizer.
    """

    def __init__(self, optimizer: CheckedOptimizer) -> None:
        self.checked = optimizer
        self._space = optimizer.space
        self._points = FeasiblePoints(optimizer.space, optimizer.problem.seed)
        finite = Capability.FINITE in optimizer.spec.capabilities
        self._once = finite and self._points.are_few
        # A backend that ends by itself may leave out as much as it likes on its way, unless the
        # points can be gone through here.
        endless = finite and not self._once
        self._patience = math.inf if endless else optimizer.spec.most_rejected
        self._mentioned = finite

    def ask(self, is_taken: IsTaken | None = None) -> tuple[Proposal | None, list[Observation]]:
        """Return a proposal that the constraints allow, and the points that they forbade.

        Args:
            is_taken: Tells which points to avoid where one is drawn here.

        Raises:
            SearchExhausted: If nothing is left.
            BackendError: If the backend raises, or proposes what is no point of the space.
        """
        rejected: list[Observation] = []
        while len(rejected) < self._patience:
            proposal, _ = self.checked.ask()
            if proposal is None or not self._forbids(proposal):
                return proposal, rejected
            raw = proposal.raw or self.checked.encode(proposal.params)
            rejected.append(infeasible(raw, proposal.token))
            self.tell(rejected[-1:])
        return self._drawn(rejected, is_taken), rejected

    def tell(self, observations: Sequence[Observation]) -> None:
        """Hand results on."""
        self.checked.tell(observations)

    def has_only(self, known: int) -> bool:
        """Return whether ``known`` different points are all there are, where that is known."""
        points = self._points.listed
        return points is not None and known >= len(points)

    def _forbids(self, proposal: Proposal) -> bool:
        """Return whether a proposal is infeasible, or was drawn here before it came."""
        if self._space.violated(proposal.params):
            return True
        return self._once and not self._points.is_new(proposal.params)

    def _drawn(self, rejected: list[Observation], is_taken: IsTaken | None) -> Proposal:
        """Return a feasible point in place of one more of the backend's."""
        if self._once:
            return Proposal(self._points.next_new(), None, None)
        if not self._mentioned:
            self._mentioned = True
            log.info(
                "%s proposed %d points in a row that the constraints forbid: the study draws a "
                "point itself then; narrower ranges of the parameters help", self.checked.label,
                len(rejected),
            )  # fmt: skip
        return Proposal(self._points.draw(rejected[-1], is_taken or _nothing), None, None)


def _nothing(point: Mapping[str, Any]) -> bool:
    return False


ConstrainedOptimizer = CheckedOptimizer | FeasibleOptimizer
"""An optimizer of a space with or without constraints."""


def constrained(optimizer: CheckedOptimizer) -> ConstrainedOptimizer:
    """Return the optimizer, wrapped if its space has constraints."""
    return FeasibleOptimizer(optimizer) if optimizer.space.constraints else optimizer
