"""One study, any optimizer, any machine.

A search space and an objective are written once; a name decides which existing optimizer
proposes the trials, and another one where they run. Start with :class:`Space` and
:class:`Study`; plugin authors with :mod:`hpo_bridge.contracts.optimizer` and
:mod:`hpo_bridge.contracts.hooks`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .contracts.gradients import Differentiated
from .contracts.hooks import hookimpl
from .contracts.optimizer import (
    AutodiffSpec,
    BackendSpec,
    Capability,
    FormatSpec,
    ObjectiveSpec,
    Observation,
    ObserverSpec,
    Optimizer,
    Problem,
    PrunerSpec,
    RunnerSpec,
    Snapshot,
    Suggestion,
    ViewSpec,
)
from .contracts.record import Direction, TrialRecord, TrialState
from .contracts.trial import Trial
from .errors import (
    GradientRequired,
    HpoBridgeError,
    SearchExhausted,
    SpaceError,
    TrialPruned,
    UnsupportedProblem,
    WaitingForResults,
)
from .habits import NAMES, missing_attribute
from .objectives.folded import Folded, FoldScore, Measured
from .space import Categorical, Constant, Float, Int, Space
from .version import __version__ as __version__

if TYPE_CHECKING:
    from .analysis import compare
    from .study import Study, StudySummary, load_study, studies

__all__ = [
    "AutodiffSpec",
    "BackendSpec",
    "Capability",
    "Categorical",
    "Constant",
    "Differentiated",
    "Direction",
    "Float",
    "FoldScore",
    "Folded",
    "FormatSpec",
    "GradientRequired",
    "HpoBridgeError",
    "Int",
    "Measured",
    "ObjectiveSpec",
    "Observation",
    "ObserverSpec",
    "Optimizer",
    "Problem",
    "PrunerSpec",
    "RunnerSpec",
    "SearchExhausted",
    "Snapshot",
    "Space",
    "SpaceError",
    "Study",
    "StudySummary",
    "Suggestion",
    "Trial",
    "TrialPruned",
    "TrialRecord",
    "TrialState",
    "UnsupportedProblem",
    "ViewSpec",
    "WaitingForResults",
    "compare",
    "hookimpl",
    "load_study",
    "studies",
]

_OF_STUDIES = ("Study", "StudySummary", "load_study", "studies")


def __getattr__(name: str) -> Any:
    """Import what deals with studies at its first use: processes that run trials have none."""
    if name == "compare":
        from .analysis import compare as found
    elif name in _OF_STUDIES:
        from . import study

        found = getattr(study, name)
    else:
        raise missing_attribute(f"module {__name__!r}", name, NAMES)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
