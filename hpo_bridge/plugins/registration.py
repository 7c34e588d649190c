"""Makes a plugin's hooks known, and says in one line what is wrong with one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pluggy

from ..errors import nearest
from ..version import __version__

PREFIX = "hpo_"


class HookFault(Exception):
    """The fault of a plugin's hooks, in one line."""


def hook_in(registry: pluggy.PluginManager, plugin: object, name: str | None = None) -> None:
    """Registers a plugin or an observer; leaves nothing behind if a hook is wrong.

    Raises:
        HookFault: If a hook is not known, has other arguments, or there is none.
        ValueError: If it is there already.
    """
    try:
        registry.register(plugin, name=name)
        registry.check_pending()
        fault = _undecorated(registry, plugin)
    except pluggy.PluginValidationError as error:
        unhook(registry, plugin)
        raise HookFault(_wrong(registry, plugin) or " ".join(str(error).split())) from error
    if fault is not None:
        unhook(registry, plugin)
        raise HookFault(fault)


def unhook(registry: pluggy.PluginManager, plugin: object) -> None:
    """Takes a plugin out; harmless if it is not there."""
    if plugin is not None and registry.is_registered(plugin):
        registry.unregister(plugin)


def hook_names(registry: pluggy.PluginManager) -> list[str]:
    """The names of all hooks."""
    return sorted(name for name, caller in vars(registry.hook).items() if caller.has_spec())


def _implementations(
    registry: pluggy.PluginManager, plugin: object
) -> Iterator[tuple[str, str, bool]]:
    """Attribute, hook, and whether the hook need not be known."""
    for name in dir(plugin):
        options = registry.parse_hookimpl_opts(plugin, name)
        if options is not None:
            yield name, options.get("specname") or name, bool(options.get("optionalhook"))


def _wrong(registry: pluggy.PluginManager, plugin: object) -> str | None:
    """Return the fault of the first hook that pluggy refuses."""
    known = hook_names(registry)
    for name, hook, optional in _implementations(registry, plugin):
        if hook not in known:
            if not optional:
                return f"{hook} is no hook of hpo-bridge {__version__}{nearest(hook, known)}"
            continue
        offered = getattr(registry.hook, hook).spec.argnames
        for argument in inspect.signature(getattr(plugin, name)).parameters.values():
            if argument.default is argument.empty and argument.name not in offered:
                has = f"has {', '.join(offered)}" if offered else "has none"
                return (
                    f"{hook} has no argument {argument.name!r} in hpo-bridge {__version__}, it "
                    f"{has}{nearest(argument.name, offered)}"
                )
    return None


def _undecorated(registry: pluggy.PluginManager, plugin: object) -> str | None:
    """Return what a plugin has forgotten: its functions have the names of hooks, and are none."""
    known = hook_names(registry)
    names = [n for n in dir(plugin) if n.startswith(PREFIX) and callable(getattr(plugin, n))]
    for name in names:
        if name in known and registry.parse_hookimpl_opts(plugin, name) is None:
            return f"{name} is not decorated with @hpo_bridge.hookimpl"
    if registry.get_hookcallers(plugin):
        return None
    hint = nearest(names[0], known) if names else ""
    what = f"{names[0]} is no hook{hint}, and " if hint else ""
    return f"{what}nothing in it is decorated with @hpo_bridge.hookimpl"
