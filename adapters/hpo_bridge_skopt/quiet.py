"""Calls into scikit-optimize that leave nothing behind: no warnings, no start method."""

from __future__ import annotations

import multiprocessing
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the library's warnings back; one thread at a time.

    It warns where a point would be repeated, where a fit does not converge, and where a
    design is not balanced: all of it is dealt with here. Python keeps its filters of
    warnings per process, and the library changes them at each fit: two of its optimizers in
    two threads would leave them in disorder, hence the lock.

    Joblib, which fits its forests, fixes the start method of multiprocessing on its way, after
    which the caller could not set it any more.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chosen = multiprocessing.get_start_method(allow_none=True)
        try:
            yield
        finally:
            if chosen is None:
                multiprocessing.set_start_method(None, force=True)
