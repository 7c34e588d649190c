"""The study file: read, checked as a whole, and turned into the settings of a study."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..contracts.durations import parse_duration

if TYPE_CHECKING:
    from .key_reference import ReferenceRow, reference_rows
    from .study_config import StudyConfig
    from .study_file import StudyFile, load_study_file

__all__ = [
    "ReferenceRow",
    "StudyConfig",
    "StudyFile",
    "load_study_file",
    "parse_duration",
    "reference_rows",
]


def __getattr__(name: str) -> Any:
    """Import a name at its first use; who only looks at a study needs none of them."""
    homes = {
        "ReferenceRow": "key_reference", "reference_rows": "key_reference",
        "StudyConfig": "study_config", "StudyFile": "study_file", "load_study_file": "study_file",
    }  # fmt: skip
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{homes[name]}"), name)
