"""The outer loop of a nested cross-validation around the objective ``cross_validated``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.utils import _safe_indexing

from hpo_bridge import Trial
from hpo_bridge.contracts.objective import OuterSplit
from hpo_bridge.errors import ObjectiveError, nearest, short
from hpo_bridge.objectives import Failure

from .data import Data
from .evaluated_estimator import EvaluatedEstimator
from .fingerprints import hashed, stable
from .prepared import Prepared, points_of, said_of, sample_of
from .private import _check_method_params
from .splits import EXPECTED, check_number, fixed_splits, kept
from .study_file_values import splitter

KEYS = ("cv", "seed")


class NestedSplits:
    """Splits the data of a cross-validation once more.

    Args:
        objective: The cross-validation on all data.
        cv: A number of splits, a splitter, the splits themselves, or what gives one of these.
        seed: How a number of splits is shuffled; by default as the study's seed says.
    """

    def __init__(self, objective: EvaluatedEstimator, cv: Any, seed: int | None = None) -> None:
        self._objective, self._cv, self._seed = objective, cv, seed
        self._data: Data | None = None
        refuse_fixed(objective.cv)

    def splits(self, seed: int) -> list[OuterSplit]:
        """The splits; see :class:`hpo_bridge.contracts.objective.OuterLoop`."""
        objective, data = self._objective, self._loaded()
        refuse_fixed(objective.splitter())
        points = [{}] if objective.space is None else points_of(objective.space)
        with said_of("estimator"):
            sample = sample_of(objective.found(objective.estimator), points)
        classifier = bool(is_classifier(sample))
        cv = self._splitter(data, classifier, seed if self._seed is None else self._seed)
        with said_of("nested"):
            pairs = fixed_splits(cv, data, classifier=classifier)
        if len(pairs) < 2:
            raise ObjectiveError(
                f"{short(cv)} gives {len(pairs)} split, expected 2 or more", "nested"
            )
        whole = hashed([stable(data.X), stable(data.y), stable(dict(data.fit_params))])
        found = []
        for number, (train, test) in enumerate(pairs, 1):
            if classifier:
                check_classes(data.y, train, number)
            part = replace(objective, data=part_of(data, train))
            try:
                part.prepared()
            except ObjectiveError as error:
                raise ObjectiveError(f"outer split {number}: {error}", "nested") from error
            if not isinstance(objective.data, Data):  # each process loads it for itself
                part = replace(objective, data=TrainingPart(objective, train))
            held = replace(objective, data=data, cv=[(train, test)], return_train_score=False)
            score = SplitScore(held, f"outer split {number}")
            found.append(OuterSplit(part, score, f"{whole}-{hashed([train, test])}"))
        return found

    def _loaded(self) -> Data:
        if self._data is None:
            with said_of("data"):
                self._data = self._objective.loaded().checked()
        return self._data

    def _splitter(self, data: Data, classifier: bool, seed: int) -> Any:
        """The splitter; a number keeps groups together, and classes in proportion."""
        cv = kept(self._objective.found(self._cv))
        if isinstance(cv, type) or (callable(cv) and not hasattr(cv, "split")):
            cv = kept(cv())
        if cv is None and self._cv is not None:
            raise ObjectiveError(f"found None, expected {EXPECTED}", "cv")
        if cv is not None and not isinstance(cv, (int, np.integer)):
            return cv
        how = {"n_splits": 5 if cv is None else int(cv), "shuffle": True, "random_state": seed}
        if data.groups is not None:
            return (StratifiedGroupKFold if classifier else GroupKFold)(**how)
        return (StratifiedKFold if classifier else KFold)(**how)


def refuse_fixed(cv: Any) -> None:
    """Raises ObjectiveError for inner folds that are given by the positions of all samples."""
    if isinstance(cv, (list, PredefinedSplit)):
        what = "a list of splits" if isinstance(cv, list) else "PredefinedSplit"
        raise ObjectiveError(
            f"{what} as cv of the objective cannot be cut within an outer split: it is for all "
            "samples",
            fix="give a number or a splitter",
        )


def check_classes(y: Any, train: Any, number: int) -> None:
    """Raises ObjectiveError if a training part lacks a class.

    Args:
        y: The targets of all data; only those of a single column are looked at.
        train: Indices, or a mask.
        number: The split's.
    """
    targets = np.asarray(y)
    if targets.ndim != 1:
        return
    missing = set(np.unique(targets).tolist()) - set(np.unique(targets[train]).tolist())
    if missing:
        raise ObjectiveError(
            f"outer split {number} has no sample of class {short(min(missing, key=str))} "
            "in its training part",
            "nested",
            fix="give fewer splits, or a splitter that keeps classes",
        )


@dataclass(frozen=True, eq=False)
class TrainingPart:
    """The training part of an outer split, as a function that loads it.

    Attributes:
        objective: Whose data it is of.
        rows: Indices, or a mask.
    """

    objective: EvaluatedEstimator
    rows: Any

    def __call__(self) -> Data:
        """The part."""
        return part_of(self.objective.loaded().checked(), self.rows)


def part_of(data: Data, rows: Any) -> Data:
    """Some of the samples, with their groups, weights and what else is as long as the data.

    Args:
        data: All samples.
        rows: Indices, or a mask.
    """
    y = None if data.y is None else _safe_indexing(data.y, rows)
    groups = None if data.groups is None else _safe_indexing(data.groups, rows)
    return Data(
        _safe_indexing(data.X, rows), y, groups,
        _check_method_params(data.X, params=dict(data.fit_params), indices=rows),
        _check_method_params(data.X, params=dict(data.score_params), indices=rows),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class SplitScore:
    """Fits on the training part of a split, and scores on its test part, as a fold is.

    Attributes:
        objective: A cross-validation whose only fold is that split.
        name: Which split it is.
    """

    objective: EvaluatedEstimator
    name: str

    def check(self) -> None:
        """Looks for what is named; imports nothing of the user's."""
        self.objective.check()

    def describe(self) -> str:
        """The objective, and which split."""
        return f"{self.objective.describe()} on {self.name}"

    def load(self) -> Callable[[Trial], dict[str, float]]:
        """The function of a trial.

        Raises:
            ObjectiveError: If the data or the estimator are wrong.
        """
        return _Scored(self.objective.prepared())


