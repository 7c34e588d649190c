"""Studies: asking, telling, keeping, and going on."""

from __future__ import annotations

from ..engine.session import Session
from .study import Study

__all__ = ["Session", "Study"]
