"""Constants of a space, and what looks like a parameter in the place of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import SpaceError, short
from .values import as_float, as_int, choice_key, copied, is_array, plain_value

Words = Literal["python", "file"]
"""Whether a message is about code in Python, or about a study file."""


LOGARITHMIC = ("log-uniform", "log_uniform", "loguniform", "log")
"""What tuning tools call a logarithmic scale."""


@dataclass(frozen=True)
class Constant:
    """A value that is part of every point of a space and never varies.

    A plain value in the place of a parameter is one as well. A list should be wrapped, since it
    may be meant as the choices of a :class:`Categorical`.

    Args:
        value: A string, a number, a boolean, ``None``, or a list of such.

    Raises:
        SpaceError: If it is none of these.

    Example:
        >>> from hpo_bridge import Float, Space
        >>> Space(lr=Float(0, 1), betas=Constant([0.9, 0.999])).constants
        {'betas': [0.9, 0.999]}
    """

    value: Any

    def __post_init__(self) -> None:
        plain = plain_value(self.value)
        choice_key(plain, ["constant"])
        object.__setattr__(self, "value", copied(plain))


def constant_of(value: Any) -> Any:
    """The plain value of a constant that stands in a space by itself.

    Raises:
        SpaceError: If it cannot be one; says which parameter may be meant.
    """
    plain = plain_value(value)
    if isinstance(value, list) or not _is_collection(plain):
        try:
            choice_key(plain)
        except SpaceError:
            hint = _parameter_hint(value)
            if not hint:
                raise
            raise SpaceError(f"found {short(value)}, expected a parameter{hint}") from None
        return copied(plain)
    raise SpaceError(f"found {short(value)}, expected a parameter{_parameter_hint(value)}")


def list_warning(value: Any, words: Words = "python") -> str | None:
    """The warning about a list as a constant; ``None`` if nothing else can be meant by it.

    >>> print(list_warning(["a"]))
    the list ['a'] is a constant, which every trial gets whole; to choose among its values write \
hpo.Categorical(['a']), to keep the list hpo.Constant(['a'])
    """
    if not isinstance(value, list) or not value:
        return None
    text = short(value)
    if words == "file":
        choose, keep = f"{{type: categorical, choices: {text}}}", f"{{constant: {text}}}"
    else:
        choose, keep = f"hpo.Categorical({text})", f"hpo.Constant({text})"
    between = _range(value, words)
    ranged = f", for the range {between}" if between else ""
    return (
        f"the list {text} is a constant, which every trial gets whole; to choose among its values "
        f"write {choose}{ranged}, to keep the list {keep}"
    )


def _is_collection(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def _parameter_hint(value: Any) -> str:
    """Name, in brackets, the parameter that a value which is no constant may be meant for."""
    if isinstance(value, Mapping):
        meant = "Space.from_plain(…), which takes plain data" if "type" in value else ""
        if set(value) == {"grid_search"}:  # of Ray Tune
            meant = f"hpo.Categorical({short(value['grid_search'])})"
    elif isinstance(value, tuple):
        meant = _range(value, "python") or f"hpo.Categorical({short(list(value))})"
    elif isinstance(value, (set, frozenset)):
        meant = f"hpo.Categorical({short(sorted(value, key=repr))})"
    elif isinstance(value, range):
        meant = f"hpo.Categorical({value!r})"
    elif is_array(value):
        meant = f"hpo.Categorical({short(plain_value(value))})"
    elif isinstance(value, type) and value.__module__.startswith("hpo_bridge.space"):
        meant = f"hpo.{value.__name__}(…)"
    else:
        meant = _foreign(value)
    return f" (did you mean {meant}?)" if meant else ""


def _range(values: Any, words: Words) -> str:
    """The parameter over a range that two numbers give, with the scale that a third item names."""
    scale = values[2] if len(values) == 3 else "uniform"
    named = isinstance(scale, str) and scale in ("uniform", *LOGARITHMIC)
    if len(values) not in (2, 3) or not named:
        return ""
    try:
        low, high = (as_float(value) for value in values[:2])
        whole = all(_is_whole(value) for value in values[:2]) and scale == "uniform"
    except SpaceError:
        return ""
    kind = "int" if whole else "float"
    bounds = [str(int(number)) if whole else repr(number) for number in sorted((low, high))]
    if words == "file":
        return f"{{type: {kind}, low: {bounds[0]}, high: {bounds[1]}}}"
    log = "" if scale == "uniform" else ", log=True"
    return f"hpo.{kind.capitalize()}({bounds[0]}, {bounds[1]}{log})"


def _is_whole(value: Any) -> bool:
    try:
        return not isinstance(plain_value(value), float) and as_int(value) is not None
    except SpaceError:
        return False


def _foreign(value: Any) -> str:
    """Another library's dimension, distribution or domain, as a parameter."""
    if type(value).__module__.startswith("hyperopt."):
        return "hpo.Float(low, high), hpo.Int(low, high) or hpo.Categorical([…])"
    frozen = getattr(getattr(value, "dist", None), "name", "")
    if frozen in ("uniform", "loguniform", "reciprocal", "randint"):  # of SciPy
        low, high = (as_float(end) for end in value.support())
        if frozen == "randint":
            return f"hpo.Int({int(low)}, {int(high)})"
        return _declaration("Float", low, high, log=frozen != "uniform")
    low, high = (_attribute(value, *names) for names in (("low", "lower"), ("high", "upper")))
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        choices = _attribute(value, "categories", "choices")
        return f"hpo.Categorical({short(list(choices))})" if _is_collection(choices) else ""
    sampler = getattr(value, "sampler", None)  # of Ray Tune: upper bounds of integers are left out
    step = _attribute(value, "step") or _attribute(sampler, "q")
    sampler = getattr(sampler, "sampler", sampler)
    whole = isinstance(low, int) and isinstance(high, int)
    if sampler is not None:
        whole = type(value).__name__ == "Integer"
        high -= whole and step is None
    is_log = getattr(value, "log", False) is True or "Log" in type(sampler).__name__
    is_log = is_log or str(getattr(value, "prior", "")).startswith("log")
    return _declaration("Int" if whole else "Float", low, high, log=is_log, step=step)


def _declaration(
    kind: str, low: float, high: float, *, log: bool = False, step: float | None = None
) -> str:
    """A parameter over a range, as it is written."""
    plain = step is None or (kind == "Int" and step == 1)
    more = ", log=True" if log else "" if plain else f", step={step}"
    return f"hpo.{kind}({low}, {high}{more})"


def _attribute(value: Any, *names: str) -> Any:
    """The first attribute of these names that there is, as a plain value; ``None`` without one."""
    for name in names:
        with suppress(Exception):  # somebody else's attribute
            return plain_value(getattr(value, name))
    return None
