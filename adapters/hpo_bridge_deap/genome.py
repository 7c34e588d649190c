"""From our parameters to genes and back, by one table.

======================  ====================================================  ========
ours                    genes                                                 how
======================  ====================================================  ========
``Float``, ``Int``,     one number ``u`` in [0, 1]; the value is              encoded
ordered categories      ``parameter.decode(u)``, so that a uniform ``u`` gives
                        the declared distribution, ends included
unordered categories    ``deap.ga``, ``deap.mu_…``, ``deap.nsga2``: the index encoded
                        ``0 … k-1``, which is exchanged or drawn anew, never
                        blended: neighbours have nothing in common.
                        ``deap.cmaes``, ``deap.de``, ``deap.pso``, which can
                        only move numbers: ``k`` scores in [0, 1], of which
                        the largest wins; for two categories one number
a single value          none                                                  encoded
======================  ====================================================  ========

Numbers come first, in the space's order, then indices. DEAP itself has no notion of a
search space, so nothing of the library's is left out or changed.

A number that an operator moves out of [0, 1] is *reflected* at the end that it passed. (DEAP's
tutorial clips, see its "Tool Decoration"; that would heap a good part of all proposals on
the ends: 10 in 100 genes after ``cxBlend`` of random parents, and as many when CMA-ES starts.)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from hpo_bridge.contracts.optimizer import Translation
from hpo_bridge.space import Categorical, Parameter, Space

from .individuals import Individual

_WON, _LOST = 0.75, 0.25
"""The scores of a known choice: the middles of the halves of [0, 1]."""


class _Genes(NamedTuple):
    """The genes of one parameter: from ``at`` on, ``width`` of them."""

    parameter: Parameter
    kind: Literal["number", "index", "scores", "none"]
    at: int
    width: int


class Genome:
    """Genes of a space without conditions.

    Args:
        space: As an adapter sees it.
        indices: Whether an unordered categorical is one index; else scores.

    Attributes:
        numbers: How many genes are numbers in [0, 1]; the rest, behind them, are indices.
        highest: The largest value of each index.

    Example:
        >>> from hpo_bridge.space import Float
        >>> genome = Genome(Space(kind=Categorical([0, 1, 2]), x=Float(0, 8)), indices=True)
        >>> genome.decode([0.25, 2])
        {'kind': 2, 'x': 2.0}
        >>> Genome(Space(kind=Categorical([0, 1, 2])), indices=False).decode([0.1, 0.9, 0.3])
        {'kind': 1}
    """

    def __init__(self, space: Space, *, indices: bool) -> None:
        self._space = space
        varying = [name for name, parameter in space.items() if parameter.size != 1]
        # With nothing to vary one gene does nothing, so that there is something to evolve.
        varying = varying or list(space)[:1]
        found: dict[str, _Genes] = {name: _Genes(p, "none", 0, 0) for name, p in space.items()}
        at, later = 0, []
        for name in varying:
            parameter = space[name]
            kind: Literal["number", "index", "scores"] = "number"
            if isinstance(parameter, Categorical) and not parameter.ordered:
                if indices:
                    later.append(name)
                    continue
                kind = "scores" if parameter.size > 2 else "number"
            width = parameter.size or 1 if kind == "scores" else 1
            found[name] = _Genes(parameter, kind, at, width)
            at += width
        self.numbers = at
        for position, name in enumerate(later, start=at):
            found[name] = _Genes(space[name], "index", position, 1)
        self.highest = [(space[name].size or 1) - 1 for name in later]
        self._table = found

    def __len__(self) -> int:
        return self.numbers + len(self.highest)

    def random(self, generator: random.Random) -> Individual:
        """A point drawn from the declared distribution."""
        numbers = [generator.random() for _ in range(self.numbers)]
        return Individual(numbers + [generator.randint(0, top) for top in self.highest])

    def decode(self, genes: Sequence[Any]) -> dict[str, Any]:
        """The point that genes stand for."""
        point: dict[str, Any] = {}
        for name, (parameter, kind, at, width) in self._table.items():
            if kind == "number":
                point[name] = parameter.decode(genes[at])
            elif kind == "index":
                point[name] = genes[at]
            elif kind == "scores":
                scores = genes[at : at + width]
                point[name] = scores.index(max(scores))
            else:
                point[name] = parameter.grid(0)
        return point

    def encode(self, params: Mapping[str, Any]) -> list[Any]:
        """Genes that stand for a point.

        Raises:
            SpaceError: If it is no point of the space.
        """
        genes: list[Any] = [0] * len(self)
        for name, value in self._space.check(params).items():
            parameter, kind, at, width = self._table[name]
            if kind == "number":
                genes[at] = parameter.encode(value)
            elif kind == "index":
                genes[at] = value
            elif kind == "scores":
                genes[at : at + width] = [_LOST] * width
                genes[at + value] = _WON
        return genes

    def explain(self) -> list[Translation]:
        """Return one row per parameter."""
        return [
            Translation(name, "encoded", _detail(genes)) for name, genes in self._table.items()
        ]


def reflected(numbers: Iterable[float]) -> list[float]:
    """The numbers, each that is not in [0, 1] reflected at the ends until it is.

    >>> reflected([0.25, -0.25, 1.5, 2.25])
    [0.25, 0.25, 0.5, 0.25]
    """
    return [u if 0.0 <= u <= 1.0 else _reflected(u) for u in numbers]


def _reflected(u: float) -> float:
    u = abs(u) % 2.0
    return 2.0 - u if u > 1.0 else u


def _detail(genes: _Genes) -> str:
    parameter, kind, at, width = genes
    if kind == "none":
        return "no gene: a single value"
    if kind == "index":
        return f"gene {at}, the index 0 to {(parameter.size or 1) - 1}"
    if kind == "scores":
        return f"genes {at} to {at + width - 1}, scores in [0, 1] of which the largest wins"
    if parameter.size is not None:
        return f"gene {at} in [0, 1], cut into {parameter.size} values by their probability"
    log = not isinstance(parameter, Categorical) and parameter.log
    return f"gene {at} in [0, 1], on the {'logarithmic' if log else 'linear'} scale"
