"""Checks a file's data against the models, and puts what is wrong into the file's terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import nearest
from .models import SECTIONS, StudyModel
from .problems import KeyPath, Problems, shown


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
    model = SECTIONS.get(path[0], StudyModel) if len(path) > 1 else StudyModel
    key = path[0] if model is StudyModel else path[1]
    if detail["type"] == "extra_forbidden":
        accepted = list(model.model_fields)
        hint = nearest(key, accepted)
        return path, f"unknown key, accepted: {', '.join(accepted)}{hint}"
    is_item = model is StudyModel and len(path) > 1
    expected = accepts(model, key, "item" if is_item else "expected")
    if detail["type"] == "missing":
        return path, f"is missing, expected {expected}"
    found = value_at(data, path)
    hint = nearest(found, expected.split(" or ")) if isinstance(found, str) else ""
    return path, f"found {shown(found)}, expected {expected}{hint}"


def accepts(model: type[BaseModel], key: str, what: str = "expected") -> str:
    """What the field ``key`` of a model accepts, or (``item``) each of its items, in words."""
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
