"""Results of scikit-optimize as a source of trials.

A file that ``skopt.dump`` wrote is a pickle; it is read as data (see
:mod:`hpo_bridge.pickles`), so the library need not even be installed. A dimension without a
name is called by its position, as the library's own plots do: ``x0``, ``x1``, …; ``rename``
(``--map x0=lr``) gives the study's. A result knows no times, no reports and no failures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpo_bridge.errors import HistoryError, short
from hpo_bridge.histories import History, PastTrial, Wanted
from hpo_bridge.pickles import StandIn, is_pickle, names_in, read_pickle
from hpo_bridge.trial import Direction, TrialState


class Skopt:
    """Reads what ``skopt.dump`` writes, and the objects that ``gp_minimize`` returns."""

    def recognises(self, source: Any) -> bool:
        """Whether it is such an object, or a pickle that begins like one."""
        if not isinstance(source, str):
            return type(source).__name__ == "OptimizeResult" and "x_iters" in source
        if not is_pickle(source):
            return False
        first = next(names_in(source), "")
        return first.startswith("scipy.optimize")

    def read(self, source: Any, wanted: Wanted) -> History:
        """The points in the order in which they were evaluated."""
        name = source if isinstance(source, str) else "the result"
        data = read_pickle(source) if isinstance(source, str) else source
        if len(wanted.objectives) > 1:
            raise HistoryError(
                f"{name}: scikit-optimize has one objective; the study has "
                f"{', '.join(wanted.objectives)}"
            )
        found = data.attributes if isinstance(data, StandIn) else data
        try:
            points, values = found["x_iters"], list(found["func_vals"])
        except (KeyError, TypeError):
            raise HistoryError(
                f"{name}: found {short(data)}, expected a result of scikit-optimize, with x_iters "
                "and func_vals"
            ) from None
        names = _names(found.get("space"), len(points[0]) if len(points) else 0)
        trials = [
            PastTrial(
                f"point {position}", TrialState.COMPLETE,
                dict(zip(names, map(_plain, point), strict=False)), {"fun": _plain(value)},
            )
            for position, (point, value) in enumerate(zip(points, values, strict=False))
        ]  # fmt: skip
        return History(name, {"fun": Direction.MINIMIZE}, trials)


def _names(space: Any, length: int) -> Sequence[str]:
    """The dimensions' names."""
    attributes = space.attributes if isinstance(space, StandIn) else vars(space or object)
    dimensions = attributes.get("dimensions")
    if not isinstance(dimensions, (list, tuple)) or len(dimensions) != length:
        dimensions = [None] * length
    names = []
    for position, dimension in enumerate(dimensions):
        if isinstance(dimension, StandIn):
            name = dimension.attributes.get("_name")
        else:
            name = getattr(dimension, "name", None)
        names.append(str(name) if name else f"x{position}")
    return names


def _plain(value: Any) -> Any:
    """A plain value: of a living result, choices and numbers may be NumPy's."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value
