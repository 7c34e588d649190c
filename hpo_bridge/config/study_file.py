"""Loads a study file: all of it is checked before anything is created or run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..contracts.objective import Objective
from ..errors import HpoBridgeError
from ..history.space_change import unknown_parameter
from ..plugins import PluginManager
from ..space import Space
from .choices import DEFAULT_RUNNER, Choices, check_choices, choose
from .components import KEPT_OPTIONS
from .models import StudyModel
from .objective_kinds import (
    NotLooked,
    check_room,
    default_direction,
    is_kind,
    kind_of_objective,
)
from .overrides import replace_name, set_values
from .problems import Problems
from .sections import (
    add_plugins,
    check_requirements,
    directions_of,
    name_of,
    objective_of,
    space_of,
)
from .selection import SelectionFile, selection_of
from .stores import checkpoints_of, store_of, warm_start_of
from .structure import check_structure
from .study_config import StudyConfig
from .yaml_file import parse_yaml, read_text


@dataclass(frozen=True)
class StudyFile:
    """A study file, checked, with defaults filled in.

    Attributes:
        path: The file.
        folder: Its folder, absolute; what relative paths in it are relative to.
        name: The study's name in the store.
        objective: What is evaluated; not loaded yet.
        space: Parameters, constants and constraints.
        directions: Objective name to ``minimize`` or ``maximize``.
        backend: The backend's name. Where the file asks for a technique that no backend
            here has, which only reading allows, the technique.
        backend_options: Its options.
        seed: Non-negative and below 2**31; ``None`` where the study draws its own.
        trials: Budget of trials, those of earlier runs included; ``None`` for no limit.
        seconds: Budget of time, that of earlier runs included; ``None`` for no limit.
        stop: When a run stops early, as :meth:`hpo_bridge.Study.optimize` takes it.
        runner: The runner's name.
        runner_options: Its options, durations in seconds.
        pruner: The pruner's name, or ``None``.
        pruner_options: Its options.
        store: The store's URL; a SQLite path is absolute.
        defaults: What parameters that are new in a changed space were before.
        selection: Which configuration is chosen, and how it is tested.
        config: The settings of its study.
    """

    path: Path
    folder: Path
    name: str
    objective: Objective
    space: Space
    directions: dict[str, str]
    backend: str
    store: str
    backend_options: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    trials: int | None = None
    seconds: float | None = None
    stop: dict[str, Any] = field(default_factory=dict)
    runner: str = DEFAULT_RUNNER
    runner_options: dict[str, Any] = field(default_factory=dict)
    pruner: str | None = None
    pruner_options: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    selection: SelectionFile = field(default_factory=SelectionFile)
    config: StudyConfig = field(kw_only=True)


def load_study_file(
    path: str | Path, *, plugins: PluginManager, overrides: Sequence[str] = (),
    backend: str | None = None, runner: str | None = None, trials: int | None = None,
    seed: int | None = None, store: str | None = None, check_backend: bool = True,
    reading: bool = False, plugged: bool = False,
) -> StudyFile:  # fmt: skip
    """Load and check a study file; creates nothing and runs no objective.

    Args:
        path: The file, YAML 1.2 or JSON.
        plugins: The plugins; those that the file names are added to it.
        overrides: Assignments ``a.b=v`` into the file's data, done after the arguments below.
        backend: Another backend; drops the file's options unless it is the same one.
        runner: Another runner; keeps those of :data:`.components.KEPT_OPTIONS` that it takes.
        trials: Another budget of trials.
        seed: Another seed.
        store: Another store; a relative SQLite path is relative to the current folder.
        check_backend: Whether to build the backend once, to find out what it refuses.
        reading: Whether the study is only looked at: nothing that it names need be there.
        plugged: Whether the plugins that the file names are loaded also for reading.

    Raises:
        ConfigError: With one line for each thing that is wrong.
    """
    path = Path(path)
    problems = Problems(path.name or str(path))
    data = parse_yaml(read_text(path, str(path)), problems)
    problems.raise_any()
    if isinstance(data, dict):
        data = _with_flags(data, problems, backend, runner, trials, seed)
        data = set_values(data, overrides, problems)
    return _Loading(path, data, plugins, problems, reading).load(store, check_backend, plugged)


class _Loading:
    """A study file whose data are read and whose parts are being checked."""

    def __init__(
        self, path: Path, data: Any, plugins: PluginManager, problems: Problems, reading: bool
    ) -> None:
        self.path, self.data, self.folder = path, data, path.absolute().parent
        self.plugins, self.problems, self.reading = plugins, problems, reading
        model = check_structure(data, problems)
        space = space_of(data, problems, quiet=reading)
        problems.raise_any()
        assert model is not None
        assert space is not None
        self.model, self.space = model, space

    def load(self, store: str | None, check_backend: bool, plugged: bool) -> StudyFile:
        """Return the file; see :func:`load_study_file`."""
        model, problems, reading = self.model, self.problems, self.reading
        self._add_plugins(plugged)
        choices = choose(model, self.data, None if reading else self.plugins, problems)
        default = default_direction(model.objective, self.plugins)
        directions = directions_of(model, problems, default)
        if not reading:
            check_choices(
                choices, model, self.space, len(directions), self.plugins, problems,
                build_backend=check_backend,
            )  # fmt: skip
        objective = self._objective(directions)
        if objective is not None and not reading:
            check_room(self.plugins, choices.runner, objective, problems)
        name = name_of(model, self.path, problems)
        selection = selection_of(
            model, objective, self.folder, self.space, len(directions), name, problems,
            reading=reading,
        )  # fmt: skip
        url = store_of(model, store, self.folder, name, problems)
        config = self._config(choices, directions, name, url)
        problems.raise_any()
        assert objective is not None
        assert config is not None
        return StudyFile(
            config=config, path=self.path, folder=self.folder, objective=objective, store=url,
            space=self.space, directions=directions, selection=selection, name=name,
            seed=model.seed, defaults=model.defaults or {}, **_choices(choices), **_limits(model),
        )  # fmt: skip

    def _add_plugins(self, plugged: bool) -> None:
        if not self.reading:
            check_requirements(self.model.requires or (), self.problems)
        if plugged or not self.reading:
            add_plugins(self.plugins, self.model.plugins or (), self.folder, self.problems)
            self.problems.raise_any()  # without them other problems would be found that are none

    def _objective(self, directions: Mapping[str, str]) -> Objective | None:
        spec = self.model.objective
        if not is_kind(spec):
            return objective_of(
                spec, self.folder, self.space, directions, self.problems, check=not self.reading
            )
        if self.reading:
            return NotLooked(", ".join(spec))
        return kind_of_objective(
            spec, str(self.folder), self.space, directions, self.plugins, self.problems
        )

    def _config(
        self, choices: Choices, directions: Mapping[str, str], name: str, url: str
    ) -> StudyConfig | None:
        model, problems = self.model, self.problems
        for each in (model.defaults or {}).keys() - set(self.space):
            problems.add(("defaults", each), unknown_parameter(each, self.space).problem)
        pruner = choices.pruner
        schedule = [
            {**b.plain, "trials": b.trials, "handover": b.handover} for b in choices.backends
        ]
        try:
            return StudyConfig(
                self.space, backend=schedule, directions=directions, seed=model.seed,
                store=url or None, name=name, pruner=None if pruner is None else pruner.plain,
                duplicates=model.duplicates or "evaluate",
                observers=tuple(each.plain for each in choices.observers),
                checkpoints=checkpoints_of(model, self.folder, problems),
                warm_start=warm_start_of(model, self.folder, problems), plugins=self.plugins,
            )  # fmt: skip
        except HpoBridgeError as error:
            problems.add(error.path, error.text)
            return None


def _choices(choices: Choices) -> dict[str, Any]:
    """Return the fields of a study file that name plugins, with their options."""
    backend, runner, pruner = choices.backends[0], choices.runner, choices.pruner
    return {
        "backend": backend.name, "backend_options": backend.options,
        "runner": runner.name, "runner_options": runner.options,
        "pruner": None if pruner is None else pruner.name,
        "pruner_options": {} if pruner is None else pruner.options,
    }  # fmt: skip


def _limits(model: StudyModel) -> dict[str, Any]:
    """Return the fields of a study file that end a run."""
    budget = model.budget
    return {
        "trials": None if budget is None else budget.trials,
        "seconds": None if budget is None else budget.time,
        "stop": {} if model.stop is None else model.stop.model_dump(),
    }


def _with_flags(
    data: dict[str, Any],
    problems: Problems,
    backend: str | None,
    runner: str | None,
    trials: int | None,
    seed: int | None,
) -> dict[str, Any]:
    """The file's data with what the command line's own options say in place."""
    before = data
    if backend is not None:
        data = replace_name(data, "backend", backend)
        if data is not before:
            problems.origins["backend", "name"] = "--backend"
    before = data
    if runner is not None:
        data = replace_name(data, "runner", runner, KEPT_OPTIONS)
        if data is not before:
            problems.origins["runner", "name"] = "--runner"
    if seed is not None:
        data = {**data, "seed": seed}
        problems.origins["seed",] = "--seed"
    budget = data.get("budget")
    if trials is not None and isinstance(budget, (dict, type(None))):
        data = {**data, "budget": {**(budget or {}), "trials": trials}}
        problems.origins["budget", "trials"] = "--trials"
    return data
