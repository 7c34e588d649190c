"""``hpo-bridge dashboard``: the studies of a store in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..store import Store, open_store
from .common_options import StudyArguments
from .printing import load_plugins, quiet_libraries
from .stored_study import study_to_read


def show_dashboard(given: StudyArguments, *, host: str, port: int, browser: bool) -> None:
    """Serve the dashboard until Ctrl-C."""
    with _opened(given) as (store, study), quiet_libraries():
        options = {"study": study, "host": host, "port": port, "browser": browser}
        load_plugins().build("view", "dashboard", options, store)


@contextmanager
def _opened(given: StudyArguments) -> Iterator[tuple[Store, str | None]]:
    """Yield a store, and the name of the study whose page is to be shown, if one is named."""
    if given.store is None or given.path or given.name or given.overrides:
        with study_to_read(given) as read:
            yield read.store, read.name
        return
    store = open_store(given.store, create=False)
    try:
        yield store, None
    finally:
        store.close()
