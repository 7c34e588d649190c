"""Studies as a store has them: one to go on with, or a list of all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..config.study_config import StudyConfig
from ..contracts.argument_checks import optional_text
from ..contracts.directions import Objectives
from ..contracts.record import TrialRecord, TrialState
from ..engine.schedule_cursor import last_session
from ..engine.study_lookup import best_trial, find_study, read_definition
from ..errors import StudyNotFound
from ..habits import hinted
from ..store import Store, StudyRow
from .arguments import store_of
from .opened import OpenedStudy
from .study import Study, study_of


@hinted()
def load_study(name: str | None = None, *, store: str | os.PathLike[str] | Store) -> Study:
    """Open a stored study; its space, directions, seed and backend are those of the store.

    Nothing is created, no lease is taken, and no backend need be installed, until the study is
    driven by ``optimize``, ``ask``, ``tell``, ``enqueue`` or ``import_trials``: then it goes on
    with the backend, and the options, of its last session (``core.random`` if it has had none).

    The store keeps no pruner, observers, treatment of duplicates or folder for checkpoints, and of
    a schedule of backends only the one at work: a study that needs them is declared again by
    :class:`hpo_bridge.Study`, or by its study file.

    Args:
        name: The study's name; may be left out where the store has one study.
        store: A URL, the path of a SQLite database, or an open store; see :class:`Study`.

    Raises:
        StudyNotFound: If the store has no such study; names those that are there.
        StoreError: If there is no store, it cannot be read, or it has several studies and no
            name is given.

    Example:
        >>> from hpo_bridge import Float, Space
        >>> from hpo_bridge.store import MemoryStore
        >>> store = MemoryStore()
        >>> study = Study(Space(x=Float(-1, 1)), store=store, name="demo", seed=0)
        >>> study.optimize(lambda trial: trial["x"] ** 2, trials=5)
        >>> load_study("demo", store=store).best == study.best
        True
    """
    opened, owned = store_of(store, create=False)
    try:
        config = stored_config(opened, find_study(opened, optional_text("name", name)))
        return study_of(OpenedStudy(config, loaded=True, owns_store=owned))
    except BaseException as error:
        if owned:
            opened.close()
        if isinstance(error, StudyNotFound):
            raise error.under("name") from None
        raise


def stored_config(store: Store, row: StudyRow) -> StudyConfig:
    """Return the settings of a study, as far as its store has them.

    Raises:
        StoreError: If this version cannot read them.
    """
    definition = read_definition(store, row)
    last = last_session(store, row.name)
    backend: Mapping[str, Any] = {"name": "core.random"}
    if last is not None:
        backend = {"name": last.backend, "options": last.options, "handover": last.handover}
    return StudyConfig(
        definition.space, backend=backend, directions=definition.objectives.directions,
        seed=definition.seed, store=store, name=row.name,
    )  # fmt: skip


@dataclass(frozen=True)
class StudySummary:
    """A study of a store, in a few figures.

    Attributes:
        name: Its name.
        directions: Objective to ``minimize`` or ``maximize``.
        counts: Number of trials by state; every state is a key.
        best: Its best trial; ``None`` if no trial is complete, or it has several objectives.
        backend: The backend of its last session; ``None`` before the first.
        created: When it was made, in seconds since the epoch.
        seconds: For how long it has run, in all.
        driver: The process that runs it now, in words; ``None`` if none does.
    """

    name: str
    directions: Mapping[str, str]
    counts: Mapping[TrialState, int]
    best: TrialRecord | None
    backend: str | None
    created: float
    seconds: float
    driver: str | None

    @property
    def trials(self) -> int:
        """Number of trials, in whatever state."""
        return sum(self.counts.values())


@hinted()
def studies(store: str | os.PathLike[str] | Store) -> list[StudySummary]:
    """Return the studies of a store, by name; creates nothing.

    Args:
        store: A URL, the path of a SQLite database, or an open store.

    Raises:
        StoreError: If there is no store, or it cannot be read.

    Example:
        >>> from hpo_bridge import Float, Space
        >>> from hpo_bridge.store import MemoryStore
        >>> store = MemoryStore()
        >>> Study(Space(x=Float(-1, 1)), store=store, name="demo").optimize(abs, trials=0)
        >>> [(each.name, each.trials) for each in studies(store)]
        [('demo', 0)]
    """
    with _existing(store) as opened:
        rows = [opened.study(name) for name in opened.names()]
        return [summary_of(opened, row) for row in rows if row is not None]


def summary_of(store: Store, row: StudyRow) -> StudySummary:
    """Return the figures of one study; of a later version, whatever can be read."""
    directions, best = dict(row.definition.get("directions") or {}), None
    if len(directions) == 1:
        best = best_trial(store, row.name, Objectives(directions))
    return StudySummary(
        row.name, directions, store.counts(row.name), best, row.backend, row.created,
        row.seconds, row.driver,
    )  # fmt: skip


@contextmanager
def _existing(store: Any) -> Iterator[Store]:
    """Yield a store that is there, closed at the end if it was opened here."""
    opened, owned = store_of(store, create=False)
    try:
        yield opened
    finally:
        if owned:
            opened.close()


__all__ = ["StudySummary", "load_study", "studies"]
