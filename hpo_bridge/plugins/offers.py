"""Plugins and what they offer, as data; and the import of what an offer names."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal, cast

from ..errors import BackendError
from ..optimizer import (
    AutodiffSpec,
    BackendSpec,
    FormatSpec,
    ObjectiveSpec,
    ObserverSpec,
    PrunerSpec,
    RunnerSpec,
)
from .limits import reminded
from .patching import Originals
from .sources import DISABLE

Spec = (
    BackendSpec | RunnerSpec | PrunerSpec | ObserverSpec | ObjectiveSpec | FormatSpec
    | AutodiffSpec
)  # fmt: skip
Kind = Literal["backend", "runner", "pruner", "observer", "objective", "format", "autodiff"]
KINDS: dict[Kind, tuple[str, type[Any]]] = {
    "backend": ("hpo_register_backends", BackendSpec),
    "runner": ("hpo_register_runners", RunnerSpec),
    "pruner": ("hpo_register_pruners", PrunerSpec),
    "observer": ("hpo_register_observers", ObserverSpec),
    "objective": ("hpo_register_objectives", ObjectiveSpec),
    "format": ("hpo_register_formats", FormatSpec),
    "autodiff": ("hpo_register_autodiff", AutodiffSpec),
}
"""Kind to the hook that registers it and the class of its specs."""


HEAVY = 20.0
"""Seconds after which an implementation that is still being imported is named."""
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
        deprecated: What it uses of the contract that will go; for its author.
    """

    name: str
    distribution: str | None
    version: str | None
    status: Literal["active", "unavailable", "disabled", "broken", "conflict"]
    reason: str = ""
    deprecated: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.distribution is None:
            return self.name
        return f"{self.distribution} {self.version or ''}".strip()

    @property
    def label(self) -> str:
        """Its name, and where it comes from."""
        return self.name if self.distribution is None else f"{self.name} ({self.origin})"

    @property
    def skipping(self) -> str:
        """What to put into the environment to leave it out."""
        ours = self.distribution == OURS or self.distribution is None
        return f"{DISABLE}={self.name if ours else self.distribution}"


@dataclass(frozen=True, slots=True)
class Offer:
    """A backend, runner, pruner or another that a plugin offers, and whether it can be used."""

    spec: Spec
    plugin: PluginInfo
    status: Literal["active", "unavailable", "conflict"]
    reason: str = ""


def load_factory(kind: Kind, offer: Offer) -> Callable[..., Any]:
    """Imports what an offer's ``factory`` names.

    Raises:
        BackendError: If that fails, or is nothing to call.
    """
    module, _, attribute = offer.spec.factory.partition(":")
    try:
        if module not in sys.modules:
            _import(module, f"{kind} {offer.spec.name!r} of {offer.plugin.origin}")
        factory = getattr(importlib.import_module(module), attribute)
        if not callable(factory):
            raise TypeError(f"{offer.spec.factory} is not callable")
    except (Exception, SystemExit) as error:
        raise BackendError(
            f"{kind} {offer.spec.name!r} of {offer.plugin.origin} cannot be imported: "
            f"{one_line(error)}"
        ) from error
    return cast("Callable[..., Any]", factory)


def _import(module: str, what: str) -> None:
    """Imports an implementation; it may take its time, but not replace anything of ours."""
    originals = Originals()
    with reminded(HEAVY, f"hpo-bridge: still importing {what}"):
        importlib.import_module(module)
    replaced = originals.put_back()
    if replaced:
        del sys.modules[module]  # so that it is refused the next time, too
        raise ImportError(f"it replaced {', '.join(replaced[:3])}, which was undone")


def is_composite(offer: Offer) -> bool:
    """Whether a backend is made of others, and so gets the plugin manager."""
    return isinstance(offer.spec, BackendSpec) and offer.spec.composite


def backend_options(offer: Offer) -> list[str] | None:
    """Names of a backend's options; ``None``: takes any.

    Raises:
        BackendError: If it cannot be imported.
    """
    return accepted_options(load_factory("backend", offer), 1 + is_composite(offer))


def accepted_options(factory: Callable[..., Any], positional: int) -> list[str] | None:
    """Names of a factory's options after its positional arguments; ``None``: takes any."""
    try:
        parameters = list(inspect.signature(factory).parameters.values())[positional:]
    except (TypeError, ValueError):  # some builtins have no signature
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter.name for parameter in parameters if parameter.kind in named]


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


def one_line(error: BaseException) -> str:
    """An error of a plugin's in one line; its ``__str__`` may raise too."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "(its text cannot be read)"
    name = type(error).__name__
    text = text if len(text) <= 240 else text[:239] + "…"
    return f"{name}: {text}" if text else name
