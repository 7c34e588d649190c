"""The optimizers of a schedule's stages: built, checked, and ready for a driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..contracts.argument_checks import naming
from ..contracts.gradients import Differentiation
from ..contracts.optimizer import BackendSpec, Capability
from ..errors import HpoBridgeError
from ..plugins import PluginManager, library_of
from ..space import Space
from .checked_optimizer import CheckedOptimizer
from .definition import jsonable
from .feasible_optimizer import ConstrainedOptimizer, constrained
from .handover import require_inject
from .schedule import Stage
from .schedule_cursor import stage_seed


class StageBuilder:
    """Builds the optimizers of a study's stages.

    The optimizers that :meth:`check` has built are handed out by :meth:`build`, each once.

    Args:
        schedule: The stages.
        plugins: The backends.
        space: The declared space.
        n_objectives: Number of losses.
        defaults: Values of parameters that are new in the space, in the trials before.
    """

    def __init__(
        self,
        schedule: Sequence[Stage],
        plugins: PluginManager,
        space: Space,
        n_objectives: int,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.schedule, self._plugins = tuple(schedule), plugins
        self._space, self._n_objectives, self._defaults = space, n_objectives, defaults or {}
        self._unused: dict[int, tuple[int, CheckedOptimizer]] = {}
        self._wants: dict[int, Differentiation] = {}

    def suits(self, space: Space, defaults: Mapping[str, Any]) -> bool:
        """Return whether its optimizers are of this space, with these defaults."""
        return self._space == space and self._defaults == defaults

    def moved(self, space: Space, defaults: Mapping[str, Any]) -> StageBuilder:
        """Return a builder of the same stages in another space."""
        return StageBuilder(self.schedule, self._plugins, space, self._n_objectives, defaults)

    def check(self, seed: int, *, warm: bool = False) -> None:
        """Build each optimizer, so that what it refuses shows before anything is created.

        Args:
            seed: The study's seed.
            warm: Whether the first one, too, is to be told trials that it did not propose.

        Raises:
            UnknownName, InvalidOptions, UnsupportedProblem: If a backend cannot be used.
            HpoBridgeError: If a stage never ends, and another one comes after it.
        """
        for at, stage in enumerate(self.schedule):
            path = ("backend", str(at)) if len(self.schedule) > 1 else ("backend",)
            with naming(*path, options=True):
                self._build(at, stage_seed(seed, at))
            if at > 0 or warm:
                what = "the trials before its own" if at else "the trials of the warm start"
                self.require_inject(at, what)
            if at < len(self.schedule) - 1 and stage.trials is None and not self._ends(stage):
                raise HpoBridgeError(
                    f"is missing, expected a whole number: {stage.name} "
                    "does not end by itself, so that the next one would never begin",
                    "backend",
                    at,
                    "trials",
                )

    def common_differentiation(self, seed: int) -> Differentiation | None:
        """Return what all trials are told of derivatives, if the stages differ in what they want.

        Workers are told once.
        """
        if len(self.schedule) == 1:
            return None
        for at in range(len(self.schedule)):
            if at not in self._wants:
                self._build(at, stage_seed(seed, at))
        wanting = [each for each in self._wants.values() if each.wanted]
        return wanting[0] if wanting and len(wanting) < len(self.schedule) else None

    def build(self, at: int, seed: int) -> ConstrainedOptimizer:
        """Return a new optimizer of a stage."""
        if at not in self._unused or self._unused[at][0] != seed:
            self._build(at, seed)
        return constrained(self._unused.pop(at)[1])

    def _build(self, at: int, seed: int) -> None:
        stage = self.schedule[at]
        built = CheckedOptimizer(
            self._plugins, stage.name, stage.options, self._space, self._n_objectives, seed,
            defaults=self._defaults, ignoring=stage.handover == "ignore",
        )  # fmt: skip
        self._unused[at] = seed, built
        self._wants[at] = built.differentiation

    def _ends(self, stage: Stage) -> bool:
        spec = self._plugins.find("backend", stage.name).spec
        return isinstance(spec, BackendSpec) and Capability.FINITE in spec.capabilities

    def require_inject(self, at: int, what: str) -> None:
        """Refuse a stage whose backend would ignore ``what`` in silence.

        Raises:
            UnsupportedProblem: Names the backend, and those that would not.
        """
        stage = self.schedule[at]
        ignoring = stage.handover == "ignore"
        require_inject(self._plugins, stage.name, ignoring, self._n_objectives, what)

    def require_inject_of_all(self, what: str) -> None:
        """Refuse a schedule with a backend that would ignore ``what`` in silence."""
        for at in range(len(self.schedule)):
            self.require_inject(at, what)

    def identity(self, at: int) -> dict[str, Any]:
        """Return a stage's backend as the log names it."""
        stage = self.schedule[at]
        named: dict[str, Any] = {
            "backend": stage.name,
            "options": jsonable(stage.options),
            "library": " ".join(library_of(self._plugins.find("backend", stage.name))),
        }
        return named if stage.handover == "tell" else {**named, "handover": stage.handover}
