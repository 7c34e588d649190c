"""Checks what a study file names in plugins, by building it once before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contracts.durations import ACCEPTED, parse_duration
from ..contracts.optimizer import BackendSpec, Capability
from ..engine.handover import require_inject
from ..errors import (
    HpoBridgeError,
    InvalidOptions,
    KeyPath,
    UnknownName,
    UnknownOption,
    UnsupportedProblem,
    nearest,
)
from ..plugins import Kind, PluginManager, accepted_options, load_factory
from ..space import Space
from .problems import Problems, shown
from .section_models import Chosen, ChosenBackend

KEPT_OPTIONS = ("workers", "trial_timeout", "retries", "order")
"""Options that mean the same on every runner, and go over to another one."""
DURATIONS = ("trial_timeout", "grace")
"""Options of runners that are durations."""


@dataclass(frozen=True)
class Selected:
    """A backend, runner, pruner or observer as a study file names it.

    Attributes:
        key: ``backend``, ``runner``, ``pruner`` or ``observer``.
        name: Its name.
        options: Its options.
        named_at: The key path of the name.
        options_at: Key path of each option.
        place: The key path of the section.
        trials: How many trials a backend of a schedule proposes.
        handover: Whether a backend is told of others' trials: ``tell`` or ``ignore``.
    """

    key: Kind
    name: str
    options: dict[str, Any] = field(default_factory=dict)
    named_at: KeyPath = ()
    options_at: dict[str, KeyPath] = field(default_factory=dict)
    place: KeyPath = ()
    trials: int | None = None
    handover: str = "tell"

    @property
    def plain(self) -> dict[str, Any]:
        """The name and the options, as a study takes them."""
        return {"name": self.name, "options": self.options}


def selected(
    key: Kind, chosen: Chosen, written: Any, problems: Problems, place: KeyPath = ()
) -> Selected:
    """Takes the options together, from ``options`` and from next to ``name``.

    Args:
        key: ``backend``, ``runner``, ``pruner`` or ``observer``.
        chosen: The model of its section.
        written: The section as the file has it: a name, or a mapping.
        problems: Takes note of what is wrong.
        place: The section's key path, where it is not ``key``.
    """
    place = place or (key,)
    inner = {name: (*place, "options", name) for name in chosen.options or {}}
    beside = {name: (*place, name) for name in chosen.model_extra or {}}
    options = {**(chosen.options or {}), **(chosen.model_extra or {})}
    for name in inner.keys() & beside.keys():
        problems.add(beside[name], "is there twice, also in options")
    if key == "runner":
        _convert_durations(options, {**inner, **beside}, problems)
    named_at = (*place, "name") if isinstance(written, Mapping) else place
    own: dict[str, Any] = {}
    if isinstance(chosen, ChosenBackend):
        own = {"trials": chosen.trials, "handover": chosen.handover or "tell"}
    return Selected(key, chosen.name, options, named_at, {**inner, **beside}, place, **own)


def _convert_durations(
    options: dict[str, Any], places: Mapping[str, KeyPath], problems: Problems
) -> None:
    for name in DURATIONS:
        value = options.get(name)
        if value is None:
            continue
        try:
            options[name] = parse_duration(value)
        except ValueError:
            problems.add(places[name], f"found {shown(value)}, expected {ACCEPTED}")


def accepted_by(plugins: PluginManager, runner: str) -> list[str]:
    """Return those of :data:`KEPT_OPTIONS` that a runner takes; none if it cannot be found."""
    try:
        factory = load_factory("runner", plugins.find("runner", runner))
    except HpoBridgeError:
        return []
    accepted = accepted_options(factory, 0)
    return [name for name in KEPT_OPTIONS if accepted is None or name in accepted]


def is_finite(plugins: PluginManager, backend: str) -> bool:
    """Return whether a backend ends by itself; true for an unknown one, reported elsewhere."""
    try:
        spec = plugins.find("backend", backend).spec
    except UnknownName:
        return True
    return isinstance(spec, BackendSpec) and Capability.FINITE in spec.capabilities


def check_built(plugins: PluginManager, chosen: Selected, problems: Problems) -> None:
    """Builds a runner, a pruner or an observer, and notes why it cannot be."""
    try:
        plugins.build(chosen.key, chosen.name, chosen.options)
    except HpoBridgeError as error:
        _note(chosen, error, problems)


def check_proposer(
    plugins: PluginManager,
    chosen: Selected,
    space: Space,
    n_objectives: int,
    seed: int | None,
    problems: Problems,
) -> None:
    """Builds a backend as the study will, and notes why it cannot be."""
    from ..engine.checked_optimizer import CheckedOptimizer

    try:
        CheckedOptimizer(plugins, chosen.name, chosen.options, space, n_objectives, seed or 0)
    except HpoBridgeError as error:
        _note(chosen, error, problems)


def check_schedule(
    plugins: PluginManager,
    schedule: Sequence[Selected],
    n_objectives: int,
    problems: Problems,
    *,
    warm: bool,
) -> None:
    """Notes each entry that never ends before another one, or would ignore those before it.

    Args:
        plugins: Where to find the backends.
        schedule: The entries.
        n_objectives: Number of losses.
        problems: Takes note of what is wrong.
        warm: Whether there are trials before the first one, too.
    """
    for chosen in schedule[:-1]:
        if chosen.trials is None and not is_finite(plugins, chosen.name):
            text = "is missing, expected a whole number: the next one would never begin"
            problems.add((*chosen.place, "trials"), text)
    for place, chosen in enumerate(schedule):
        if place == 0 and not warm:
            continue
        try:
            ignoring = chosen.handover == "ignore"
            what = "the trials before its own" if place else "the trials of the warm start"
            require_inject(plugins, chosen.name, ignoring, n_objectives, what)
        except UnsupportedProblem as error:
            problems.add(chosen.place or ("backend",), str(error))
        except UnknownName:  # said elsewhere
            pass


def check_found(plugins: PluginManager, chosen: Selected, problems: Problems) -> None:
    """Notes why a backend of that name cannot be used, without importing it."""
    try:
        plugins.find(chosen.key, chosen.name)
    except UnknownName as error:
        _note(chosen, error, problems)


def runner_of(plugins: PluginManager, pruner: Selected) -> str:
    """The only runner on which a pruner works; empty for all, and for one that is not known."""
    try:
        return str(getattr(plugins.find("pruner", pruner.name).spec, "runner", ""))
    except UnknownName:
        return ""


def _note(chosen: Selected, error: HpoBridgeError, problems: Problems) -> None:
    """Note a plugin's error at the option that it is about."""
    option = error.path[0] if isinstance(error, InvalidOptions) and error.path else None
    if option in chosen.options_at:
        text = error.text
        if isinstance(error, UnknownOption) and not text.endswith(")"):
            text += nearest(option, ["options", "name"])
        problems.add((*chosen.options_at[option], *error.path[1:]), text)
        return
    whole = isinstance(error, UnsupportedProblem) and chosen.named_at not in problems.origins
    problems.add((chosen.place or chosen.named_at[:1]) if whole else chosen.named_at, str(error))
