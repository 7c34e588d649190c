"""DEAP's functions with a random generator of their own.

DEAP draws from the generators of the whole process: its functions look ``random`` up among
their module's globals, and ``cma.Strategy.generate`` looks up ``numpy.random``. Here each
optimizer gets the same functions, byte for byte, with other globals, in which these names
stand for its own generators.

The other way would be to swap the states of the global generators in and out around every
step, under one lock for the whole process. That costs 10 to 60 µs a step, halts every other
study meanwhile, and has a hole: a thread of the user's that draws from ``random`` during a
step gets a number of ours, and we lose one. With functions of their own there is nothing to
lock and nothing to disturb: neither DEAP's modules nor the global generators are touched.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from deap import algorithms, cma
from deap.tools import crossover, emo, mutation, selection

from hpo_bridge.errors import BackendError

_MODULES = (algorithms, crossover, emo, mutation, selection)


def deap_with(generator: random.Random) -> SimpleNamespace:
    """The functions of DEAP's algorithms, crossovers, mutations and selections.

    Args:
        generator: What they draw from, in place of the module ``random``.

    Raises:
        BackendError: If a module of this DEAP has no global ``random`` to be replaced.

    Example:
        >>> deap_with(random.Random(0)).mutFlipBit([0, 1, 0], indpb=0.5)
        ([0, 1, 1],)
    """
    functions: dict[str, Any] = {}
    for module in _MODULES:
        _expect(module, "random", random)
        functions.update(_rebuilt(module, {"random": generator}))
    return SimpleNamespace(**functions)


def strategy_with(generator: np.random.RandomState, strategy: cma.Strategy) -> cma.Strategy:
    """The strategy, drawing from ``generator`` in place of ``numpy.random``.

    Raises:
        BackendError: If this DEAP's strategy takes numpy from elsewhere.
    """
    _expect(cma, "numpy", np)
    scope = {**vars(cma), "numpy": _NumpyWith(generator)}
    strategy.generate = MethodType(_copy(cma.Strategy.generate, scope), strategy)
    return strategy


class _NumpyWith:
    """numpy, but for ``numpy.random``."""

    def __init__(self, generator: np.random.RandomState) -> None:
        self.random = generator

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def _expect(module: ModuleType, name: str, value: Any) -> None:
    if vars(module).get(name) is not value:
        raise BackendError(f"this version of DEAP has its generator elsewhere: {module.__name__}")


def _rebuilt(module: ModuleType, replaced: Mapping[str, Any]) -> dict[str, Any]:
    """The functions that a module defines; they call one another, not the originals."""
    scope = {**vars(module), **replaced}
    own = {
        name: _copy(value, scope)
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__globals__ is vars(module)
    }
    scope.update(own)
    return own


def _copy(function: FunctionType, scope: dict[str, Any]) -> FunctionType:
    """A function with other globals."""
    copy = FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__doc__ = function.__doc__
    return copy
