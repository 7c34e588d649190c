"""Pictures of studies, a report that opens with findings, and a live view.

This module is data: matplotlib is imported when a picture is drawn. All of it works on the history
of any backend.

* :mod:`hpo_bridge_views.picture`: a picture, for notebooks and files.
* :mod:`hpo_bridge_views.importance`: the importance of parameters.
* :mod:`hpo_bridge_views.findings`: findings in sentences, with their evidence.
* :mod:`hpo_bridge_views.report`: one page with the findings and the pictures.
* :mod:`hpo_bridge_views.dashboard`: Optuna's dashboard over a store, read-only.
* :mod:`hpo_bridge_views.drawing`: colours, labels and scales of all pictures.
* :mod:`hpo_bridge_views.parameter_axes`: parameters as axes.
* ``…_pictures``: the pictures.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import ViewSpec

_DRAWN = ("matplotlib>=3.8", "numpy>=1.26", "scipy>=1.11", "threadpoolctl>=3")
_LIVE = ("optuna>=5,<6", "optuna-dashboard>=0.20,<1", "numpy>=1.26")

_PICTURES = {
    "history": ("value_pictures:draw_history", "The values in order, and the best so far"),
    "intermediate": ("value_pictures:draw_intermediate", "Reports by step: learning curves"),
    "edf": ("value_pictures:draw_edf", "The share of trials up to each value"),
    "runs": ("runs_picture:draw_runs", "The best so far, over several runs of each variant"),
    "pareto": ("front_picture:draw_pareto", "Objectives against each other, and the front"),
    "importance": ("parameter_pictures:draw_importance", "The importance of each parameter"),
    "slice": ("parameter_pictures:draw_slice", "The values against each parameter"),
    "contour": ("contour_picture:draw_contour", "The values over pairs of parameters"),
    "parallel": ("parallel_picture:draw_parallel", "Trials as lines through their parameters"),
    "timeline": ("timeline_picture:draw_timeline", "When each trial ran, by worker"),
    "rungs": ("run_pictures:draw_rungs", "How many trials came to each step"),
    "folds": ("run_pictures:draw_folds", "The folds of the best trials, with their spread"),
    "backends": ("run_pictures:draw_backends", "Which backend brought which improvement"),
}
"""Name to function and summary of each picture."""


@hookimpl
def hpo_register_views() -> list[ViewSpec]:
    """The pictures, ``report`` and ``dashboard``."""
    pictures = [
        ViewSpec(
            name=name,
            factory=f"hpo_bridge_views.{function}",
            requires=_DRAWN,
            summary=summary,
        )
        for name, (function, summary) in _PICTURES.items()
    ]
    report = ViewSpec(
        name="report",
        factory="hpo_bridge_views.report:make_report",
        requires=_DRAWN,
        summary="One page with findings in sentences, and the pictures",
    )
    dashboard = ViewSpec(
        name="dashboard",
        factory="hpo_bridge_views.dashboard:serve_dashboard",
        requires=_LIVE,
        summary="The studies of a store in the browser, while they run",
        url="https://optuna-dashboard.readthedocs.io",
        live=True,
    )
    return [*pictures, report, dashboard]
