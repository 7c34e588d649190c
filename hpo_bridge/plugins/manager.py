"""The plugin manager: loads, looks up, builds, notifies."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn, cast

import pluggy

from ..contracts import hooks as hookspecs
from ..contracts.hooks import PROJECT
from ..contracts.optimizer import BackendSpec, Capability
from ..contracts.requirements import unmet
from ..errors import (
    BackendError,
    ConfigError,
    HpoBridgeError,
    InvalidOptions,
    UnknownName,
    nearest,
    short,
)
from ..habits import namesakes
from .call_context import neutral_surroundings
from .error_text import fault_text, located_error
from .loader import Loaded, load_plugin
from .observer import GuardedObserver, guarded, guarded_observers
from .offers import (
    KINDS,
    Kind,
    Offer,
    PluginInfo,
    check_options,
    conflicts_marked,
    is_composite,
    load_factory,
    refuses_options,
    with_whole_status,
)
from .registration import HookFault, hook_in, unhook
from .sources import DISABLE, ONLY, installed, named, unknown_names

log = logging.getLogger(PROJECT)


class PluginManager:
    """The plugins of this process; may be used from several threads.

    Args:
        entry_points: What to load; the installed ones by default.
    """

    def __init__(self, entry_points: Iterable[metadata.EntryPoint] | None = None) -> None:
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._infos: list[PluginInfo] = []
        self._adding = threading.RLock()
        self._offers: dict[Kind, dict[str, list[Offer]]] = {kind: {} for kind in KINDS}
        sources = installed(entry_points)
        self.idle_names = unknown_names(DISABLE, sources)
        """Names that are disabled and not installed, in words; that may be on purpose."""
        missing = unknown_names(ONLY, sources)
        if missing:
            log.warning(missing)
        for source in sources:
            self._take(load_plugin(self._pluggy, source))

    # -- loading ----------------------------------------------------------------------

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a plugin manager cannot be copied or pickled: hpo_bridge.plugins.manager() gives "
            "each process its own"
        )

    def add(self, source: str, folder: Path) -> None:
        """Loads an unpackaged plugin: a file (relative to ``folder``) or a module's name.

        Raises:
            ConfigError: If it cannot be loaded; a study that names it cannot do without.
        """
        wanted = named(source, folder)
        with self._adding:
            earlier = [i for i in self._infos if i.distribution is None and i.name == wanted.name]
            if any(info.status == "active" for info in earlier):
                return
            self._infos = [info for info in self._infos if info not in earlier]
            info = self._take(load_plugin(self._pluggy, wanted))
        if info is not None and info.status != "active":
            fault = HpoBridgeError(f"{source}: {info.reason}", "plugins")
            raise ConfigError(str(fault), errors=[fault])

    def _take(self, loaded: Loaded | None) -> PluginInfo | None:
        """Takes what one plugin offers; ``None`` if it is there already."""
        if loaded is None:
            return None
        info, unmet_by = loaded.info, cache(unmet)  # most specs of a plugin require the same
        self._infos = [*self._infos, info]
        for kind, spec in loaded.specs:
            lacking = unmet_by(spec.requires, info.distribution)
            reason = "" if lacking is None else str(lacking)
            offer = Offer(spec, info, "unavailable" if reason else "active", reason, lacking)
            known = self._offers[kind]  # replaced as a whole: other threads may be reading it
            self._offers[kind] = {**known, spec.name: [*known.get(spec.name, []), offer]}
        return info

    @property
    def plugins(self) -> list[PluginInfo]:
        """Every plugin and how it fared, in the order of loading."""
        offers = [(kind, offer) for kind in KINDS for offer in self._all_offers(kind)]
        return [
            with_whole_status(i, [(k, o) for k, o in offers if o.plugin is i]) for i in self._infos
        ]

    # -- looking up -------------------------------------------------------------------

    def offers(self, kind: Kind) -> list[Offer]:
        """Everything of a kind that plugins offer, by name; of a conflict the first."""
        return [conflicts_marked(offers)[0] for _, offers in sorted(self._offers[kind].items())]

    def _all_offers(self, kind: Kind) -> list[Offer]:
        return [
            offer for offers in self._offers[kind].values() for offer in conflicts_marked(offers)
        ]

    def find(self, kind: Kind, name: str) -> Offer:
        """The active offer of that name.

        Raises:
            UnknownName: If there is none; says why, how to install it, or what else there is.
        """
        offers = self._offers[kind].get(name)
        if offers:
            offer = conflicts_marked(offers)[0]
            if offer.status == "active":
                return offer
            raise UnknownName(f"{kind} {name!r} is {offer.status}: {offer.reason}")
        active = [o.spec.name for o in self.offers(kind) if o.status == "active"]
        expected = f"expected one of {', '.join(active)}" if active else f"there is no {kind}"
        meant = namesakes(name, active) or nearest(name, [*active, *self._offers[kind]])
        raise UnknownName(f"found {name!r}{self._silent(name)}, {expected}{meant}")

    def _silent(self, name: str) -> str:
        """The plugins of which nobody knows what they offer, in brackets; the likeliest first."""
        silent = [info for info in self._infos if info.status in ("broken", "disabled")]
        silent.sort(key=lambda info: -_likeness(info, name))
        notes = [f"plugin {info.label} is {info.status}: {info.reason}" for info in silent[:2]]
        if len(silent) > len(notes):
            notes.append(f"{len(silent) - len(notes)} more in hpo-bridge plugins")
        return f" ({'; '.join(notes)})" if notes else ""

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
                f"{nearest(technique, known) or self._idle(technique)}"
            )
        able = [spec for spec in found if needs <= spec.capabilities]
        if not able:
            names = ", ".join(spec.name for spec in found)
            lacking = ", ".join(sorted(need.value for need in needs))
            raise UnknownName(f"no backend of the technique {technique!r} ({names}) has {lacking}")
        return max(able, key=lambda spec: spec.rank)

    def _idle(self, technique: str) -> str:
        """Why the first backend of a technique cannot be used, in brackets; empty without one."""
        for offer in self.offers("backend"):
            if offer.status != "active" and getattr(offer.spec, "technique", "") == technique:
                return f" ({offer.spec.name} is {offer.status}: {offer.reason})"
        return ""

    # -- building ---------------------------------------------------------------------

    def build(self, kind: Kind, name: str, options: Mapping[str, Any], *positional: Any) -> Any:
        """Imports the factory of ``name`` and calls it.

        Raises:
            UnknownName: See :meth:`find`.
            InvalidOptions: If an option is unknown or missing, or its value refused.
            BackendError: If the implementation cannot be imported, or fails.
            UnsupportedProblem: If a backend cannot honour the problem.
        """
        offer = self.find(kind, name)
        factory = load_factory(kind, offer)
        if is_composite(offer):
            positional = (*positional, self)
        what = f"{kind} {offer.label}"
        check_options(what, factory, positional, options)
        given = ", ".join(f"{key}={short(value)}" for key, value in options.items())
        try:
            inspect.signature(factory).bind(*positional, **options)
        except TypeError as error:
            expected = f"it is called with {len(positional)} arguments and its options"
            raise BackendError(f"{what} cannot be built: {error}: {expected}") from error
        except ValueError:  # some builtins have no signature
            pass
        try:
            with neutral_surroundings():
                return factory(*positional, **options)
        except HpoBridgeError:
            raise
        except Exception as error:
            if refuses_options(error, options):
                problem = (
                    f"{what} refused its options ({given}): {located_error(error, offer.package)}"
                )
                raise InvalidOptions(problem) from error
            note = f", built with {given}" if given else ""
            text = fault_text(f"{what} cannot be built", error, offer.package, note)
            raise BackendError(text) from error

    # -- notifying --------------------------------------------------------------------

    def observe(self, observer: object) -> None:
        """Adds an object that implements notifications, for what is driven from now on.

        Raises:
            HpoBridgeError: If it is there already, or implements no hook of ours.
        """
        try:
            hook_in(self._pluggy, observer)
        except (HookFault, ValueError) as error:
            raise HpoBridgeError(f"observer {short(observer)}: {error}") from error

    def ignore(self, observer: object) -> None:
        """Removes what :meth:`observe` added; harmless if it is not there."""
        unhook(self._pluggy, observer)

    def observers(self) -> list[GuardedObserver]:
        """The plugins that observe every study, each made safe to call."""
        known = {info.label: info for info in self._infos}

        def named(name: str) -> str:
            info = known.get(name)
            if info is None:
                return f"observer {short(self._pluggy.get_plugin(name))}"
            return f"plugin {info.name!r} ({info.origin})"

        return guarded_observers(self._pluggy, named)

    def build_observer(self, name: str, options: Mapping[str, Any]) -> GuardedObserver:
        """Builds an observer that a study asks for, made safe to call.

        Raises:
            UnknownName: See :meth:`find`.
            InvalidOptions: If an option is unknown or its value refused.
            BackendError: If the implementation cannot be imported, or observes nothing.
        """
        origin = self.find("observer", name).plugin.origin
        built = self.build("observer", name, options)
        try:
            return guarded(built, f"observer {name!r} ({origin})")
        except HpoBridgeError as error:
            raise BackendError(str(error)) from error


def _likeness(info: PluginInfo, name: str) -> float:
    """Return how well a plugin's name goes with that of a backend."""
    from difflib import SequenceMatcher

    return SequenceMatcher(None, info.name, name.partition(".")[0]).ratio()


_loading = threading.RLock()


def manager() -> PluginManager:
    """Return the manager of this process, built by the first thread that asks for it."""
    with _loading:
        return _only_manager()


@cache
def _only_manager() -> PluginManager:
    return PluginManager()
