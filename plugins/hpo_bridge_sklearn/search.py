"""``BridgeSearchCV``: any backend of the bridge, with the interface of ``GridSearchCV``."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.utils import indexable

from hpo_bridge import HpoBridgeError
from hpo_bridge.habits import SEARCH, hinted

from .callbacks import Callbacks
from .evaluation import SCORE, Evaluation, Result
from .fingerprints import fingerprints
from .opening import absolute, check_trials, kept_study, opened
from .private import (
    BaseSearchCV,
    Interval,
    _check_method_params,
    _fit_context,
    _insert_error_scores,
    _MultimetricScorer,
    _warn_or_raise_about_fit_failures,
)
from .results import Tabulated, quiet_about_missing, tabulated
from .schedule import Seen, evaluated_here
from .spaces import SearchSpace, search_space
from .workers import FoldScorer, run_on

NO_FITS = "No fits were performed. Was the CV iterator empty? Were there no candidates?"
"""As scikit-learn says it."""


class BridgeSearchCV(BaseSearchCV):  # type: ignore[misc]
    """Searches an estimator's parameters by cross-validation, with any backend of the bridge.

    A drop-in for ``GridSearchCV`` and ``RandomizedSearchCV``: the same methods and attributes, for
    the same candidates and splits the same ``cv_results_``, and the same arguments but for two:
    ``param_grid`` and ``param_distributions`` are ``space``, ``n_iter`` is ``n_trials``.

    Args:
        estimator: What is cloned, set, and fitted on each fold.
        space: What may vary: a :class:`hpo_bridge.Space`; a dictionary of parameter names to
            lists, frozen distributions of SciPy (``uniform``, ``loguniform``, ``randint``) and
            parameters of the bridge; or a list of such dictionaries. Lists may hold anything,
            estimators too. ``(0.1, 10.0, "log-uniform")`` is a range, as in scikit-optimize.
        backend: Who proposes: a name such as ``"optuna.tpe"``, a mapping with ``name`` and
            ``options``, or a list of them that take turns, as in :class:`hpo_bridge.Study`.
        n_trials: How many candidates the study may have in all, those of earlier runs in
            ``store`` included. ``None`` for backends that end by themselves.
        scoring: As in scikit-learn; scores are maximised.
        n_jobs: How many folds to evaluate at once, as in joblib.
        refit: As in scikit-learn. A candidate that was pruned is never chosen.
        cv: As in scikit-learn; split once, so that all candidates get the same folds.
        verbose: As in scikit-learn.
        pre_dispatch: Most folds that are handed to workers and not back. The fewer, the more
            an adaptive backend knows when it proposes.
        random_state: The study's seed. An integer gives the same candidates each time, with
            one worker; with several, for backends that do not learn from results.
        error_score: As in scikit-learn.
        return_train_score: As in scikit-learn.
        objectives: Which scorers the backend maximises: a name, or a list of them for backends
            that take several objectives. By default the one that ``refit`` names, else the
            first.
        pruner: What stops candidates after some folds: a name such as ``"folds"``, or a mapping
            like ``backend``.
        store: A URL such as ``sqlite:///search.db``, or the path of a database: every fold is
            written there as it ends, and another ``fit`` with the same data goes on. In memory
            by default.
        study_name: The study's name in the store.
        runner: ``None`` evaluates folds by joblib; ``"processes"``, ``"ray"``, or a mapping of
            ``name`` and options, evaluates candidates on that runner of the bridge.

    Attributes:
        trials_: The trials behind the rows of ``cv_results_``, as the study has them.
        study_: The study, opened from ``store`` each time; see :func:`hpo_bridge.load_study`.
        cv_results_: As in scikit-learn. With a pruner it has one column more, ``pruned``; the
            folds that did not run, and their candidates' means, are NaN.
        best_estimator_: And all other attributes as in scikit-learn.

    Example:
        >>> import hpo_bridge as hpo
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.svm import SVC
        >>> X, y = load_iris(return_X_y=True)
        >>> space = {"C": hpo.Float(0.1, 100, log=True), "kernel": ["linear", "rbf"]}
        >>> search = BridgeSearchCV(SVC(), space, n_trials=10, random_state=0).fit(X, y)
        >>> bool(search.best_score_ > 0.95), len(search.cv_results_["params"])
        (True, 10)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseSearchCV._parameter_constraints,
        "backend": [str, Mapping, list, tuple],
        "n_trials": [Interval(Integral, 1, None, closed="left"), None],
        "random_state": ["random_state"],
        "objectives": [str, list, tuple, None],
        "pruner": [str, Mapping, None],
        "store": [str, os.PathLike, None],
        "study_name": [str],
        "runner": [str, Mapping, None],
    }

    @hinted(SEARCH)
    def __init__(
        self,
        estimator: Any,
        space: Any,
        *,
        backend: Any = "core.random",
        n_trials: int | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
        objectives: Any = None,
        pruner: Any = None,
        store: str | os.PathLike[str] | None = None,
        study_name: str = "search",
        runner: Any = None,
    ) -> None:
        super().__init__(
            estimator=estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
            verbose=verbose, pre_dispatch=pre_dispatch, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        self.space = space
        self.backend = backend
        self.n_trials = n_trials
        self.random_state = random_state
        self.objectives = objectives
        self.pruner = pruner
        self.store = store
        self.study_name = study_name
        self.runner = runner

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None, **params: Any) -> BridgeSearchCV:
        """Searches, then fits the best candidate on all data if ``refit`` says so.

        Args:
            X: Samples, ``(n_samples, n_features)``, or what else the estimator takes.
            y: Targets, ``(n_samples,)`` or ``(n_samples, n_outputs)``.
            params: Arguments of the estimator's ``fit``, of the splitter (``groups``) and of
                the scorers; those as long as the data are split with it.

        Returns:
            This object.

        Raises:
            ValueError, TypeError: Scikit-learn's own, as ``GridSearchCV`` raises them.
            HpoBridgeError: For what the study refuses: an unknown backend, a space that the
                backend cannot honour, other data than the store's.
        """
        scorer, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        callbacks = Callbacks(self, X, y, params.get("sample_weight"))
        evaluation = Evaluation(
            clone(self.estimator), X, y, self._split(X, y, routed.splitter.split), scorer,
            routed.estimator.fit, routed.scorer.score, self.error_score,
            self.return_train_score, self.verbose,
        )  # fmt: skip
        table = self._searched(evaluation, search_space(self.space), callbacks)
        results = self._tabulate(table)
        self._choose(results, refit_metric)
        if self.refit:
            self._fit_best(evaluation, callbacks)
        several = isinstance(scorer, _MultimetricScorer)
        self.scorer_ = scorer._scorers if several else scorer
        self.cv_results_ = results
        callbacks.end()
        return self

    study_ = property(kept_study)

    def _split(self, X: Any, y: Any, split_params: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        """The folds, the same for all candidates."""
        classifier = is_classifier(self.estimator)
        self._checked_cv_orig = check_cv(self.cv, y, classifier=classifier)
        self.n_splits_ = self._checked_cv_orig.get_n_splits(X, y, **split_params)
        splits = list(self._checked_cv_orig.split(X, y, **split_params))
        if len(splits) != self.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {self.n_splits_} splits, got {len(splits)}"
            )
        if not splits:
            raise ValueError(NO_FITS)
        return splits

    def _searched(
        self, evaluation: Evaluation, space: SearchSpace, callbacks: Callbacks
    ) -> Tabulated:
        check_trials(self.n_trials, self.backend)
        names = self._objective_names(evaluation.scorer)
        prints = {} if self.store is None else fingerprints(evaluation, self.scoring)
        with opened(
            space.space, names, backend=self.backend, pruner=self.pruner,
            random_state=self.random_state, store=self.store, name=self.study_name,
            evaluated_on=prints,
        ) as study:  # fmt: skip
            seen: Seen = {}
            if self.runner is None:
                seen = evaluated_here(
                    study, evaluation, space, names, callbacks, self._check_scores,
                    trials=self.n_trials, n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch,
                    judged=self.pruner is not None,
                )  # fmt: skip
            else:
                scorer = FoldScorer(evaluation, space, names)
                run_on(study, scorer, self.runner, trials=self.n_trials, n_jobs=self.n_jobs)
            self._kept = absolute(self.store), self.study_name
            self.trials_ = [trial for trial in study.trials if trial.state.is_final]
        return tabulated(
            self.trials_, space, seen, evaluation.folds, error_score=self.error_score,
            several=isinstance(evaluation.scorer, _MultimetricScorer),
            train=self.return_train_score,
        )  # fmt: skip

    def _objective_names(self, scorer: Any) -> list[str]:
        """Names of the scorers that the study's objectives are."""
        known = list(scorer._scorers) if isinstance(scorer, _MultimetricScorer) else None
        if self.objectives is None:
            if callable(self.scoring) and isinstance(self.refit, str):
                return [self.refit]
            if known is None:
                return [SCORE]
            return [self.refit if isinstance(self.refit, str) else known[0]]
        names = [self.objectives] if isinstance(self.objectives, str) else list(self.objectives)
        accepted = [SCORE] if known is None and not callable(self.scoring) else known
        if not names or (accepted is not None and not set(names) <= set(accepted)):
            expected = ", ".join(accepted or [SCORE])
            raise HpoBridgeError(f"found {names!r}, expected scorers of: {expected}", "objectives")
        return names

    def _check_scores(self, result: Result) -> None:
        """Check that ``refit`` names one of the scores, which a callable tells only now."""
        if callable(self.scoring) and isinstance(result["test_scores"], Mapping):
            self._check_refit_for_multimetric(result["test_scores"])

    def _tabulate(self, table: Tabulated) -> dict[str, Any]:
        """``cv_results_``, by scikit-learn's own functions."""
        if not table.ran:
            raise ValueError(NO_FITS)
        _warn_or_raise_about_fit_failures(table.ran, self.error_score)
        if callable(self.scoring):
            _insert_error_scores(table.padded, self.error_score)
        first = table.padded[0]["test_scores"]
        self.multimetric_ = isinstance(first, Mapping)
        more = {} if self.pruner is None else {"pruned": table.pruned}
        with quiet_about_missing(table):
            results: dict[str, Any] = self._format_results(
                table.params, self.n_splits_, table.padded, more
            )
        return results

    def _choose(self, results: dict[str, Any], refit_metric: str) -> None:
        if callable(self.scoring) and self.multimetric_:
            refit_metric = self.refit
        if not self.refit and self.multimetric_:
            return
        self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
        if self.pruner is not None and results["pruned"][self.best_index_]:
            raise HpoBridgeError(
                f"candidate {self.best_index_} was pruned, and has no score to compare; "
                "choose one whose column 'pruned' is false",
                "refit",
            )
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _fit_best(self, evaluation: Evaluation, callbacks: Callbacks) -> None:
        best = clone(evaluation.estimator).set_params(**clone(self.best_params_, safe=False))
        self.best_estimator_ = best
        with callbacks.refitting(best):
            start = time.time()
            if evaluation.y is not None:
                best.fit(evaluation.X, evaluation.y, **evaluation.fit_params)
            else:
                best.fit(evaluation.X, **evaluation.fit_params)
            self.refit_time_ = time.time() - start
            if hasattr(best, "feature_names_in_"):
                self.feature_names_in_ = best.feature_names_in_
