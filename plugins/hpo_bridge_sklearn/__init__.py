"""Cross-validation as a first-class trial, and a search with the interface of scikit-learn.

This module is data: scikit-learn is imported on use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import ObjectiveSpec
from hpo_bridge.contracts.requirements import public_name

if TYPE_CHECKING:
    from .objective import cross_validated
    from .search import BridgeSearchCV

__all__ = ["BridgeSearchCV", "cross_validated"]

_REQUIRES = ("scikit-learn>=1.6", "numpy>=1.26")


@hookimpl
def hpo_register_objectives() -> ObjectiveSpec:
    """``cross_validated``."""
    return ObjectiveSpec(
        name="cross_validated",
        factory="hpo_bridge_sklearn.study_file:from_study_file",
        requires=_REQUIRES,
        summary="The cross-validated score of a scikit-learn estimator; each fold is a step",
        url="https://scikit-learn.org/stable/modules/cross_validation.html",
        direction="maximize",
    )


_HOMES = {"BridgeSearchCV": "search", "cross_validated": "objective"}


def __getattr__(name: str) -> Any:
    """Imports what is for users, and scikit-learn with it, at its first use."""
    return public_name(__name__, _HOMES, name, _REQUIRES)
