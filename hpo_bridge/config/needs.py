"""The requirements of a study file, and the plugins that it names and are not installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from ..plugins import PluginManager
from .problems import Problems, shown


def add_plugins(
    plugins: PluginManager, sources: Sequence[str], folder: Path, problems: Problems
) -> None:
    """Loads unpackaged plugins; notes those that cannot be loaded."""
    for position, source in enumerate(sources):
        try:
            plugins.add(source, folder)
        except ConfigError as error:
            for fault in error.errors:
                problems.add(("plugins", str(position)), fault.text)


def check_requirements(texts: Sequence[str], problems: Problems) -> None:
    """Notes each requirement that no installed distribution meets."""
    from packaging.requirements import InvalidRequirement, Requirement

    from ..contracts.requirements import unmet

    for position, text in enumerate(texts):
        path = ("requires", str(position))
        try:
            Requirement(text)
        except InvalidRequirement:
            problems.add(path, f"found {shown(text)}, expected one such as 'hpo-acme>=0.3'")
            continue
        lacking = unmet((text,), None)
        if lacking is not None:
            problems.add(path, str(lacking))
