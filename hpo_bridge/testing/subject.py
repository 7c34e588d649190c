"""The backend that is checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contracts.optimizer import BackendSpec, Capability, Optimizer, Problem
from ..engine.checked_optimizer import backend_space
from ..errors import InvalidOptions, UnsupportedProblem, nearest
from ..plugins import PluginManager, backend_options, manager
from ..space import Float, Space
from .outcomes import Judge, complete, distance
from .runs import Run
from .spaces import without
from .verdicts import Fault, NotApplicable, Refused, require

CHEAP = 20
"""With fewer ``trials`` checks save suggestions where they can."""
UNGUIDED = ("random", "grid")
"""Techniques that learn nothing from results."""
LOCAL = ("gradient", "hybrid")
"""Techniques that begin where their options say, and go on from there."""


class Subject:
    """A backend by name, with options, and how much to ask of it.

    Args:
        name: The backend's name.
        options: Its options.
        plugins: Where to find it; the installed plugins by default.
        startup: How many results it takes until its model, or its second generation, is in
            use.
        trials: How many suggestions past that a check asks for.

    Raises:
        UnknownName: If no active backend has that name.
        InvalidOptions: If it does not take the options.
        BackendError: If it cannot be imported.
    """

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        *,
        plugins: PluginManager | None = None,
        startup: int = 20,
        trials: int = 60,
    ) -> None:
        if startup < 1 or trials < 4:
            raise ValueError(f"found startup={startup}, trials={trials}, expected >= 1 and >= 4")
        self.plugins = manager() if plugins is None else plugins
        self.name, self.options = name, dict(options or {})
        self.startup, self.trials = startup, trials
        self.offer = self.plugins.find("backend", name)
        assert isinstance(self.offer.spec, BackendSpec)
        self.spec = self.offer.spec
        self.cache: dict[str, Any] = {}
        self._check_options()

    def _check_options(self) -> None:
        """Wrong options are the caller's mistake, not the backend's fault."""
        accepted = backend_options(self.offer)
        for option in self.options:
            if accepted is not None and option not in accepted:
                raise InvalidOptions(
                    f"unknown option of backend {self.name!r}, accepted: "
                    f"{', '.join(accepted) or 'none'}{nearest(option, accepted)}",
                    option,
                )
        if self.options:
            try:
                self.build(Space(x=Float(0.0, 1.0)))
            except InvalidOptions:
                raise
            except Exception:  # whatever it is, a check will meet it again
                pass

    def has(self, capability: Capability) -> bool:
        """Return True if the backend declares a capability."""
        return capability in self.spec.capabilities

    @property
    def guided(self) -> bool:
        """True if its technique learns from results."""
        return self.spec.technique not in UNGUIDED

    def few(self, most: int, share: float = 1.0) -> int:
        """A number of suggestions: a share of ``trials``, at least 3, at most ``most``."""
        return min(most, max(3, round(self.trials * share)))

    @property
    def dear(self) -> bool:
        """True if every suggestion past the start-up phase is expensive."""
        return self.trials < CHEAP

    @property
    def seeds(self) -> int:
        """Number of runs whose median a check of chance takes."""
        return 1 if self.dear else 3

    # -- building ---------------------------------------------------------------------

    def seen(self, space: Space) -> Space:
        """The space as the backend is handed it."""
        key = f"seen {space.fingerprint}"
        if key not in self.cache:
            self.cache[key] = backend_space(space, self.spec)
        seen: Space = self.cache[key]
        return seen

    def build(self, space: Space, seed: int = 0, n_objectives: int = 1) -> Optimizer:
        """The backend for a space, which is handed over as the core does."""
        problem = Problem(self.seen(space), n_objectives, seed)
        built: Optimizer = self.plugins.build("backend", self.name, self.options, problem)
        return built

    def run(
        self, space: Space, seed: int = 0, n_objectives: int = 1, *, strict: bool = False
    ) -> Run:
        """A new run on a space that the backend takes."""
        optimizer = self.build(space, seed, n_objectives)
        finite = self.has(Capability.FINITE)
        return Run(optimizer, self.seen(space), finite=finite, strict=strict)

    def whole(self, space: Space) -> None:
        """Makes sure that the backend takes a space as it is.

        Raises:
            Refused: If it refuses it, and says which parameter it cannot take.
            Fault: If it refuses it without naming one of a single parameter, or names another.
        """
        try:
            self.build(space)
        except UnsupportedProblem as error:
            named = error.parameter in space or (error.parameter is None and len(space) > 1)
            require(
                named and bool(error.text.strip()),
                f"refuses the space without naming the parameter at fault: {error}",
            )
            raise Refused(str(error)) from error

    def taken(self, space: Space) -> Space:
        """The part of a space that the backend takes: without the parameters it refuses.

        Raises:
            NotApplicable: If nothing is left.
        """
        key = f"taken {space.fingerprint}"
        left: Space | None = self.cache.get(key, space)
        while left is not None:
            try:
                if key not in self.cache:
                    self.build(left)
                self.cache[key] = left
                return left
            except UnsupportedProblem as error:
                refusal = error
            if refusal.parameter is None or refusal.parameter not in left:
                raise Fault(f"refuses the space without naming a parameter: {refusal}")
            left = without(left, refusal.parameter)
        raise NotApplicable(f"it takes no parameter of this check: {refusal}")

    # -- running ----------------------------------------------------------------------

    def warm(self, space: Space, seed: int = 0, judge: Judge | None = None) -> Run:
        """A run past the start-up phase, with every suggestion told."""
        run = self.run(space, seed)
        run.play(self.startup, judge or complete(distance(run.space)))
        return run

    def need_endless(self) -> None:
        """Raises :class:`NotApplicable` for a backend that ends by itself."""
        if self.has(Capability.FINITE):
            raise NotApplicable("FINITE: it proposes every point once, see the check 'finite'")
