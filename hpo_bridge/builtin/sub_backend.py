"""The backends of which another one is made: found by name, their errors at the right option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..contracts.optimizer import (
    BackendSpec,
    Capability,
    Explains,
    Optimizer,
    Problem,
    Translation,
)
from ..engine.checked_optimizer import CheckedOptimizer, backend_space, wants_gradients
from ..errors import InvalidOptions, KeyPath, UnknownName, short
from ..plugins import PluginManager, library_of
from ..space import Space


@dataclass(frozen=True)
class Part:
    """A backend that another one is made of.

    Attributes:
        path: The option that names it, such as ``("outer",)``.
        options_path: The option that has its options, such as ``("outer_options",)``.
        name: Its name.
        options: Its options.
        plugins: Where to find it.

    Raises:
        InvalidOptions: If the name is no text, or the options are no mapping.
    """

    path: KeyPath
    options_path: KeyPath
    name: str
    options: Mapping[str, Any]
    plugins: PluginManager

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InvalidOptions(f"found {short(self.name)}, expected a name", *self.path)
        if not isinstance(self.options, Mapping):
            found = short(self.options)
            raise InvalidOptions(f"found {found}, expected a mapping", *self.options_path)

    @property
    def spec(self) -> BackendSpec:
        """The specification that it declares.

        Raises:
            InvalidOptions: If there is no such backend.
        """
        with self._blamed():
            spec = self.plugins.find("backend", self.name).spec
        assert isinstance(spec, BackendSpec)
        return spec

    @property
    def library(self) -> str:
        """The library behind it, and its version."""
        return " ".join(library_of(self.plugins.find("backend", self.name)))

    def built(self, space: Space, seed: int) -> Optimizer:
        """A new one, for a problem of one objective.

        Raises:
            InvalidOptions: If it refuses its options.
            UnsupportedProblem: If it refuses the space.
        """
        problem = Problem(backend_space(space, self.spec), 1, seed)
        with self._blamed():
            built: Optimizer = self.plugins.build("backend", self.name, self.options, problem)
        return built

    def checked(self, space: Space, seed: int, n_objectives: int = 1) -> CheckedOptimizer:
        """A new one, in terms of the space.

        Raises:
            InvalidOptions: If there is no such backend, or it refuses its options.
            UnsupportedProblem: If it refuses the space.
        """
        with self._blamed():
            return CheckedOptimizer(
                self.plugins, self.name, self.options, space, n_objectives, seed
            )

    def wants_gradients(self, space: Space) -> bool:
        """Return whether it needs derivatives with respect to what is in the space."""
        return wants_gradients(self.spec, self.built(space, 0))

    def has(self, capability: Capability) -> bool:
        """Return whether it declares a capability."""
        return capability in self.spec.capabilities

    def explain(self, optimizer: Optimizer, names: Sequence[str]) -> list[Translation]:
        """Its rows, with its name before the details."""
        rows = [Translation(name, "native", "as it is") for name in names]
        if isinstance(optimizer, Explains):
            rows = list(optimizer.explain())
        return [Translation(r.parameter, r.how, f"{self.name}: {r.detail}") for r in rows]

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except UnknownName as error:
            raise InvalidOptions(f"{error}", *self.path) from error
        except InvalidOptions as error:
            raise error.under(*self.options_path) from error
