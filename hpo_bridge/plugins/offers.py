"""Plugins and what they offer, as data; and the import of what an offer names."""

from __future__ import annotations

import importlib
import inspect
import random
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any, Literal, cast

from ..contracts.optimizer import (
    AutodiffSpec,
    BackendSpec,
    FormatSpec,
    ObjectiveSpec,
    ObserverSpec,
    PrunerSpec,
    RunnerSpec,
    ViewSpec,
)
from ..contracts.requirements import Unmet
from ..errors import BackendError, InvalidOptions, UnknownOption
from ..habits import hint
from .error_text import fault_text, one_line
from .sources import DISABLE

Spec = (
    BackendSpec | RunnerSpec | PrunerSpec | ObserverSpec | ObjectiveSpec | FormatSpec
    | ViewSpec | AutodiffSpec
)  # fmt: skip
Kind = Literal[
    "backend", "runner", "pruner", "observer", "objective", "format", "view", "autodiff"
]
KINDS: dict[Kind, tuple[str, type[Any]]] = {
    "backend": ("hpo_register_backends", BackendSpec),
    "runner": ("hpo_register_runners", RunnerSpec),
    "pruner": ("hpo_register_pruners", PrunerSpec),
    "observer": ("hpo_register_observers", ObserverSpec),
    "objective": ("hpo_register_objectives", ObjectiveSpec),
    "format": ("hpo_register_formats", FormatSpec),
    "view": ("hpo_register_views", ViewSpec),
    "autodiff": ("hpo_register_autodiff", AutodiffSpec),
}
"""Kind to the hook that registers it and the class of its specs."""


OURS = "hpo-bridge"
"""Our own distribution, which has several plugins."""


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin and how it fared.

    Attributes:
        name: The entry point's name, or the path or module that a study file gives.
        distribution: The installed distribution it belongs to; ``None`` for a file.
        version: That distribution's version.
        status: See :mod:`hpo_bridge.plugins`.
        reason: Why it is not active, and after the last dash what to do; else empty.
    """

    name: str
    distribution: str | None
    version: str | None
    status: Literal["active", "unavailable", "disabled", "broken", "conflict"]
    reason: str = ""

    @property
    def origin(self) -> str:
        """The place that it comes from, in words."""
        if self.distribution is None:
            return self.name
        return f"{self.distribution} {self.version or ''}".strip()

    @property
    def label(self) -> str:
        """Its name, and where it comes from."""
        return self.name if self.distribution is None else f"{self.name} ({self.origin})"

    @property
    def skipping(self) -> str:
        """The setting of the environment that leaves it out."""
        ours = self.distribution == OURS or self.distribution is None
        return f"{DISABLE}={self.name if ours else self.distribution}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A backend, runner, pruner or another that a plugin offers, and whether it can be used.

    Attributes:
        spec: As the plugin declares it.
        plugin: The plugin.
        status: See :mod:`hpo_bridge.plugins`.
        reason: Why it is not active, and after the last dash what to do; else empty.
        unmet: The requirements that are missing, where that is the reason.
    """

    spec: Spec
    plugin: PluginInfo
    status: Literal["active", "unavailable", "conflict"]
    reason: str = ""
    unmet: Unmet | None = None

    @property
    def package(self) -> str:
        """The module of its factory."""
        return self.spec.factory.partition(":")[0]

    @property
    def label(self) -> str:
        """Its name, and where it comes from."""
        return f"{self.spec.name!r} ({self.plugin.origin})"


def load_factory(kind: Kind, offer: Offer) -> Callable[..., Any]:
    """Import what an offer's ``factory`` names.

    Raises:
        BackendError: If that fails, or is nothing to call.
    """
    module, _, attribute = offer.spec.factory.partition(":")
    state = None if module in sys.modules else random.getstate()
    try:
        factory = getattr(importlib.import_module(module), attribute)
        if not callable(factory):
            raise TypeError(f"{offer.spec.factory} is not callable")
    except (Exception, SystemExit) as error:
        what = f"{kind} {offer.label} cannot be imported"
        raise BackendError(fault_text(what, error, module)) from error
    finally:
        if state is not None:  # some libraries draw a number at their import
            random.setstate(state)
    return cast("Callable[..., Any]", factory)


