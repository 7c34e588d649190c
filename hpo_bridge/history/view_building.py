"""Views of stored studies: pictures and reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ..contracts.specs import BackendSpec, ViewSpec
from ..contracts.study_history import SessionRecord
from ..contracts.view import View
from ..errors import UnknownName
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
    spec = plugins.find("view", name).spec
    if isinstance(spec, ViewSpec) and spec.live:
        raise UnknownName(
            f"view {name!r} shows a store live, and is no picture", fix=f"run hpo-bridge {name}"
        )
    histories = [study_history(store, study) for store, study in studies]
    read = [replace(each, trials=tuple(each.trials)) for each in histories]
    read = [replace(each, sessions=_with_startup(plugins, each.sessions)) for each in read]
    read[0] = replace(read[0], study_file=study_file)
    return cast("View", plugins.build("view", name, options, read))


def _with_startup(
    plugins: PluginManager, sessions: Sequence[SessionRecord]
) -> tuple[SessionRecord, ...]:
    """Return the sessions with the number of trials before their backend's model is in use."""
    specs = {offer.spec.name: offer.spec for offer in plugins.offers("backend")}

    def startup(session: SessionRecord) -> int | None:
        spec = specs.get(session.backend)
        if not isinstance(spec, BackendSpec) or spec.startup is None:
            return None
        option, default = spec.startup
        given = session.options.get(option, default)
        return given if isinstance(given, int) else default

    return tuple(replace(session, startup=startup(session)) for session in sessions)
