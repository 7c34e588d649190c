"""Imports of modules from files that no installed package has."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import re
import sys
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

LOADED_FROM_FILE = "__hpo_bridge_file__"
"""Attribute of a module that was loaded from ``FILE.py:FUNCTION``."""


def find_module(name: str) -> importlib.machinery.ModuleSpec | None:
    """Find what ``import name`` would; unlike importlib's, it imports no parent package."""
    top, *rest = name.split(".")
    try:
        found = (finder.find_spec(top, None) for finder in sys.meta_path)
        spec = next((spec for spec in found if spec is not None), None)
        for part in rest:
            within = spec and spec.submodule_search_locations
            top = f"{top}.{part}"
            spec = importlib.machinery.PathFinder.find_spec(top, within) if within else None
    except (AttributeError, ImportError, ValueError):
        return None
    return spec


def put_on_path(folder: str) -> None:
    """Let modules of a folder be imported, before any others."""
    if folder not in sys.path:
        sys.path.insert(0, folder)


def import_file(path: Path) -> ModuleType:
    """Return the module of a file, by its plain name where that is free."""
    put_on_path(str(path.parent))
    name = path.stem
    if not _is_free(name, path):  # another objective.py was here first, or a library
        digest = blake2b(str(path).encode(), digest_size=4).hexdigest()
        name = f"{re.sub(r'[^0-9A-Za-z_]', '_', name)}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    setattr(module, LOADED_FROM_FILE, str(path))
    sys.modules[name] = module  # dataclasses and pickle look the module up here
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _is_free(name: str, path: Path) -> bool:
    """Return whether ``import name`` would give ``path``.

    Then the module gets its plain name, so that processes which the objective spawns
    itself (a DataLoader's workers) can import it too.
    """
    if not name.isidentifier():
        return False
    if name in sys.modules:
        known = getattr(sys.modules[name], "__file__", None)
    else:
        spec = find_module(name)
        known = spec.origin if spec else None
    return known is not None and os.path.realpath(known) == str(path)
