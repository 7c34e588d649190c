"""Calls into scikit-optimize without its warnings."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()


@contextmanager
def quietly() -> Iterator[None]:
    """Keeps the library's warnings back; one thread at a time.

    It warns where a point would be repeated, where a fit does not converge, and where a
    design is not balanced: all of it is dealt with here. Python keeps its filters of
    warnings per process, and the library changes them at each fit: two of its optimizers in
    two threads would leave them in disorder, hence the lock.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
