"""Objectives, as a study evaluates them: functions, files, modules, command lines.

Authors of runners and of kinds of objectives import the names below from here.
"""

from __future__ import annotations

from ..contracts.objective import Objective
from .failure import Failure, explain, reason_key, short_reason
from .folded import standard_error
from .main_module import MainModule
from .objective import Cut, FunctionObjective, evaluate, objective_from
from .pickling import packed, unpacked
from .reference import Reference

__all__ = [
    "Cut",
    "Failure",
    "FunctionObjective",
    "MainModule",
    "Objective",
    "Reference",
    "evaluate",
    "explain",
    "objective_from",
    "packed",
    "reason_key",
    "short_reason",
    "standard_error",
    "unpacked",
]
