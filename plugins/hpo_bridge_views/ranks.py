"""Ranks and what is computed from them; :mod:`scipy.stats` takes a second to import."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]


def average_ranks(values: ArrayLike) -> Array:
    """Return the rank of each number, from 1; equals have the mean of their ranks.

    Example:
        >>> average_ranks([3.0, 1.0, 3.0]).tolist()
        [2.5, 1.0, 2.5]
    """
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts + 1) / 2)[place] + 1)


def normal_scores(values: Sequence[float]) -> Array:
    """Return numbers with the distribution of a standard normal variable, in the same order."""
    ranks = average_ranks(values)
    return np.asarray(ndtri((ranks - 0.5) / len(ranks)))


def rank_correlation(left: ArrayLike, right: ArrayLike) -> float:
    """Return Spearman's rank correlation of two variables; NaN if one of them is constant."""
    ranks = np.column_stack([average_ranks(left), average_ranks(right)])
    with np.errstate(invalid="ignore"):
        correlations: Array = np.asarray(np.corrcoef(ranks, rowvar=False))
    return float(correlations[1, 0])
