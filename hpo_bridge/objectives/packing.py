"""Objectives on their way to workers: with all of the user's code that a worker cannot import."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from ..errors import ObjectiveError
from .reference import LOADED_FROM_FILE, find_module


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
    import cloudpickle  # type: ignore[import-untyped]

    found = [sys.modules.get(owner or "") for owner in dict.fromkeys(owners)]
    by_value = [module for module in found if module is not None and not _importable(module)]
    registered: list[ModuleType] = []
    try:
        for module in by_value:
            cloudpickle.register_pickle_by_value(module)
            registered.append(module)
        result: bytes = cloudpickle.dumps(value)
        return result
    except Exception as error:
        raise ObjectiveError(
            f"objective {name} cannot be sent to a worker: {type(error).__name__}: {error}; "
            "create what it needs inside the function, or use runner: inline"
        ) from error
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def unpacked(data: bytes) -> Any:
    """What :func:`packed` made: the driver's own, in transit."""
    import cloudpickle

    return cloudpickle.loads(data)


def _importable(module: ModuleType) -> bool:
    """Whether a worker can import ``module`` by its name."""
    if hasattr(module, LOADED_FROM_FILE) or module.__name__ == "__main__":
        return False
    spec = find_module(module.__name__)
    return spec is not None and spec.origin == getattr(module, "__file__", spec.origin)
