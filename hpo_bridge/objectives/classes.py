"""Classes as objectives: where an objective's instances are functions, it is made once."""

from __future__ import annotations

from typing import Any

from ..errors import ObjectiveError
from .reasons import explain


def makes_functions(found: Any) -> bool:
    """Whether this is a class whose instances can be called.

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
