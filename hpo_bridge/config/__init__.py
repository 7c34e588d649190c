"""The study file: read, checked as a whole, and turned into the settings of a study."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..contracts.durations import parse_duration
from .study_config import StudyConfig

if TYPE_CHECKING:
    from .key_reference import ReferenceRow, reference_rows
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
    """Import what reads a file at its first use: a study made in Python needs none of it."""
    home = "key_reference" if name in ("ReferenceRow", "reference_rows") else "study_file"
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
