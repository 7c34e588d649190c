"""Studies: asking, telling, keeping, and going on."""

from __future__ import annotations

from .evaluated_on import find_backend, open_evaluated
from .study import Study

__all__ = ["Study", "find_backend", "open_evaluated"]
