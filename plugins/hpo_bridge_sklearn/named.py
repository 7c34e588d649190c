"""Objects that a study file names, imported where they are needed and not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hpo_bridge.errors import KeyPath
from hpo_bridge.objectives import Reference


@dataclass(frozen=True, slots=True)
class Named:
    """Something of the user's that a study file names.

    Attributes:
        text: ``FILE.py:NAME`` or ``package.module:NAME``.
        key_path: The option's key path.
        noun: What it is to be, in messages.
    """

    text: str
    key_path: KeyPath
    noun: str = "name"

    def reference(self, folder: str | None) -> Reference:
        """Return the reference to it.

        Raises:
            ObjectiveError: If the text is of another form.
        """
        return Reference.parse(self.text, folder or ".", self.key_path, self.noun)


def replaced(scoring: Any, change: Callable[[Named], Any]) -> Any:
    """Scorers, with those that are named changed into something else."""
    if isinstance(scoring, Named):
        return change(scoring)
    if isinstance(scoring, Mapping):
        return {k: change(v) if isinstance(v, Named) else v for k, v in scoring.items()}
    return scoring
