"""Finds plugins, keeps a broken one from harming the rest, and builds what they offer.

A plugin is an entry point of the group ``hpo_bridge`` (our own adapters too), or a file or
module that a study file names. Each ends in one status:

============  ======================================================================
active        loaded, and its hooks were read
disabled      named in ``HPO_BRIDGE_DISABLE``; never imported
broken        its import, a hook or a spec raised; reported once, the rest works
============  ======================================================================

and each backend, runner and pruner that it offers in one of these:

============  ======================================================================
active        can be used
unavailable   a requirement is not installed, or has another version
conflict      two plugins offer the name; using it is an error that names both
============  ======================================================================
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import pluggy

from . import hookspecs
from .errors import (
    BackendError,
    ConfigError,
    HpoBridgeError,
    InvalidOptions,
    UnknownName,
    nearest,
    short,
)
from .hookspecs import PROJECT
from .optimizer import BackendSpec, PrunerSpec, RunnerSpec
from .requirements import unmet

Spec = BackendSpec | RunnerSpec | PrunerSpec
Kind = Literal["backend", "runner", "pruner"]
KINDS: dict[Kind, tuple[str, type[Any]]] = {
    "backend": ("hpo_register_backends", BackendSpec),
    "runner": ("hpo_register_runners", RunnerSpec),
    "pruner": ("hpo_register_pruners", PrunerSpec),
}
DISABLE = "HPO_BRIDGE_DISABLE"
"""Environment variable: names of plugins or distributions, separated by commas."""
S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin and how it fared.

    Attributes:
        name: The entry point's name, or the path or module that a study file gives.
        distribution: The installed distribution it belongs to; ``None`` for a file.
        version: That distribution's version.
        status: ``active``, ``disabled`` or ``broken``.
        reason: Why it is not active, else an empty string.
    """

    name: str
    distribution: str | None
    version: str | None
    status: Literal["active", "disabled", "broken"]
    reason: str = ""

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.distribution is None:
            return self.name
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class Offer:
    """One backend, runner or pruner that a plugin offers, and whether it can be used."""

    spec: Spec
    plugin: PluginInfo
    status: Literal["active", "unavailable", "conflict"]
    reason: str = ""


class PluginManager:
    """The plugins of this process.

    Args:
        entry_points: What to load; the installed ones by default.
    """

    def __init__(self, entry_points: Iterable[metadata.EntryPoint] | None = None) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self.plugins: list[PluginInfo] = []
        self._offers: dict[Kind, dict[str, list[Offer]]] = {kind: {} for kind in KINDS}
        if entry_points is None:
            entry_points = metadata.entry_points(group=PROJECT)
        for point in sorted(set(entry_points), key=_order):
            self._load(point)

    # -- loading ----------------------------------------------------------------------

    def _load(self, point: metadata.EntryPoint) -> None:
        distribution = point.dist.name if point.dist else None
        version = point.dist.version if point.dist else None
        disabled = {name.strip() for name in os.environ.get(DISABLE, "").split(",")}
        if {point.name, distribution} & disabled:
            reason = f"disabled by {DISABLE}"
            self.plugins.append(
                PluginInfo(point.name, distribution, version, "disabled", reason)
            )
            return
        self._register(point.name, distribution, version, point.load)

    def add(self, source: str, folder: Path) -> None:
        """Loads an unpackaged plugin: a file (relative to ``folder``) or a module's name.

        Raises:
            ConfigError: If it cannot be loaded; a study that names it cannot do without.
        """
        if any(info.name == source for info in self.plugins):
            return
        self._register(source, None, None, lambda: _import_source(source, folder))
        info = self.plugins[-1]
        if info.status != "active":
            raise ConfigError(f"plugins: {source}: {info.reason}")

    def _register(
        self,
        name: str,
        distribution: str | None,
        version: str | None,
        load: Callable[[], object],
    ) -> None:
        info = PluginInfo(name, distribution, version, "active")
        plugin: object = None
        try:
            plugin = load()
            if self._pluggy.is_registered(plugin):
                return  # one distribution found twice on the path
            self._pluggy.register(plugin, name=f"{distribution or ''}:{name}")
            self._pluggy.check_pending()
            specs = {kind: self._specs(plugin, kind) for kind in KINDS}
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may do anything, sys.exit() included
            if plugin is not None and self._pluggy.is_registered(plugin):
                self._pluggy.unregister(plugin)
            reason = f"{type(error).__name__}: {short(str(error), 300)[1:-1]}"
            self.plugins.append(PluginInfo(name, distribution, version, "broken", reason))
            return
        self.plugins.append(info)
        for kind, found in specs.items():
            for spec in found:
                self._offers[kind].setdefault(spec.name, []).append(_offer(spec, info))

    def _specs(self, plugin: object, kind: Kind) -> list[Spec]:
        hook, expected = KINDS[kind]
        implementation = getattr(plugin, hook, None)
        if implementation is None:
            return []
        found = implementation()
        specs = [found] if isinstance(found, expected) else list(found)
        for spec in specs:
            if not isinstance(spec, expected):
                raise TypeError(f"{hook} gave {short(spec)}, expected {expected.__name__}")
        return specs

    # -- looking up -------------------------------------------------------------------

    def offers(self, kind: Kind) -> list[Offer]:
        """Everything of a kind that plugins offer, by name."""
        return [self._judge(name, offers) for name, offers in sorted(self._offers[kind].items())]

    @staticmethod
    def _judge(name: str, offers: list[Offer]) -> Offer:
        if len(offers) == 1:
            return offers[0]
        origins = " and ".join(offer.plugin.origin for offer in offers)
        reason = f"offered by {origins}; disable one of them with {DISABLE}"
        return Offer(offers[0].spec, offers[0].plugin, "conflict", reason)

    def find(self, kind: Kind, name: str) -> Offer:
        """The active offer of that name.

        Raises:
            UnknownName: If there is none; says why, how to install it, or what else there is.
        """
        offers = self._offers[kind].get(name)
        if offers:
            offer = self._judge(name, offers)
            if offer.status == "active":
                return offer
            raise UnknownName(f"{kind} {name!r} is {offer.status}: {offer.reason}")
        active = [o.spec.name for o in self.offers(kind) if o.status == "active"]
        broken = [f"{p.name} ({p.reason})" for p in self.plugins if p.status == "broken"]
        note = f"; broken plugins: {', '.join(broken)}" if broken else ""
        raise UnknownName(
            f"found {name!r}, expected one of {', '.join(active)}{nearest(name, active)}{note}"
        )

    def backend_for(self, technique: str) -> BackendSpec:
        """The active backend of the highest rank for a technique; ties go to the first name.

        Raises:
            UnknownName: If no active backend has that technique.
        """
        specs = [cast(BackendSpec, o.spec) for o in self.offers("backend") if o.status == "active"]
        found = [spec for spec in specs if spec.technique == technique]
        if not found:
            known = sorted({spec.technique for spec in specs})
            raise UnknownName(
                f"found {technique!r}, expected one of {', '.join(known)}"
                f"{nearest(technique, known)}"
            )
        return max(found, key=lambda spec: spec.rank)

    # -- building ---------------------------------------------------------------------

    def build(
        self, kind: Kind, name: str, options: Mapping[str, Any], *positional: Any
    ) -> Any:
        """Imports the factory of ``name`` and calls it.

        Raises:
            UnknownName: See :meth:`find`.
            InvalidOptions: If an option is unknown or its value refused.
            BackendError: If the implementation cannot be imported.
            UnsupportedProblem: If a backend cannot honour the problem.
        """
        offer = self.find(kind, name)
        factory = load_factory(kind, offer)
        accepted = accepted_options(factory, len(positional))
        if accepted is not None:
            for option in options:
                if option not in accepted:
                    known = ", ".join(accepted) or "none"
                    raise InvalidOptions(
                        f"{option}: unknown option of {kind} {name!r}, accepted: {known}"
                        f"{nearest(option, accepted)}"
                    )
        try:
            return factory(*positional, **options)
        except HpoBridgeError:
            raise
        except Exception as error:
            given = ", ".join(f"{key}={value!r}" for key, value in options.items())
            raise InvalidOptions(
                f"{kind} {name!r} ({offer.plugin.origin}) refused its options ({given}): "
                f"{type(error).__name__}: {error}"
            ) from error

    # -- notifying --------------------------------------------------------------------

    def observers(self, hook: str) -> list[Callable[..., None]]:
        """The plugins' implementations of a notification, each made safe to call."""
        caller = getattr(self._pluggy.hook, hook)
        return [_observer(hook, impl) for impl in caller.get_hookimpls()]


