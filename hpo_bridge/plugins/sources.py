"""Where plugins come from: installed distributions, and files that a study names."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType

from ..hookspecs import PROJECT

DISABLE = "HPO_BRIDGE_DISABLE"
"""Environment variable: names of plugins or distributions, separated by commas."""


@dataclass(frozen=True, slots=True)
class Source:
    """A plugin that can be loaded.

    Attributes:
        name: The entry point's name, or the path or module that a study file gives.
        distribution: The installed distribution it belongs to; ``None`` for a file.
        version: That distribution's version.
        load: Imports it.
        disabled: Whether it must not be imported.
    """

    name: str
    distribution: str | None
    version: str | None
    load: Callable[[], object]
    disabled: bool = False


def installed(entry_points: Iterable[metadata.EntryPoint] | None = None) -> list[Source]:
    """The plugins of installed distributions, always in the same order."""
    if entry_points is None:
        entry_points = metadata.entry_points(group=PROJECT)
    disabled = {_normal(name) for name in os.environ.get(DISABLE, "").split(",")} - {""}
    sources = []
    for point in sorted(dict.fromkeys(entry_points), key=_order):
        name = point.dist.name if point.dist else None
        version = point.dist.version if point.dist else None
        off = not disabled.isdisjoint({_normal(point.name), _normal(name or "")})
        sources.append(Source(point.name, name, version, point.load, off))
    return sources


def named(source: str, folder: Path) -> Source:
    """The plugin that a study file names: a file relative to ``folder``, or a module."""
    if not source.endswith(".py"):
        return Source(source, None, None, partial(importlib.import_module, source))
    path = (folder / source).resolve()
    return Source(str(path), None, None, partial(_import_file, path))


def _import_file(path: Path) -> ModuleType:
    """Imports a file as a top-level module, so that its own factory strings find it."""
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    name = path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    taken = _origin(name)
    if taken is not None and not (taken and Path(taken).resolve() == path):
        raise ImportError(f"a module {name!r} is there already ({taken}): rename the file")
    if name in sys.modules:
        return sys.modules[name]
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _origin(name: str) -> str | None:
    """The file of the module that ``import name`` would give; ``None`` if there is none."""
    module = sys.modules.get(name)
    if module is not None:
        return getattr(module, "__file__", None) or "built in"
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    return None if spec is None else spec.origin or "a namespace package"


def _order(point: metadata.EntryPoint) -> tuple[str, str, str]:
    return (point.dist.name if point.dist else "", point.name, point.value)


def _normal(name: str) -> str:
    """A distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()
