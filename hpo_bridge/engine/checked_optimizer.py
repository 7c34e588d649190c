"""An optimizer in terms of the declared space: its suggestions translated and checked."""

from __future__ import annotations

import json
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
    Remark,
    Remarks,
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

IsTaken = Callable[[Mapping[str, Any]], bool]
"""Return whether a point is not wanted, as a trial has it already."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One checked suggestion.

    Attributes:
        params: Declared values of the active parameters, and the constants.
        raw: The suggestion in the backend's terms, where it does not follow from ``params``.
        token: The backend's handle; ``None`` if the study has drawn it in the backend's place.
        member: The backend that a composite has it from, by name.
    """

    params: dict[str, Any]
    raw: dict[str, Any] | None
    token: Any
    member: str | None = None


class CheckedOptimizer:
    """A backend's optimizer, asked and told in terms of the declared space.

    Args:
        plugins: The backends.
        backend: The backend's name.
        options: Its options.
        space: The declared space.
        n_objectives: Number of losses.
        seed: The problem's seed.
        defaults: Values of parameters that are new in the space, in the trials before.
        ignoring: Whether it is told of its own points only, even if it could learn from others.

    Attributes:
        built: The backend's own object.

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
        self.name, self.spec, self.space = backend, spec, space
        self.capabilities = spec.capabilities - ({Capability.INJECT} if ignoring else set())
        self._learns = Capability.INJECT in self.capabilities
        self._defaults = defaults
        self.problem = Problem(backend_space(space, spec), n_objectives, seed)
        self._flat = space.is_conditional and Capability.CONDITIONAL not in spec.capabilities
        self._indices = space.indices
        self.built: Optimizer = call_backend(
            backend, plugins.build, "backend", backend, options, self.problem
        )
        wanted = wants_gradients(spec, self.built)
        self.differentiation = differentiation(plugins, space, wanted=wanted)

    @property
    def checked(self) -> CheckedOptimizer:
        """This object: the innermost of a chain of wrappers."""
        return self

    def ask(self, is_taken: IsTaken | None = None) -> tuple[Proposal | None, list[Observation]]:
        """Return the next proposal, or ``None`` if the optimizer waits for results.

        Args:
            is_taken: For wrappers that draw points themselves.

        Raises:
            SearchExhausted: If nothing is left.
            BackendError: If the backend raises, or proposes what is no point of the space.
        """
        suggestions = self._suggestions(1)
        return (self._proposal(suggestions[0]) if suggestions else None), []

    def _suggestions(self, n: int) -> list[Suggestion]:
        """Return the optimizer's answer to an ask."""
        try:
            with neutral_surroundings():
                suggestions = list(call_backend(self.name, self.built.ask, n))
        except (SearchExhausted, BackendError, StoreError, UnsupportedProblem):
            raise
        except WaitingForResults:
            return []
        except Exception as error:
            raise self.fault("ask", error) from error
        if len(suggestions) > n:
            raise BackendError(f"{self.label} gave {len(suggestions)} suggestions, asked for {n}")
        return suggestions

    def tell(self, observations: Sequence[Observation]) -> None:
        """Hand results on; foreign ones only to a backend that learns from them."""
        if not self._learns:
            observations = self.own_observations(observations)
        if not observations:
            return
        try:
            with neutral_surroundings():
                call_backend(self.name, self.built.tell, observations)
        except (BackendError, StoreError, UnsupportedProblem):
            raise
        except Exception as error:
            raise self.fault("tell", error) from error

    def own_observations(self, observations: Sequence[Observation]) -> Sequence[Observation]:
        """Return those that the backend is told of: all, or those of its own points."""
        if self._learns:
            return observations
        return [seen for seen in observations if seen.token is not None]

    def remarks(self) -> tuple[Remark, ...]:
        """Return what the backend has to say since the last call."""
        return tuple(self.built.remarks()) if isinstance(self.built, Remarks) else ()

    def completed(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an earlier trial's parameters with the defaults of those that are new since."""
        return completed(self.space, self._defaults, params) if self._defaults else params

    def encode(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``params`` in the backend's terms: indices, and every parameter if it is flat.

        An inactive parameter that was never suggested gets the middle of its range.
        """
        point = {}
        if self._defaults:
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
            raise BackendError(f"{self.label} proposed {short(suggestion)}, expected a Suggestion")
        token = self._token(suggestion.token)
        view = self.problem.space
        try:
            raw = view.check(suggestion.params)
        except SpaceError as error:
            raise BackendError(
                f"{self.label} proposed a point outside the space: {error}"
            ) from error
        indices = self._indices
        if not self._flat:
            params = {n: indices[n].grid(v) if n in indices else v for n, v in raw.items()}
            return Proposal({**params, **self.space.fixed()}, None, token, suggestion.member)
        params = {}
        for name, value in raw.items():
            if self.space.is_active(name, params):
                params[name] = indices[name].grid(value) if name in indices else value
        return Proposal({**params, **self.space.fixed()}, raw, token, suggestion.member)

    def _token(self, token: Any) -> Any:
        """Return the token as it will come back from any store."""
        if type(token) in (int, str):
            return token
        if token is None:
            raise BackendError(
                f"{self.label} proposed a point with the token None, which marks points "
                "that it did not propose"
            )
        try:
            return json.loads(json.dumps(token, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise BackendError(
                f"{self.label} proposed a point with the token {short(token)}, which is "
                f"not plain JSON data: {error}"
            ) from error

    @property
    def label(self) -> str:
        """The backend's name and its distribution, for messages."""
        return f"backend {self._offer.label}"

    def fault(self, call: str, error: Exception) -> BackendError:
        """Return the error of a backend that raised one of its own.

        Args:
            call: The method that raised it.
            error: As it was caught.
        """
        what = f"{self.label} failed in {call}"
        return BackendError(fault_text(what, error, self._offer.package))


def backend_space(space: Space, spec: BackendSpec) -> Space:
    """Return a space as a backend gets it: of indices, and flat if it knows no conditions.

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
            f"is a vector, which {spec.name!r} does not take",
            name,
            fix=(
                "use a backend that has the capability vector (`hpo-bridge backends`), such as "
                "torch.adam, or several parameters"
            ),
        )
    if Capability.CONDITIONAL in spec.capabilities:
        return space.indexed()
    if Capability.FINITE in spec.capabilities:
        for name in space.conditions:
            raise UnsupportedProblem(
                f"has a condition, of which {spec.name!r} knows nothing: it would propose the "
                "same trial several times",
                name,
                fix="use core.grid",
            )
    return space.indexed(flat=True)


def wants_gradients(spec: BackendSpec, optimizer: Optimizer) -> bool:
    """Return whether a backend, as it was built, needs derivatives."""
    if Capability.GRADIENT not in spec.capabilities:
        return False
    return not isinstance(optimizer, WantsGradients) or optimizer.wants_gradients


def infeasible(raw: Mapping[str, Any], token: Any) -> Observation:
    """Return the observation of a point that a constraint forbids.

    Args:
        raw: The suggestion in the backend's terms.
        token: The backend's handle.
    """
    return Observation(raw, None, token, TrialState.FAILED, infeasible=True)
