"""Studies: asking, telling, keeping, and going on."""

from __future__ import annotations

from .session import Session
from .study import Study

__all__ = ["Session", "Study"]
