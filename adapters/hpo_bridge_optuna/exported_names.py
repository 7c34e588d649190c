"""Names that an exported study has in Optuna, for the export and for the import that reads it."""

from __future__ import annotations

STUDY_ATTRIBUTE = "hpo_bridge"
"""The attribute of a study that the export wrote."""
TRIAL_PREFIX = "hpo_bridge:"
"""The beginning of the attributes of its trials."""
METRIC_NAMES = "study:metric_names"
"""Optuna's own attribute with the names of the objectives."""


def component(name: str, position: int) -> str:
    """Return the name of a vector's component among Optuna's parameters.

    Example:
        >>> component("weights", 2)
        'weights[2]'
    """
    return f"{name}[{position}]"