def is_composite(offer: Offer) -> bool:
    """Return whether a backend is made of others, and so gets the plugin manager."""
    return isinstance(offer.spec, BackendSpec) and offer.spec.composite


def backend_options(offer: Offer) -> list[str] | None:
    """Names of a backend's options; ``None``: takes any.

    Raises:
        BackendError: If it cannot be imported.
    """
    accepted = accepted_options(load_factory("backend", offer), 1 + is_composite(offer))
    return None if accepted is None else list(accepted)


def accepted_options(factory: Callable[..., Any], positional: int) -> dict[str, bool] | None:
    """Return a factory's options after its positional arguments, and whether each is required.

    ``None`` if it takes any.
    """
    try:
        parameters = list(inspect.signature(factory).parameters.values())[positional:]
    except (TypeError, ValueError):  # some builtins have no signature
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {p.name: p.default is p.empty for p in parameters if p.kind in named}


def library_of(offer: Offer) -> tuple[str, str]:
    """Name and installed version of the library that an offer wraps, or of its plugin."""
    if offer.spec.requires:
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            name = Requirement(offer.spec.requires[0]).name
        except InvalidRequirement:
            return offer.spec.requires[0], ""
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            return name, ""
    return offer.plugin.distribution or offer.plugin.name, offer.plugin.version or ""


def conflicts_marked(offers: list[Offer]) -> list[Offer]:
    """Return the offers of one name; several are in conflict."""
    if len(offers) == 1:
        return offers
    plugins = list(dict.fromkeys(offer.plugin for offer in offers))
    name = offers[0].spec.name
    if len(plugins) == 1:
        reason = f"{name!r} is offered twice by {plugins[0].origin} — tell its author"
    else:
        origins = " and ".join(dict.fromkeys(plugin.origin for plugin in plugins))
        ways = [p.skipping for p in plugins if p.distribution not in (OURS, None)]
        remedy = " or ".join(dict.fromkeys(ways)) or "take one of them out of plugins:"
        reason = f"{name!r} is offered by {origins}; disable one of them — {remedy}"
    return [replace(offer, status="conflict", reason=reason) for offer in offers]


def with_whole_status(info: PluginInfo, offers: list[tuple[Kind, Offer]]) -> PluginInfo:
    """Return a plugin with its status as a whole: in conflict, or without what it is for.

    A format reads files of a library that may not be there: it does not make up for backends
    and runners that cannot be used.
    """
    for _, offer in offers:
        if offer.status == "conflict":
            return replace(info, status="conflict", reason=offer.reason)
    counting = [o for kind, o in offers if kind != "format"] or [o for _, o in offers]
    if counting and all(offer.status == "unavailable" for offer in counting):
        return replace(info, status="unavailable", reason=counting[0].reason)
    return info


def check_options(
    what: str, factory: Callable[..., Any], positional: tuple[Any, ...], options: Mapping[str, Any]
) -> None:
    """Raise InvalidOptions for an option that a factory does not take, or that it lacks."""
    accepted = accepted_options(factory, len(positional))
    if accepted is None:
        return
    listed = ", ".join(accepted) or "none"
    for option in options:
        if option not in accepted:
            plain = what.partition(" (")[0]
            raise UnknownOption(
                f"unknown option of {plain}, accepted: {listed}{hint(option, accepted)}", option
            )
    for option, required in accepted.items():
        if required and option not in options:
            raise InvalidOptions(f"{what} needs the option {option!r}, accepted: {listed}")


def refuses_options(error: Exception, options: Mapping[str, Any]) -> bool:
    """Return whether a constructor refused an option, and did not merely fail.

    Any operation on wrong types raises a TypeError: only one that names an option is taken for
    a refusal.
    """
    if isinstance(error, TypeError):
        return any(re.search(rf"\b{re.escape(name)}\b", one_line(error)) for name in options)
    return isinstance(error, ValueError) and bool(options)
