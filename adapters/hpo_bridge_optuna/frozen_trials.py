"""Trials and studies as Optuna's own objects, for the export and for read-only views.

Every parameter is the distribution that it is; a condition is a parameter that is absent. What
Optuna has no place for is in attributes: those of a trial begin with ``hpo_bridge:``
(``hpo_bridge:backend``, ``hpo_bridge:error`` …), that of the study is ``hpo_bridge``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from hpo_bridge.contracts.format import FORMAT
from hpo_bridge.contracts.record import TrialRecord, TrialState

from .exported_names import TRIAL_PREFIX
from .parameter_forms import ParameterForms

STATES = {
    TrialState.COMPLETE: OptunaState.COMPLETE, TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL, TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.WAITING: OptunaState.WAITING,
}  # fmt: skip
WAYS = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}


def study_attributes(definition: Mapping[str, Any], forms: ParameterForms) -> dict[str, Any]:
    """Return the definition of a study and the forms of its parameters, as plain data."""
    return {
        "format": FORMAT, "version": 1, "definition": dict(definition),
        "as_json": forms.as_json, "vectors": forms.vectors,
    }  # fmt: skip


def frozen_trial(
    trial: TrialRecord, objectives: Sequence[str], forms: ParameterForms, now: datetime, *,
    first_id: int = 0,
) -> FrozenTrial:  # fmt: skip
    """Return a trial as Optuna has it.

    Args:
        trial: The trial.
        objectives: The names of the objectives, in order.
        forms: The forms of the space's parameters.
        now: The time of a trial that has begun or ended at an unknown time.
        first_id: The id of the study's first trial.
    """
    params = forms.params(trial.params)
    state = STATES[trial.state]
    begun = trial.state is not TrialState.WAITING
    ended = trial.state.is_final
    started, finished = trial.started, trial.finished
    begin = (_moment(started if started is not None else finished) or now) if begun else None
    end = (_moment(finished if finished is not None else started) or now) if ended else None
    values = None if trial.values is None else [trial.values[name] for name in objectives]
    if trial.state is TrialState.PRUNED and trial.reports and len(objectives) == 1:
        values = [max(trial.reports)[1]]  # of the largest step, as Optuna itself does
    frozen = FrozenTrial(
        number=trial.number, trial_id=first_id + trial.number, state=state, value=None,
        values=values, datetime_start=begin, datetime_complete=end, params=params,
        distributions={name: forms.distributions[name] for name in params},
        user_attrs=_attributes(trial),
        # What waits is to be evaluated as it is, should anybody go on with Optuna.
        system_attrs={} if begun else {"fixed_params": params},
        intermediate_values=dict(trial.reports),
    )  # fmt: skip
    frozen._validate()
    return frozen


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds)


def _attributes(trial: TrialRecord) -> dict[str, Any]:
    """Return the facts for which Optuna has no place."""
    reports = [list(report) for report in trial.reports]
    metrics = [
        {n: None if value != value else value for n, value in each.items()}
        for each in trial.metrics
    ]
    found = {
        "times": [trial.started, trial.finished], "backend": trial.backend,
        "error": trial.error, "attempts": None if trial.attempts == 1 else trial.attempts,
        "metrics": metrics if any(metrics) else None,
        # Optuna's databases keep no order.
        "reports": None if reports == sorted(reports) else reports,
        "standard_errors": None if trial.standard_errors is None else dict(trial.standard_errors),
        "estimate": trial.estimate,
        "gradients": None if trial.gradients is None else dict(trial.gradients),
        "changes": [
            {"step": change.step, "params": dict(change.params), "source": change.source}
            for change in trial.changes
        ] or None,
    }  # fmt: skip
    return {TRIAL_PREFIX + name: value for name, value in found.items() if value is not None}
