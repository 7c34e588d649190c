"""The sections of a study file that need no plugin, and the requirements and plugins it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contracts.directions import SINGLE
from ..contracts.objective import Objective
from ..contracts.record import Direction
from ..errors import ConfigError, ObjectiveError, SpaceError, SpaceWarning, warn
from ..objectives.command import KEYS, CommandObjective
from ..objectives.objective import objective_from
from ..plugins import PluginManager
from ..space import Space
from ..space.constants import list_warning
from ..space.plain import parameter_from_plain
from .models import StudyModel, study_name
from .problems import Problems, shown
from .structure import accepts

_COMMAND_KEYS = tuple(key for key, *_ in KEYS)


def name_of(model: StudyModel, path: Path, problems: Problems) -> str:
    """The study's name: as given, or the file's without its suffix."""
    if model.study is not None:
        return model.study
    try:
        return study_name(path.stem)
    except ValueError:
        expected = accepts(StudyModel, "study")
        problems.add(("study",), f"is missing, expected {expected}")
        return path.stem


def directions_of(
    model: StudyModel, problems: Problems, default: str = "minimize"
) -> dict[str, str]:
    """Objective name to direction; a single objective without a name is ``value``."""
    if model.directions is None:
        return {SINGLE: model.direction or default}
    if model.direction is not None:
        problems.add(("directions",), "cannot stand beside direction: give one of the two")
    for name in model.directions:
        if not name.strip() or not name.isprintable():
            problems.add(("directions",), f"found the name {shown(name)}, expected a word")
    return dict(model.directions)


def space_of(data: Any, problems: Problems, *, quiet: bool = False) -> Space | None:
    """The space with its constraints; ``None`` if it is wrong, with the reasons noted.

    Args:
        data: The file's data.
        problems: Takes note of what is wrong.
        quiet: Whether to leave out the warning about a list as a constant.
    """
    declared = data.get("space") if isinstance(data, Mapping) else None
    if not isinstance(declared, Mapping):
        return None  # the check of the structure says so
    sound = True
    for name, plain in declared.items():
        try:
            parameter_from_plain(plain)
        except SpaceError as error:
            problems.add(("space", name, *error.path), error.text)
            sound = False
        warning = None if quiet else list_warning(plain, "file")
        if warning is not None:
            warn(f"{problems.file}: space.{name}: {warning}", SpaceWarning)
    if not sound:
        return None
    try:
        space = Space.from_plain(declared)
    except SpaceError as error:
        problems.add(("space", *error.path), error.text)
        return None
    constraints = data.get("constraints") or []
    if not constraints or not isinstance(constraints, list):
        return space
    try:
        return Space.from_plain(declared, constraints)
    except SpaceError as error:
        problems.add(error.path, error.text)
        return None


def objective_of(
    spec: Any,
    folder: Path,
    space: Space,
    directions: Mapping[str, str],
    problems: Problems,
    *,
    check: bool,
) -> Objective | None:
    """The objective; ``None`` if it is wrong, with the reason noted.

    Args:
        spec: As the file names it.
        folder: What its path is relative to.
        space: The space, for the parameters that a command names.
        directions: The objectives, likewise.
        problems: Takes note of what is wrong.
        check: Whether to look for it, too.
    """
    try:
        objective = objective_from(spec, folder)
        if isinstance(objective, CommandObjective):
            named = {name: Direction(direction) for name, direction in directions.items()}
            objective = objective.bind(space, named)
        if check:
            objective.check()
    except ObjectiveError as error:
        at_key = error.path[:1] == ("objective",) and (
            len(error.path) == 1 or error.path[1] in _COMMAND_KEYS
        )
        text = error.text if at_key else str(error)
        problems.add(error.path if at_key else ("objective",), text)
        return None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        problems.add(("objective",), f"{shown(spec)} cannot be read: {error}")
        return None
    return objective


def add_plugins(
    plugins: PluginManager, sources: Sequence[str], folder: Path, problems: Problems
) -> None:
    """Loads unpackaged plugins; notes those that cannot be loaded."""
    for position, source in enumerate(sources):
        try:
            plugins.add(source, folder)
        except ConfigError as error:
            for fault in error.errors:
                problems.add(("plugins", str(position)), fault.text)


def check_requirements(texts: Sequence[str], problems: Problems) -> None:
    """Notes each requirement that no installed distribution meets."""
    from packaging.requirements import InvalidRequirement, Requirement

    from ..contracts.requirements import unmet

    for position, text in enumerate(texts):
        path = ("requires", str(position))
        try:
            Requirement(text)
        except InvalidRequirement:
            problems.add(path, f"found {shown(text)}, expected one such as 'hpo-acme>=0.3'")
            continue
        lacking = unmet((text,), None)
        if lacking is not None:
            problems.add(path, str(lacking))
