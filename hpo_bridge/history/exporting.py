"""A study's trials in the files of other tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..contracts.directions import Objectives
from ..contracts.format import StudyToWrite
from ..contracts.record import TrialRecord
from ..errors import StudyNotFound
from ..plugins import PluginManager
from ..space import Space
from ..store import Store
from .format_lookup import shown, writer_of


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The result of an export.

    Attributes:
        target: What was written, without a password.
        format: In which format.
        trials: How many trials it has.
        notes: What it holds in another form than the study, a line each.
    """

    target: str
    format: str
    trials: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Trials:
    """The trials of a study, read from its store each time that they are gone through."""

    store: Store
    name: str

    def __iter__(self) -> Iterator[TrialRecord]:
        return self.store.trials(self.name)


def study_to_write(store: Store, name: str) -> StudyToWrite:
    """Return a stored study with its trials, which are read when they are gone through.

    Raises:
        StudyNotFound: If there is no such study.
    """
    row = store.study(name)
    if row is None:
        raise StudyNotFound(f"no study {name!r} in {store.url}")
    definition = row.definition
    space = Space.from_plain(definition["space"], definition["constraints"])
    directions = Objectives(definition["directions"]).directions
    return StudyToWrite(
        name, space, directions, int(definition["seed"]), definition, _Trials(store, name)
    )


def export_history(
    plugins: PluginManager, store: Store, name: str, target: str, format: str | None, *,
    overwrite: bool = False,
) -> ExportReport:  # fmt: skip
    """Writes a study's trials; also while it runs.

    Raises:
        HistoryError: If the target is there already, or cannot be written.
        StudyNotFound: If there is no such study.
    """
    study = study_to_write(store, name)
    kind, writer = writer_of(plugins, target, format)
    written = writer.write(target, study, overwrite=overwrite)
    return ExportReport(shown(target), kind, written.trials, tuple(written.notes))
