"""Linear algebra in one thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from threadpoolctl import threadpool_limits

F = TypeVar("F", bound=Callable[..., object])


def single_threaded(function: F) -> F:
    """Return the function with linear algebra in one thread: for small matrices more only wait."""
    return cast("F", threadpool_limits.wrap(limits=1, user_api="blas")(function))
