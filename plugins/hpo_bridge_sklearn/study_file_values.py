"""Values of a study file that name something of the user's or of scikit-learn's, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo_bridge.errors import KeyPath, ObjectiveError, short

from . import scoring as scorers
from . import splits
from .named import Named


def named(text: Any, key: str, expected: str) -> Named:
    """Return what ``text`` names, not yet imported.

    Raises:
        ObjectiveError: If it is missing, or no text.
    """
    if text is None:
        raise ObjectiveError(f"is missing, expected {expected}", key)
    if not isinstance(text, str):
        raise ObjectiveError(f"found {short(text)}, expected {expected}", key)
    return Named(text, (key,))


def splitter(cv: Any) -> Any:
    """Return a number of folds as it is, or the splitter that a study file names, imported or not.

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


def scorers_of(scoring: Any) -> Any:
    """Return scorers as a study file names them, imported or not.

    Raises:
        ObjectiveError: With the key path of what is wrong.
    """
    if isinstance(scoring, str):
        return _scorer(scoring, ("scoring",))
    if isinstance(scoring, Mapping):
        found = {name: _scorer(one, ("scoring", str(name))) for name, one in scoring.items()}
    elif isinstance(scoring, list):
        found = {name: _scorer(name, ("scoring", str(at))) for at, name in enumerate(scoring)}
        for at, name in enumerate(scoring):
            if ":" in name:
                raise ObjectiveError(
                    f"found {name!r}, expected the name of a scorer",
                    "scoring",
                    at,
                    fix=(f"give one of your own a name: scoring: {{my_score: {name}}}"),
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
