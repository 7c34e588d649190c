"""Views of stored studies: pictures and reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from ..contracts.specs import BackendSpec, ViewSpec
from ..contracts.study_history import SessionRecord, StudyHistory
from ..contracts.view import View
from ..errors import UnknownName
from ..plugins import PluginManager
from ..store import Store
from ..store.event_types import Requeued
from ..store.study_events import SessionStarted
from .space_change import space_version
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
    histories = [viewed_history(plugins, store, study) for store, study in studies]
    histories[0] = replace(histories[0], study_file=study_file)
    return cast("View", plugins.build("view", name, options, histories))


def viewed_history(plugins: PluginManager, store: Store, name: str) -> StudyHistory:
    """Return a study with its trials read, and with what else its log says of it."""
    history = study_history(store, name)
    sessions = [_session(event) for event in store.events_of(name, SessionStarted)]
    return replace(
        history,
        trials=tuple(history.trials),
        sessions=_with_startup(plugins, sessions),
        requeued=Counter(event.cause for event in store.events_of(name, Requeued)),
        space_version=space_version(store, name),
    )


def _session(event: SessionStarted) -> SessionRecord:
    return SessionRecord(
        event.backend, event.time, event.options, event.library or "", event.runner, event.fresh
    )


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
