"""Views of stored studies: pictures and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ..contracts.view import View
from ..plugins import PluginManager
from ..store import Store
from .stored_history import study_history


def build_view(
    plugins: PluginManager,
    name: str,
    studies: Sequence[tuple[Store, str]],
    options: Mapping[str, Any],
    *,
    study_file: str | None = None,
) -> View:
    """Return a picture or a report of studies.

    Args:
        plugins: The plugins.
        name: The view's name.
        studies: Each study's store and its name there.
        options: The view's options.
        study_file: The text of the first study's file, if it was opened by one.

    Raises:
        UnknownName: If there is no such view, or what makes it is not installed.
        InvalidOptions: If it has no such option.
        StudyNotFound: If a store has no such study.
    """
    plugins.find("view", name)
    histories = [study_history(store, study) for store, study in studies]
    read = [replace(each, trials=tuple(each.trials)) for each in histories]
    read[0] = replace(read[0], study_file=study_file)
    return cast("View", plugins.build("view", name, options, read))
