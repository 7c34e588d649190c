"""Many trials into one of Optuna's SQLite storages, in one transaction.

Optuna writes a trial with some fifteen queries and a commit: ten thousand take a minute or
more. These are the same rows, table by table, by the storage's own models; a test compares them
with what Optuna's own way leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial
from sqlalchemy import func, insert, select

AT_ONCE = 2000
"""Trials whose rows are in memory at a time."""
Rows = dict[Any, list[dict[str, Any]]]


def insert_trials(storage: RDBStorage, study: int, trials: Iterable[FrozenTrial]) -> int:
    """Add trials to a study that has none.

    Args:
        storage: On SQLite, whose transactions exclude each other.
        study: Its id.
        trials: In the order of their numbers.

    Returns:
        How many there were.
    """
    count = 0
    with storage.engine.begin() as connection:
        last = connection.execute(select(func.max(models.TrialModel.trial_id))).scalar() or 0
        for batch in _batches(trials):
            rows: Rows = {models.TrialModel: []}
            for trial in batch:
                count += 1
                rows[models.TrialModel].append(_row(trial, study, last + count, count - 1))
                _collect(rows, trial, last + count)
            for model, found in rows.items():
                connection.execute(insert(model.__table__), found)
    return count


def _batches(trials: Iterable[FrozenTrial]) -> Iterator[list[FrozenTrial]]:
    batch: list[FrozenTrial] = []
    for trial in trials:
        batch.append(trial)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(trial: FrozenTrial, study: int, key: int, number: int) -> dict[str, Any]:
    made = models.TrialModel()  # knows how a time is stored
    made.datetime_start, made.datetime_complete = trial.datetime_start, trial.datetime_complete
    return {
        "trial_id": key, "number": number, "study_id": study, "state": trial.state,
        "datetime_start": made._datetime_start_utc,
        "datetime_complete": made._datetime_complete_utc,
    }  # fmt: skip


def _collect(rows: Rows, trial: FrozenTrial, key: int) -> None:
    def add(model: Any, **row: Any) -> None:
        rows.setdefault(model, []).append({"trial_id": key, **row})

    for objective, number in enumerate(trial.values or ()):
        value, kind = models.TrialValueModel.value_to_stored_repr(number)
        add(models.TrialValueModel, objective=objective, value=value, value_type=kind)
    for name, param in trial.params.items():
        distribution = trial.distributions[name]
        add(
            models.TrialParamModel,
            param_name=name,
            param_value=distribution.to_internal_repr(param),
            distribution_json=distribution_to_json(distribution),
        )
    for model, found in (
        (models.TrialUserAttributeModel, trial.user_attrs),
        (models.TrialSystemAttributeModel, trial.system_attrs),
    ):
        for name, attribute in found.items():
            add(model, key=name, value_json=json.dumps(attribute))
    for step, number in trial.intermediate_values.items():
        stored = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(number)
        add(models.TrialIntermediateValueModel, step=step, intermediate_value=stored[0],
            intermediate_value_type=stored[1])  # fmt: skip
