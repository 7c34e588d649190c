"""The pruner of a study: its errors, and what it learns of trials that ran elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.interrupts import call_backend
from ..contracts.optimizer import Estimates, Pruner
from ..contracts.record import TrialState
from ..errors import BackendError, HpoBridgeError
from ..plugins import PluginManager, fault_text, neutral_surroundings
from ..store.event_types import Finished, Imported, Reported
from ..store.trial_table import TrialTable
from .study_log import StudyLog

_NAME = "the pruner"


class StudyPruner:
    """A pruner whose errors name its plugin and the line, called so that Ctrl-C gets out of it.

    Args:
        plugins: Where to find the pruner.
        name: Its name.
        options: Its options.

    Attributes:
        built: The plugin's own object.

    Raises:
        UnknownName, InvalidOptions, BackendError: If it cannot be built.
    """

    def __init__(self, plugins: PluginManager, name: str, options: Mapping[str, Any]) -> None:
        self.built: Pruner = call_backend(_NAME, plugins.build, "pruner", name, options)
        self._offer = plugins.find("pruner", name)

    def should_prune(self, number: int, reports: Sequence[tuple[int, float]]) -> bool:
        """See :meth:`hpo_bridge.contracts.optimizer.Pruner.should_prune`."""
        return bool(self._call("should_prune", number, reports))

    def finished(
        self,
        number: int,
        state: TrialState,
        loss: float | None,
        reports: Sequence[tuple[int, float]],
    ) -> None:
        """See :meth:`hpo_bridge.contracts.optimizer.Pruner.finished`."""
        self._call("finished", number, state, loss, reports)

    def estimate(self, number: int, reports: Sequence[tuple[int, float]]) -> float | None:
        """Return the pruner's estimate of the final loss, if it has a finite one."""
        if not reports or not isinstance(self.built, Estimates):
            return None
        loss: float | None = self._call("estimate", number, reports)
        return loss if loss is not None and math.isfinite(loss) else None

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            with neutral_surroundings():
                return call_backend(_NAME, getattr(self.built, method), *arguments)
        except HpoBridgeError:
            raise
        except Exception as error:
            what = f"pruner {self._offer.label} failed in {method}"
            raise BackendError(fault_text(what, error, self._offer.package)) from error


def learn_imported(pruner: StudyPruner, trial: Imported, objectives: Objectives) -> None:
    """Tells a pruner of an imported trial as if it had run here.

    Args:
        pruner: Is asked after each report, and its answers are ignored.
        trial: The trial.
        objectives: What is measured.
    """
    reports: list[tuple[int, float]] = []
    for step, value in trial.reports:
        reports.append((step, objectives.sign * value))
        pruner.should_prune(trial.trial, reports)
    pruner.finished(trial.trial, trial.state, objectives.first_loss(trial.values), reports)


def pruner_of_log(pruner: StudyPruner, log: StudyLog, objectives: Objectives) -> StudyPruner:
    """Return a new pruner after every report and end so far, in the order of the log."""
    table, sign = TrialTable(), objectives.sign
    for event in log.store.events(log.name):
        if isinstance(event, Reported):  # the pruner has losses
            event = replace(event, value=sign * event.value)
        table.apply(event)
        match event:
            case Reported():
                pruner.should_prune(event.trial, table.rows[event.trial].reports)
            case Imported():
                learn_imported(pruner, event, objectives)
            case Finished():
                loss = objectives.first_loss(event.values)
                pruner.finished(event.trial, event.state, loss, table.rows[event.trial].reports)
                if event.state is not TrialState.FAILED:  # that may be tried again
                    del table.rows[event.trial]
    return pruner