def _observer(hook: str, implementation: pluggy.HookImpl) -> Callable[..., None]:
    def notify(**arguments: Any) -> None:
        try:
            implementation.function(*(arguments[name] for name in implementation.argnames))
        except Exception:
            import logging

            logging.getLogger(PROJECT).exception(
                "plugin %s failed in %s; the study goes on", implementation.plugin_name, hook
            )

    return notify


def load_factory(kind: Kind, offer: Offer) -> Callable[..., Any]:
    """Imports what an offer's ``factory`` names."""
    module, _, attribute = offer.spec.factory.partition(":")
    try:
        return cast(Callable[..., Any], getattr(importlib.import_module(module), attribute))
    except Exception as error:
        raise BackendError(
            f"{kind} {offer.spec.name!r} of {offer.plugin.origin} cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error


def accepted_options(factory: Callable[..., Any], positional: int) -> list[str] | None:
    """Names of a factory's options after its positional arguments; ``None``: takes any."""
    parameters = list(inspect.signature(factory).parameters.values())[positional:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]


def library_of(offer: Offer) -> tuple[str, str]:
    """Name and installed version of the library that an offer wraps, or of its plugin."""
    if offer.spec.requires:
        from packaging.requirements import Requirement

        name = Requirement(offer.spec.requires[0]).name
        try:
            return name, metadata.version(name)
        except metadata.PackageNotFoundError:
            return name, ""
    return offer.plugin.distribution or offer.plugin.name, offer.plugin.version or ""


def _order(point: metadata.EntryPoint) -> tuple[str, str, str]:
    return (point.dist.name if point.dist else "", point.name, point.value)


def _offer(spec: Spec, plugin: PluginInfo) -> Offer:
    reason = unmet(spec.requires, plugin.distribution)
    if reason is None:
        return Offer(spec, plugin, "active")
    return Offer(spec, plugin, "unavailable", reason)


def _import_source(source: str, folder: Path) -> object:
    if not source.endswith(".py"):
        return importlib.import_module(source)
    path = (folder / source).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)  # so that its own factory strings find it
    spec.loader.exec_module(module)
    return module


@cache
def manager() -> PluginManager:
    """The manager of this process, built at the first call."""
    return PluginManager()
