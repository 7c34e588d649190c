"""Scorers: which there are, which one is the value, and what becomes of their errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer_names

from hpo_bridge.contracts.record import Direction
from hpo_bridge.errors import KeyPath, ObjectiveError, nearest, short

from .evaluation import SCORE, as_scorer
from .failures import explained, last_words

TIMES = ("fit_time", "score_time")
"""What is measured besides, in seconds, and can be an objective: to be minimised."""
EXPECTED = "the name of a scorer, 'FILE.py:NAME', or a list or mapping of them"
VALUE = "value"
"""What the only objective of a study is called if it has no name."""


class AnyEstimator(BaseEstimator):  # type: ignore[misc]
    """Stands for an estimator that is not known yet, where scikit-learn wants to see one."""

    def fit(self, X: Any, y: Any = None) -> AnyEstimator:
        """Does nothing."""
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Nothing is scored."""
        raise NotImplementedError


def check_names(scoring: Any, path: KeyPath = ("scoring",)) -> None:
    """Raises ObjectiveError for a name that is no scorer's; says which there are."""
    if isinstance(scoring, str):
        names = sorted(get_scorer_names())
        if scoring not in names:
            raise ObjectiveError(
                f"{scoring!r} is not a valid scoring value{nearest(scoring, names)}; "
                f"expected one of {', '.join(names)}",
                *path,
            )
    elif isinstance(scoring, Mapping):
        for name, scorer in scoring.items():
            check_names(scorer, (*path, str(name)))
    elif isinstance(scoring, (list, tuple, set)):
        for position, name in enumerate(scoring):
            check_names(name, (*path, str(position)))
    if isinstance(scoring, (Mapping, list, tuple, set)) and not scoring:
        raise ObjectiveError(f"found none, expected {EXPECTED}", *path)


def score_names(scoring: Any) -> dict[str, str] | None:
    """The names by which scorers can be asked for, to their keys in what a fold gives.

    ``None`` for a function that gives several scores: their names are known when it has.
    """
    if scoring is None:
        return {SCORE: SCORE}
    if isinstance(scoring, str):
        return {scoring: SCORE, SCORE: SCORE}
    if isinstance(scoring, Mapping):
        return {str(name): str(name) for name in scoring}
    if isinstance(scoring, Iterable):
        return {str(name): str(name) for name in scoring}
    return None


def aims(
    directions: Mapping[str, Direction], scoring: Any, objective: str | None
) -> dict[str, str]:
    """Return the score of each of the study's objectives: objective to key in a fold's result.

    Args:
        directions: The study's.
        scoring: The scorers.
        objective: Which of them is the value of a study with a single objective.

    Raises:
        ObjectiveError: If it cannot be said which is which, or one would be worsened.
    """
    names = score_names(scoring)
    single = next(iter(directions)) if len(directions) == 1 else None
    if objective is not None and single is None:
        raise ObjectiveError(
            "is for a study with one objective; here the names in directions say it: "
            f"{', '.join(directions)}",
            "objective",
        )
    found = {}
    for name in directions:
        wanted = name
        if name == single:
            wanted = _single(name, names, objective)
        found[name] = _key(wanted, names, "directions" if single is None else "objective")
        _check_direction(name, wanted, directions[name], single is not None)
    return found


def _single(name: str, names: Mapping[str, str] | None, objective: str | None) -> str:
    if objective is not None:
        return objective
    if name != VALUE and (name in TIMES or name in (names or ())):
        return name
    if names is None:
        return SCORE
    if len(set(names.values())) > 1:
        known = ", ".join(names)
        raise ObjectiveError(
            f"is missing: of several scorers it says which is the value: {known}", "objective"
        )
    return next(iter(names))


def _key(wanted: str, names: Mapping[str, str] | None, where: str) -> str:
    if wanted in TIMES or names is None:
        return wanted
    if wanted not in names:
        known = [*names, *TIMES]
        raise ObjectiveError(
            f"found {short(wanted)}, expected one of {', '.join(known)}{nearest(wanted, known)}",
            where,
        )
    return names[wanted]


def _check_direction(name: str, wanted: str, direction: Direction, single: bool) -> None:
    where = ("direction",) if single and name == VALUE else ("directions", name)
    if wanted in TIMES:
        if direction is not Direction.MINIMIZE:
            raise ObjectiveError(f"found maximize, expected minimize for {wanted}", *where)
    elif direction is not Direction.MAXIMIZE:
        raise ObjectiveError(
            "found minimize, expected maximize: of scikit-learn's scorers larger is "
            "better, also of errors, such as neg_mean_squared_error",
            *where,
        )


@dataclass
class Recording:
    """A scorer that keeps why it failed, and gives ``error_score`` then, as scikit-learn does.

    Attributes:
        scorer: What is called.
        singles: The scorers by name, if ``scorer`` is several of scikit-learn's as one.
        error_score: What counts instead.
        failures: Score to reason, since the last :meth:`clear`.
    """

    scorer: Any
    singles: Mapping[str, Any]
    error_score: float
    failures: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, estimator: Any, scoring: Any, error_score: float) -> Recording:
        """For an estimator; ``None`` for one that is not known yet.

        Raises:
            ValueError, TypeError: Scikit-learn's own.
        """
        estimator = AnyEstimator() if estimator is None else estimator
        if isinstance(scoring, (list, tuple, set)):
            scoring = {name: name for name in scoring}
        singles = {}
        if isinstance(scoring, Mapping):
            singles = {name: as_scorer(estimator, one) for name, one in scoring.items()}
        return cls(as_scorer(estimator, scoring), singles, error_score)

    def clear(self) -> None:
        """Forgets failures."""
        self.failures.clear()

    def __call__(self, estimator: Any, *data: Any, **params: Any) -> Any:
        """Return the scores, failures replaced."""
        try:
            scores = self.scorer(estimator, *data, **params)
        except Exception as error:
            if not self.singles:
                self.failures[SCORE] = explained(error)
                return self.error_score
            # Several as one share predictions, and raise where one asks for some that the
            # estimator does not have, such as probabilities.
            return {
                name: self._alone(name, one, estimator, *data, **params)
                for name, one in self.singles.items()
            }
        if self.singles:
            for name, score in scores.items():
                if isinstance(score, str):  # a traceback
                    self.failures[name] = last_words(score)
                    scores[name] = self.error_score
        return scores

    def _alone(self, name: str, scorer: Any, *data: Any, **params: Any) -> Any:
        try:
            return scorer(*data, **params)
        except Exception as error:
            self.failures[name] = explained(error)
            return self.error_score
