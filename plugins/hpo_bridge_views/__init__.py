"""Pictures of studies, and a live view of them.

This module is data: matplotlib is imported when a picture is drawn. All of it works on the history
of any backend.

* :mod:`hpo_bridge_views.picture`: a picture, for notebooks and files.
* :mod:`hpo_bridge_views.importance`: the importance of parameters.
* :mod:`hpo_bridge_views.value_pictures`: pictures of the values.
* :mod:`hpo_bridge_views.dashboard`: Optuna's dashboard over a store, read-only.
"""

from __future__ import annotations

from hpo_bridge.contracts.hooks import hookimpl
from hpo_bridge.contracts.optimizer import ViewSpec

_DRAWN = ("matplotlib>=3.8", "numpy>=1.26")
_MODEL = ("scipy>=1.11",)

_LIVE = ("optuna>=5,<6", "optuna-dashboard>=0.20,<1", "numpy>=1.26")

_PICTURES = (
    # name, function, further requirements, summary
    (
        "history",
        "value_pictures:draw_history",
        (),
        "The values in order, and the best so far",
    ),
)


@hookimpl
def hpo_register_views() -> list[ViewSpec]:
    """The pictures, ``report`` and ``dashboard``."""
    pictures = [
        ViewSpec(
            name=name,
            factory=f"hpo_bridge_views.{function}",
            requires=_DRAWN + more,
            summary=summary,
        )
        for name, function, more, summary in _PICTURES
    ]
    report = ViewSpec(
        name="report",
        factory="hpo_bridge_views.report:make_report",
        requires=_DRAWN + _MODEL,
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
