"""The picture of the values over pairs of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.tri import TriAnalyzer, Triangulation

from hpo_bridge.contracts.record import Direction, TrialRecord
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import HpoBridgeError

from .drawing import INK, NothingToDraw, draw_each, label, style
from .importance import Importances, objective_named
from .parameter_axes import ParameterAxis, shown_parameters
from .picture import Picture
from .trial_values import completed, value_of

_MOST_SURFACE = 600
_FEWEST_SURFACE = 12
_CELLS = 24


def draw_contour(
    histories: Sequence[StudyHistory],
    importances: Importances | None = None,
    /,
    *,
    params: Sequence[str] | None = None,
    objective: str | None = None,
) -> Picture:
    """Draw the values over pairs of parameters, where there are trials.

    Between trials whose parameters are both numbers the colour is interpolated; many trials are
    put into cells, of which each has the colour of its median. Dark is better.

    Args:
        histories: The studies.
        importances: The importance of their parameters, where a report has computed it.
        params: Names of two or more parameters; by default the three most important ones.
        objective: The objective; the first one by default.
    """

    def n_pairs(history: StudyHistory) -> int:
        n = min(3, sum(p.size != 1 for p in history.space.values()))
        n = n if params is None else len(params)
        return max(1, n * (n - 1) // 2)

    def size(history: StudyHistory) -> tuple[float, float]:
        n = n_pairs(history)
        return (5.5 if n == 1 else 1.0 + 3.3 * min(3, n)), (0.6 + 3.2 * -(-n // 3))

    known = importances or Importances()
    draw = partial(_draw_pairs, importances=known, params=params, objective=objective)
    return draw_each(histories, draw, size)


def _draw_pairs(
    part: Any, history: StudyHistory, *, importances: Importances,
    params: Sequence[str] | None, objective: str | None,
) -> tuple[str, ...]:  # fmt: skip
    """Draw a study, and return what is to be said of it."""
    name = objective_named(history, objective)
    complete = completed(history)
    if params is not None and (isinstance(params, str) or len(params) < 2):
        raise HpoBridgeError(f"found {params!r}, expected at least two parameters", "params")
    shown, notes = shown_parameters(history, params, name, importances, most=3)
    if len(shown) < 2:
        raise NothingToDraw("The study has one parameter; the slice shows its values.")
    pairs = list(combinations(shown, 2))
    columns = min(3, len(pairs))
    grid = part.subplots(-(-len(pairs) // columns), columns, squeeze=False).ravel()
    sign = history.directions[name].sign
    values = np.array([value_of(t, name) for t in complete])
    # The worst tenth would take most of the colours.
    low, high = np.quantile(sign * values, [0.0, 0.9])
    limits = sorted((sign * float(low), sign * float(high)))
    cmap = "viridis" if history.directions[name] is Direction.MINIMIZE else "viridis_r"
    look = {"vmin": limits[0], "vmax": limits[1], "cmap": cmap}
    for axes in grid[len(pairs) :]:
        axes.set_axis_off()
    drawn = None
    for axes, (x, y) in zip(grid, pairs, strict=False):
        drawn = _contour_panel(axes, x, y, complete, values, look) or drawn
    if drawn is not None:
        ends = "min" if sign < 0 else "max"
        bar = part.colorbar(drawn, ax=list(grid), pad=0.01, aspect=30, extend=ends)
        bar.set_label(label(name), size=8)
        bar.ax.tick_params(labelsize=7)
    if len(complete) > _MOST_SURFACE:
        notes += ("Each cell has the colour of the median of its trials.",)
    return (*notes, "Dark is better; the worst tenth has one colour.")


def _contour_panel(
    axes: Any, x: ParameterAxis, y: ParameterAxis, trials: Sequence[TrialRecord], values: Any,
    look: dict[str, Any],
) -> Any:  # fmt: skip
    """Draw one pair; trials in which one of the two is inactive are left out."""
    style(axes)
    left, up = (
        each.places(trials) if each.is_nominal else each.share(each.places(trials))
        for each in (x, y)
    )
    active = ~(np.isnan(left) | np.isnan(up))
    left, up, values = left[active], up[active], values[active]
    x.apply_share(axes.xaxis)
    y.apply_share(axes.yaxis)
    if not len(values):
        axes.text(
            0.5, 0.5, "never active together", ha="center", va="center", color=INK,
            transform=axes.transAxes,
        )  # fmt: skip
        return None
    if len(values) > _MOST_SURFACE:
        return _cells(axes, x, y, left, up, values, look)
    is_surface = not (x.is_nominal or y.is_nominal) and len(values) >= _FEWEST_SURFACE
    if is_surface and (triangles := _triangles(left, up)) is not None:
        clipped = np.clip(values, look["vmin"], look["vmax"])
        if np.ptp(clipped) > 0:
            axes.tricontourf(triangles, clipped, levels=12, alpha=0.75, **look)
    return axes.scatter(
        x.spread(left), y.spread(up), c=values, s=14, edgecolors="white", linewidths=0.4, **look
    )


def _triangles(x: Any, y: Any) -> Triangulation | None:
    """Return the triangles between points that are not on one line, without flat ones."""
    try:
        found = Triangulation(x, y)
    except (RuntimeError, ValueError):  # fewer than three points, or all on a line
        return None
    flat = TriAnalyzer(found).get_flat_tri_mask(0.02)
    if flat.all():
        return None
    found.set_mask(flat)
    return found


def _cells(
    axes: Any, x: ParameterAxis, y: ParameterAxis, left: Any, up: Any, values: Any,
    look: dict[str, Any],
) -> Any:  # fmt: skip
    """Draw the median of each cell that holds a trial."""
    columns, rows = x.edges(_CELLS), y.edges(_CELLS)
    i = np.clip(np.searchsorted(columns, left, side="right") - 1, 0, len(columns) - 2)
    j = np.clip(np.searchsorted(rows, up, side="right") - 1, 0, len(rows) - 2)
    cell = j * (len(columns) - 1) + i
    order = np.lexsort((values, cell))
    found, first, counts = np.unique(cell[order], return_index=True, return_counts=True)
    medians = np.full((len(rows) - 1) * (len(columns) - 1), np.nan)
    medians[found] = values[order][first + (counts - 1) // 2]
    grid = np.ma.masked_invalid(medians.reshape(len(rows) - 1, len(columns) - 1))
    return axes.pcolormesh(columns, rows, grid, rasterized=True, **look)
