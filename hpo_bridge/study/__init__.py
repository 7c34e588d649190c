"""Studies: asking, telling, keeping, and going on."""

from __future__ import annotations

from .study import Study

__all__ = ["Study"]
