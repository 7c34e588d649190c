"""The two tests behind the pruner ``folds``, in plain Python: the core imports no numpy."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

_TINY = 1e-300
_MOST_TERMS = 200
_ACCURACY = 1e-12
_MOST_EXACT = 50


def student_cdf(t: float, freedom: float) -> float:
    """The probability that a Student t variable is below ``t``.

    By the regularised incomplete beta function (Abramowitz and Stegun, 26.7.1 and 26.5.8).

    Args:
        t: Any number; infinities are allowed.
        freedom: Degrees of freedom, above 0; need not be whole.

    Example:
        >>> student_cdf(0.0, 3), round(student_cdf(2.353363, 3), 6)
        (0.5, 0.95)
    """
    if math.isinf(t):
        return 0.0 if t < 0 else 1.0
    square = t * t
    if square < freedom:  # the smaller argument: no digits are lost
        half = 0.5 * incomplete_beta(0.5, freedom / 2, square / (freedom + square))
        return 0.5 + half if t > 0 else 0.5 - half
    tail = 0.5 * incomplete_beta(freedom / 2, 0.5, freedom / (freedom + square))
    return 1.0 - tail if t > 0 else tail


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Lentz's method).

    Args:
        a: Above 0.
        b: Above 0.
        x: In ``[0, 1]``.

    Example:
        >>> round(incomplete_beta(2, 3, 0.5), 6)
        0.6875
    """
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        + a * math.log(x) + b * math.log1p(-x)
    )  # fmt: skip
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            step = c * d
            fraction *= step
        if abs(step - 1.0) < _ACCURACY:
            break
    return math.exp(log_front) * fraction / a


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def signed_rank_p(differences: Sequence[float]) -> float:
    """The exact one-sided p-value of Wilcoxon's signed-rank test that these are above 0.

    Zeros are left out, equal sizes share their mean rank (Wilcoxon, 1945). The distribution is
    that of all signs of the ranks that are there, so that it is exact with ties, too; of more than
    50 it is the normal approximation. Below five differences it cannot be under 0.05: ``n`` of
    one sign give ``2 ** -n``.

    Args:
        differences: Finite numbers.

    Returns:
        The probability of a sum of positive ranks at least as large if each sign were a coin
        toss; 1 if all are 0.

    Example:
        >>> signed_rank_p([0.3, 0.1, 0.2]), signed_rank_p([0.3, -0.1, 0.2, 0.0])
        (0.125, 0.25)
    """
    ranked = sorted((abs(d), d > 0) for d in differences if d != 0)
    doubled = _double_ranks([size for size, _ in ranked])
    positive = sum(rank for rank, (_, above) in zip(doubled, ranked, strict=True) if above)
    if len(ranked) > _MOST_EXACT:
        spread = math.sqrt(2 * sum(rank * rank for rank in doubled))  # times sqrt(2)
        return 0.5 * math.erfc((2 * positive - sum(doubled) - 2) / spread)
    ways = [1] + [0] * sum(doubled)  # by the sum of positive ranks
    for rank in doubled:
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    return sum(ways[positive:]) / (1 << len(ranked))


def _double_ranks(sizes: Sequence[float]) -> list[int]:
    """Twice the ranks of numbers that are sorted, equal ones with their mean: whole numbers.

    >>> _double_ranks([0.1, 0.2, 0.2, 0.5])
    [2, 5, 5, 8]
    """
    doubled: list[int] = []
    while len(doubled) < len(sizes):
        begin = len(doubled)
        equal = bisect_right(sizes, sizes[begin]) - begin
        doubled += [2 * begin + equal + 1] * equal
    return doubled
