"""Loads one plugin after the other, each so that it can harm no other one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pluggy

from ..errors import ContractDeprecation, short
from ..hookspecs import PROJECT
from ..requirements import unmet_own
from .hooks import HookFault, hook_in, unhook
from .limits import LIMIT, TooSlow, import_limit, limited
from .offers import KINDS, Kind, PluginInfo, Spec, one_line
from .patching import Originals
from .printing import kept_off_stdout
from .sources import Source


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that was loaded, or was not, and the specs that it gave."""

    info: PluginInfo
    specs: tuple[tuple[Kind, Spec], ...] = ()


Load = Callable[[Source], Loaded | None]
"""Loads one plugin; ``None`` if it is there already."""


@contextmanager
def loading(registry: pluggy.PluginManager, *, foreign: bool) -> Iterator[Load]:
    """Gives what loads plugins into ``registry``; ``foreign`` if not all of them are ours.

    Whatever a plugin does meanwhile, but for ending the process, is its own fault alone: it
    is ``broken``, and says why.
    """
    originals = Originals(whole=foreign)
    with kept_off_stdout() as printed:

        def load(source: Source) -> Loaded | None:
            found = _load(source, registry, originals)
            text = " ".join(printed().split())
            if text:
                log("plugin %s printed while it was imported: %s", _info(source).label, text)
            return found

        yield load


def _load(source: Source, registry: pluggy.PluginManager, originals: Originals) -> Loaded | None:
    info = _info(source)
    if source.disabled:
        return Loaded(replace(info, status="disabled", reason=source.disabled))
    limit = import_limit()
    plugin: object = None
    notes: list[str] = []
    try:
        with limited(limit, _patience(info, limit)), _noted(notes):
            plugin = source.load()
            owner = registry.get_name(plugin)
            if owner is not None:
                return _there_already(info, owner)
            hook_in(registry, plugin, info.label)
            specs = [(kind, spec) for kind in KINDS for spec in _specs(registry, plugin, kind)]
        _check_untouched(originals)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may do anything, sys.exit() included
        originals.put_back()
        unhook(registry, plugin)
        return Loaded(_broken(info, _reason(error, limit)))
    return Loaded(replace(info, deprecated=tuple(notes)), tuple(specs))


def _check_untouched(originals: Originals) -> None:
    """A plugin that replaced something of ours cannot be trusted with anything else."""
    replaced = originals.put_back()
    if replaced:
        names = ", ".join(replaced[:3]) + (", …" if len(replaced) > 3 else "")
        raise HookFault(f"replaced {names} at its import, which was undone")


def _info(source: Source) -> PluginInfo:
    return PluginInfo(source.name, source.distribution, source.version, "active")


def _specs(registry: pluggy.PluginManager, plugin: object, kind: Kind) -> list[Spec]:
    """What a plugin registers of a kind."""
    hook, expected = KINDS[kind]
    specs: list[Spec] = []
    for impl in getattr(registry.hook, hook).get_hookimpls():
        if impl.plugin is not plugin:
            continue
        found = impl.function()
        several = isinstance(found, Iterable) and not isinstance(found, (str, bytes, Mapping))
        for spec in found if several else [found]:
            if not isinstance(spec, expected):
                raise HookFault(f"{hook} gave {short(spec)}, expected {expected.__name__}")
            specs.append(spec)
    return specs


def _there_already(info: PluginInfo, owner: str) -> Loaded | None:
    """What to say of a module that is a plugin already: nothing, if it is the same one."""
    if info.distribution is None or owner.endswith(f"({info.origin})"):
        return None
    reason = f"its module is already there as plugin {owner} — uninstall one of the two"
    return Loaded(replace(info, status="conflict", reason=reason))


def _reason(error: BaseException, limit: float) -> str:
    if isinstance(error, HookFault):
        return str(error)
    if isinstance(error, TooSlow):
        return f"its import took more than the {limit:g} s that {LIMIT} allows"
    return one_line(error)


def _broken(info: PluginInfo, reason: str) -> PluginInfo:
    """A broken plugin, with what to do about it."""
    if info.distribution is not None:
        outdated = unmet_own(info.distribution)
        remedy = f"pip install -U {info.distribution} may mend it, {info.skipping} leaves it out"
        reason = f"{reason}; it {outdated}" if outdated else f"{reason} — {remedy}"
    return replace(info, status="broken", reason=reason)


def _patience(info: PluginInfo, limit: float) -> str:
    end = f"; after {limit:g} s it is left out" if limit else ""
    how = f", {info.skipping} leaves it out at once" if info.distribution else ""
    return f"hpo-bridge: still importing plugin {info.label}{end}{how}"


@contextmanager
def _noted(notes: list[str]) -> Iterator[None]:
    """Keeps warnings that are meant for the plugin's author; all others are shown as ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ContractDeprecation)
        shown = warnings.showwarning

        def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, ContractDeprecation):
                notes.append(str(message))
            else:
                shown(message, category, *place, **more)

        warnings.showwarning = show
        yield


def log(text: str, *arguments: str) -> None:
    """Warns; on standard error, unless the program has set up logging."""
    import logging

    logging.getLogger(PROJECT).warning(text, *arguments)
