"""Studies: asking, telling, keeping, and going on."""

from __future__ import annotations

from .driving import abandon, exhaustion
from .evaluated_on import find_backend, open_evaluated
from .loading import StudySummary, load_study, studies
from .study import Study, open_study

__all__ = [
    "Study",
    "StudySummary",
    "abandon",
    "exhaustion",
    "find_backend",
    "load_study",
    "open_evaluated",
    "open_study",
    "studies",
]
