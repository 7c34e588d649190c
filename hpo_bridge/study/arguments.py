"""The arguments of a study's methods, checked as they come in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..contracts.argument_checks import integer, wrong
from ..contracts.gradients import Differentiated
from ..contracts.record import Outcome, TrialState
from ..contracts.trial import Trial, as_number
from ..errors import HpoBridgeError, short
from ..objectives.derivatives import differentiated
from ..objectives.objective import judged
from ..store import MEMORY, Store, open_store


def final_state(state: TrialState | str) -> TrialState:
    """The state that a trial is told to have ended in.

    Raises:
        HpoBridgeError: If it is none of the final ones.
    """
    final = [known.value for known in TrialState if known.is_final]
    if not isinstance(state, str) or state not in final:
        raise HpoBridgeError(f"found {short(state)}, expected one of {', '.join(final)}", "state")
    return TrialState(state)


def told_outcome(value: Any, gradients: Mapping[str, Any] | None, trial: Trial | int) -> Outcome:
    """Return the outcome that a value told by hand amounts to."""
    if gradients is not None:
        value = Differentiated(value, gradients)
    elif isinstance(trial, Trial):
        value = differentiated(value, trial)
    return judged(value)


def checked_budget(trials: Any, seconds: Any) -> tuple[int | None, float | None]:
    """A number of trials and of seconds, plain; ``None`` for no limit.

    Raises:
        HpoBridgeError: If one is no number from 0 on.
    """
    trials = trials if trials is None else integer("trials", trials)
    if seconds is not None:
        try:
            seconds = as_number(seconds)
        except TypeError:
            raise wrong("seconds", seconds, "a number") from None
    for name, budget in (("trials", trials), ("seconds", seconds)):
        if budget is not None and not budget >= 0:
            raise wrong(name, budget, "at least 0")
    return trials, seconds


def trial_number(trial: Any) -> int:
    """The number of a trial, of its record, or of what was selected; a number as it is."""
    return integer("trial", getattr(trial, "number", trial))


def path_of(name: str, value: Any) -> str:
    """An argument as the text of a path or a URL."""
    if not isinstance(value, (str, os.PathLike)) or not (path := os.fspath(value)):
        raise wrong(name, value, "a path")
    return path if isinstance(path, str) else os.fsdecode(path)


def store_of(store: Any, *, create: bool = True) -> tuple[Store, bool]:
    """Return a study's store, and whether it was opened here.

    Args:
        store: A URL, a path, or an open store; ``None`` for a new one in memory.
        create: Whether a store that is not there is created.

    Raises:
        HpoBridgeError: If it is none.
        StoreError: If it cannot be opened.
    """
    new = create and store is None
    if new or (isinstance(store, (str, os.PathLike)) and store and (create or store != MEMORY)):
        return open_store(store, create=create), True
    if not callable(getattr(store, "acquire", None)):
        raise wrong("store", store, "a URL such as sqlite:///study.db, a path, or an open store")
    return store, False
