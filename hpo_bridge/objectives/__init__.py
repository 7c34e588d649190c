"""Objectives: what a study evaluates: functions, files, modules, command lines."""

from __future__ import annotations

from .objective import FunctionObjective, Objective, evaluate, objective_from

__all__ = ["FunctionObjective", "Objective", "evaluate", "objective_from"]
