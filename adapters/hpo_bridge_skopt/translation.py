"""From our parameters to scikit-optimize's dimensions, by one table.

===================  ===========================  ==========================  =============
ours                 Gaussian process             trees, ``skopt.random``     designs
===================  ===========================  ==========================  =============
``Float``            ``Real``                     ``Real``                    ``Real``
log ``Float``        ``Real``, log-uniform        ``Real``, log-uniform       the same
``Int``              ``Real`` ± ½, rounded        ``Integer``                 unit interval
log ``Int``          ``Real`` ± ½, log, rounded   ``Real`` ± ½, log, rounded  unit interval
stepped              ``Real`` ± ½, the index      ``Integer``, the index      unit interval
ordered categories   ``Real`` ± ½, the index      ``Integer``, the index      unit interval
``Categorical``      ``Categorical`` of indices   ``Categorical`` of indices  unit interval
single value         left out                     left out                    left out
===================  ===========================  ==========================  =============

Designs are ``skopt.sobol`` and ``skopt.lhs``. With ``native_space`` the dimensions are those
that a user of the library would write: ``Integer``, log-uniform ``Integer``, the index where
there is a step, and ``Categorical``, which forgets an order.

What one might not expect of scikit-optimize:

* Wherever a dimension is normalized, which it is under a Gaussian process and in every
  design, the ends of an ``Integer`` get half the weight of the other values, and in a design
  so do the first and the last category.
* A log-uniform ``Integer`` has a biased law of its own: 8 of 1 to 8 gets 0.03, not 0.04; and
  with trees the model never proposes less than ``10**low``: candidates are clipped in the
  logarithm to bounds that are not logarithms. The same holds for bases other than 10.
* ``Real`` and ``Integer`` refuse ``low == high``.
* Categories that are tuples or lists end in an error, and values come back as numpy's. Here
  it only ever sees indices, which gives the same sequence as the choices themselves.
* Two points at a distance of less than 1e-8, in the parameters' own units, count as the
  same; and trees see single precision. A range too narrow or too wide for that is mapped
  to the unit interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from skopt.space import Categorical as Categories
from skopt.space import Integer, Real

from hpo_bridge.contracts.optimizer import Problem, Translation
from hpo_bridge.errors import UnsupportedProblem
from hpo_bridge.space import Categorical, Float, Int, Parameter, Space

Family = Literal["normalized", "plain", "design"]
"""How the library will look at the dimensions: the columns of the module's table."""
_Kind = Literal["same", "rounded", "index", "unit"]

_NARROWEST = 1e-6
"""Below this width a hundredth of a range is nothing to the library."""
_WIDEST = 1e30
"""Above this single precision and the library's arithmetic are at their end."""
_FINEST = 1e-5
"""Below this share of its bounds a range is a matter of few single-precision numbers."""
_EXACT_HALVES = 2**50


@dataclass(frozen=True, slots=True)
class Column:
    """One parameter, and the dimension that stands for it.

    Attributes:
        name: The parameter's name.
        parameter: The parameter.
        dimension: A dimension of scikit-optimize.
        kind: How a number of the dimension becomes a value: it is the value, the nearest
            integer, the nearest index, or a place in the unit interval.
        note: What to add to the dimension in an explanation.
    """

    name: str
    parameter: Parameter
    dimension: Any
    kind: _Kind
    note: str = ""

    def plain(self, number: Any) -> Any:
        """A coordinate as the library has it, as a plain number."""
        return float(number) if isinstance(self.dimension, Real) else int(number)

    def decode(self, number: Any) -> Any:
        """The parameter's value at a coordinate."""
        if self.kind == "same":
            return self.plain(number)
        if self.kind == "unit":
            return self.parameter.decode(number)
        low, high = self._ends()
        nearest = min(max(math.floor(number + 0.5), low), high)
        return nearest if self.kind == "rounded" else self.parameter.grid(nearest)

    def encode(self, value: Any) -> Any:
        """The coordinate of a value: inside of the dimension, and decoded to the same."""
        if self.kind == "unit":
            return self.parameter.encode(value)
        if self.kind == "index":
            size = self.parameter.size
            assert size is not None
            value = round(self.parameter.encode(value) * size - 0.5)
        return self.plain(value)

    def _ends(self) -> tuple[int, int]:
        if self.kind == "rounded":
            assert isinstance(self.parameter, Int)
            return self.parameter.low, self.parameter.high
        assert self.parameter.size is not None
        return 0, self.parameter.size - 1

    def explain(self) -> Translation:
        """A row of ``hpo-bridge explain``."""
        detail = describe(self.dimension) + self.note
        return Translation(self.name, "native" if self.kind == "same" else "encoded", detail)


@dataclass(frozen=True, kw_only=True)
class SpaceOptions:
    """Options of a sampler without options of its own.

    Attributes:
        native_space: Whether the dimensions are those that a user of the library would write.
    """

    native_space: bool = False


def require_one_objective(problem: Problem) -> None:
    """Raise UnsupportedProblem for several objectives."""
    if problem.n_objectives != 1:
        raise UnsupportedProblem("scikit-optimize takes one objective")


