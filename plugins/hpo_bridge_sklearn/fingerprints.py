"""Short texts for the data of a study, so that trials on other data are not added to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np

from .evaluation import Evaluation


def fingerprints(evaluation: Evaluation, scoring: Any) -> dict[str, str]:
    """Texts that differ where anything that scores depend on differs.

    Args:
        evaluation: Estimator, data, splits, and what goes to ``fit``.
        scoring: As the user gave it.

    Returns:
        ``data``, ``splits`` (hashes), ``estimator`` and ``scoring`` (as they print).
    """
    data = [evaluation.X, evaluation.y, dict(evaluation.fit_params)]
    splits = [np.concatenate([np.asarray(test), [-1]]) for _, test in evaluation.splits]
    return {
        "data": hashed([stable(part) for part in data]),
        "splits": hashed(splits),
        "estimator": printed(evaluation.estimator),
        "scoring": printed(scoring),
    }


def hashed(value: Any) -> str:
    """A hash of what ``value`` holds: 16 hexadecimal digits."""
    return str(joblib.hash(value))[:16]


def printed(value: Any) -> str:
    """Return the representation of an object on one line, without addresses of a process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", " ".join(repr(value).split()))


def stable(part: Any) -> Any:
    """Data frames and series as arrays: their pickles differ from process to process."""
    if isinstance(part, Mapping):
        return [(name, stable(value)) for name, value in sorted(part.items())]
    if hasattr(part, "iloc") and hasattr(part, "dtypes"):
        from pandas.util import hash_pandas_object

        columns = [str(name) for name in getattr(part, "columns", ())]
        return [columns, np.asarray(hash_pandas_object(part, index=False))]
    return part


__all__ = ["fingerprints"]
