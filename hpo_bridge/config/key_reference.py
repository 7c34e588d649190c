"""Every key of a study file in words, for the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from ..objectives.command import KEYS
from .choices import DEFAULT_BACKEND, DEFAULT_RUNNER
from .models import SECTION_LISTS, SECTIONS, StudyModel
from .structure import accepts

_DEFAULTS = {
    "study": "the file's name",
    "direction": "minimize",
    "backend": DEFAULT_BACKEND,
    "runner": DEFAULT_RUNNER,
    "duplicates": "evaluate",
    "seed": "drawn at random",
    "store": "sqlite:///STUDY.db beside the file",
    "checkpoints": "STUDY.db.checkpoints beside a SQLite store",
    "budget.trials": "no limit",
    "budget.time": "no limit",
    "selection.rule": "best",
    "selection.errors": "1",
    "selection.paired": "false",
    "space.NAME.log": "false",
    "space.NAME.ordered": "false",
}
_SPACE = (
    ("type", "float, int or categorical", True, "The kind of parameter."),
    ("low", "a number", True, "Smallest value, of float and int."),
    ("high", "a number", True, "Largest value, of float and int; included."),
    ("log", "true or false", False, "Use a log scale; `low` must be above 0."),
    (
        "step",
        "a number",
        False,
        "Distance between allowed values, from `low`; must divide the range, up to rounding.",
    ),
    (
        "shape",
        "a list of one number",
        False,
        "Makes a float a vector: `[100]` for lists of 100 numbers, each with these bounds; for "
        "backends with the capability `vector`.",
    ),
    ("choices", "a list", True, "The values of a categorical, each once."),
    (
        "constant",
        "a value",
        False,
        "The value of a constant; needed only for lists.",
    ),
    ("ordered", "true or false", False, "Treat the order of the choices as meaningful."),
    (
        "when",
        "a mapping",
        False,
        "Condition for the parameter to exist: `{parameter: value}` or `{parameter: [value, "
        "value]}`.",
    ),
)


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One key of a study file.

    Attributes:
        key: Its path, such as ``budget.trials``; ``NAME`` stands for a parameter's name,
            ``N`` for the position in a list, from 0.
        type: What it accepts.
        default: What stands where it is absent; ``required`` if it may not be.
        meaning: What it does.
    """

    key: str
    type: str
    default: str
    meaning: str


def reference_rows() -> list[ReferenceRow]:
    """Every key that a study file may have, from the same models that check it.

    Example:
        >>> [row.type for row in reference_rows() if row.key == "direction"]
        ['minimize or maximize']
    """
    rows: list[ReferenceRow] = []
    for row in _rows(StudyModel, ""):
        rows.append(row)
        if row.key == "objective":
            rows.extend(ReferenceRow(f"objective.{key}", *rest) for key, *rest in KEYS)
        elif row.key == "space":
            rows.extend(_space_rows())
        elif row.key in SECTIONS:
            rows.extend(_rows(SECTIONS[row.key], f"{row.key}."))
        elif row.key in SECTION_LISTS:
            rows.extend(_rows(SECTION_LISTS[row.key], f"{row.key}.N."))
    return rows


def _rows(model: type[BaseModel], prefix: str) -> Iterator[ReferenceRow]:
    for key, field in model.model_fields.items():
        default = "required" if field.is_required() else _DEFAULTS.get(prefix + key, "none")
        yield ReferenceRow(prefix + key, accepts(model, key), default, str(field.description))


def _space_rows() -> Iterator[ReferenceRow]:
    for key, accepted, required, meaning in _SPACE:
        path = f"space.NAME.{key}"
        default = "required" if required else _DEFAULTS.get(path, "none")
        yield ReferenceRow(path, accepted, default, meaning)
