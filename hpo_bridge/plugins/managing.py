"""The plugin manager: loads, looks up, builds, notifies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import pluggy

from .. import hookspecs
from ..errors import (
    BackendError,
    ConfigError,
    HpoBridgeError,
    InvalidOptions,
    UnknownName,
    nearest,
    short,
)
from ..hookspecs import PROJECT
from ..optimizer import BackendSpec, Capability
from ..requirements import unmet
from .offers import (
    KINDS,
    Kind,
    Offer,
    PluginInfo,
    Spec,
    accepted_options,
    is_composite,
    load_factory,
    one_line,
)
from .sources import DISABLE, Source, installed, named


class PluginManager:
    """The plugins of this process.

    Args:
        entry_points: What to load; the installed ones by default.
    """

    def __init__(self, entry_points: Iterable[metadata.EntryPoint] | None = None) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._infos: list[PluginInfo] = []
        self._offers: dict[Kind, dict[str, list[Offer]]] = {kind: {} for kind in KINDS}
        for source in installed(entry_points):
            self._register(source)

    # -- loading ----------------------------------------------------------------------

    def add(self, source: str, folder: Path) -> None:
        """Loads an unpackaged plugin: a file (relative to ``folder``) or a module's name.

        Raises:
            ConfigError: If it cannot be loaded; a study that names it cannot do without.
        """
        wanted = named(source, folder)
        earlier = [i for i in self._infos if i.distribution is None and i.name == wanted.name]
        if any(info.status == "active" for info in earlier):
            return
        self._infos = [info for info in self._infos if info not in earlier]
        info = self._register(wanted)
        if info is not None and info.status != "active":
            raise ConfigError(f"plugins: {source}: {info.reason}")

    def _register(self, source: Source) -> PluginInfo | None:
        """Loads one plugin; ``None`` if it is there already."""
        info = PluginInfo(source.name, source.distribution, source.version, "active")
        plugin: object = None
        offers: list[tuple[Kind, Offer]] = []
        if source.disabled:
            info = replace(info, status="disabled", reason=f"disabled by {DISABLE}")
        else:
            try:
                plugin = source.load()
                if self._pluggy.is_registered(plugin):
                    return None  # one distribution found twice on the path
                self._hook_in(plugin, f"{info.distribution or ''}:{info.name}")
                offers = [
                    (kind, _offer(spec, info))
                    for kind in KINDS
                    for spec in self._specs(plugin, kind)
                ]
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a plugin may do anything, sys.exit() included
                if plugin is not None:
                    self.ignore(plugin)
                info = replace(info, status="broken", reason=one_line(error))
        self._infos.append(info)
        for kind, offer in offers:
            self._offers[kind].setdefault(offer.spec.name, []).append(offer)
        return info

    def _hook_in(self, plugin: object, name: str | None = None) -> None:
        """Registers with pluggy; leaves nothing behind if a hook is wrong."""
        try:
            self._pluggy.register(plugin, name=name)
            self._pluggy.check_pending()
        except pluggy.PluginValidationError:
            self.ignore(plugin)
            raise

    def _specs(self, plugin: object, kind: Kind) -> list[Spec]:
        hook, expected = KINDS[kind]
        impls = [i for i in getattr(self._pluggy.hook, hook).get_hookimpls() if i.plugin is plugin]
        if not impls and callable(getattr(plugin, hook, None)):
            raise TypeError(f"{hook} is not decorated with @hpo_bridge.hookimpl")
        specs: list[Spec] = []
        for impl in impls:
            found = impl.function()
            if not isinstance(found, (expected, Iterable)):
                raise TypeError(f"{hook} gave {short(found)}, expected {expected.__name__}")
            specs += [found] if isinstance(found, expected) else found
        for spec in specs:
            if not isinstance(spec, expected):
                raise TypeError(f"{hook} gave {short(spec)}, expected {expected.__name__}")
        return specs

    @property
    def plugins(self) -> list[PluginInfo]:
        """Every plugin and how it fared, in the order of loading."""
        offers = [offer for kind in KINDS for offer in self._all_offers(kind)]
        return [_summary(info, [o for o in offers if o.plugin is info]) for info in self._infos]

    # -- looking up -------------------------------------------------------------------

    def offers(self, kind: Kind) -> list[Offer]:
        """Everything of a kind that plugins offer, by name; of a conflict the first."""
        return [_judged(offers)[0] for _, offers in sorted(self._offers[kind].items())]

    def _all_offers(self, kind: Kind) -> list[Offer]:
        return [offer for offers in self._offers[kind].values() for offer in _judged(offers)]

    def find(self, kind: Kind, name: str) -> Offer:
        """The active offer of that name.

        Raises:
            UnknownName: If there is none; says why, how to install it, or what else there is.
        """
        offers = self._offers[kind].get(name)
        if offers:
            offer = _judged(offers)[0]
            if offer.status == "active":
                return offer
            raise UnknownName(f"{kind} {name!r} is {offer.status}: {offer.reason}")
        active = [o.spec.name for o in self.offers(kind) if o.status == "active"]
        idle = [i for i in self._infos if i.status != "active"]
        note = "; ".join(f"plugin {i.name} is {i.status}: {i.reason}" for i in idle)
        expected = f"expected one of {', '.join(active)}" if active else f"there is no {kind}"
        raise UnknownName(
            f"found {name!r}, {expected}{nearest(name, active)}{f' ({note})' if note else ''}"
        )

    def backend_for(
        self, technique: str, needs: frozenset[Capability] = frozenset()
    ) -> BackendSpec:
        """The active backend of the highest rank for a technique; ties go to the first name.

        Args:
            technique: Such as ``bayesian``.
            needs: What it must be able to do, such as taking several objectives.

        Raises:
            UnknownName: If no active backend has that technique, or none of them all that
                is needed.
        """
        active = [offer for offer in self.offers("backend") if offer.status == "active"]
        specs = [cast("BackendSpec", offer.spec) for offer in active]
        found = [spec for spec in specs if spec.technique == technique]
        if not found:
            known = sorted({spec.technique for spec in specs})
            raise UnknownName(
                f"found {technique!r}, expected one of {', '.join(known)}"
                f"{nearest(technique, known)}"
            )
        able = [spec for spec in found if needs <= spec.capabilities]
        if not able:
            names = ", ".join(spec.name for spec in found)
            lacking = ", ".join(sorted(need.value for need in needs))
            raise UnknownName(f"no backend of the technique {technique!r} ({names}) has {lacking}")
        return max(able, key=lambda spec: spec.rank)

    # -- building ---------------------------------------------------------------------

    def build(self, kind: Kind, name: str, options: Mapping[str, Any], *positional: Any) -> Any:
        """Imports the factory of ``name`` and calls it.

        Raises:
            UnknownName: See :meth:`find`.
            InvalidOptions: If an option is unknown or its value refused.
            BackendError: If the implementation cannot be imported, or fails.
            UnsupportedProblem: If a backend cannot honour the problem.
        """
        offer = self.find(kind, name)
        factory = load_factory(kind, offer)
        if is_composite(offer):
            positional = (*positional, self)
        accepted = accepted_options(factory, len(positional))
        for option in options:
            if accepted is not None and option not in accepted:
                raise InvalidOptions(
                    f"{option}: unknown option of {kind} {name!r}, accepted: "
                    f"{', '.join(accepted) or 'none'}{nearest(option, accepted)}"
                )
        try:
            return factory(*positional, **options)
        except HpoBridgeError:
            raise
        except (TypeError, ValueError) as error:
            given = ", ".join(f"{key}={short(value)}" for key, value in options.items())
            raise InvalidOptions(
                f"{kind} {name!r} ({offer.plugin.origin}) refused its options ({given}): "
                f"{one_line(error)}"
            ) from error
        except Exception as error:
            raise BackendError(
                f"{kind} {name!r} ({offer.plugin.origin}) cannot be built: {one_line(error)}"
            ) from error

    # -- notifying --------------------------------------------------------------------

    def observe(self, observer: object) -> None:
        """Adds an object that implements notifications, for what is driven from now on.

        Raises:
            HpoBridgeError: If it is there already, or implements no hook of ours.
        """
        try:
            self._hook_in(observer)
        except (pluggy.PluginValidationError, ValueError) as error:
            raise HpoBridgeError(f"observer {short(observer)}: {one_line(error)}") from error
        if not self._pluggy.get_hookcallers(observer):
            self.ignore(observer)
            raise HpoBridgeError(
                f"observer {short(observer)} has no method decorated with @hpo_bridge.hookimpl"
            )

    def ignore(self, observer: object) -> None:
        """Removes what :meth:`observe` added; harmless if it is not there."""
        if self._pluggy.is_registered(observer):
            self._pluggy.unregister(observer)

    def observers(self, hook: str) -> list[Callable[..., None]]:
        """The plugins' implementations of a notification, each made safe to call."""
        caller = getattr(self._pluggy.hook, hook)
        return [_observer(hook, impl) for impl in reversed(caller.get_hookimpls())]


