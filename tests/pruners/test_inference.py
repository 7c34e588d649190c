"""The tests behind the pruner ``folds``, against SciPy's."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import scipy.stats

from hpo_bridge.builtin.folds_inference import incomplete_beta, signed_rank_p, student_cdf


@pytest.mark.parametrize("freedom", [0.5, 1, 2, 3.7, 12, 300])
def test_student(freedom: float) -> None:
    for t in (-1e6, -30.0, -2.5, -0.1, 0.0, 1e-9, 0.7, 4.0, 1e3):
        exact = scipy.stats.t.cdf(t, freedom)
        assert student_cdf(t, freedom) == pytest.approx(exact, rel=1e-9, abs=1e-15)


def test_student_at_the_ends() -> None:
    assert (student_cdf(-math.inf, 3), student_cdf(math.inf, 3)) == (0.0, 1.0)
    assert math.isnan(student_cdf(math.nan, 3))
    assert (incomplete_beta(2, 3, 0.0), incomplete_beta(2, 3, 1.0)) == (0.0, 1.0)


def test_signed_ranks_without_ties() -> None:
    rng = random.Random(0)
    for n in range(1, 13):
        sample = [rng.gauss(0.3, 1) for _ in range(n)]
        exact = scipy.stats.wilcoxon(sample, alternative="greater", method="exact").pvalue
        assert signed_rank_p(sample) == pytest.approx(exact, rel=1e-12)


def test_signed_ranks_with_ties_and_zeros() -> None:
    sample = [1.0, 1.0, -1.0, 2.0, 0.0, -2.0, 3.0]
    ranks = [2.0, 2.0, 2.0, 4.5, 4.5, 6.0]  # of the sizes 1 1 1 2 2 3
    signs = itertools.product((0, 1), repeat=6)
    sums = [sum(rank for rank, sign in zip(ranks, s, strict=True) if sign) for s in signs]
    at_least = sum(total >= 2 + 2 + 4.5 + 6 for total in sums)
    assert signed_rank_p(sample) == at_least / 64
    assert signed_rank_p([]) == signed_rank_p([0.0, 0.0]) == 1.0


def test_many_signed_ranks() -> None:
    rng = random.Random(1)
    sample = [round(rng.gauss(0.2, 1), 1) for _ in range(80)]
    normal = scipy.stats.wilcoxon(
        sample, alternative="greater", method="asymptotic", correction=True
    ).pvalue
    assert signed_rank_p(sample) == pytest.approx(normal, rel=0.02)
