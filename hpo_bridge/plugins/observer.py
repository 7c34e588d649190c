"""Observers made safe: whatever one raises stays its own, and is said once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from ..contracts import hooks as hookspecs
from ..contracts.hooks import NOTIFICATIONS, PROJECT
from ..errors import HpoBridgeError, short
from .error_text import located_error
from .registration import HookFault, hook_in

log = logging.getLogger(PROJECT)

Call = Callable[[Mapping[str, Any]], None]
"""One implementation of a notification; picks the arguments that it wants."""


class GuardedObserver:
    """One observer. What it raises is logged once, then counted until :meth:`report_failures`.

    Args:
        who: It in words, with its plugin's version.
        calls: Notification to its implementations.

    Attributes:
        hooks: The notifications that it implements.
    """

    def __init__(self, who: str, calls: Mapping[str, list[Call]]) -> None:
        self.who = who
        self.hooks = tuple(hook for hook in NOTIFICATIONS if calls.get(hook))
        self._calls = calls
        self._failures = 0
        self._last = ""

    def call(self, hook: str, arguments: Mapping[str, Any], *, ours: bool = False) -> None:
        """Notifies it; nothing that it raises comes out.

        Args:
            hook: The notification.
            arguments: All that the notification offers.
            ours: Whether this is the driver's own thread, where a ``KeyboardInterrupt`` is the
                user's.
        """
        for call in self._calls[hook]:
            try:
                call(arguments)
            except KeyboardInterrupt as error:
                if ours:
                    raise
                self._failed(hook, error)
            except BaseException as error:  # sys.exit() included
                self._failed(hook, error)

    def _failed(self, hook: str, error: BaseException) -> None:
        self._failures += 1
        self._last = f"{hook}: {located_error(error)}"
        if self._failures == 1:
            log.warning("%s failed in %s; the study goes on", self.who, self._last)
        log.debug("%s failed in %s", self.who, hook, exc_info=error)

    def report_failures(self) -> None:
        """Says how often it failed, if more than once, and counts anew."""
        if self._failures > 1:
            log.warning(
                "%s failed %d times in all, the last time in %s",
                self.who, self._failures, self._last,
            )  # fmt: skip
        self._failures = 0


def guarded(observer: object, who: str = "") -> GuardedObserver:
    """Return an object's observer: one that implements notifications.

    Args:
        observer: Has methods decorated with ``hookimpl``.
        who: It in words.

    Raises:
        HpoBridgeError: If it has none, or one that is no hook of ours.
    """
    who = who or f"observer {short(observer)}"
    own = pluggy.PluginManager(PROJECT)
    own.add_hookspecs(hookspecs)
    try:
        hook_in(own, observer, "observer")
    except HookFault as fault:
        raise HpoBridgeError(f"{who}: {fault}") from fault
    found = guarded_observers(own, lambda name: who)
    if not found:
        raise HpoBridgeError(f"{who} implements no notification")
    return found[0]


def guarded_observers(
    plugins: pluggy.PluginManager, named: Callable[[str], str]
) -> list[GuardedObserver]:
    """Return the observers among all plugins, in the order of registration.

    Args:
        plugins: Pluggy's manager.
        named: A plugin in words, by the name that it is registered under.
    """
    found: dict[str, dict[str, list[Call]]] = {}
    for hook in NOTIFICATIONS:
        for implementation in reversed(getattr(plugins.hook, hook).get_hookimpls()):
            calls = found.setdefault(implementation.plugin_name, {})
            calls.setdefault(hook, []).append(_call(implementation))
    order = [name for name, _ in plugins.list_name_plugin() if name in found]
    return [GuardedObserver(named(name), found[name]) for name in order]


def _call(implementation: pluggy.HookImpl) -> Call:
    function, names = implementation.function, implementation.argnames

    def call(arguments: Mapping[str, Any]) -> None:
        function(*(arguments[name] for name in names))

    return call
