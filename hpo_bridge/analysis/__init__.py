"""Answers from a study's log: selection, test scores, nested scores, verification, reruns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import nested_cv, replay, score_test, select, test_scores, verify

__all__ = ["nested_cv", "replay", "score_test", "select", "test_scores", "verify"]


def __getattr__(name: str) -> Any:
    """Import the functions of studies at their first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import api

    return getattr(api, name)
