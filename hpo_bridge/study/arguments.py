"""What a study is given, checked as it comes in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ..errors import HpoBridgeError, InvalidOptions, SpaceError, UnknownName, short
from ..gradients import Differentiated
from ..objectives.base import FitsStudy, Objective
from ..objectives.derivatives import differentiated
from ..objectives.objective import judged, objective_from
from ..plugins import PluginManager, manager
from ..space import Space
from ..space.values import is_boolean, unboxed
from ..store import Store, open_store
from ..trial import Direction, Outcome, Trial, TrialState, as_number
from .values import SINGLE, Objectives

Choice = str | Mapping[str, Any]
"""A name, or ``{"name": …, "options": {…}}``."""


def final_state(state: TrialState | str) -> TrialState:
    """The state that a trial is told to have ended in.

    Raises:
        HpoBridgeError: If it is none of the final ones.
    """
    final = [known.value for known in TrialState if known.is_final]
    if not isinstance(state, str) or state not in final:
        raise HpoBridgeError(f"state: found {short(state)}, expected one of {', '.join(final)}")
    return TrialState(state)


def told_outcome(value: Any, gradients: Mapping[str, Any] | None, trial: Trial | int) -> Outcome:
    """What a value told by hand amounts to."""
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


def split_choice(choice: Choice, what: str) -> tuple[str, dict[str, Any]]:
    """Name and options of a backend or pruner.

    Raises:
        HpoBridgeError: If it is neither a name nor a mapping with one.
    """
    if isinstance(choice, str):
        return str(choice), {}
    if not isinstance(choice, Mapping) or not isinstance(choice.get("name"), str):
        raise wrong(what, choice, "a name or a mapping with one, such as {name: …, options: {…}}")
    inner = choice.get("options")
    if inner is not None and not isinstance(inner, Mapping):
        raise wrong(f"{what}.options", inner, "a mapping")
    beside = {key: value for key, value in choice.items() if key not in ("name", "options")}
    return str(choice["name"]), together(inner or {}, beside, what)


def together(one: Mapping[str, Any], other: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Options from two places, with plain scalars.

    Raises:
        HpoBridgeError: If an option is there twice, or its name is no text.
    """
    options = {}
    for key, value in (*one.items(), *other.items()):
        if not isinstance(key, str):
            raise HpoBridgeError(f"{what}: found the option {short(key)}, expected a name")
        if key in options:
            raise HpoBridgeError(f"{what}.{key}: is there twice")
        options[key] = _plain_option(value)
    return options


def _plain_option(value: Any) -> Any:
    """An option as plain data as far as that goes; objects stay what they are."""
    if isinstance(value, Mapping):
        return {key: _plain_option(each) for key, each in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain_option, value))
    return unboxed(value)


def wrong(name: str, value: Any, expected: str) -> HpoBridgeError:
    """The error of an argument that cannot be what it is."""
    return HpoBridgeError(f"{name}: found {short(value)}, expected {expected}")


def integer(name: str, value: Any) -> int:
    """An argument as a plain integer; a boolean is none."""
    try:
        if is_boolean(value):
            raise TypeError
        return int(value.__index__())
    except (AttributeError, TypeError):
        raise wrong(name, value, "an integer") from None


def text(name: str, value: Any, expected: str = "a name") -> str:
    """An argument as a plain text that is not empty."""
    if not isinstance(value, str) or not value:
        raise wrong(name, value, expected)
    return str(value)


def optional_text(name: str, value: Any, expected: str = "a name") -> str | None:
    """An argument that may be left out, as a plain text that is not empty."""
    return None if value is None else text(name, value, expected)


def truth(name: str, value: Any) -> bool:
    """An argument that is true or false."""
    plain = unboxed(value)
    if not isinstance(plain, bool):
        raise wrong(name, value, "true or false")
    return plain


def mapping(name: str, value: Any) -> dict[str, Any]:
    """An argument as a mapping of its own; an empty one of ``None``."""
    if value is not None and not isinstance(value, Mapping):
        raise wrong(name, value, "a mapping")
    return dict(value or {})


def trial_number(trial: Any) -> int:
    """The number of a trial, of its record, or of what was selected; a number as it is."""
    return integer("trial", getattr(trial, "number", trial))


def runner_choice(runner: Any, options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and options of a runner, which may also be arguments beside it."""
    name, own = split_choice(runner, "runner")
    return name, together(own, options, "runner")


@contextmanager
def naming(name: str, *, options: bool = False) -> Iterator[None]:
    """Puts an argument's name before an error about a name, or an option, that is unknown."""
    try:
        yield
    except InvalidOptions as error:
        if not options or not re.match(r"\w+: ", str(error)):
            raise
        raise InvalidOptions(f"{name}.{error}") from error.__cause__
    except UnknownName as error:
        raise error if str(error).startswith(name) else UnknownName(f"{name}: {error}") from None


def space_from(space: Any) -> Space:
    """A space as it is, or that of a mapping."""
    if isinstance(space, Space):
        return space
    if not isinstance(space, Mapping):
        raise SpaceError(
            f"space: found {short(space)}, expected a Space or a mapping of names to parameters"
        )
    return Space(space)


def objectives_from(direction: Any, directions: Any) -> Objectives:
    """A study's objectives: one without a name, or several."""
    if directions is None:
        return Objectives({SINGLE: Direction.MINIMIZE if direction is None else direction})
    if direction is not None:
        raise HpoBridgeError("direction: cannot stand beside directions: give one of the two")
    return Objectives(directions)


def plugins_from(plugins: Any) -> PluginManager:
    """The plugin manager that is given, or that of the installed plugins."""
    if plugins is not None and not isinstance(plugins, PluginManager):
        raise wrong("plugins", plugins, "a PluginManager")
    return manager() if plugins is None else plugins


def path_of(name: str, value: Any) -> str:
    """An argument as the text of a path or a URL."""
    if not isinstance(value, (str, os.PathLike)) or not (path := os.fspath(value)):
        raise wrong(name, value, "a path")
    return path if isinstance(path, str) else os.fsdecode(path)


def store_of(store: Any) -> tuple[Store, bool]:
    """A study's store, and whether it was opened here.

    Raises:
        HpoBridgeError: If it is none.
        StoreError: If it cannot be opened.
    """
    if store is None or (isinstance(store, (str, os.PathLike)) and store):
        return open_store(store), True
    if not callable(getattr(store, "acquire", None)):
        raise wrong("store", store, "a URL such as sqlite:///study.db, a path, or an open store")
    return store, False


def check_seed(seed: Any) -> int | None:
    """``seed`` as given.

    Raises:
        HpoBridgeError: If it is not an integer in ``[0, 2**31)``.
    """
    if seed is None:
        return None
    with suppress(HpoBridgeError):
        if 0 <= (number := integer("seed", seed)) < 2**31:
            return number
    raise wrong("seed", seed, "an integer from 0 to 2**31 - 1")


def objective_for(given: Any, space: Space, directions: Mapping[str, Direction]) -> Objective:
    """The objective that a user gave, told of the study's space and directions if it asks.

    Raises:
        ObjectiveError: If it is none, or does not suit them.
    """
    source = objective_from(given)
    return source.fitted(space, directions) if isinstance(source, FitsStudy) else source
