"""The run that stands for the study: found again when the study is continued."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from hpo_bridge import __version__
from hpo_bridge.contracts.hooks import StudyInfo
from hpo_bridge.contracts.record import TrialRecord

from .best import Best
from .names import another, as_text, milliseconds, named
from .tracking import Writer, found_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient

STUDY = "hpo_bridge.study"
"""Tag of the study's run and of its trials': the study's identity."""
TRIAL = "hpo_bridge.trial"
"""Tag of a trial's run: its number."""
KIND = "hpo_bridge.kind"
"""Tag: ``study`` or ``trial``."""


class StudyRun:
    """A study's run.

    Args:
        client: The tracking server.
        experiment: The experiment's id.
        study: The study.
        name: The run's name.
        tags: Tags of the user's, for this run and the trials'.

    Attributes:
        writer: Writes to the run.
        metrics: An objective, ``best/`` one, ``param/`` a parameter, ``report/`` what a trial
            measures besides, or one of our own to the name of its metric.
        params: A parameter to its name there.
    """

    def __init__(
        self,
        client: MlflowClient,
        experiment: str,
        study: StudyInfo,
        name: str,
        tags: Mapping[str, str],
    ) -> None:
        self.client, self.experiment, self.study, self.tags = client, experiment, study, tags
        params = [*study.definition.get("space", {})]
        ours = ["report", "seconds", "attempts"]
        ours += [f"best/{objective}" for objective in study.directions]
        self.metrics = named([*study.directions, *ours, *(f"param/{param}" for param in params)])
        self.params = named(params)
        self._best = Best(study.directions)
        mark = {STUDY: study.identity, KIND: "study"}
        found = next(found_runs(client, experiment, mark), None)
        if found is None:
            found = client.create_run(experiment, tags={**tags, **mark}, run_name=name)
        else:
            client.update_run(found.info.run_id, status="RUNNING")
        self.id = str(found.info.run_id)
        self.writer = Writer(client, self.id)
        self._describe()

    def _describe(self) -> None:
        study, tag = self.study, self.writer.tag
        for name, value in self.tags.items():
            tag(name, value)
        tag("hpo_bridge.version", __version__)
        for name in ("name", "store", "backend", "library", "seed", "runner", "pruner"):
            value = getattr(study, name)
            if value != "":
                tag(f"hpo_bridge.{name}", value)
        for name, data in (("options", study.options), ("directions", study.directions)):
            tag(f"hpo_bridge.{name}", json.dumps(data))
        tag("hpo_bridge.space", json.dumps(study.definition.get("space")))
        self.writer.send()

    def measured(self, name: str) -> str:
        """The metric of what trials measure besides at their reports."""
        key = f"report/{name}"
        if key not in self.metrics:
            self.metrics[key] = another(key, self.metrics.values())
        return self.metrics[key]

    def count(self, trial: TrialRecord, *, told: bool = True) -> None:
        """Takes note of a trial that has ended; the best one's values go to this run.

        Args:
            trial: The trial.
            told: Whether it is news; else an earlier run has written it.
        """
        if not self._best.add(trial) or not told or len(self.study.directions) > 1:
            return
        for name, value in (trial.values or {}).items():
            time = milliseconds(trial.finished)
            self.writer.metric(self.metrics[f"best/{name}"], value, time, trial.number)

    def finish(self, error: BaseException | None) -> None:
        """Writes what is left, and how the study ended."""
        status = "FINISHED"
        if error is not None:
            status = "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
            self.writer.tag("hpo_bridge.error", f"{type(error).__name__}: {error}")
        best = self._best.trials
        if best and len(self.study.directions) == 1:
            self.writer.tag("hpo_bridge.best_trial", best[0].number)
            for name, value in best[0].params.items():
                self.writer.tag(f"best.{self.params.get(name, name)}", as_text(value))
        elif best:
            self.writer.tag("hpo_bridge.front", json.dumps([trial.number for trial in best]))
        self.writer.send()
        self.client.set_terminated(self.id, status)
