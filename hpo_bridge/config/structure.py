"""Checks a file's data against the models, and puts what is wrong into the file's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import KeyPath, nearest
from ..habits import hint
from .models import SECTION_LISTS, SECTIONS, StudyModel
from .problems import Problems, shown


def check_structure(data: Any, problems: Problems) -> StudyModel | None:
    """The model of a file's data; ``None`` if it has none, with the reasons noted."""
    if not isinstance(data, dict):
        found = "an empty file" if data is None else shown(data)
        problems.add((), f"found {found}, expected the keys study, objective, space, …")
        return None
    try:
        return StudyModel.model_validate(data)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=False):
            problems.add(*_problem(detail, data))
        return None


def _problem(detail: ErrorDetails, data: Mapping[str, Any]) -> tuple[KeyPath, str]:
    path = tuple(str(part) for part in detail["loc"])
    if path[0] == "backend" and len(path) > 1 and not isinstance(data["backend"], list):
        path = ("backend", *path[2:])  # it stands for a list of one
    model, key, depth = _place(path)
    if detail["type"] == "extra_forbidden":
        accepted = list(model.model_fields)
        return path, f"unknown key, accepted: {', '.join(accepted)}{hint(key, accepted)}"
    expected = accepts(model, key, "item" if len(path) > depth else "expected")
    if detail["type"] == "missing":
        return path, f"is missing, expected {expected}"
    found = value_at(data, path)
    close = nearest(found, expected.split(" or ")) if isinstance(found, str) else ""
    return path, f"found {shown(found)}, expected {expected}{close}"


def _place(path: KeyPath) -> tuple[type[BaseModel], str, int]:
    """The model whose field is wrong, or an item of it, the field's name, and its depth."""
    in_list = path[0] == "backend" and len(path) > 1 and path[1].isdecimal()
    if path[0] in SECTIONS and len(path) > 1 + in_list:
        return SECTIONS[path[0]], path[1 + in_list], 2 + in_list
    if path[0] in SECTION_LISTS and len(path) > 2:
        return SECTION_LISTS[path[0]], path[2], 3
    return StudyModel, path[0], 1


def accepts(model: type[BaseModel], key: str, what: str = "expected") -> str:
    """Return in words what a model accepts for ``key``, or (``item``) for each of its items."""
    extra = model.model_fields[key].json_schema_extra
    return str(extra[what]) if isinstance(extra, dict) else ""


def value_at(data: Any, path: Sequence[str]) -> Any:
    """The value at a key path; ``None`` where the path ends early."""
    for key in path:
        if isinstance(data, Mapping):
            data = data.get(key)
        elif isinstance(data, list) and key.isdecimal() and int(key) < len(data):
            data = data[int(key)]
        else:
            return None
    return data
