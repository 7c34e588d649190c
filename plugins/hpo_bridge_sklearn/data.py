"""The forms of a user's data: a tuple, a mapping, a Bunch of scikit-learn's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sklearn.utils import indexable

from hpo_bridge.errors import nearest, short

EXPECTED = "expected (X, y), (X, y, groups) or a mapping with X, y, groups, sample_weight"
_KEYS = ("X", "y", "groups", "sample_weight", "fit_params", "score_params")
_BUNCH = ("data", "target")


@dataclass(frozen=True, eq=False)
class Data:
    """Samples, targets and what goes with them.

    Attributes:
        X: Samples, ``(n_samples, …)``.
        y: Targets, ``(n_samples, …)``, or ``None``.
        groups: For splitters that keep groups together, ``(n_samples,)``, or ``None``.
        fit_params: Arguments of ``fit``; those as long as the data are split with it.
        score_params: Arguments of the scorers, likewise.
    """

    X: Any
    y: Any = None
    groups: Any = None
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    score_params: Mapping[str, Any] = field(default_factory=dict)

    def checked(self) -> Data:
        """The same data, indexable, and all of one length.

        Raises:
            ValueError, TypeError: Scikit-learn's own.
        """
        X, y, groups = indexable(self.X, self.y, self.groups)
        samples = length(X)
        for name, value in {**self.fit_params, **self.score_params}.items():
            if name.endswith("sample_weight") and value is not None:
                found = length(value)
                if found != samples:  # in scikit-learn's words
                    raise ValueError(f"{name}.shape == ({found},), expected ({samples},)!")
        return Data(X, y, groups, self.fit_params, self.score_params)


def length(values: Any) -> int:
    """Return the number of samples."""
    shape = getattr(values, "shape", None)  # a sparse matrix has no len()
    return int(shape[0]) if shape else len(values)


def as_data(found: Any) -> Data:
    """The data that a user's function gave.

    >>> as_data(([[1.0]], [0])).y
    [0]

    Raises:
        TypeError: If it is none of :data:`EXPECTED`; says what it is.
    """
    if isinstance(found, Data):
        return found
    if isinstance(found, Mapping):
        return _of_mapping(found)
    if isinstance(found, tuple) and len(found) in (2, 3):
        return Data(*found)
    what = f"a tuple of {len(found)}" if isinstance(found, tuple) else short(found)
    raise TypeError(f"found {what}, {EXPECTED}")


def _of_mapping(found: Mapping[str, Any]) -> Data:
    if "X" not in found:
        if not all(key in found for key in _BUNCH):
            keys = ", ".join(map(str, found)) or "none"
            raise TypeError(f"found a mapping with the keys {keys}, {EXPECTED}")
        return Data(found["data"], found["target"])  # a Bunch has more, which is for people
    for key in found:
        if key not in _KEYS:
            raise TypeError(
                f"found the key {key!r}{nearest(str(key), _KEYS)}; accepted: {', '.join(_KEYS)}"
            )
    fit_params = dict(found.get("fit_params") or {})
    if found.get("sample_weight") is not None:
        fit_params["sample_weight"] = found["sample_weight"]
    return Data(
        found["X"], found.get("y"), found.get("groups"),
        fit_params, dict(found.get("score_params") or {}),
    )  # fmt: skip
