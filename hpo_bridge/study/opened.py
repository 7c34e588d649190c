"""A study's validated settings with its open store: what its drivers are built from."""

from __future__ import annotations

import secrets
from typing import Any

from ..config.study_config import StudyConfig, plugins_from, space_from
from ..contracts.argument_checks import naming, split_choice
from ..engine.definition import ensure_study
from ..engine.kept_checkpoints import checkpoints_of
from ..engine.lease import DriverLease
from ..engine.observers import Observers
from ..engine.pruning import StudyPruner
from ..engine.resume import Setup
from ..engine.stages import StageBuilder
from ..errors import HpoBridgeError
from ..history.space_change import known_defaults, plan_change
from ..history.warm_start import adoption_events
from ..store import Event
from .arguments import store_of


class OpenedStudy:
    """A study in its open store, before and between its drivers.

    Args:
        config: The validated settings.

    Attributes:
        plugins: The plugins.
        store: The store.
        seed: The study's seed: the given one, the stored one, or one drawn at random.
        space: Its space, in the order that the store has.
        objectives: What is measured, by the names that the store has.
        stages: Its backends.
        lease: The driver and its lease.

    Raises:
        SpaceError, UnknownName, InvalidOptions, UnsupportedProblem: Before anything is created.
        StoreError: If the store cannot be used, or holds another study of that name.
    """

    def __init__(self, config: StudyConfig) -> None:
        self.config, name, space = config, config.name, space_from(config.space)
        self.plugins = plugins_from(config.plugins)
        self._pruner = None if config.pruner is None else split_choice(config.pruner, "pruner")
        drawn = secrets.randbits(31) if config.seed is None else config.seed
        self.stages = StageBuilder(config.schedule, self.plugins, space, len(config.objectives))
        self.stages.check(drawn, warm=bool(config.sources))
        if self._pruner is not None:
            with naming("pruner"):
                self._build_pruner()
        observers = Observers(self.plugins, config.observers)
        self.store, self._owns_store = store_of(config.store)
        try:
            self._adopted = adoption_events(
                config.sources, self.store, name, space, config.objectives
            )
            self.seed, self.space, self.objectives = ensure_study(
                self.store, name, space, config.objectives, config.seed,
                change_space=config.changes_space, new_seed=drawn,
            )  # fmt: skip
            self._change = None
            if config.changes_space:
                self._change = plan_change(self.store, name, self.space, config.new_defaults)
        except BaseException:
            self.close_store()
            raise
        pruner_name = None if self._pruner is None else self._pruner[0]
        self.lease = DriverLease(self.store, name, observers, pruner_name)

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

    def check_pruner(self, runner: str) -> None:
        """Refuse a runner on which the pruner does not work."""
        if self._pruner is None:
            return
        pruner = self._pruner[0]
        wanted = getattr(self.plugins.find("pruner", pruner).spec, "runner", "")
        if wanted not in ("", runner):
            raise HpoBridgeError(f"pruner {pruner!r} works on runner {wanted!r} alone")
