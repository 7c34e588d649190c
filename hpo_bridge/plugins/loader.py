"""Loads one plugin after the other, each so that its errors are its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pluggy

from ..contracts.requirements import unmet_own
from ..errors import short
from .error_text import located_error
from .offers import KINDS, Kind, PluginInfo, Spec
from .registration import HookFault, hook_in, unhook
from .sources import Source


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that was loaded, or was not, and the specs that it gave."""

    info: PluginInfo
    specs: tuple[tuple[Kind, Spec], ...] = ()


def load_plugin(registry: pluggy.PluginManager, source: Source) -> Loaded | None:
    """Load a plugin into ``registry``; return ``None`` if it is there already.

    Whatever its import or a hook raises, ``SystemExit`` included, makes it ``broken``.
    """
    info = PluginInfo(source.name, source.distribution, source.version, "active")
    if source.disabled:
        return Loaded(replace(info, status="disabled", reason=source.disabled))
    plugin: object = None
    try:
        plugin = source.load()
        owner = registry.get_name(plugin)
        if owner is not None:
            return _there_already(info, owner)
        hook_in(registry, plugin, info.label)
        specs = [(kind, spec) for kind in KINDS for spec in _specs(registry, plugin, kind)]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may do anything, sys.exit() included
        unhook(registry, plugin)
        return Loaded(
            _broken(info, str(error) if isinstance(error, HookFault) else located_error(error))
        )
    return Loaded(info, tuple(specs))


def _specs(registry: pluggy.PluginManager, plugin: object, kind: Kind) -> list[Spec]:
    """Return the specs that a plugin registers of a kind."""
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
    """Return the message about a module that is a plugin already; none for the same one."""
    if info.distribution is None or owner.endswith(f"({info.origin})"):
        return None
    reason = f"its module is already there as plugin {owner} — uninstall one of the two"
    return Loaded(replace(info, status="conflict", reason=reason))


def _broken(info: PluginInfo, reason: str) -> PluginInfo:
    """A broken plugin, with what to do about it."""
    if info.distribution is not None:
        outdated = unmet_own(info.distribution)
        remedy = f"pip install -U {info.distribution} may mend it, {info.skipping} leaves it out"
        reason = f"{reason}; it {outdated}" if outdated else f"{reason} — {remedy}"
    return replace(info, status="broken", reason=reason)
