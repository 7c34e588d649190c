"""The observer ``tensorboard``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from hpo_bridge.contracts.hooks import StudyInfo, hookimpl
from hpo_bridge.contracts.record import TrialRecord
from hpo_bridge.errors import short

from .trials import ENDED, TrialFile, folder_of


class TensorBoard:
    """Writes event files: a folder for each trial, with its scalars and its row of the table.

    Args:
        logdir: The folder for all studies, each in one of its own; relative to the current
            folder. By default ``tensorboard`` beside the study's database; without one in the
            current folder.
    """

    def __init__(self, *, logdir: str | None = None) -> None:
        if logdir is not None and (not isinstance(logdir, str) or not logdir):
            raise TypeError(f"logdir: found {short(logdir)}, expected a folder")
        self._logdir = logdir
        self._root: Path | None = None
        self._open: dict[int, TrialFile] = {}

    @hookimpl
    def hpo_study_started(self, study: StudyInfo, ended: Iterable[TrialRecord]) -> None:
        """Writes the trials that are not there yet."""
        self._open = {}
        beside = (study.folder or Path.cwd()) / "tensorboard"
        root = (Path(self._logdir) if self._logdir else beside) / study.identity
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        for trial in ended:
            if not (folder_of(root, trial) / ENDED).exists():
                TrialFile(root, trial).finish(trial)

    @hookimpl
    def hpo_trial_started(self, trial: TrialRecord) -> None:
        """Begins the file of an attempt."""
        if self._root is not None:  # else the folder could not be made, which was said
            self._close(trial.number)
            self._open[trial.number] = TrialFile(self._root, trial)

    @hookimpl
    def hpo_trial_reported(
        self, trial: TrialRecord, step: int, value: float, metrics: Mapping[str, float]
    ) -> None:
        """Writes an intermediate value, and what was measured besides."""
        if trial.number in self._open:
            self._open[trial.number].report(step, value, metrics)

    @hookimpl
    def hpo_trial_requeued(self, trial: TrialRecord) -> None:
        """Ends the file of an attempt."""
        self._close(trial.number)

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Writes how a trial has ended."""
        if self._root is not None:
            file = self._open.pop(trial.number, None) or TrialFile(self._root, trial)
            file.finish(trial)

    @hookimpl
    def hpo_study_finished(self) -> None:
        """Ends what is open."""
        for number in tuple(self._open):
            self._close(number)

    def _close(self, number: int) -> None:
        file = self._open.pop(number, None)
        if file is not None:
            file.close()
