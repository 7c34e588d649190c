"""Cross-validation as a first-class trial, and a search with the interface of scikit-learn.

This module is data: scikit-learn is imported on use.
"""

from __future__ import annotations

from hpo_bridge.hookspecs import hookimpl
from hpo_bridge.optimizer import ObjectiveSpec


@hookimpl
def hpo_register_objectives() -> ObjectiveSpec:
    """``cross_validated``."""
    return ObjectiveSpec(
        name="cross_validated",
        factory="hpo_bridge_sklearn.objective:from_study_file",
        requires=("scikit-learn>=1.6", "numpy>=1.26"),
        summary="The cross-validated score of a scikit-learn estimator; each fold is a step",
        url="https://scikit-learn.org/stable/modules/cross_validation.html",
        direction="maximize",
    )
