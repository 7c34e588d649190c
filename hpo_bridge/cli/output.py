"""Keeps what plugins, trials and libraries print from where it does not belong."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from ..plugins import PluginManager, manager


@contextmanager
def kept_for_json(as_json: bool) -> Iterator[None]:
    """Sends what anybody prints in its body to standard error, if ``as_json``."""
    if not as_json:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def loaded_plugins() -> PluginManager:
    """Return the plugin manager; what plugins print while they load goes to standard error."""
    with kept_for_json(True):
        return manager()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep log lines and warnings of libraries off the terminal in its body; errors are shown."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