class _Scored:
    """The values of a single fold, and all other scores there."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared

    def __call__(self, trial: Trial) -> dict[str, float]:
        found = self._prepared.fold(trial.params, 0)
        if found.failure:
            raise Failure(found.failure, retriable=found.retriable)
        known = {f"test_{key}" for key in self._prepared.aims.values()}
        others = {
            name.removeprefix("test_"): score
            for name, score in found.metrics.items()
            if name.startswith("test_") and name not in known
        }
        return {**found.values, **others}


def outer_loop(objective: EvaluatedEstimator, nested: Any) -> NestedSplits:
    """The outer loop that a study file, or a user in Python, asks for.

    Args:
        objective: The cross-validation on all data.
        nested: A number of splits, a splitter, the splits themselves, or a mapping with ``cv``
            (also as a study file writes it) and ``seed``.

    Raises:
        ObjectiveError: If it is wrong; begins with its key.
    """
    if len(objective.directions) > 1:
        raise ObjectiveError("needs a single objective")
    if not isinstance(nested, Mapping):
        if isinstance(nested, (int, float)) or nested is None:
            check_number(nested)
        return NestedSplits(objective, nested)
    for key in nested:
        if key not in KEYS:
            hint = nearest(str(key), KEYS)
            raise ObjectiveError(f"unknown key, accepted: {', '.join(KEYS)}{hint}", key)
    cv, seed = nested.get("cv"), nested.get("seed")
    if isinstance(cv, (str, Mapping, int, float)) or cv is None:
        cv = splitter(cv)
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
            raise ObjectiveError(f"found {short(seed)}, expected a whole number from 0", "seed")
        if cv is not None and not isinstance(cv, int):
            raise ObjectiveError(
                "is for a number of splits; of a splitter say random_state", "seed"
            )
    return NestedSplits(objective, cv, seed)


__all__ = ["NestedSplits", "SplitScore", "TrainingPart", "outer_loop"]
