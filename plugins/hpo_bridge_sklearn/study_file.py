"""The objective ``cross_validated`` as a study file writes it: its options, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.objective import ObjectiveContext
from hpo_bridge.errors import KeyPath, ObjectiveError, short

from . import scoring as scorers
from . import splits
from .arguments import checked_error_score, checked_objective, checked_workers
from .named import Named
from .objective import CrossValidated

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
        _named(estimator, "estimator", _ESTIMATOR),
        _named(data, "data", _DATA),
        splitter(cv),
        _scoring(scoring),
        checked_objective(objective),
        checked_error_score(error_score),
        return_train_score,
        checked_workers(fold_workers),
        folder=context.folder,
    )


def _named(text: Any, key: str, expected: str) -> Named:
    if text is None:
        raise ObjectiveError(f"is missing, expected {expected}", key)
    if not isinstance(text, str):
        raise ObjectiveError(f"found {short(text)}, expected {expected}", key)
    return Named(text, (key,))


def splitter(cv: Any) -> Any:
    """A number of folds as it is, or the splitter that a study file names, imported or not.

    Raises:
        ObjectiveError: With the key path of what is wrong, from ``cv`` on.
    """
    if isinstance(cv, str):
        return Named(cv, ("cv",)) if ":" in cv else splits.named_splitter(cv, {})
    if isinstance(cv, Mapping):
        options = dict(cv)
        if "name" not in options:
            raise ObjectiveError(f"found {short(cv)}, expected {splits.EXPECTED}", "cv")
        return splits.named_splitter(options.pop("name"), options)
    splits.check_number(cv)
    return cv


def _scoring(scoring: Any) -> Any:
    if isinstance(scoring, str):
        return _scorer(scoring, ("scoring",))
    if isinstance(scoring, Mapping):
        found = {name: _scorer(one, ("scoring", str(name))) for name, one in scoring.items()}
    elif isinstance(scoring, list):
        found = {name: _scorer(name, ("scoring", str(at))) for at, name in enumerate(scoring)}
        for at, name in enumerate(scoring):
            if ":" in name:
                raise ObjectiveError(
                    f"found {name!r}, expected the name of a scorer; give one of "
                    f"your own a name: scoring: {{my_score: {name}}}",
                    "scoring",
                    at,
                )
            if scoring.index(name) != at:
                raise ObjectiveError(f"{name!r} is there twice", "scoring", at)
    elif scoring is None:
        return None
    else:
        raise ObjectiveError(f"found {short(scoring)}, expected {scorers.EXPECTED}", "scoring")
    scorers.check_names({k: v for k, v in found.items() if isinstance(v, str)} or found)
    return found


def _scorer(scorer: Any, path: KeyPath) -> Any:
    if not isinstance(scorer, str):
        problem = f"found {short(scorer)}, expected the name of a scorer or 'FILE.py:NAME'"
        raise ObjectiveError(problem, *path)
    if ":" in scorer:
        return Named(scorer, path)
    scorers.check_names(scorer, path)
    return scorer
