"""Every name of scikit-learn and joblib that this package takes hold of and that is not public.

A search that gives scikit-learn's own results to the last digit has to fit, score and tabulate
with scikit-learn's own functions. All of them are imported here and nowhere else; the tests of
this package see whether the installed version still has them, with the arguments used here.

Of scikit-learn: ``_fit_and_score`` (fits and scores one fold), ``_insert_error_scores``,
``_warn_or_raise_about_fit_failures`` (what failed fits come to), ``_MultimetricScorer``,
``_check_multimetric_scoring`` (several scorers as one), ``_check_method_params`` (weights and
the like, as long as the data), ``Interval``, ``_fit_context`` (checks of arguments), and of
``BaseSearchCV`` the methods in :data:`METHODS`. Of joblib: ``BatchedCalls``, ``eval_expr``, and
of a ``Parallel`` its backend, what it makes of ``n_jobs``, and its temporary folder.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from joblib._utils import eval_expr
from joblib.parallel import BatchedCalls, Parallel
from sklearn.base import _fit_context
from sklearn.metrics._scorer import _check_multimetric_scoring, _MultimetricScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import (
    _fit_and_score,
    _insert_error_scores,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_method_params

METHODS = (
    "_get_scorers", "_get_routed_params_for_fit", "_check_refit_for_multimetric",
    "_select_best_index", "_format_results", "_run_search",
)  # fmt: skip
"""The methods of ``BaseSearchCV`` that are called or overridden."""

HAS_CALLBACKS = "callback_ctx" in signature(_fit_and_score).parameters
"""Whether this version of scikit-learn calls back from within ``fit`` (1.9 does)."""


def parallel_backend_of(parallel: Any) -> Any:
    """The backend of an entered ``Parallel``."""
    return parallel._backend


def parallel_jobs_of(parallel: Any) -> int:
    """Return the number of workers of an entered ``Parallel``."""
    return int(parallel._effective_n_jobs())


def parallel_context_of(parallel: Any) -> Callable[[], None] | None:
    """Return a function that makes the arrays of a task, once pickled, go to the right folder."""
    folders = getattr(getattr(parallel._backend, "_workers", None), "_temp_folder_manager", None)
    if folders is None:
        return None
    return lambda: folders.set_current_context(parallel._id)


def pre_dispatched(pre_dispatch: int | str, jobs: int) -> int | None:
    """Return the number of tasks that ``pre_dispatch`` means, at least 1; ``None``: all."""
    if pre_dispatch == "all":
        return None
    if isinstance(pre_dispatch, str):
        pre_dispatch = eval_expr(pre_dispatch.replace("n_jobs", str(jobs)))
    return max(1, int(pre_dispatch))


__all__ = [
    "HAS_CALLBACKS",
    "METHODS",
    "BaseSearchCV",
    "BatchedCalls",
    "Interval",
    "Parallel",
    "_MultimetricScorer",
    "_check_method_params",
    "_check_multimetric_scoring",
    "_fit_and_score",
    "_fit_context",
    "_insert_error_scores",
    "_warn_or_raise_about_fit_failures",
    "parallel_backend_of",
    "parallel_context_of",
    "parallel_jobs_of",
    "pre_dispatched",
]
