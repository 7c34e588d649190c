"""The contract of views: pictures, reports and live views of any study.

A plugin registers a :class:`hpo_bridge.contracts.specs.ViewSpec`. Its ``factory(histories,
**options)`` gets a list of :class:`hpo_bridge.contracts.study_history.StudyHistory` (one, unless
the user asks for several side by side), whose trials are a tuple, and returns a :class:`View`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class View(Protocol):
    """Something to look at, made of one or several studies."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file; the name's ending says in which format.

        Raises:
            HpoBridgeError: If there is no such format, or the file cannot be written.
        """
        ...

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        ...


class ReportView(View, Protocol):
    """A report, which programs can read, too."""

    def to_json(self) -> Mapping[str, Any]:
        """Return what it says as plain data.

        ``findings`` is a list of ``{kind, text, evidence}``, ``importance`` maps each parameter
        to a number, ``best`` is the best trial or the front, ``counts`` the trials by state.
        """
        ...
