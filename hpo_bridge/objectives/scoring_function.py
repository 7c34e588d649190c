"""The function that scores a configuration on the test set."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..contracts.objective import Objective
from ..errors import ObjectiveError
from .objective import objective_from


def resolve_test(function: Any, folder: str | os.PathLike[str] = ".") -> Objective:
    """The test function that a user named, found but not loaded.

    Args:
        function: What :func:`hpo_bridge.objectives.objective.objective_from` takes.
        folder: What relative paths are relative to.

    Raises:
        ObjectiveError: If it is none, or not there.
    """
    with as_test_errors():
        source = objective_from(function, folder)
        source.check()
        return source


@contextmanager
def as_test_errors() -> Iterator[None]:
    """Has errors about an objective speak of the test instead."""
    try:
        yield
    except ObjectiveError as error:
        if error.path[:1] not in ((), ("objective",)):
            raise
        raise ObjectiveError(error.problem, "test", *error.path[1:], fix=error.fix) from error
