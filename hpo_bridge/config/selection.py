"""The section ``selection`` of a study file: what is chosen, and how that is tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contracts.objective import Objective, OuterLoop, SupportsNestedCV, SupportsTestScore
from ..errors import ObjectiveError, SelectionError
from ..objectives.command import CommandObjective
from ..objectives.scoring_function import resolve_test
from ..space import Space
from .problems import Problems, shown
from .selection_rule import SelectionRule

if TYPE_CHECKING:  # pydantic: those who only ask for a rule need none of it
    from .models import StudyModel
    from .section_models import SelectionModel

PLACE = "selection"
LONGEST_NAME = 90
"""Most characters of the name of a nested study: those of its splits are longer."""


@dataclass(frozen=True)
class SelectionFile:
    """The selection that a study file asks for.

    Attributes:
        rule: How the configuration is chosen.
        test: What scores it on the test set, not loaded yet; ``None`` if there is nothing, or
            the file is only read.
        nested: Whether an outer loop reports the score of the whole procedure.
        outer: That outer loop; ``None`` without one, or where the file is only read.
    """

    rule: SelectionRule = field(default_factory=SelectionRule)
    test: Objective | None = None
    nested: bool = False
    outer: OuterLoop | None = None


def selection_of(
    model: StudyModel, objective: Objective | None, folder: Path, space: Space,
    n_objectives: int, name: str, problems: Problems, *, reading: bool,
) -> SelectionFile:  # fmt: skip
    """The section, checked; what is wrong is noted.

    Args:
        model: The file's model.
        objective: What the study evaluates, if that is sound.
        folder: What paths are relative to.
        space: What expressions are over.
        n_objectives: How many objectives there are.
        name: The study's name.
        problems: Takes note of what is wrong.
        reading: Whether functions and data need not be there.
    """
    section = model.selection
    if section is None:
        return SelectionFile()
    rule = _rule(section, space, problems)
    if n_objectives > 1 and (rule.simplest or section.nested is not None):
        text = f"needs a single objective, the study has {n_objectives}"
        problems.add((PLACE, "nested" if section.nested is not None else "rule"), text)
        return SelectionFile()
    nested = section.nested is not None
    if nested and len(name) > LONGEST_NAME:
        text = (
            f"found a name of {len(name)} characters, expected {LONGEST_NAME} at most with nested"
        )
        problems.add(("study",), text)
    if reading or objective is None:
        return SelectionFile(rule, nested=nested)
    test = _test(section.test, objective, folder, space, problems)
    outer = _outer(section.nested, objective, problems)
    return SelectionFile(rule, test, nested, outer)


def _rule(section: SelectionModel, space: Space, problems: Problems) -> SelectionRule:
    given = section.model_dump(exclude_none=True, include={"simplest", "errors", "paired"})
    name = section.rule
    try:
        return SelectionRule.of(space, **({} if name is None else {"rule": name}), **given)
    except SelectionError as error:
        problems.add((PLACE, *error.path), error.text)
        return SelectionRule()


def _test(
    spec: Any, objective: Objective, folder: Path, space: Space, problems: Problems
) -> Objective | None:
    place = (PLACE, "test")
    try:
        if spec is None:
            return None
        if isinstance(spec, str) or "command" in spec:
            test = resolve_test(spec, folder)
            if isinstance(test, CommandObjective):
                test.check_space(space)
            return test
        if isinstance(objective, SupportsTestScore):
            return objective.test_scorer(spec)
    except ObjectiveError as error:
        _note(error, place, spec, problems)
        return None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        problems.add(place, f"{shown(spec)} cannot be read: {error}")
        return None
    text = f"found {shown(spec)}, expected 'FILE.py:FUNCTION': objective {objective.describe()} "
    problems.add(place, text + "has no test of its own")
    return None


def _outer(spec: Any, objective: Objective, problems: Problems) -> OuterLoop | None:
    if spec is None:
        return None
    place = (PLACE, "nested")
    if not isinstance(objective, SupportsNestedCV):
        problems.add(
            place,
            f"objective {objective.describe()} cannot be split once more: it needs objective: "
            "{cross_validated: …}, or hpo_bridge.analysis.nested_cv in Python",
        )
        return None
    try:
        return objective.outer_loop(spec)
    except ObjectiveError as error:
        _note(error, place, spec, problems)
        return None


def check_splits(outer: OuterLoop, seed: int, file: str) -> None:
    """Cut the outer splits once, before anything is created.

    Args:
        outer: The outer loop.
        seed: The study's seed.
        file: The study file's name.

    Raises:
        ConfigError: If they cannot be cut.
    """
    try:
        outer.splits(seed)
    except ObjectiveError as error:
        problems = Problems(file)
        _note(error, (PLACE, "nested"), None, problems)
        problems.raise_any()


def _note(error: ObjectiveError, place: tuple[str, ...], spec: Any, problems: Problems) -> None:
    """Note an error at the option that it is about, if the file has that."""
    path = error.path[error.path[:1] in (("test",), ("nested",), ("objective",)) :]
    if isinstance(spec, Mapping) and path[:1] and path[0] in spec:
        problems.add((*place, *path), error.text)
    else:
        problems.add(place, ": ".join([*filter(None, [".".join(path)]), error.text]))
