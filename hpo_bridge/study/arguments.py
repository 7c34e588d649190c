"""What a study is given, checked as it comes in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import HpoBridgeError, short
from ..gradients import Differentiated
from ..objectives.base import FitsStudy
from ..objectives.derivatives import differentiated
from ..objectives.objective import Objective, judged, objective_from
from ..space import Space
from ..trial import Direction, Outcome, Trial, TrialState

Choice = str | Mapping[str, Any]
"""A name, or ``{"name": …, "options": {…}}``."""


def final_state(state: TrialState | str) -> TrialState:
    """The state that a trial is told to have ended in.

    Raises:
        HpoBridgeError: If it is none of the final ones.
    """
    final = [known.value for known in TrialState if known.is_final]
    if state not in final:
        raise HpoBridgeError(f"state: found {short(state)}, expected one of {', '.join(final)}")
    return TrialState(state)


def told_outcome(value: Any, gradients: Mapping[str, Any] | None, trial: Trial | int) -> Outcome:
    """What a value told by hand amounts to."""
    if gradients is not None:
        value = Differentiated(value, gradients)
    elif isinstance(trial, Trial):
        value = differentiated(value, trial)
    return judged(value)


def check_budget(trials: Any, seconds: Any) -> None:
    """Raises :class:`HpoBridgeError` unless each is ``None`` or no less than 0."""
    if trials is not None and (isinstance(trials, bool) or not isinstance(trials, int)):
        raise HpoBridgeError(f"trials: found {short(trials)}, expected an integer")
    if seconds is not None and (
        isinstance(seconds, bool) or not isinstance(seconds, (int, float))
    ):
        raise HpoBridgeError(f"seconds: found {short(seconds)}, expected a number")
    for name, budget in (("trials", trials), ("seconds", seconds)):
        if budget is not None and not budget >= 0:
            raise HpoBridgeError(f"{name}: found {budget}, expected at least 0")


def split_choice(choice: Choice, what: str) -> tuple[str, dict[str, Any]]:
    """Name and options of a backend or pruner.

    Raises:
        HpoBridgeError: If it is neither a name nor a mapping with one.
    """
    if isinstance(choice, str):
        return choice, {}
    if not isinstance(choice, Mapping) or not isinstance(choice.get("name"), str):
        raise HpoBridgeError(f"{what}: found {choice!r}, expected a name or a mapping with one")
    options = dict(choice.get("options") or {})
    for key in choice:
        if key == "native_space" and what.startswith("backend"):
            options["native_space"] = choice[key]
        elif key not in ("name", "options"):
            raise HpoBridgeError(f"{what}.{key}: unknown key, accepted: name, options")
    return choice["name"], options


def check_seed(seed: Any) -> int | None:
    """``seed`` as given.

    Raises:
        HpoBridgeError: If it is not an integer in ``[0, 2**31)``.
    """
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise HpoBridgeError(f"seed: found {seed!r}, expected an integer from 0 to 2**31 - 1")
    return seed


def objective_for(given: Any, space: Space, directions: Mapping[str, Direction]) -> Objective:
    """The objective that a user gave, told of the study's space and directions if it asks.

    Raises:
        ObjectiveError: If it is none, or does not suit them.
    """
    source = objective_from(given)
    return source.fitted(space, directions) if isinstance(source, FitsStudy) else source
