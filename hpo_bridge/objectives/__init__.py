"""Objectives: what a study evaluates: functions, files, modules, command lines.

Authors of runners and of kinds of objectives import the names below from here.
"""

from __future__ import annotations

from ..contracts.objective import Objective
from .objective import Cut, FunctionObjective, evaluate, objective_from
from .reference import Reference

__all__ = [
    "Cut",
    "FunctionObjective",
    "Objective",
    "Reference",
    "evaluate",
    "objective_from",
]
