"""Parameters from plain data: the entries of a study file's ``space``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import habits
from ..errors import SpaceError, short
from ..habits import hint
from .constants import Constant
from .parameters import Categorical, Float, Int, Parameter

KINDS: dict[str, tuple[type[Any], tuple[str, ...], tuple[str, ...]]] = {
    "float": (Float, ("low", "high"), ("log", "step", "when", "shape")),
    "int": (Int, ("low", "high"), ("log", "step", "when")),
    "categorical": (Categorical, ("choices",), ("ordered", "when")),
}
"""Type to class, required keys and optional keys."""


def parameter_from_plain(plain: Any) -> Parameter | Any:
    """A parameter from a mapping with a ``type``; anything else is a constant.

    A mapping with the key ``constant`` is the value that stands there.

    Raises:
        SpaceError: With the key path of what is wrong.
    """
    if not isinstance(plain, Mapping):
        return plain
    kinds = ", ".join(KINDS)
    if set(plain) == {"constant"}:
        return Constant(plain["constant"])
    if "type" not in plain:
        raise SpaceError(f"the key 'type' is missing, expected one of {kinds}")
    kind = plain["type"]
    if not isinstance(kind, str) or kind not in KINDS:
        close = hint(str(kind), KINDS, habits.KINDS)
        raise SpaceError(f"found {short(kind)}, expected one of {kinds}{close}", "type")
    build, required, optional = KINDS[kind]
    for key in plain:
        if key != "type" and key not in (*required, *optional):
            accepted = ", ".join(("type", *required, *optional))
            close = hint(key, (*required, *optional), habits.DECLARATIONS)
            raise SpaceError(f"unknown key, accepted: {accepted}{close}", str(key))
    for key in required:
        if key not in plain:
            raise SpaceError(f"the key {key!r} is missing")
    positional = [plain[key] for key in required]
    parameter: Parameter = build(*positional, **{k: plain[k] for k in optional if k in plain})
    return parameter
