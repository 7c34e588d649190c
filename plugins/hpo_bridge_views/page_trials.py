"""Trials as the dashboard's page gets them: JSON texts, made once for each trial."""

from __future__ import annotations

import json
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hpo_bridge_optuna.exported_names import TRIAL_PREFIX
from hpo_bridge_optuna.study_reader import StudyReader
from optuna.trial import FrozenTrial
from optuna_dashboard._serializer import serialize_frozen_trial

from hpo_bridge.contracts.record import TrialRecord

from .thinning import thinned

MOST_REPORTS = 100
"""Number of intermediate values of a trial that are drawn."""
LONGEST_ERROR = 1000
"""Characters of an error that are shown."""
LEFT_OUT = ("times", "reports", "metrics")
"""What an export keeps and a page would show twice, or as text without end."""


@dataclass(frozen=True, slots=True)
class PageTrial:
    """A trial as the page gets it.

    Attributes:
        record: What it was made of.
        text: The JSON.
        params: The names of its parameters.
        attributes: Each attribute's name, and whether it is a number.
        has_reports: Whether it has intermediate values.
    """

    record: TrialRecord
    text: str
    params: frozenset[str]
    attributes: Mapping[str, bool]
    has_reports: bool


def page_trial(study: StudyReader, record: TrialRecord) -> PageTrial:
    """Return a trial as the page gets it, with at most so many points of its curve."""
    error = record.error
    if error is not None and len(error) > LONGEST_ERROR:
        error = f"{error[:LONGEST_ERROR]} …"
    # The measurements at each step are not drawn.
    frozen = study.freeze(
        replace(record, reports=some_reports(record.reports), metrics=(), error=error)
    )
    frozen._user_attrs = _shown_attributes(frozen)
    return PageTrial(
        record, json.dumps(serialize_frozen_trial(study.study_id, frozen, {})),
        frozenset(frozen.params),
        {
            name: isinstance(value, numbers.Real) and not isinstance(value, bool)
            for name, value in frozen.user_attrs.items()
        },
        bool(frozen.intermediate_values),
    )  # fmt: skip


def some_reports(reports: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """Return at most :data:`MOST_REPORTS` reports by step, evenly, the last one included."""
    return tuple(thinned(sorted(reports, key=lambda report: report[0]), MOST_REPORTS))


def _shown_attributes(trial: FrozenTrial) -> dict[str, Any]:
    names = {key: key.removeprefix(TRIAL_PREFIX) for key in trial.user_attrs}
    return {name: trial.user_attrs[key] for key, name in names.items() if name not in LEFT_OUT}
