"""Loads a study file: all of it is checked before anything is created or run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..contracts.objective import Objective
from ..errors import ConfigError, HpoBridgeError
from ..history.space_change import unknown_parameter
from ..plugins import PluginManager
from ..space import Space
from .choices import DEFAULT_RUNNER, Choices, check_choices, choose
from .components import KEPT_OPTIONS
from .history import warm_start_of
from .models import StudyModel
from .needs import add_plugins, check_requirements
from .objective_kinds import (
    NotLooked,
    check_room,
    default_direction,
    is_kind,
    kind_of_objective,
)
from .overrides import replace_name, set_values
from .problems import Problems, shown
from .sections import directions_of, name_of, objective_of, space_of
from .selection import SelectionFile, selection_of
from .store_url import default_url, resolved_url
from .structure import accepts, check_structure
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
        schedule: Every backend in turn, as :class:`hpo_bridge.Study` takes it; most files have
            one, which ``backend`` is.
        seed: Non-negative and below 2**31; ``None`` where the study draws its own.
        trials: Budget of trials, those of earlier runs included; ``None`` for no limit.
        seconds: Budget of time, that of earlier runs included; ``None`` for no limit.
        stop: When a run stops early, as :meth:`hpo_bridge.Study.optimize` takes it.
        runner: The runner's name.
        runner_options: Its options, durations in seconds.
        pruner: The pruner's name, or ``None``.
        pruner_options: Its options.
        duplicates: What happens with parameters that are there already.
        observers: ``{"name", "options"}`` of each observer.
        store: The store's URL; a SQLite path is absolute.
        checkpoints: The folder for checkpoints, absolute; ``None`` for the store's own.
        defaults: What parameters that are new in a changed space were before.
        warm_start: The earlier studies, as :class:`hpo_bridge.Study` takes them.
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
    schedule: tuple[dict[str, Any], ...] = ()
    seed: int | None = None
    trials: int | None = None
    seconds: float | None = None
    stop: dict[str, Any] = field(default_factory=dict)
    runner: str = DEFAULT_RUNNER
    runner_options: dict[str, Any] = field(default_factory=dict)
    pruner: str | None = None
    pruner_options: dict[str, Any] = field(default_factory=dict)
    duplicates: str = "evaluate"
    observers: tuple[dict[str, Any], ...] = ()
    checkpoints: Path | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    warm_start: tuple[dict[str, Any], ...] = ()
    selection: SelectionFile = field(default_factory=SelectionFile)
    config: StudyConfig = field(kw_only=True)


def load_study_file(
    path: str | Path,
    *,
    plugins: PluginManager,
    overrides: Sequence[str] = (),
    backend: str | None = None,
    runner: str | None = None,
    trials: int | None = None,
    seed: int | None = None,
    store: str | None = None,
    check_backend: bool = True,
    reading: bool = False,
    plugged: bool = False,
) -> StudyFile:
    """Loads and checks a study file; creates nothing and runs no objective.

    Args:
        path: The file, YAML 1.2 or JSON.
        plugins: Where to look names up; plugins that the file names are added to it.
        overrides: Assignments ``a.b=v`` into the file's data, done after the arguments below;
            see :func:`~hpo_bridge.config.overrides.set_values`.
        backend: Another backend; drops the file's options unless it is the same one.
        runner: Another runner; of the file's options it keeps ``workers``,
            ``trial_timeout``, ``retries`` and ``order`` where it takes them, and drops the
            rest, unless it is the same one.
        trials: Another budget of trials.
        seed: Another seed.
        store: Another store; a relative SQLite path is relative to the current folder.
        check_backend: Whether to build the backend once, to find out what it refuses.
        reading: Whether the study is only looked at: its backend, runner, pruner, observers,
            plugins, requirements and objective need not be there.
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
    model = check_structure(data, problems)
    space = space_of(data, problems, quiet=reading)
    problems.raise_any()
    assert model is not None
    assert space is not None
    folder = path.absolute().parent
    if not reading:
        check_requirements(model.requires or (), problems)
    if plugged or not reading:
        add_plugins(plugins, model.plugins or (), folder, problems)
        problems.raise_any()  # without them other problems would be found that are none
    choices = choose(model, data, None if reading else plugins, problems)
    default = default_direction(model.objective, plugins)
    directions = directions_of(model, problems, default)
    if not reading:
        check_choices(
            choices, model, space, len(directions), plugins, problems, build_backend=check_backend
        )
    objective: Objective | None
    if not is_kind(model.objective):
        objective = objective_of(
            model.objective, folder, space, directions, problems, check=not reading
        )
    elif reading:
        objective = NotLooked(", ".join(model.objective))
    else:
        objective = kind_of_objective(
            model.objective, str(folder), space, directions, plugins, problems
        )
    if objective is not None and not reading:
        check_room(plugins, choices.runner, objective, problems)
    name = name_of(model, path, problems)
    selection = selection_of(
        model, objective, folder, space, len(directions), name, problems, reading=reading
    )
    url = _store(model, store, folder, name, problems)
    checkpoints = _checkpoints(model, folder, problems)
    earlier = warm_start_of(model, folder, problems)
    schedule = tuple(
        {"name": b.name, "options": b.options, "trials": b.trials, "handover": b.handover}
        for b in choices.backends
    )
    chosen = choices.pruner
    pruner = None if chosen is None else {"name": chosen.name, "options": chosen.options}
    observers = tuple({"name": o.name, "options": o.options} for o in choices.observers)
    for each in (model.defaults or {}).keys() - set(space):
        problems.add(("defaults", each), unknown_parameter(each, space).problem)
    try:
        config = StudyConfig(
            space, backend=schedule, directions=directions, seed=model.seed, store=url or None,
            name=name, pruner=pruner, duplicates=model.duplicates or "evaluate",
            observers=observers, checkpoints=checkpoints, warm_start=earlier,
            plugins=plugins,
        )  # fmt: skip
    except HpoBridgeError as error:
        problems.add(error.path, error.text)
    problems.raise_any()
    assert objective is not None
    return StudyFile(
        config=config, path=path, folder=folder, name=name, objective=objective, space=space,
        directions=directions, store=url, checkpoints=checkpoints, selection=selection,
        schedule=schedule, seed=model.seed, observers=observers, warm_start=earlier,
        **_choices(choices), **_limits(model),
        defaults=model.defaults or {}, duplicates=config.duplicates,
    )  # fmt: skip


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


def _store(
    model: StudyModel, given: str | None, folder: Path, name: str, problems: Problems
) -> str:
    """The store's URL; the command line's goes before the file's."""
    url = given if given is not None else model.store
    try:
        if url is None:
            return default_url(folder, name)
        return resolved_url(url, folder if given is None else Path.cwd())
    except ConfigError as error:
        for problem in error.problems:
            if given is not None:
                problems.note(f"--store: {problem}")
            else:
                problems.add(("store",), problem)
        return ""


def _checkpoints(model: StudyModel, folder: Path, problems: Problems) -> Path | None:
    """The folder for checkpoints; it need not exist."""
    if model.checkpoints is None:
        return None
    path = folder / model.checkpoints
    if "\0" in model.checkpoints or (os.path.exists(path) and not os.path.isdir(path)):
        expected = accepts(StudyModel, "checkpoints")
        problems.add(("checkpoints",), f"found {shown(model.checkpoints)}, expected {expected}")
    return path
