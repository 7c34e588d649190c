"""A study's trials in the files of other tools."""

from __future__ import annotations

from dataclasses import dataclass

from ..plugins import PluginManager
from ..store import Store
from .format_lookup import shown, writer_of
from .stored_history import study_history


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


def export_history(
    plugins: PluginManager, store: Store, name: str, target: str, format: str | None, *,
    overwrite: bool = False,
) -> ExportReport:  # fmt: skip
    """Writes a study's trials; also while it runs.

    Raises:
        HistoryError: If the target is there already, or cannot be written.
        StudyNotFound: If there is no such study.
    """
    study = study_history(store, name)
    kind, writer = writer_of(plugins, target, format)
    written = writer.write(target, study, overwrite=overwrite)
    return ExportReport(shown(target), kind, written.trials, tuple(written.notes))
