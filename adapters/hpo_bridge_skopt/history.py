"""Results of scikit-optimize as a source of trials.

A dimension without a name is called by its position, as the library's own plots do: ``x0``,
``x1``, …; ``rename`` (``--map x0=lr``) gives the study's. A result knows no times, no reports
and no failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpo_bridge.contracts.format import History, ImportedTrial, ImportRequest, one_of_several
from hpo_bridge.contracts.pickles import is_pickle, names_in, open_pickle
from hpo_bridge.contracts.record import Direction, TrialState
from hpo_bridge.errors import HistoryError, short


class Skopt:
    """Reads what ``skopt.dump`` writes, and the objects that ``gp_minimize`` returns."""

    def recognises(self, source: Any) -> bool:
        """Return true for such an object, or a pickle that begins like one."""
        if not isinstance(source, str):
            return type(source).__name__ == "OptimizeResult" and "x_iters" in source
        if not is_pickle(source):
            return False
        first = next(names_in(source), "")
        return first.startswith("scipy.optimize")

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """The points in the order in which they were evaluated."""
        name = source if isinstance(source, str) else "the result"
        data = open_pickle(source, _load) if isinstance(source, str) else source
        chosen = one_of_several(data, _result, name, wanted.study)
        if chosen is None:
            raise HistoryError(
                f"{name}: found {short(data)}, expected a result of scikit-optimize, with x_iters "
                "and func_vals"
            )
        label, found = chosen
        if len(wanted.objectives) > 1:
            raise HistoryError(
                f"{name}: scikit-optimize has one objective; the study has "
                f"{', '.join(wanted.objectives)}"
            )
        points, values = found["x_iters"], list(found["func_vals"])
        names = _names(found.get("space"), len(points[0]) if len(points) else 0)
        trials = [
            ImportedTrial(
                f"point {position}", TrialState.COMPLETE,
                dict(zip(names, map(_plain, point), strict=False)), {"fun": _plain(value)},
            )
            for position, (point, value) in enumerate(zip(points, values, strict=False))
        ]  # fmt: skip
        return History(label, {"fun": Direction.MINIMIZE}, trials)


def _load(path: str) -> Any:
    try:
        from joblib import load
    except ImportError:
        raise HistoryError(
            f"{path}: opening it needs joblib, which is not installed — "
            'pip install "hpo-bridge[skopt]"'
        ) from None
    return load(path)


def _result(value: Any) -> Mapping[str, Any] | None:
    """Return ``value`` if it is a result; ``None`` for anything else."""
    is_result = isinstance(value, Mapping) and {"x_iters", "func_vals"} <= set(value)
    return value if is_result else None


def _names(space: Any, length: int) -> Sequence[str]:
    """The dimensions' names."""
    dimensions = getattr(space, "dimensions", None)
    if not isinstance(dimensions, (list, tuple)) or len(dimensions) != length:
        dimensions = [None] * length
    names = (getattr(dimension, "name", None) for dimension in dimensions)
    return [str(name) if name else f"x{position}" for position, name in enumerate(names)]


def _plain(value: Any) -> Any:
    """A plain value: of a living result, choices and numbers may be NumPy's."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value
