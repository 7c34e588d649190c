"""Between a study and its optimizer: translation, checking, and constraints."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts.interrupts import call_backend
from ..contracts.optimizer import (
    BackendSpec,
    Capability,
    Observation,
    Optimizer,
    Problem,
    Suggestion,
    WantsGradients,
)
from ..contracts.record import TrialState
from ..errors import (
    BackendError,
    SearchExhausted,
    SpaceError,
    StoreError,
    UnsupportedProblem,
    WaitingForResults,
    short,
)
from ..plugins import PluginManager, fault_text, neutral_surroundings
from ..space import Space
from ..space.changes import completed
from .derivatives_given import differentiation
from .feasible_points import FeasiblePoints, Point

log = logging.getLogger("hpo_bridge")


@dataclass(frozen=True, slots=True)
class Proposal:
    """One checked suggestion.

    Attributes:
        params: Declared values of the active parameters, and the constants.
        raw: The suggestion in the backend's terms, where it does not follow from ``params``.
        token: The backend's handle; ``None`` if the study has drawn it in the backend's place.
    """

    params: dict[str, Any]
    raw: dict[str, Any] | None
    token: Any


class Proposer:
    """An optimizer, in terms of the declared space.

    Args:
        plugins: Where to find the backend.
        backend: Its name.
        options: Its options.
        space: The declared space.
        n_objectives: Number of losses.
        seed: The problem's seed.
        defaults: What parameters that are new in the space were in the trials before.
        ignoring: Whether it is told of none but its own points, also if it could learn from
            others.

    Raises:
        UnknownName, InvalidOptions, UnsupportedProblem: Before anything is asked.
    """

    def __init__(
        self,
        plugins: PluginManager,
        backend: str,
        options: Mapping[str, Any],
        space: Space,
        n_objectives: int,
        seed: int,
        *,
        defaults: Mapping[str, Any] | None = None,
        ignoring: bool = False,
    ) -> None:
        self._offer = plugins.find("backend", backend)
        spec = self._offer.spec
        assert isinstance(spec, BackendSpec)
        if n_objectives > 1 and Capability.MULTI_OBJECTIVE not in spec.capabilities:
            raise UnsupportedProblem(
                f"backend {backend!r} takes one objective, the study has {n_objectives}"
            )
        self.name = backend
        self.capabilities = spec.capabilities - ({Capability.INJECT} if ignoring else set())
        self._defaults = defaults
        self.constrained = bool(space.constraints)
        self.space = space
        self.problem = Problem(handed(space, spec), n_objectives, seed)
        self._flat = space.is_conditional and Capability.CONDITIONAL not in spec.capabilities
        self._indices = space.indices
        self._feasible = FeasiblePoints(space, seed)
        finite = Capability.FINITE in spec.capabilities
        self._once = self.constrained and finite and self._feasible.are_few
        # A backend that ends by itself may leave out as much as it likes on its way, unless the
        # points can be gone through here.
        endless = finite and not self._once
        self._patience = math.inf if endless else spec.most_rejected
        self._mentioned = finite
        self.optimizer: Optimizer = call_backend(
            backend, plugins.build, "backend", backend, options, self.problem
        )
        wanted = wants_gradients(spec, self.optimizer)
        self.differentiation = differentiation(plugins, space, wanted=wanted)

    def ask(
        self, n: int, taken: Callable[[Point], bool] = lambda point: False
    ) -> tuple[list[Proposal], list[Observation]]:
        """Up to ``n`` proposals that the constraints allow, and those that they forbade.

        The backend has been told of the latter when this returns. After too many of them in a
        row the last proposal is drawn here, see :mod:`.feasible_points`.

        Args:
            n: How many.
            taken: Whether a point that is drawn here is not wanted.

        Raises:
            SearchExhausted: If nothing is left.
            BackendError: If the backend raises, or proposes what is no point of the space.
        """
        accepted: list[Proposal] = []
        rejected: list[Observation] = []
        while len(accepted) < n:
            if len(rejected) >= self._patience:
                accepted.append(self._drawn(rejected, taken))
                break
            try:
                suggestions = self._suggestions(n - len(accepted))
            except SearchExhausted:
                if accepted:
                    break
                raise
            if not suggestions:
                break
            forbidden = []
            for suggestion in suggestions:
                proposal = self._proposal(suggestion)
                if self._forbids(proposal):
                    raw = proposal.raw or self.raw(proposal.params)
                    forbidden.append(infeasible(raw, proposal.token))
                else:
                    accepted.append(proposal)
            rejected += forbidden
            if forbidden:
                self.tell(forbidden)
        return accepted, rejected

    def is_spent(self, known: int) -> bool:
        """Whether so many different points are all that constraints allow, where that is known."""
        points = self._feasible.listed if self.constrained else None
        return points is not None and known >= len(points)

    def _forbids(self, proposal: Proposal) -> bool:
        """Whether constraints forbid a proposal, or it was drawn here before the backend came."""
        if not self.constrained:
            return False
        if self.space.violated(proposal.params):
            return True
        return self._once and not self._feasible.is_new(proposal.params)

    def _drawn(self, rejected: list[Observation], taken: Callable[[Point], bool]) -> Proposal:
        """A point that the constraints allow, in place of one more of the backend's."""
        if self._once:
            return Proposal(self._feasible.next_new(), None, None)
        if not self._mentioned:
            self._mentioned = True
            log.info(
                "%s proposed %d points in a row that the constraints forbid: the study draws a "
                "point itself then; narrower ranges of the parameters help", self._label,
                len(rejected),
            )  # fmt: skip
        return Proposal(self._feasible.draw(rejected[-1], taken), None, None)

    def _suggestions(self, n: int) -> list[Suggestion]:
        """What the optimizer answers to an ask."""
        try:
            with neutral_surroundings():
                suggestions = list(call_backend(self.name, self.optimizer.ask, n))
        except (SearchExhausted, BackendError, StoreError, UnsupportedProblem):
            raise
        except WaitingForResults:
            return []
        except Exception as error:
            raise self.fault("ask", error) from error
        if len(suggestions) > n:
            raise BackendError(f"{self._label} gave {len(suggestions)} suggestions, asked for {n}")
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Hands results on; foreign ones only to a backend that learns from them."""
        observations = self.heard(observations)
        if not observations:
            return
        try:
            with neutral_surroundings():
                call_backend(self.name, self.optimizer.tell, observations)
        except (BackendError, StoreError, UnsupportedProblem):
            raise
        except Exception as error:
            raise self.fault("tell", error) from error

    def heard(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Those that the backend is told of: all, or those of its own points."""
        if Capability.INJECT in self.capabilities:
            return observations
        return [seen for seen in observations if seen.token is not None]

    def completed(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """An earlier trial's parameters, with the defaults of those that are new since."""
        return completed(self.space, self._defaults, params) if self._defaults else params

    def raw(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """``params`` in the backend's terms: indices, and every parameter if it is flat.

        An inactive parameter that was never suggested gets the middle of its range.
        """
        point = {}
        params = self.completed(params)
        for name in self.space:
            if name in params:
                value, seen = params[name], self._indices.get(name)
                point[name] = value if seen is None else seen.index(value)
            elif self._flat:
                point[name] = self.problem.space[name].decode(0.5)
        return point

    def _proposal(self, suggestion: Suggestion) -> Proposal:
        if not isinstance(suggestion, Suggestion):
            raise BackendError(
                f"{self._label} proposed {short(suggestion)}, expected a Suggestion"
            )
        token = self._token(suggestion.token)
        view = self.problem.space
        try:
            raw = view.check(suggestion.params)
        except SpaceError as error:
            raise BackendError(
                f"{self._label} proposed a point outside the space: {error}"
            ) from error
        indices = self._indices
        if not self._flat:
            params = {n: indices[n].grid(v) if n in indices else v for n, v in raw.items()}
            params.update(self.space.fixed())
            return Proposal(params, None, token)
        params = {}
        for name, value in raw.items():
            if self.space.is_active(name, params):
                params[name] = indices[name].grid(value) if name in indices else value
        params.update(self.space.fixed())
        return Proposal(params, raw, token)

    def _token(self, token: Any) -> Any:
        """The token as it will come back from any store."""
        if type(token) in (int, str):
            return token
        if token is None:
            raise BackendError(
                f"{self._label} proposed a point with the token None, which marks points "
                "that it did not propose"
            )
        try:
            return json.loads(json.dumps(token, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise BackendError(
                f"{self._label} proposed a point with the token {short(token)}, which is "
                f"not plain JSON data: {error}"
            ) from error

    @property
    def _label(self) -> str:
        return f"backend {self._offer.label}"

    def fault(self, call: str, error: Exception) -> BackendError:
        """Return the error of a backend that raised one of its own.

        Args:
            call: The method that raised it.
            error: As it was caught.
        """
        what = f"{self._label} failed in {call}"
        return BackendError(fault_text(what, error, self._offer.package))


def handed(space: Space, spec: BackendSpec) -> Space:
    """A space as a backend is handed it: of indices, and flat if it knows no conditions.

    Args:
        space: The declared space.
        spec: What the backend declares.

    Raises:
        UnsupportedProblem: If the backend takes no vectors, and there is one. If it enumerates
            and knows no conditions: points of the flat space that differ only in what is
            inactive are one and the same trial.
    """
    if space.vectors and Capability.VECTOR not in spec.capabilities:
        name = space.vectors[0]
        raise UnsupportedProblem(
            f"is a vector, which {spec.name!r} does not take: use a backend that has the "
            "capability vector (`hpo-bridge backends`), such as torch.adam, or several parameters",
            name,
        )
    if Capability.CONDITIONAL in spec.capabilities:
        return space.indexed()
    if Capability.FINITE in spec.capabilities:
        for name in space.conditions:
            raise UnsupportedProblem(
                f"has a condition, of which {spec.name!r} knows nothing: it would propose the "
                "same trial several times; use core.grid",
                name,
            )
    return space.indexed(flat=True)


def wants_gradients(spec: BackendSpec, optimizer: Optimizer) -> bool:
    """Whether a backend, as it was built, needs derivatives."""
    if Capability.GRADIENT not in spec.capabilities:
        return False
    return not isinstance(optimizer, WantsGradients) or optimizer.wants_gradients


def infeasible(raw: Mapping[str, Any], token: Any) -> Observation:
    """What a backend is told of a point that a constraint forbids.

    Args:
        raw: The suggestion in the backend's terms.
        token: The backend's handle.
    """
    return Observation(raw, None, token, TrialState.FAILED, infeasible=True)
