"""The objective ``cross_validated`` as a study file writes it: its options, checked."""

from __future__ import annotations

from typing import Any

from hpo_bridge.contracts.objective import ObjectiveContext
from hpo_bridge.errors import ObjectiveError, short

from .arguments import checked_error_score, checked_objective, checked_workers
from .objective import CrossValidated
from .study_file_values import named, scorers_of, splitter

_ESTIMATOR = (
    "'FILE.py:NAME' or 'package.module:NAME' of an estimator, or of a function that makes one"
)
_DATA = "'FILE.py:NAME' or 'package.module:NAME' of a function that loads X and y"


def from_study_file(
    context: ObjectiveContext,
    *,
    estimator: Any = None,
    data: Any = None,
    cv: Any = None,
    scoring: Any = None,
    objective: Any = None,
    error_score: Any = "nan",
    return_train_score: Any = False,
    fold_workers: Any = None,
) -> CrossValidated:
    """The objective that a study file asks for.

    Args:
        context: Where the file is.
        estimator: ``FILE.py:NAME`` of an estimator, of a class of one, or of a function that is
            called with the trial's parameters and gives one.
        data: ``FILE.py:NAME`` of a function that loads the data, once in each process.
        cv: A number of folds, the name of a splitter of scikit-learn, a mapping with its
            ``name`` and options, or ``FILE.py:NAME`` of a splitter or of splits.
        scoring: The name of a scorer, ``FILE.py:NAME`` of one, or a list or mapping of them.
        objective: Which of several scorers is the value.
        error_score: ``nan``, ``raise`` or a number.
        return_train_score: Whether the part that was fitted on is scored too.
        fold_workers: How many folds of a trial run at once.

    Raises:
        ObjectiveError: With the key path of what is wrong; nothing of the user's is imported.
    """
    if not isinstance(return_train_score, bool):
        raise ObjectiveError(
            f"found {short(return_train_score)}, expected true or false", "return_train_score"
        )
    return CrossValidated(
        named(estimator, "estimator", _ESTIMATOR), named(data, "data", _DATA), splitter(cv),
        scorers_of(scoring), checked_objective(objective), checked_error_score(error_score),
        return_train_score, checked_workers(fold_workers), folder=context.folder,
    )  # fmt: skip
