"""What is computed from ranks is what scipy.stats computes, without its import."""

import subprocess
import sys

import numpy as np
import pytest
from hpo_bridge_views.failure_rules import _log_chances
from hpo_bridge_views.ranks import average_ranks, normal_scores, rank_correlation
from scipy.stats import hypergeom, norm, rankdata, spearmanr


@pytest.mark.parametrize("count", [3, 20, 501])
def test_ranks_scores_and_correlations_are_those_of_scipy(count):
    rng = np.random.default_rng(count)
    left = rng.normal(size=count).round(1)
    right = left + rng.normal(size=count)
    assert average_ranks(left).tolist() == rankdata(left).tolist()
    assert normal_scores(left).tolist() == norm.ppf((rankdata(left) - 0.5) / count).tolist()
    assert rank_correlation(left, right) == spearmanr(left, right).statistic


def test_a_constant_has_no_rank_correlation():
    assert np.isnan(rank_correlation([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]))


def test_chances_of_failures_are_those_of_scipy():
    sizes = np.array([0, 1, 3, 50, 400, 1000])
    failures = np.array([0, 1, 2, 45, 130, 300])
    expected = hypergeom.logsf(failures - 1, 1000, 300, sizes)
    np.testing.assert_allclose(_log_chances(failures, sizes, 300, 1000), expected, atol=1e-9)


def test_a_report_is_imported_without_scipy_stats():
    code = "import sys, hpo_bridge_views.report; print('scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