class Table:
    """The dimensions of a space, and what goes back and forth.

    Args:
        space: The space as an adapter sees it.
        family: How the library will look at the dimensions.
        native_space: Whether they are those that a user of the library would write.
    """

    def __init__(self, space: Space, family: Family, *, native_space: bool = False) -> None:
        self.space = space
        self.native_space = native_space
        self.columns = [
            _native(name, parameter, family) if native_space else _exact(name, parameter, family)
            for name, parameter in space.items()
            if parameter.size != 1
        ]
        self._at = {column.name: i for i, column in enumerate(self.columns)}

    @property
    def dimensions(self) -> list[Any]:
        """The library's dimensions, without those of a single value."""
        return [column.dimension for column in self.columns]

    def plain(self, x: Sequence[Any]) -> list[Any]:
        """A point of the library as plain numbers."""
        return [column.plain(n) for column, n in zip(self.columns, x, strict=True)]

    def decode(self, x: Sequence[Any]) -> dict[str, Any]:
        """The parameters at a point of the library."""
        params = {}
        for name, parameter in self.space.items():
            at = self._at.get(name)
            # decode rather than grid: the one value of a continuous range has no grid
            params[name] = parameter.decode(0.0) if at is None else self.columns[at].decode(x[at])
        return params

    def encode(self, params: Mapping[str, Any]) -> list[Any]:
        """The library's point of the parameters.

        Raises:
            SpaceError: If they are no point of the space.
        """
        point = self.space.check(params)
        return [column.encode(point[column.name]) for column in self.columns]

    def explain(self) -> list[Translation]:
        """Return one row per parameter."""
        rows = []
        for name, parameter in self.space.items():
            at = self._at.get(name)
            if at is None:
                row = Translation(name, "encoded", f"left out: always {parameter.decode(0.0)!r}")
            else:
                row = self.columns[at].explain()
            rows.append(row)
        return rows


def describe(dimension: Any) -> str:
    """A dimension as one would write it."""
    if isinstance(dimension, Categories):
        return f"Categorical({len(dimension.categories)} choices)"
    prior = "" if dimension.prior == "uniform" else f", {dimension.prior!r}"
    return f"{type(dimension).__name__}({dimension.low}, {dimension.high}{prior})"


def _exact(name: str, parameter: Parameter, family: Family) -> Column:
    """The default: each value has its due weight."""
    if isinstance(parameter, Float) and parameter.step is None:
        return _float(name, parameter)
    if family == "design":
        return _unit(name, parameter)
    if isinstance(parameter, Categorical) and not parameter.ordered:
        return Column(name, parameter, Categories(range(parameter.size)), "same")
    if isinstance(parameter, Int) and parameter.step is None:
        low, high = parameter.low, parameter.high
        if parameter.log:
            halves = Real(low - 0.5, high + 0.5, "log-uniform")
            return Column(name, parameter, halves, "rounded", ", rounded")
        if family == "plain" and not _too_fine(low, high):
            return Column(name, parameter, Integer(low, high), "same")
        if family == "normalized" and max(abs(low), abs(high)) < _EXACT_HALVES:
            halves = Real(low - 0.5, high + 0.5)
            return Column(name, parameter, halves, "rounded", ", rounded")
    assert parameter.size is not None
    last = parameter.size - 1
    index = Integer(0, last) if family == "plain" else Real(-0.5, last + 0.5)
    return Column(
        name,
        parameter,
        index,
        "index",
        ", the index" if family == "plain" else ", rounded to the index",
    )


def _float(name: str, parameter: Float) -> Column:
    low, high, log = parameter.low, parameter.high, parameter.log
    if log and math.log10(low) < math.log10(high):
        if _too_fine(math.log10(low), math.log10(high)) or high - low < _NARROWEST:
            return _unit(name, parameter)
        return Column(name, parameter, Real(low, high, "log-uniform"), "same")
    if _too_fine(low, high) or high - low < _NARROWEST or max(abs(low), abs(high)) > _WIDEST:
        return _unit(name, parameter)
    return Column(name, parameter, Real(low, high), "same")


def _unit(name: str, parameter: Parameter) -> Column:
    log = not isinstance(parameter, Categorical) and parameter.log
    scale = "the logarithm of the range" if log else "the range"
    if isinstance(parameter, Categorical):
        scale = f"{parameter.size} choices"
    return Column(name, parameter, Real(0.0, 1.0), "unit", f", a place in {scale}")


def _native(name: str, parameter: Parameter, family: Family) -> Column:
    """Return the column that a user of the library would write."""
    halved = "" if family == "plain" else "; the ends get half the weight"
    if isinstance(parameter, Float) and parameter.step is None:
        prior = "log-uniform" if parameter.log else "uniform"
        return Column(name, parameter, Real(parameter.low, parameter.high, prior), "same")
    if isinstance(parameter, Categorical):
        order = "; the order is lost" if parameter.ordered else ""
        bias = halved.replace("ends", "first and the last") if family == "design" else ""
        categories = Categories(range(parameter.size))
        return Column(name, parameter, categories, "same", order + bias)
    if isinstance(parameter, Float) or parameter.step is not None:
        assert parameter.size is not None
        index = Integer(0, parameter.size - 1)
        return Column(name, parameter, index, "index", ", the index" + halved)
    if not parameter.log:
        return Column(name, parameter, Integer(parameter.low, parameter.high), "same", halved)
    integer = Integer(parameter.low, parameter.high, "log-uniform")
    note = "; the ends get about half the weight"
    if family == "plain":
        least = min(parameter.high, 10 ** min(parameter.low, 20))
        note += f", and a model of trees never proposes less than {least}"
    return Column(name, parameter, integer, "same", note)


def _too_fine(low: float, high: float) -> bool:
    """Return true if single precision can hardly tell the range's numbers apart."""
    return high - low < _FINEST * max(abs(low), abs(high))
