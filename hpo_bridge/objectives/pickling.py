"""Objectives on their way to workers: with all of the user's code that a worker cannot import."""

from __future__ import annotations

import enum
import io
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from ..errors import ObjectiveError
from .module_file import LOADED_FROM_FILE, find_module

MAIN = ("__main__", "__mp_main__")
"""Names of the module of a script or notebook; the second one in a process that it has spawned."""
COPY = "__hpo_bridge_copy__"
"""Attribute of a ``__main__`` that a worker was given."""

_registering = threading.RLock()  # cloudpickle's list of modules belongs to the whole process
_CODE = (FunctionType, BuiltinFunctionType, ModuleType, type)
_SMALL = (
    bool, int, float, complex, type(None), enum.Enum, logging.Logger, os.PathLike, re.Pattern,
)  # fmt: skip
_LONGEST = 10_000  # characters of a text that counts as small


def packed(value: Any, name: str, owners: Iterable[str | None] = ()) -> bytes:
    """``value`` as cloudpickle makes it.

    Lambdas, closures, and what ``__main__`` and notebooks define, travel in full.

    Args:
        value: What to carry.
        name: The objective, in messages.
        owners: Names of modules whose functions and classes it uses: in full, too, where a
            worker could not import them, such as modules of files that were loaded by name.

    Raises:
        ObjectiveError: If it cannot be carried; says what to do.
    """
    try:
        with _in_full(owners):
            return _dumps(value)
    except Exception as error:
        culprit = _culprit(value)
        uses = f" (it uses {culprit!r})" if culprit else ""
        raise ObjectiveError(
            f"objective {name} cannot be sent to a worker: {type(error).__name__}: {error}{uses}; "
            "create what it needs inside the function, or use runner: inline"
        ) from error


def unpacked(data: bytes) -> Any:
    """Return what :func:`packed` made: the driver's own, in transit."""
    import pickle

    return pickle.loads(data)


def packed_code(module: ModuleType) -> bytes | None:
    """The functions and classes that a ``__main__`` defines, without the data that they use.

    What cannot be carried is left out. ``None`` if there is nothing.

    Args:
        module: The module.
    """
    code = {
        name: value
        for name, value in tuple(vars(module).items())
        if isinstance(value, (FunctionType, type))
        and getattr(value, "__module__", None) == module.__name__
    }
    if not code:
        return None
    with _in_full(()):
        try:
            return _dumps(code, light=True)
        except Exception:
            code = {name: value for name, value in code.items() if _can_travel(value)}
            return _dumps(code, light=True)


def _can_travel(value: Any) -> bool:
    try:
        _dumps(value, light=True)
    except Exception:
        return False
    return True


def _dumps(value: Any, *, light: bool = False) -> bytes:
    file = io.BytesIO()
    _pickler()(file, light).dump(value)
    return file.getvalue()


@cache
def _pickler() -> Callable[[io.BytesIO, bool], Any]:
    """The class of picklers; cloudpickle takes a while to import."""
    import cloudpickle  # type: ignore[import-untyped]

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """Makes the functions of ``__main__`` those of the ``__main__`` of whoever loads them.

        Args:
            file: Where it writes to.
            light: Whether a function goes without the data that it uses, as large as they may be.
        """

        def __init__(self, file: io.BytesIO, light: bool) -> None:
            super().__init__(file)
            self._light = light
            self._main = _MainNamespace(__name__="__main__")

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, FunctionType) and obj.__globals__.get("__name__") in MAIN:
                self.globals_ref.setdefault(id(obj.__globals__), self._main)
            reduced = super().reducer_override(obj)
            if self._light and isinstance(obj, FunctionType) and isinstance(reduced, tuple):
                _, slots = reduced[2]
                used = slots["__globals__"]
                slots["__globals__"] = {name: used[name] for name in used if _is_light(used[name])}
            return reduced

    return Pickler


class _MainNamespace(dict[str, Any]):
    """The names of ``__main__``; loaded, those of the process that loads it."""

    def __reduce__(self) -> tuple[Callable[[], dict[str, Any]], tuple[()]]:
        return main_namespace, ()


def main_namespace() -> dict[str, Any]:
    """The names of this process's ``__main__``, if that is a copy; else new ones.

    Nothing that is loaded changes the user's own ``__main__``.
    """
    main = sys.modules["__main__"]
    return vars(main) if hasattr(main, COPY) else {"__name__": "__main__"}


def _is_light(value: Any) -> bool:
    if isinstance(value, (str, bytes)):
        return len(value) <= _LONGEST
    return isinstance(value, (*_CODE, *_SMALL))


@contextmanager
def _in_full(owners: Iterable[str | None]) -> Iterator[None]:
    """Has cloudpickle take the code of modules along that a worker cannot import."""
    import cloudpickle

    names = dict.fromkeys([*owners, "__mp_main__"])
    found = [sys.modules.get(owner or "") for owner in names]
    with _registering:
        known = cloudpickle.list_registry_pickle_by_value()
        registered = {
            module.__name__: module
            for module in found
            if module is not None
            and module.__name__ not in ("__main__", *known)  # whose code it takes along anyway
            and not _importable(module)
        }
        for module in registered.values():
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in registered.values():
                cloudpickle.unregister_pickle_by_value(module)


def _importable(module: ModuleType) -> bool:
    """Return whether a worker can import ``module`` by its name."""
    if hasattr(module, LOADED_FROM_FILE) or module.__name__ in MAIN:
        return False
    spec = find_module(module.__name__)
    return spec is not None and spec.origin == getattr(module, "__file__", spec.origin)


def _culprit(value: Any, seen: frozenset[int] = frozenset()) -> str | None:
    """The name of what cannot be carried among all that a function uses."""
    for name, used in _used(value):
        if id(used) not in seen and not _can_travel(used):
            return _culprit(used, seen | {id(value)}) or name
    return None


def _used(value: Any) -> Iterator[tuple[str, Any]]:
    """The variables from outside that a function uses, with their names."""
    value = getattr(value, "__func__", value)
    if isinstance(value, partial):
        yield from _used(value.func)
    if not isinstance(value, FunctionType):
        return
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
        with suppress(ValueError):  # not yet bound
            yield name, cell.cell_contents
    for name in _global_names(value.__code__):
        if name in value.__globals__:
            yield name, value.__globals__[name]


def _global_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)
