"""Splitters: the same folds for every trial, in every process, and when a study goes on."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn import model_selection
from sklearn.model_selection import check_cv

from hpo_bridge.errors import ObjectiveError, nearest, short

from .data import Data

EXPECTED = (
    "a whole number from 2, the name of a splitter of scikit-learn, "
    "{name: StratifiedKFold, n_splits: 5, …} or 'FILE.py:NAME'"
)

Split = tuple[Any, Any]
"""Indices to fit on, and indices to score on."""


def splitter_names() -> list[str]:
    """The splitters of ``sklearn.model_selection``, by name."""
    return sorted(name for name in model_selection.__all__ if _is_splitter(name))


def _is_splitter(name: str) -> bool:
    found = vars(model_selection).get(name)  # getattr raises for what is experimental
    has_both = all(hasattr(found, method) for method in ("split", "get_n_splits"))
    return isinstance(found, type) and has_both and not name.startswith("Base")


def named_splitter(name: str, options: Mapping[str, Any]) -> Any:
    """A splitter of scikit-learn's.

    Args:
        name: Its class, such as ``RepeatedStratifiedKFold``.
        options: Its arguments.

    Raises:
        ObjectiveError: If there is none of that name, or it does not take the options, or would
            draw other folds each time; begins with the key path below ``cv``.
    """
    names = splitter_names()
    if name not in names:
        raise ObjectiveError(
            f"found {short(name)}, expected one of {', '.join(names)}{nearest(str(name), names)}",
            "cv",
            "name",
        )
    cls = getattr(model_selection, name)
    accepted = list(inspect.signature(cls).parameters)
    for option in options:
        if option not in accepted:
            known = f"{', '.join(accepted) or 'none'}{nearest(option, accepted)}"
            raise ObjectiveError(f"{name} has no such option, accepted: {known}", "cv", option)
    try:
        splitter = cls(**options)
    except (TypeError, ValueError) as error:
        raise ObjectiveError(f"{name}: {' '.join(str(error).split())}", "cv") from None
    random = "random_state" in accepted and getattr(splitter, "shuffle", True)
    if random and options.get("random_state") is None:
        raise ObjectiveError(
            f"is missing, expected a whole number such as 0: without it {name} "
            "cuts other folds in each process, and trials could not be compared",
            "cv",
            "random_state",
        )
    return splitter


def check_number(cv: Any) -> None:
    """Raises ObjectiveError if ``cv`` is a number that no cross-validation has."""
    if cv is None or (isinstance(cv, (int, np.integer)) and not isinstance(cv, bool) and cv >= 2):
        return
    raise ObjectiveError(f"found {short(cv)}, expected {EXPECTED}", "cv")


def kept(cv: Any) -> Any:
    """``cv`` so that it can be gone through more than once: an iterator becomes a list."""
    if isinstance(cv, Iterable) and not isinstance(cv, str) and not hasattr(cv, "split"):
        splits = list(cv)
        if not all(isinstance(split, Iterable) for split in splits):
            raise ObjectiveError(f"found {short(splits)}, expected {EXPECTED}", "cv")
        return [tuple(split) for split in splits]
    return cv


def fixed_splits(cv: Any, data: Data, *, classifier: bool) -> list[Split]:
    """The folds, cut once.

    Args:
        cv: What scikit-learn takes: ``None``, a number, a splitter, or a list of splits.
        data: What is cut.
        classifier: Whether a number means folds with all classes in proportion.

    Raises:
        ValueError, TypeError: Scikit-learn's own.
        ObjectiveError: If the folds would be others each time, or one of them is empty.
    """
    splitter = check_cv(cv, data.y, classifier=classifier)
    splits = _cut(splitter, data)
    if not isinstance(cv, list) and not _are_equal(splits, _cut(splitter, data)):
        raise ObjectiveError(
            f"{short(splitter)} cuts other folds each time, and trials could not be compared: "
            "give it a random_state, such as 0",
            "cv",
        )
    if not splits:
        raise ObjectiveError(f"{short(splitter)} gives no fold at all", "cv")
    for fold, (train, test) in enumerate(splits):
        _check(fold, "training", train)
        _check(fold, "test", test)
    return splits


def _cut(splitter: Any, data: Data) -> list[Split]:
    try:
        fresh = copy.deepcopy(splitter)  # a random state that it holds goes on with each cut
    except Exception:  # a splitter of somebody's that holds a file, say
        fresh = splitter
    return list(fresh.split(data.X, data.y, data.groups))


def _are_equal(first: list[Split], second: list[Split]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(one, other)
        for pair in zip(first, second, strict=True)
        for one, other in zip(*pair, strict=True)
    )


def _check(fold: int, part: str, indices: Any) -> None:
    found = np.asarray(indices)
    size = int(found.sum()) if found.dtype == bool else len(found)
    if not size:
        raise ObjectiveError(
            f"the {part} part of fold {fold} is empty: Found array with 0 sample(s) while a "
            "minimum of 1 is required",
            "cv",
        )
