"""The earlier studies of a study file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ConfigError
from .models import StudyModel
from .problems import Problems
from .store_url import resolved_url


def warm_start_of(
    model: StudyModel, folder: Path, problems: Problems
) -> tuple[dict[str, Any], ...]:
    """The sources as a study takes them; the earlier studies themselves are not looked at.

    Args:
        model: The file's model.
        folder: What a relative SQLite path is relative to.
        problems: Takes note of what is wrong.
    """
    found = []
    for place, source in enumerate(model.warm_start or ()):
        given = source.model_dump(exclude_none=True)
        try:
            if source.store is not None:
                given["store"] = resolved_url(source.store, folder)
        except ConfigError as error:
            for problem in error.problems:
                problems.add(("warm_start", str(place), "store"), problem)
        found.append(given)
    return tuple(found)
