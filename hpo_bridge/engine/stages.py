"""A schedule's entries with what their backends take: built, checked, and ready for a driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..contracts.argument_checks import naming
from ..contracts.gradients import Differentiation
from ..contracts.optimizer import BackendSpec, Capability
from ..errors import HpoBridgeError
from ..plugins import PluginManager, library_of
from ..space import Space
from .definition import jsonable
from .handover import refuse_deaf
from .proposer import Proposer
from .relay import Phase
from .schedule import Entry


class Phases:
    """What a study's backends are built of.

    Args:
        schedule: The entries.
        plugins: Where to find the backends.
        space: The declared space.
        n_objectives: Number of losses.
        defaults: What parameters that are new in the space were in the trials before.
    """

    def __init__(
        self,
        schedule: Sequence[Entry],
        plugins: PluginManager,
        space: Space,
        n_objectives: int,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self.schedule, self._plugins = tuple(schedule), plugins
        self._space, self._n_objectives, self._defaults = space, n_objectives, defaults

    def check(self, seed: int, *, warm: bool = False) -> Differentiation | None:
        """Builds each backend once, so that what it refuses shows before anything is created.

        Args:
            seed: The seed for that.
            warm: Whether the first one, too, is to be told trials that it did not propose.

        Returns:
            What all trials are told of derivatives, if they differ in what they want: workers
            are told once.

        Raises:
            UnknownName, InvalidOptions, UnsupportedProblem: If a backend cannot be used.
            HpoBridgeError: If an entry never ends, and another one comes after it.
        """
        wants: list[Differentiation] = []
        for place, entry in enumerate(self.schedule):
            path = ("backend", str(place)) if len(self.schedule) > 1 else ("backend",)
            with naming(*path, options=True):
                wants.append(self.build(entry, seed).differentiation)
            if place > 0 or warm:
                what = "the trials before its own" if place else "the trials of the warm start"
                self._refuse_deaf(entry, what)
            if place < len(self.schedule) - 1 and entry.trials is None and not self._ends(entry):
                raise HpoBridgeError(
                    f"is missing, expected a whole number: {entry.name} "
                    "does not end by itself, so that the next one would never begin",
                    "backend",
                    place,
                    "trials",
                )
        wanting = [each for each in wants if each.wanted]
        return wanting[0] if wanting and len(wanting) < len(wants) else None

    def _ends(self, entry: Entry) -> bool:
        spec = self._plugins.find("backend", entry.name).spec
        return isinstance(spec, BackendSpec) and Capability.FINITE in spec.capabilities

    def build(self, entry: Entry, seed: int) -> Proposer:
        """An entry's backend."""
        return Proposer(
            self._plugins, entry.name, entry.options, self._space, self._n_objectives, seed,
            defaults=self._defaults, ignoring=entry.handover == "ignore",
        )  # fmt: skip

    def refuse_deaf(self, what: str) -> None:
        """Refuses a schedule with a backend that would ignore ``what`` in silence.

        Raises:
            UnsupportedProblem: Names the backend, and those that would not.
        """
        for entry in self.schedule:
            self._refuse_deaf(entry, what)

    def _refuse_deaf(self, entry: Entry, what: str) -> None:
        ignoring = entry.handover == "ignore"
        refuse_deaf(self._plugins, entry.name, ignoring, self._n_objectives, what)

    def all(self) -> tuple[Phase, ...]:
        """The entries for a driver."""
        return tuple(
            Phase(
                self._identity(entry), partial(self.build, entry), entry.trials,
                partial(self._refuse_deaf, entry),
            )
            for entry in self.schedule
        )  # fmt: skip

    def _identity(self, entry: Entry) -> dict[str, Any]:
        """A backend as the log names it."""
        named: dict[str, Any] = {
            "backend": entry.name,
            "options": jsonable(entry.options),
            "library": " ".join(library_of(self._plugins.find("backend", entry.name))),
        }
        return named if entry.handover == "tell" else {**named, "handover": entry.handover}
