"""Classes as objectives: where an objective's instances are functions, it is made once."""

from __future__ import annotations

import inspect
from typing import Any

from ..errors import ObjectiveError, short
from .failure import explain


def makes_functions(found: Any) -> bool:
    """Return whether this is a class whose instances can be called.

    >>> makes_functions(int), makes_functions(print)
    (False, False)
    """
    return isinstance(found, type) and any("__call__" in vars(base) for base in found.__mro__)


def instance(found: Any, name: str) -> Any:
    """An instance of such a class; anything else as it is.

    Args:
        found: What the user named.
        name: How the objective is called in messages.

    Raises:
        ObjectiveError: If it cannot be made without arguments.
    """
    if not makes_functions(found):
        return found
    try:
        return found()
    except Exception as error:
        raise ObjectiveError(
            f"objective {name}: the class cannot be made without arguments: {explain(error)}"
        ) from error


def check_function(function: Any, name: str) -> None:
    """Raises ObjectiveError unless ``function`` can be called with a trial."""
    if not callable(function):
        raise ObjectiveError(f"objective {name} is not callable: {short(function)}")
    if inspect.iscoroutinefunction(function):
        raise ObjectiveError(f"objective {name} is async; expected a plain function")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins have none
        return
    try:
        signature.bind(None)
    except TypeError:
        raise ObjectiveError(
            f"objective {name}{signature} must take one argument, the trial"
        ) from None
