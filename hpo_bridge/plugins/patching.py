"""Finds out which plugin replaced something of ours at its import, and undoes it.

What is compared is what every module and class of the core holds under its names, by identity.
What a plugin adds is left alone, and what it changes inside of an object is not seen: this
keeps plugins from harming each other by a habit, not from doing it on purpose.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from operator import is_
from types import FunctionType, ModuleType
from typing import Any

OURS = __name__.partition(".")[0]
_ABSENT = object()


class Originals:
    """What the core's modules and classes that are loaded hold now.

    Args:
        whole: Whether to load the public names that are imported at their first use only, too:
            of what a plugin itself loads first nobody knows how it was.
    """

    def __init__(self, *, whole: bool = False) -> None:
        if whole:
            for name in sys.modules[OURS].__all__:
                getattr(sys.modules[OURS], name)
        self._modules: dict[str, ModuleType] = {}
        self._holders: list[tuple[str, Any, dict[str, Any]]] = []
        self._look()

    def put_back(self) -> list[str]:
        """Undoes what was replaced since; the names of it, such as ``hpo_bridge.Study``.

        The modules of ours that have been loaded since are known from now on.
        """
        replaced = []
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module
                replaced.append(name)
        for name, holder, kept in self._holders:
            now = vars(holder)
            if len(now) == len(kept) and all(map(is_, now.values(), kept.values())):
                continue
            replaced += [f"{name}.{key}" for key in _put_back(holder, now, kept)]
            kept.update({key: value for key, value in now.items() if key not in kept})
        self._look()
        return replaced

    def _look(self) -> None:
        """Takes note of the modules that are not known yet."""
        for name, module in list(sys.modules.items()):
            ours = name == OURS or name.startswith(f"{OURS}.")
            if not ours or name in self._modules or not isinstance(module, ModuleType):
                continue
            self._modules[name] = module
            held = dict(vars(module))
            self._holders.append((name, module, held))
            for key, value in held.items():
                if isinstance(value, type) and value.__module__ == name:
                    self._holders.append((f"{name}.{key}", value, dict(vars(value))))


def _put_back(holder: Any, now: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """Undoes what was replaced in one module or class."""
    changed = [
        key
        for key, value in kept.items()
        if now.get(key, _ABSENT) is not value and _counts(key, value)
    ]
    for key in changed:
        with suppress(AttributeError, TypeError):  # a class that lets nothing be set
            setattr(holder, key, kept[key])
    return changed


def _counts(key: str, value: Any) -> bool:
    """Whether nobody else changes this; Python sets some names of its own as it goes."""
    return not key.startswith("__") or isinstance(value, FunctionType)
