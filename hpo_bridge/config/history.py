"""What a study file says of the past: earlier studies, and parameters that are new."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ConfigError, HpoBridgeError
from ..history.space_change import checked_defaults
from ..history.warm_start import parse_sources
from ..space import Space
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
    try:
        parse_sources(found)
    except HpoBridgeError as error:
        problems.add(error.path, error.problem)
    return tuple(found)


def defaults_of(model: StudyModel, space: Space, problems: Problems) -> dict[str, Any]:
    """What parameters that are new in a changed space were before.

    Args:
        model: The file's model.
        space: The file's space.
        problems: Takes note of what is wrong.
    """
    try:
        return checked_defaults(model.defaults, space)
    except HpoBridgeError as error:
        problems.add(error.path, error.problem)
        return {}
