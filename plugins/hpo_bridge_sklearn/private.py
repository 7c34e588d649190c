"""Every name of scikit-learn that this package takes hold of and that is not public.

A search that gives scikit-learn's own results to the last digit has to fit, score and tabulate
with scikit-learn's own functions. All of them are imported here and nowhere else; the tests of
this package see whether the installed version still has them, with the arguments used here.

``_fit_and_score`` (fits and scores one fold), ``_insert_error_scores``,
``_warn_or_raise_about_fit_failures`` (what failed fits come to), ``_MultimetricScorer``,
``_check_multimetric_scoring`` (several scorers as one), ``_check_method_params`` (weights and
the like, as long as the data); of ``BaseSearchCV`` the methods in :data:`METHODS`.
"""

from __future__ import annotations

from inspect import signature

from sklearn.base import _fit_context
from sklearn.metrics._scorer import _check_multimetric_scoring, _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _fit_and_score,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils.validation import _check_method_params

METHODS = (
    "_get_scorers", "_get_routed_params_for_fit", "_check_refit_for_multimetric",
    "_select_best_index", "_format_results", "_run_search",
)  # fmt: skip
"""The methods of ``BaseSearchCV`` that are called or overridden."""

HAS_CALLBACKS = "callback_ctx" in signature(_fit_and_score).parameters
"""Whether this version of scikit-learn calls back from within ``fit`` (1.9 does)."""

__all__ = [
    "HAS_CALLBACKS",
    "METHODS",
    "BaseSearchCV",
    "_MultimetricScorer",
    "_check_method_params",
    "_check_multimetric_scoring",
    "_fit_and_score",
    "_fit_context",
    "_insert_error_scores",
    "_warn_or_raise_about_fit_failures",
]
