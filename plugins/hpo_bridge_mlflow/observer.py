"""The observer ``mlflow``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hpo_bridge.contracts.hooks import StudyInfo, hookimpl
from hpo_bridge.contracts.options import flag
from hpo_bridge.contracts.record import Change, TrialRecord
from hpo_bridge.errors import short

from .flat import Flat
from .nested import Nested
from .study_run import StudyRun
from .tracking import connected, experiment


class Mlflow:
    """Writes a study into MLflow: a run for the study, and a nested run for each trial.

    Args:
        tracking_uri: The tracking server, such as ``http://host:5000`` or
            ``sqlite:////data/mlflow.db``. By default what MLflow has been told, by
            ``MLFLOW_TRACKING_URI`` or ``mlflow.set_tracking_uri``; without that the database
            ``mlflow.db`` in the folder of the study's own.
        experiment: The experiment's name; by default the study's.
        run_name: The name of the study's run; by default the study's.
        tags: Name to text; on the study's run and on the trials'.
        nested: Whether each trial has a run. Else all are in the study's run, by step.
    """

    def __init__(
        self,
        *,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        run_name: str | None = None,
        tags: Mapping[str, Any] | None = None,
        nested: bool = True,
    ) -> None:
        self._uri = _text("tracking_uri", tracking_uri)
        self._experiment = _text("experiment", experiment)
        self._run_name = _text("run_name", run_name)
        self._tags = _tags(tags)
        self._nested = flag("nested", nested)
        self._run: StudyRun | None = None
        self._trials: Nested | Flat | None = None

    @hookimpl
    def hpo_study_started(self, study: StudyInfo, ended: Iterable[TrialRecord]) -> None:
        """Finds or begins the study's run, and writes the trials that are not there yet."""
        self._run = self._trials = None
        client, artifacts = connected(self._uri, study.folder)
        number = experiment(client, self._experiment or study.name, artifacts)
        self._run = StudyRun(client, number, study, self._run_name or study.name, self._tags)
        self._trials = (Nested if self._nested else Flat)(self._run, ended)

    @hookimpl
    def hpo_trial_started(self, trial: TrialRecord) -> None:
        """Begins a run, or goes on with it."""
        if self._trials is not None:  # else the server could not be reached, which was said
            self._trials.started(trial)

    @hookimpl
    def hpo_trial_reported(
        self, trial: TrialRecord, step: int, value: float, metrics: Mapping[str, float]
    ) -> None:
        """Writes an intermediate value, and what was measured besides."""
        if self._trials is not None:
            self._trials.reported(trial, step, value, metrics)

    @hookimpl
    def hpo_trial_changed(self, trial: TrialRecord, change: Change) -> None:
        """Writes what has changed."""
        if self._trials is not None:
            self._trials.changed(trial, change)

    @hookimpl
    def hpo_trial_requeued(self, trial: TrialRecord, reason: str, kind: str) -> None:
        """Writes why an attempt has ended without result."""
        if self._trials is not None:
            self._trials.requeued(trial, reason, kind)

    @hookimpl
    def hpo_trial_finished(self, trial: TrialRecord) -> None:
        """Writes how a trial has ended."""
        if self._trials is not None:
            self._trials.finished(trial)

    @hookimpl
    def hpo_study_finished(self, error: BaseException | None) -> None:
        """Writes how the study has ended."""
        if self._run is None:
            return
        try:
            if self._trials is not None:
                self._trials.close()
        finally:
            self._run.finish(error)
            self._run = self._trials = None


def _text(name: str, value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise TypeError(f"{name}: found {short(value)}, expected a text")
    return value


def _tags(tags: Any) -> dict[str, str]:
    if tags is None:
        return {}
    if not isinstance(tags, Mapping) or not all(isinstance(name, str) and name for name in tags):
        raise TypeError(f"tags: found {short(tags)}, expected a mapping such as {{team: vision}}")
    for name in tags:
        if name.startswith(("hpo_bridge.", "mlflow.")) and name != "mlflow.note.content":
            raise ValueError(f"tags: {name!r} is a name that is not free to use")
    return {name: str(value) for name, value in tags.items()}
