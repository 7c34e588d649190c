"""Answers from studies' logs: comparison, selection, scores, verification, reruns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import nested_cv, replay, score_test, select, test_scores, verify
    from .comparing import compare

__all__ = ["compare", "nested_cv", "replay", "score_test", "select", "test_scores", "verify"]


def __getattr__(name: str) -> Any:
    """Import the functions of studies at their first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "compare":
        from .comparing import compare

        return compare
    from . import api

    return getattr(api, name)
