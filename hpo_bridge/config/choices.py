"""The sections of a study file that name something of a plugin: backend, runner and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contracts.optimizer import Capability
from ..errors import UnknownName
from ..plugins import PluginManager
from ..space import Space
from .components import (
    Selected,
    accepted_by,
    check_built,
    check_found,
    check_proposer,
    check_schedule,
    is_finite,
    runner_of,
    selected,
)
from .models import StudyModel
from .problems import Problems

DEFAULT_BACKEND = "core.random"
DEFAULT_RUNNER = "inline"


@dataclass(frozen=True)
class Choices:
    """The components that a study file chooses."""

    backends: tuple[Selected, ...]
    runner: Selected
    pruner: Selected | None
    observers: tuple[Selected, ...] = ()


def choose(
    model: StudyModel, data: Mapping[str, Any], plugins: PluginManager | None, problems: Problems
) -> Choices:
    """Return the choices of a study file, with defaults; nothing is looked up but a technique.

    Args:
        model: The file's model.
        data: The file's data, for whether a name or a mapping stands there.
        plugins: Where to look a technique up; ``None`` where it need not be there.
        problems: Takes note of what is wrong.
    """
    runner = Selected("runner", DEFAULT_RUNNER, named_at=("runner",))
    if model.runner is not None:
        runner = selected("runner", model.runner, data["runner"], problems)
        if plugins is not None:
            _drop_foreign(runner, plugins, problems)
    pruner = None
    if model.pruner is not None:
        pruner = selected("pruner", model.pruner, data["pruner"], problems)
    observers = _observers(model, data, problems)
    return Choices(_backends(model, data, plugins, problems), runner, pruner, observers)


def _observers(
    model: StudyModel, data: Mapping[str, Any], problems: Problems
) -> tuple[Selected, ...]:
    found: list[Selected] = []
    for position, chosen in enumerate(model.observers or ()):
        place = ("observers", str(position))
        one = selected("observer", chosen, data["observers"][position], problems, place)
        if any((one.name, one.options) == (other.name, other.options) for other in found):
            problems.add(one.named_at, f"{one.name} is there twice, with the same options")
        found.append(one)
    return tuple(found)


def _backends(
    model: StudyModel, data: Mapping[str, Any], plugins: PluginManager | None, problems: Problems
) -> tuple[Selected, ...]:
    """The entries of the schedule; most files have one."""
    if model.backend is not None:
        if model.technique is not None:
            problems.add(("technique",), "cannot stand beside backend: give one of the two")
        written = data["backend"]
        if not isinstance(written, list):
            return (selected("backend", model.backend[0], written, problems),)
        return tuple(
            selected("backend", chosen, written[at], problems, ("backend", str(at)))
            for at, chosen in enumerate(model.backend)
        )
    if model.technique is None:
        return (Selected("backend", DEFAULT_BACKEND, named_at=("backend",)),)
    name = model.technique
    if plugins is not None:
        try:
            name = plugins.backend_for(model.technique, _needs(model)).name
        except UnknownName as error:
            problems.add(("technique",), str(error))
            name = ""
    return (Selected("backend", name, named_at=("technique",)),)


def _needs(model: StudyModel) -> frozenset[Capability]:
    """Return the capabilities that a backend needs beside its technique."""
    several = model.directions is not None and len(model.directions) > 1
    return frozenset({Capability.MULTI_OBJECTIVE} if several else ())


def _drop_foreign(runner: Selected, plugins: PluginManager, problems: Problems) -> None:
    """Drops what another runner's section left, and the one of the command line takes not."""
    if problems.origins.get(runner.named_at) != "--runner":
        return
    accepted = accepted_by(plugins, runner.name)
    for option in list(runner.options):
        if option not in accepted and runner.options_at[option] not in problems.origins:
            del runner.options[option]


def check_choices(
    choices: Choices,
    model: StudyModel,
    space: Space,
    n_objectives: int,
    plugins: PluginManager,
    problems: Problems,
    *,
    build_backend: bool,
) -> None:
    """Notes what cannot be used, or not together."""
    runner, pruner = choices.runner, choices.pruner
    for backend in choices.backends:
        if backend.name and build_backend:
            check_proposer(plugins, backend, space, n_objectives, model.seed, problems)
        elif backend.name:
            check_found(plugins, backend, problems)
    warm = bool(model.warm_start)
    check_schedule(plugins, choices.backends, n_objectives, problems, warm=warm)
    for chosen in (runner, *choices.observers):
        check_built(plugins, chosen, problems)
    limits = () if model.budget is None else (model.budget.trials, model.budget.time)
    unlimited = all(limit is None for limit in limits)
    last = choices.backends[-1]
    if unlimited and last.name and last.trials is None and not is_finite(plugins, last.name):
        text = f"is missing, expected trials, time or both: {last.name} does not end by itself"
        problems.add(("budget",), text)
    if pruner is None:
        return
    check_built(plugins, pruner, problems)
    if n_objectives > 1:
        text = f"needs a single objective, the study has {n_objectives}"
        problems.add(("pruner",), text)
    if runner.options.get("order") == "deterministic":
        text = "cannot be combined with order: deterministic, as it judges by who is faster"
        problems.add(("pruner",), text)
    wanted = runner_of(plugins, pruner)
    if wanted not in ("", runner.name):
        problems.add(("pruner",), f"{pruner.name} works on runner {wanted} alone")
