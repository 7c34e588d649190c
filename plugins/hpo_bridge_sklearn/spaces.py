"""Search spaces as users of scikit-learn write them, as spaces of the bridge, exactly.

A space of the bridge is a tree of named parameters whose values are plain data. A list of
dictionaries becomes one choice more, among the dictionaries, and parameters that are there
under that choice alone; objects become labels, which :meth:`SearchSpace.params` turns back
into the very objects that were given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sklearn.model_selection import ParameterGrid

from hpo_bridge import Categorical, Float, Int, Space, SpaceError
from hpo_bridge.space.parameters import Parameter

from .choices import Choices, choices_of, declared_when
from .distributions import is_distribution, is_range, range_of, translated, warn_of_range

GRID = "grid"
"""The parameter that chooses among several dictionaries; their own are called ``0/C``, ``1/C``."""


@dataclass(frozen=True)
class SearchSpace:
    """A space, and the way from its points to parameters of an estimator.

    Attributes:
        space: What the study varies.
        choices: Name of a parameter that was given as a list, to what was in the list.
        selector: Whether :data:`GRID` chooses among dictionaries.
    """

    space: Space
    choices: Mapping[str, Choices] = field(default_factory=dict)
    selector: bool = False

    def params(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """The estimator's parameters at a point of the study, such as ``{"svc__C": 1.0}``."""
        found = {}
        for name, value in point.items():
            chosen = self.choices[name].given(value) if name in self.choices else value
            if not self.selector:
                found[name] = chosen
            elif name != GRID:
                found[name.split("/", 1)[1]] = chosen
        return found


def search_space(space: Any) -> SearchSpace:
    """The space that a user of :class:`BridgeSearchCV` means.

    Args:
        space: A :class:`hpo_bridge.Space`, as it is; or a dictionary of parameter names to
            lists, one-dimensional arrays, frozen distributions of SciPy, and parameters of
            the bridge; or a list of such dictionaries. The parameters of a dictionary are
            taken in the order of their names, as ``ParameterGrid`` does, so that
            ``core.grid`` gives the candidates of ``GridSearchCV`` in its order.

    Raises:
        TypeError, ValueError: Those of ``ParameterGrid``, for what it does not take either.
        SpaceError: For a distribution or a condition that cannot be honoured exactly.
    """
    if isinstance(space, Space):
        return SearchSpace(space)
    if not isinstance(space, (Mapping, Sequence)) or isinstance(space, (str, bytes)):
        ParameterGrid(space)  # raises what GridSearchCV does, or else is an iterable
        space = list(space)
    grids = [space] if isinstance(space, Mapping) else list(space)
    for grid in grids:
        _check_lists(grid)
    if len(grids) == 1:
        parameters, choices = _declared(grids[0])
        if parameters:
            return SearchSpace(Space(parameters), choices)
    if not grids:
        raise SpaceError("found an empty list, expected at least one dictionary")
    return _several(grids)


def _check_lists(grid: Any) -> None:
    """Scikit-learn's own errors for what is neither a list nor anything else known."""
    if not isinstance(grid, Mapping):
        ParameterGrid([grid])
    ParameterGrid([{name: value for name, value in grid.items() if not _known(value)}])


def _known(value: Any) -> bool:
    return (
        isinstance(value, (Float, Int, Categorical)) or is_distribution(value) or is_range(value)
    )


def _declared(grid: Mapping[str, Any]) -> tuple[dict[str, Parameter], dict[str, Choices]]:
    """Parameters by name, and what was in the lists among them."""
    parameters: dict[str, Parameter] = {}
    choices: dict[str, Choices] = {}
    for name, value in sorted(grid.items()):
        if isinstance(value, (Float, Int, Categorical)):
            parameters[name] = value
        elif is_range(value):
            parameters[name] = range_of(name, *value[:3])
        elif is_distribution(value):
            parameters[name] = translated(name, value)
        else:
            warn_of_range(name, value)
            choices[name] = choices_of(value)
            parameters[name] = Categorical(choices[name].labels)
    for name, parameter in parameters.items():
        if parameter.when is not None:
            when = declared_when(name, parameter.when, choices)
            parameters[name] = replace(parameter, when=when)
    return parameters, choices


def _several(grids: Sequence[Mapping[str, Any]]) -> SearchSpace:
    """One more choice, among the dictionaries, and each one's parameters under it alone."""
    parameters: dict[str, Parameter] = {GRID: Categorical(list(range(len(grids))))}
    choices: dict[str, Choices] = {}
    for number, grid in enumerate(grids):
        own, lists = _declared(grid)
        for name, parameter in own.items():
            when: dict[str, Any] = {GRID: number}
            when |= {f"{number}/{parent}": v for parent, v in (parameter.when or {}).items()}
            parameters[f"{number}/{name}"] = replace(parameter, when=when)
        choices |= {f"{number}/{name}": found for name, found in lists.items()}
    return SearchSpace(Space(parameters), choices, selector=True)


__all__ = ["GRID", "SearchSpace", "search_space"]
