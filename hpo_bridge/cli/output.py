"""Standard output with ``--json``: one line of JSON, whatever plugins and trials print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
