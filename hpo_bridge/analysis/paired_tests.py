"""Statistics of variants that were run with the same seeds, one loss for each seed.

A loss is infinite where a run has found nothing: it counts as the worst. All tests are of
mid-ranks among all losses, so that no outlier and no scale decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ..errors import HpoBridgeError

LEVEL = 0.05
"""The largest probability to call any two variants different that are not."""
_POCOCK = 0.9
"""For Pocock's level, about 0.05 / K ** 0.69 for K looks; few seeds call for more care."""
_EXACT = 13
"""The largest number of blocks for which all sign flips are gone through."""

Losses = Sequence[float]


@dataclass(frozen=True)
class PairedTest:
    """Two variants compared on the same blocks.

    Attributes:
        one: The label of the first.
        other: The label of the second.
        wins: The blocks in which the first is better.
        losses: The blocks in which it is worse; the rest are ties.
        blocks: The number of blocks.
        difference: The mean of the second's loss less the first's, where both have one.
        interval: Its 95 % interval by Student's t; ``None`` for fewer than two such blocks.
        p: The two-sided p-value, see :func:`pairwise_p`.
        corrected: The same after Holm's correction for the number of pairs.
    """

    one: str
    other: str
    wins: int
    losses: int
    blocks: int
    difference: float | None
    interval: tuple[float, float] | None
    p: float
    corrected: float

    @property
    def is_different(self) -> bool:
        """True if the two are told apart."""
        return self.corrected <= LEVEL


def require_scipy() -> None:
    """Raise an error that says how to install what the statistics need."""
    try:
        import scipy.stats  # noqa: F401
    except ImportError:
        raise HpoBridgeError(
            "a comparison needs SciPy", fix='pip install "hpo-bridge[compare]"'
        ) from None


def paired_tests(losses: Mapping[str, Losses]) -> tuple[PairedTest, ...]:
    """Compare each pair of variants, with Holm's correction for their number."""
    p = pairwise_p(losses)
    corrected = holm(list(p.values()))
    return tuple(
        _paired_test(one, other, losses[one], losses[other], p[one, other], after)
        for (one, other), after in zip(p, corrected, strict=True)
    )


def _paired_test(
    one: str, other: str, first: Losses, second: Losses, p: float, corrected: float
) -> PairedTest:
    from scipy.stats import ttest_1samp

    pairs = list(zip(first, second, strict=True))
    finite = [b - a for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
    interval = None
    if len(finite) > 1:
        interval = finite[0], finite[0]
        if len(set(finite)) > 1:
            low, high = ttest_1samp(finite, 0.0).confidence_interval()
            interval = float(low), float(high)
    return PairedTest(
        one, other, sum(a < b for a, b in pairs), sum(a > b for a, b in pairs), len(pairs),
        sum(finite) / len(finite) if finite else None, interval, p, corrected,
    )  # fmt: skip


def sign_flip_p(first: Losses, second: Losses) -> float:
    """Return the p-value of the sign-flip test of the differences in mid-rank.

    Which of the two has which loss of a block is a coin's throw, if they do not differ. All
    throws are gone through up to 13 blocks, 9,999 of them from then on.

    Example:
        >>> sign_flip_p([1, 2, 3, 4, 5, 6], [11, 12, 13, 14, 15, 16])
        0.03125
    """
    from scipy.stats import permutation_test, rankdata

    n = len(first)
    ranks = rankdata([*first, *second])
    differences = ranks[:n] - ranks[n:]
    if n < 2 or not differences.any():
        return 1.0
    found = permutation_test(
        (differences,), lambda d, axis: d.sum(axis=axis), permutation_type="samples",
        vectorized=True, n_resamples=math.inf if n <= _EXACT else 9_999, rng=0,
    )  # fmt: skip
    return float(min(1.0, found.pvalue))


def smallest_p(blocks: int) -> float:
    """Return the smallest p-value that the sign-flip test can have."""
    return 2.0 ** (1 - blocks)


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values after Holm's correction (Scandinavian Journal of Statistics 6, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda place: p[place])
    corrected, largest = [0.0] * len(p), 0.0
    for done, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - done) * p[place]))
        corrected[place] = largest
    return corrected


def mean_ranks(losses: Mapping[str, Losses]) -> dict[str, float]:
    """Return each variant's mean rank among the variants of a block, from 1."""
    from scipy.stats import rankdata

    labels = list(losses)
    rows = [rankdata(row) for row in zip(*losses.values(), strict=True)]
    return {
        label: float(sum(row[place] for row in rows) / len(rows))
        for place, label in enumerate(labels)
    }


def probability_of_better(one: Losses, other: Losses) -> float:
    """Return the probability that a run of the first is better than one of the second.

    Over all pairs of their runs; equal ones count half.
    """
    pairs = [(a < b) + 0.5 * (a == b) for a in one for b in other]
    return sum(pairs) / len(pairs)


def pairwise_p(losses: Mapping[str, Losses]) -> dict[tuple[str, str], float]:
    """Return the p-value of each pair of variants, without a correction for their number.

    Two variants have the sign-flip test. Of more, pairs have a t-test of their mean ranks with the
    variance of all.
    """
    from scipy.stats import t

    pairs = list(combinations(losses, 2))
    if len(losses) == 2:
        return {pair: sign_flip_p(*(losses[label] for label in pair)) for pair in pairs}
    spread = _spread(losses)
    if spread is None:
        return dict.fromkeys(pairs, 1.0)
    means, error, freedom = spread
    apart = {pair: abs(means[pair[0]] - means[pair[1]]) for pair in pairs}
    scale = math.sqrt(2) * error
    return {pair: float(2 * t.sf(found / scale, freedom)) for pair, found in apart.items()}


def hopeless(losses: Mapping[str, Losses], looks: int) -> set[str]:
    """Return the variants of a race that are worse than the one in front, as F-Race finds them.

    See Birattari et al., GECCO 2002. The error is controlled for all pairs, by Tukey's studentized
    range, and for the number of looks, by Pocock's level for so many (Biometrika 64, 1977).

    Args:
        losses: The losses of the variants that are still in the race, by block.
        looks: How often the race looks at its variants in all.
    """
    from scipy.stats import studentized_range

    spread = _spread(losses)
    if spread is None:
        return set()
    means, error, freedom = spread
    best, level = min(means.values()), LEVEL / looks**_POCOCK
    return {
        label for label, mean in means.items()
        if studentized_range.sf((mean - best) / error, len(means), freedom) <= level
    }  # fmt: skip


def _spread(losses: Mapping[str, Losses]) -> tuple[dict[str, float], float, int] | None:
    """Return mean ranks, their standard error, and its degrees of freedom; ``None`` for too few.

    Mid-ranks among all losses; the error is of what is left once seeds and variants are accounted
    for (Conover and Iman, The American Statistician 35, 1981).
    """
    from scipy.stats import rankdata

    labels = list(losses)
    k, n = len(labels), len(losses[labels[0]]) if labels else 0
    if k < 2 or n < 2:
        return None
    ranks = rankdata([losses[label] for label in labels]).reshape(k, n)
    means = ranks.mean(axis=1)
    rest = ranks - means[:, None] - ranks.mean(axis=0) + ranks.mean()
    freedom = (k - 1) * (n - 1)
    error = math.sqrt(max(float((rest**2).sum()) / freedom, 1 / 12) / n)
    return dict(zip(labels, map(float, means), strict=True)), error, freedom
