"""A study's validated settings with its open store: what its drivers are built from."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..config.study_config import StudyConfig, plugins_from, space_from
from ..contracts.argument_checks import naming, split_choice
from ..engine.definition import ensure_study
from ..engine.kept_checkpoints import checkpoints_of
from ..engine.lease import DriverLease
from ..engine.observers import Observers
from ..engine.pruning import StudyPruner
from ..engine.resume import Setup
from ..engine.schedule_cursor import check_last_stage
from ..engine.stages import StageBuilder
from ..errors import HpoBridgeError
from ..history.space_change import SpaceChange, known_defaults, plan_change
from ..history.warm_start import adoption_events
from ..plugins import PluginManager
from ..store import Event
from ..store.study_events import Adopted
from .arguments import store_of


class OpenedStudy:
    """A study in its open store, before and between its drivers.

    Args:
        config: The validated settings.
        loaded: Whether they are those that their store, which is open, has of the study: then
            nothing is compared, and no backend is built before the study is driven.
        owns_store: Whether a store that is given open is closed with the study.

    Attributes:
        store: The store.
        seed: The study's seed: the given one, the stored one, or one drawn at random.
        space: Its space, in the order that the store has.
        objectives: What is measured, by the names that the store has.
        lease: The driver and its lease.

    Raises:
        SpaceError, UnknownName, InvalidOptions, UnsupportedProblem: Before anything is created.
        StoreError: If the store cannot be used, or holds another study of that name.
    """

    def __init__(
        self, config: StudyConfig, *, loaded: bool = False, owns_store: bool = False
    ) -> None:
        self.config, name, space = config, config.name, space_from(config.space)
        self._pruner = None if config.pruner is None else split_choice(config.pruner, "pruner")
        self.seed = secrets.randbits(31) if config.seed is None else config.seed
        self.space, self.objectives = space, config.objectives
        self._is_loaded, self._is_checked = loaded, False
        if not loaded:
            self.check_backends()
        if self._pruner is not None:
            with naming("pruner"):
                self._build_pruner()
        observers = Observers(lambda: plugins_from(config.plugins), config.observers)
        self.store, opened = store_of(config.store)
        self._owns_store = opened or owns_store
        self._adopted: list[Adopted] = []
        self._change: SpaceChange | None = None
        if not loaded:
            self._declare()
        pruner_name = None if self._pruner is None else self._pruner[0]
        self.lease = DriverLease(self.store, name, observers, pruner_name)

    @cached_property
    def plugins(self) -> PluginManager:
        """The plugins, which take a while to load."""
        return plugins_from(self.config.plugins)

    @cached_property
    def stages(self) -> StageBuilder:
        """The backends of the study's schedule."""
        config, space = self.config, space_from(self.config.space)
        return StageBuilder(config.schedule, self.plugins, space, len(config.objectives))

    def _declare(self) -> None:
        """Add the study to the store, or compare it with the one that is there."""
        config, name, objectives = self.config, self.config.name, self.objectives
        try:
            self._adopted = adoption_events(
                config.sources, self.store, name, self.space, objectives
            )
            self.seed, self.space, self.objectives = ensure_study(
                self.store, name, self.space, objectives, config.seed,
                change_space=config.changes_space, new_seed=self.seed,
            )  # fmt: skip
            if config.changes_space:
                self._change = plan_change(self.store, name, self.space, config.new_defaults)
        except BaseException:
            self.close_store()
            raise

    def check_backends(self) -> None:
        """Build each backend once, so that what it refuses shows before anything is written.

        Raises:
            UnknownName, InvalidOptions, UnsupportedProblem: If a backend cannot be used.
            HpoBridgeError: If a schedule never reaches its next stage, or is not stored.
        """
        if self._is_checked:
            return
        if self._is_loaded:
            check_last_stage(self.store, self.config.name)
        self.stages.check(self.seed, warm=bool(self.config.sources))
        self._is_checked = True

    def _build_pruner(self) -> StudyPruner:
        assert self._pruner is not None
        if len(self.config.objectives) > 1:
            raise HpoBridgeError("a study with several objectives cannot be pruned", "pruner")
        return StudyPruner(self.plugins, *self._pruner)

    def close_store(self) -> None:
        """Close the store, unless it was given open."""
        if self._owns_store:
            self.store.close()

    def driver_setup(self) -> Setup:
        """Return what a driver is made of, in the state that the study is in now."""
        name = self.config.name
        self.check_backends()
        if self._change is None:  # another process may have redefined a study without trials
            ensure_study(self.store, name, self.space, self.objectives, self.seed)
        pruner = None if self._pruner is None else self._build_pruner
        checkpoints = checkpoints_of(self.store, name, self.config.checkpoint_folder)
        space = None if self._change is None else self._changed_space
        defaults = known_defaults(self.store, name, self._change)
        if not self.stages.suits(self.space, defaults):
            self.stages = self.stages.moved(self.space, defaults)
        return Setup(
            self.stages, pruner, self.objectives, self.seed, checkpoints=checkpoints,
            duplicates=self.config.duplicates, adopted=self._adopted, space=space,
        )  # fmt: skip

    def _changed_space(self) -> Event:
        """Return the event of the change, checked again now that nobody else writes."""
        assert self._change is not None
        change = plan_change(self.store, self.config.name, self.space, self._change.defaults)
        self._change = None
        assert change is not None
        return change.event()

    def window(self, runner: Any) -> int | None:
        """Return how many trials may be open in deterministic order; ``None`` in free order."""
        if getattr(runner, "order", "free") != "deterministic":
            return None
        if self._pruner is not None:
            raise HpoBridgeError(
                "deterministic and a pruner cannot be combined: what is pruned depends "
                "on which trial reports first",
                "order",
            )
        return int(getattr(runner, "workers", 1))

    def build_runner(self, name: str, options: Mapping[str, Any]) -> Any:
        """Build a runner; refuse one on which the pruner does not work."""
        with naming("runner"):
            built = self.plugins.build("runner", name, options)
        if self._pruner is not None:
            pruner = self._pruner[0]
            wanted = getattr(self.plugins.find("pruner", pruner).spec, "runner", "")
            if wanted not in ("", name):
                raise HpoBridgeError(f"pruner {pruner!r} works on runner {wanted!r} alone")
        return built
