"""The study file: read, checked as a whole, and turned into what a study is made of."""

from __future__ import annotations

from ..contracts.durations import parse_duration
from .key_reference import ReferenceRow, reference_rows
from .study_file import StudyFile, load_study_file

__all__ = [
    "ReferenceRow",
    "StudyFile",
    "load_study_file",
    "parse_duration",
    "reference_rows",
]
