"""The sources of plugins: installed distributions, and files that a study names."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from ..contracts.hooks import PROJECT
from ..errors import nearest

DISABLE = "HPO_BRIDGE_DISABLE"
"""Environment variable: names of plugins or distributions, separated by commas."""
ONLY = "HPO_BRIDGE_ONLY"
"""Environment variable: the only plugins that are loaded beside the core, named in the same way;
empty for none."""


@dataclass(frozen=True, slots=True)
class Source:
    """A plugin that can be loaded.

    Attributes:
        name: The entry point's name, or the path or module that a study file gives.
        distribution: The installed distribution it belongs to; ``None`` for a file.
        version: That distribution's version.
        load: Imports it.
        disabled: Why it must not be imported; empty if it may.
    """

    name: str
    distribution: str | None
    version: str | None
    load: Callable[[], object]
    disabled: str = ""


def installed(entry_points: Iterable[metadata.EntryPoint] | None = None) -> list[Source]:
    """The plugins of installed distributions, always in the same order."""
    disabled, only = _listed(DISABLE) or {}, _listed(ONLY)
    sources = _found() if entry_points is None else map(_source, dict.fromkeys(entry_points))
    judged = [source if core else _judged(source, disabled, only) for source, core in sources]
    return sorted(judged, key=lambda source: (source.distribution or "", source.name))


def unknown_names(variable: str, sources: Iterable[Source]) -> str:
    """Return the fault of the names in an environment variable, in words; empty without one."""
    wanted = _listed(variable) or {}
    known = {
        name: name for source in sources for name in (source.distribution, source.name) if name
    }
    normal = {_normal(name) for name in known}
    unknown = [
        f"{name!r}{nearest(name, list(known))}"
        for key, name in wanted.items()
        if key not in normal
    ]
    return f"{variable}: no plugin {', '.join(unknown)} is installed" if unknown else ""


def _judged(source: Source, disabled: Container[str], only: Container[str] | None) -> Source:
    names = (_normal(source.name), _normal(source.distribution or ""))
    if any(name in disabled for name in names):
        return replace(source, disabled=f"disabled by {DISABLE}")
    if only is not None and not any(name in only for name in names):
        return replace(source, disabled=f"not named in {ONLY}")
    return source


def _listed(variable: str) -> dict[str, str] | None:
    """Normal form to name of what a variable lists; ``None`` if it is not set."""
    text = os.environ.get(variable)
    if text is None:
        return None
    return {_normal(name): name.strip() for name in text.split(",") if name.strip()}


def _found() -> list[tuple[Source, bool]]:
    """Every installed plugin, and whether it is the core's."""
    try:
        return [_source(point) for point in dict.fromkeys(metadata.entry_points(group=PROJECT))]
    except Exception:  # somebody's metadata cannot be read: whose?
        pass
    first: dict[str, metadata.Distribution] = {}
    for each in metadata.distributions():
        first.setdefault(_normal(_identity(each)[0] or repr(each)), each)
    return [found for each in first.values() for found in _plugins_of(each)]


def _plugins_of(distribution: metadata.Distribution) -> list[tuple[Source, bool]]:
    try:
        points = distribution.entry_points.select(group=PROJECT)
        return [_source(point) for point in dict.fromkeys(points)]
    except Exception as error:
        name, version = _identity(distribution)
        if f"[{PROJECT}]" not in _entry_points_text(distribution):
            return []  # not one of ours
        problem = ImportError(f"its entry_points.txt cannot be read: {type(error).__name__}")
        return [(Source(name or "?", name, version, partial(_fail, problem)), False)]


def _entry_points_text(distribution: metadata.Distribution) -> str:
    """Return the text there, also where it is not UTF-8; empty if that cannot be found out."""
    try:
        return distribution.read_text("entry_points.txt") or ""
    except UnicodeError:
        folder = _folder(distribution)
        file = None if folder is None else folder / "entry_points.txt"
        return file.read_text("latin-1") if file is not None and file.is_file() else ""


def _fail(problem: Exception) -> object:
    raise problem


def _source(point: metadata.EntryPoint) -> tuple[Source, bool]:
    """A plugin, and whether it is the core's own, without which nothing works."""
    name, version = _identity(point.dist)
    core = point.value.partition(":")[0].partition(".")[0] == PROJECT
    return Source(point.name, name, version, point.load), core


def _identity(distribution: metadata.Distribution | None) -> tuple[str | None, str | None]:
    """Name and version, from metadata that is read once; ``None`` for what it lacks."""
    try:
        found = None if distribution is None else distribution.metadata
    except Exception:  # a folder without METADATA, or with one that is not UTF-8
        found = None
    given: Any = {} if found is None else found
    if given.get("Name"):
        return given["Name"], given.get("Version")
    folder = _folder(distribution)
    if folder is None:
        return None, None
    name, _, version = folder.stem.partition("-")
    return name, version or None


def _folder(distribution: metadata.Distribution | None) -> Path | None:
    """The ``.dist-info`` folder, for which there is no public name."""
    path = getattr(distribution, "_path", None)
    return None if path is None else Path(str(path))


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


def _normal(name: str) -> str:
    """A distribution's name as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).strip().lower()
