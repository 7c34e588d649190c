"""The settings of a study, validated once: a study file and Python arguments build the same."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..contracts.argument_checks import Choice, integer, split_choice, text, wrong
from ..contracts.directions import SINGLE, Objectives
from ..contracts.record import Direction
from ..engine.duplicates import checked_mode
from ..engine.kept_checkpoints import given_folder
from ..engine.schedule import Stage, schedule_of
from ..errors import HpoBridgeError, SpaceError, short
from ..history.space_change import checked_change
from ..history.warm_start import parse_sources
from ..history.warm_start_mapping import EarlierStudy
from ..plugins import PluginManager, manager
from ..space import Space
from ..store import Store


@dataclass(frozen=True)
class StudyConfig:
    """The settings of a :class:`hpo_bridge.Study`, checked; ``dataclasses.replace`` changes some.

    Nothing is looked up, built or opened for it: backends, the store and earlier studies may
    still be missing. The fields that are not listed are the arguments of the study.

    Attributes:
        checkpoints: The folder for checkpoints of trials, created when it is needed. By default
            ``study.db.checkpoints`` beside the database ``study.db``; for a study in memory a
            temporary one, removed with the store; for PostgreSQL none.
        plugins: The plugins that have its backend, runner and pruner; by default the installed
            ones.
        objectives: The objectives, of ``direction`` or ``directions``.
        schedule: The backends in turn; most studies have one.
        sources: The earlier studies of ``warm_start``.

    Raises:
        HpoBridgeError: With the path of the argument that cannot be.

    Example:
        >>> from dataclasses import replace
        >>> from hpo_bridge import Float
        >>> config = StudyConfig({"x": Float(0, 1)}, backend="core.random", seed=3)
        >>> config.schedule[0].name, replace(config, name="other").seed
        ('core.random', 3)
    """

    space: Space | Mapping[str, Any]
    backend: Choice | Sequence[Choice] = "core.random"
    direction: str | Direction | None = None
    directions: Mapping[str, str | Direction] | None = None
    seed: int | None = None
    store: str | os.PathLike[str] | Store | None = None
    name: str = "study"
    pruner: Choice | None = None
    duplicates: str = "evaluate"
    observers: Sequence[Any] = ()
    checkpoints: str | os.PathLike[str] | None = None
    warm_start: Sequence[Mapping[str, Any]] | None = None
    change_space: bool | Mapping[str, Any] = False
    plugins: PluginManager | None = None
    objectives: Objectives = field(init=False)
    schedule: tuple[Stage, ...] = field(init=False)
    sources: tuple[EarlierStudy, ...] = field(init=False)

    def __post_init__(self) -> None:
        space = space_from(self.space)
        checked: dict[str, Any] = {
            "space": space,
            "name": text("name", self.name),
            "objectives": objectives_from(self.direction, self.directions),
            "plugins": None if self.plugins is None else plugins_from(self.plugins),
            "change_space": checked_change(self.change_space, space),
            "schedule": schedule_of(self.backend),
            "duplicates": checked_mode(self.duplicates),
            "checkpoints": given_folder(self.checkpoints),
            "seed": check_seed(self.seed),
            "sources": parse_sources(self.warm_start),
        }
        if self.pruner is not None:
            name, options = split_choice(self.pruner, "pruner")
            checked["pruner"] = {"name": name, "options": options}
        for key, value in checked.items():
            object.__setattr__(self, key, value)

    @property
    def changes_space(self) -> bool:
        """True if a stored study of another space goes on in this one."""
        return self.change_space is not False

    @property
    def new_defaults(self) -> Mapping[str, Any]:
        """The values that new parameters had in the trials that are there."""
        return {} if isinstance(self.change_space, bool) else self.change_space

    @property
    def checkpoint_folder(self) -> Path | None:
        """The folder of ``checkpoints``, absolute; ``None`` leaves the place to the store."""
        return None if self.checkpoints is None else Path(self.checkpoints)

    def for_split(self, name: str, seed: int) -> StudyConfig:
        """Return the settings of a study of other data, which must see no trial of this one's."""
        return replace(self, name=name, seed=seed, warm_start=None)


def space_from(space: Any) -> Space:
    """Return a space as it is, or that of a mapping."""
    if isinstance(space, Space):
        return space
    if not isinstance(space, Mapping):
        raise SpaceError(
            f"found {short(space)}, expected a Space or a mapping of names to parameters", "space"
        )
    return Space(space)


def objectives_from(direction: Any, directions: Any) -> Objectives:
    """Return a study's objectives: one without a name, or several."""
    if directions is None:
        return Objectives({SINGLE: Direction.MINIMIZE if direction is None else direction})
    if direction is not None:
        problem = "cannot stand beside directions: give one of the two"
        raise HpoBridgeError(problem, "direction")
    return Objectives(directions)


def plugins_from(plugins: Any) -> PluginManager:
    """Return the plugin manager that is given, or that of the installed plugins."""
    if plugins is not None and not isinstance(plugins, PluginManager):
        raise wrong("plugins", plugins, "a PluginManager")
    return manager() if plugins is None else plugins


def check_seed(seed: Any) -> int | None:
    """Return a seed as a plain integer.

    Raises:
        HpoBridgeError: If it is not an integer in ``[0, 2**31)``.
    """
    if seed is None:
        return None
    with suppress(HpoBridgeError):
        if 0 <= (number := integer("seed", seed)) < 2**31:
            return number
    raise wrong("seed", seed, "an integer from 0 to 2**31 - 1")
