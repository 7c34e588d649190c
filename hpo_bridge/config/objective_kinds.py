"""Objectives whose kind comes from a plugin: ``objective: {cross_validated: {…}}``."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from ..contracts.objective import BindsToStudy, Function, Objective, ObjectiveContext
from ..contracts.record import Direction
from ..contracts.runner import ChecksObjective
from ..errors import HpoBridgeError, KeyPath, ObjectiveError, UnknownName, nearest
from ..objectives.objective import objective_from
from ..plugins import PluginManager, accepted_options, load_factory
from ..space import Space
from .components import Selected
from .problems import Problems, shown

COMMAND = "command"
"""The kind that needs no plugin."""


def is_kind(spec: Any) -> TypeGuard[Mapping[str, Any]]:
    """Return whether an objective is named by a kind that only plugins know."""
    return isinstance(spec, Mapping) and COMMAND not in spec


@dataclass(frozen=True)
class NotLooked:
    """The objective of a study that is only read: its plugin need not be there.

    Args:
        kind: What the study file says.
    """

    kind: str

    def check(self) -> None:
        """Nothing is known."""

    def load(self) -> Function:
        """Raises ObjectiveError."""
        raise ObjectiveError(f"objective {self.kind}: the study file was opened for reading only")

    def describe(self) -> str:
        """The kind."""
        return self.kind


def default_direction(spec: Any, plugins: PluginManager) -> str:
    """The direction of a study whose file gives none."""
    if is_kind(spec) and len(spec) == 1:
        try:
            found = plugins.find("objective", next(iter(spec))).spec
        except UnknownName:
            return "minimize"
        return getattr(found, "direction", "") or "minimize"
    return "minimize"


def kind_of_objective(
    spec: Mapping[str, Any],
    folder: str,
    space: Space,
    directions: Mapping[str, str],
    plugins: PluginManager,
    problems: Problems,
) -> Objective | None:
    """The objective that a plugin makes of its options; ``None`` if it is wrong, which is noted.

    Args:
        spec: The kind, and its options.
        folder: The study file's, absolute.
        space: For objectives that look at it.
        directions: Likewise.
        plugins: Where to look the kind up.
        problems: Takes note of what is wrong.
    """
    if (known := _known_kind(spec, plugins, problems)) is None:
        return None
    kind, options = known
    place = ("objective", kind)
    try:
        built = plugins.build("objective", kind, options, ObjectiveContext(folder=folder))
        objective = objective_from(built)
        if isinstance(objective, BindsToStudy):
            named = {name: Direction(direction) for name, direction in directions.items()}
            objective = objective.bind(space, named)
        objective.check()
    except HpoBridgeError as error:
        _note(error, place, _accepted(kind, options, plugins), problems)
        return None
    return objective


def _known_kind(
    spec: Mapping[str, Any], plugins: PluginManager, problems: Problems
) -> tuple[str, Mapping[str, Any]] | None:
    """Return the kind and its options; ``None`` if they cannot be used, which is noted."""
    kinds = [offer.spec.name for offer in plugins.offers("objective")]
    if len(spec) != 1:
        found = ", ".join(map(shown, spec)) or "none"
        text = f"found the keys {found}, expected one of {', '.join((COMMAND, *kinds))}"
        problems.add(("objective",), text)
        return None
    ((kind, options),) = spec.items()
    place = ("objective", kind)
    try:
        plugins.find("objective", kind)
    except UnknownName as error:
        if kind in kinds:
            problems.add(place, str(error))
        else:
            hint = nearest(kind, (COMMAND, *kinds))
            known = ", ".join((COMMAND, *kinds))
            problems.add(("objective",), f"unknown key {kind!r}{hint}; expected one of {known}")
        return None
    if not isinstance(options, (Mapping, type(None))):
        problems.add(place, f"found {shown(options)}, expected a mapping of options")
        return None
    return kind, options or {}


def check_room(
    plugins: PluginManager, runner: Selected, objective: Objective, problems: Problems
) -> None:
    """Notes why a runner has no room for an objective."""
    try:
        built = plugins.build("runner", runner.name, runner.options)
    except HpoBridgeError:  # that is said elsewhere
        return
    if not isinstance(built, ChecksObjective):
        return
    try:
        built.check_objective(objective)
    except HpoBridgeError as error:
        if error.path and error.path[0] in runner.options_at:
            problems.add(runner.options_at[error.path[0]], error.text)
        else:
            problems.add(("runner",), str(error))


def _accepted(kind: str, options: Mapping[str, Any], plugins: PluginManager) -> set[str]:
    """The options that an error may be about: those given, and those that are missing."""
    try:
        factory = load_factory("objective", plugins.find("objective", kind))
    except HpoBridgeError:
        return set(options)
    return {*options, *(accepted_options(factory, 1) or ())}


def _note(
    error: HpoBridgeError, place: KeyPath, options: Container[str], problems: Problems
) -> None:
    """Note an error at the option, or the key of the file, that it is about."""
    if error.path and error.path[0] in options:
        problems.add((*place, *error.path), error.text)
    elif error.path and error.path[0] in ("space", "direction", "directions"):
        problems.add(error.path, error.text)
    else:
        problems.add(place, str(error))
