"""The test of the objective ``cross_validated``: fits on all its data, scores on the test data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sklearn import config_context
from sklearn.base import clone

from hpo_bridge import Trial
from hpo_bridge.errors import ObjectiveError, nearest, short
from hpo_bridge.objectives import Failure, Reference, explain

from .data import Data, as_data
from .evaluated_estimator import EvaluatedEstimator
from .evaluation import by_name
from .named import Named
from .prepared import Params, Prepared, made_by, said_of
from .private import _check_method_params
from .scoring import TIMES

KEYS = ("data",)


@dataclass(frozen=True, eq=False)
class TestScorer:
    """A configuration refitted on all data, and scored on test data with the same scorers.

    Attributes:
        objective: The cross-validation on the data to fit on.
        data: What loads the test data, with the weights for the scorers as ``score_params``.
    """

    __test__ = False  # for pytest: no tests

    objective: EvaluatedEstimator
    data: Reference

    def check(self) -> None:
        """Looks for what is named; imports nothing of the user's."""
        self.objective.check()
        self.data.check()

    def describe(self) -> str:
        """The objective, and where the test data come from."""
        return f"{self.objective.describe()} on {self.data.source}:{self.data.name}"

    def load(self) -> Callable[[Trial], dict[str, float]]:
        """The function of a trial; loads all data.

        Raises:
            ObjectiveError: If they are wrong.
        """
        prepared = self.objective.prepared()
        found = self.data.load()
        with said_of("data"):
            test = as_data(found() if callable(found) else found).checked()
        fitted_on, scored_on = _features(prepared.evaluation.X), _features(test.X)
        if fitted_on != scored_on:
            raise ObjectiveError(
                f"data: the test data have {scored_on} columns, the data of the objective "
                f"{fitted_on}",
                "test",
            )
        return _Refitted(prepared, test)


def _features(X: Any) -> int | None:
    shape: tuple[int, ...] = getattr(X, "shape", ())
    return int(shape[1]) if len(shape) > 1 else None


class _Refitted:
    def __init__(self, prepared: Prepared, test: Data) -> None:
        self._prepared, self._test = prepared, test

    def __call__(self, trial: Trial) -> dict[str, float]:
        prepared, evaluation = self._prepared, self._prepared.evaluation
        with config_context(**prepared.config):
            estimator = self._estimator(trial.params)
            fit_params = _check_method_params(evaluation.X, params=dict(evaluation.fit_params))
            targets = () if evaluation.y is None else (evaluation.y,)
            begin = perf_counter()
            try:
                estimator.fit(evaluation.X, *targets, **fit_params)
            except Exception as error:
                raise Failure(f"the fit on all data failed: {explain(error)}") from error
            fitted = perf_counter()
            scores = self._scores(estimator)
            times = dict(zip(TIMES, (fitted - begin, perf_counter() - fitted), strict=True))
        known = {key: {**scores, **times}[key] for key in prepared.aims.values()}
        values = {objective: known[key] for objective, key in prepared.aims.items()}
        return {**values, **{k: v for k, v in scores.items() if k not in known}}

    def _estimator(self, params: Params) -> Any:
        """As a fold makes it."""
        if self._prepared.factory is not None:
            return clone(made_by(self._prepared.factory, params))
        estimator = clone(self._prepared.evaluation.estimator)
        return estimator.set_params(**clone(dict(params), safe=False))

    def _scores(self, estimator: Any) -> dict[str, float]:
        scorer, test = self._prepared.scorer, self._test
        scorer.clear()
        targets = () if test.y is None else (test.y,)
        params = _check_method_params(test.X, params=dict(test.score_params))
        scores = by_name(scorer(estimator, test.X, *targets, **params))
        for name, why in scorer.failures.items():
            raise Failure(f"the score {name} on the test data failed: {why}")
        return scores


def tester_of(objective: EvaluatedEstimator, options: Mapping[str, Any]) -> TestScorer:
    """The test that a study file asks for with ``selection: {test: {data: …}}``.

    Args:
        objective: The study's.
        options: ``data``: ``FILE.py:NAME`` of what gives the test data.

    Raises:
        ObjectiveError: With the key of what is wrong; nothing of the user's is imported.
    """
    for key in options:
        if key not in KEYS:
            raise ObjectiveError(
                f"unknown key, accepted: {', '.join(KEYS)}{nearest(str(key), KEYS)}", key
            )
    text = options["data"]
    if not isinstance(text, str):
        raise ObjectiveError(f"found {short(text)}, expected 'FILE.py:NAME'", "data")
    made = TestScorer(objective, Named(text, ("data",)).reference(objective.folder))
    made.check()
    return made


__all__ = ["TestScorer", "tester_of"]
