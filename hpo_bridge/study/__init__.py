"""Studies: asking, telling, keeping, and going on."""

from __future__ import annotations

from .driving import abandon, exhaustion
from .evaluated_on import find_backend, open_evaluated
from .study import Study, open_study

__all__ = [
    "Study",
    "abandon",
    "exhaustion",
    "find_backend",
    "open_evaluated",
    "open_study",
]