def _observer(hook: str, implementation: pluggy.HookImpl) -> Callable[..., None]:
    def notify(**arguments: Any) -> None:
        try:
            implementation.function(*(arguments[name] for name in implementation.argnames))
        except (Exception, SystemExit):
            import logging

            logging.getLogger(PROJECT).exception(
                "plugin %s failed in %s; the study goes on", implementation.plugin_name, hook
            )

    return notify


def _offer(spec: Spec, plugin: PluginInfo) -> Offer:
    reason = unmet(spec.requires, plugin.distribution)
    if reason is None:
        return Offer(spec, plugin, "active")
    return Offer(spec, plugin, "unavailable", reason)


def _judged(offers: list[Offer]) -> list[Offer]:
    """The offers of one name; several are in conflict."""
    if len(offers) == 1:
        return offers
    origins = " and ".join(dict.fromkeys(offer.plugin.origin for offer in offers))
    name = offers[0].spec.name
    reason = f"{name!r} is offered by {origins}; disable one of them with {DISABLE}"
    return [replace(offer, status="conflict", reason=reason) for offer in offers]


def _summary(info: PluginInfo, offers: list[Offer]) -> PluginInfo:
    """A plugin's status as a whole: of a conflict, or if nothing that it offers can be used."""
    for offer in offers:
        if offer.status == "conflict":
            return replace(info, status="conflict", reason=offer.reason)
    if offers and all(offer.status == "unavailable" for offer in offers):
        return replace(info, status="unavailable", reason=offers[0].reason)
    return info


@cache
def manager() -> PluginManager:
    """The manager of this process, built at the first call."""
    return PluginManager()
