"""A trial as plain JSON data, and what of it is read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..contracts.record import Change, TrialRecord
from ..errors import SpaceError, short
from ..space.values import as_float, as_int
from ..store.codec import read_metrics, strict_metrics

OPTIONAL_FIELDS = ("reports", "metrics", "standard_errors", "estimate", "gradients", "changes")
"""What some trials have besides parameters and values."""


def plain_trial(trial: TrialRecord) -> dict[str, Any]:
    """All that the store has of a trial, as JSON; a metric that is NaN is ``null`` there."""
    return {
        "number": trial.number,
        "state": trial.state.value,
        "params": dict(trial.params),
        "values": None if trial.values is None else dict(trial.values),
        "backend": trial.backend,
        "started": trial.started,
        "finished": trial.finished,
        "error": trial.error,
        "attempts": trial.attempts,
        "reports": [list(report) for report in trial.reports],
        "changes": [asdict(change) for change in trial.changes],
        "gradients": None if trial.gradients is None else dict(trial.gradients),
        "metrics": [strict_metrics(metrics) for metrics in trial.metrics],
        "standard_errors": None if trial.standard_errors is None else dict(trial.standard_errors),
        "estimate": trial.estimate,
        "reused": trial.reused,
    }


def optional_fields(trial: TrialRecord) -> dict[str, Any]:
    """Return a trial's :data:`OPTIONAL_FIELDS` as JSON; metrics only where there are any."""
    plain = plain_trial(trial)
    if not any(trial.metrics):
        plain["metrics"] = None
    return {name: plain[name] for name in OPTIONAL_FIELDS}


def read_optional_fields(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a :class:`~hpo_bridge.contracts.format.ImportedTrial` in what was written so.

    Raises:
        SpaceError: If it is not of that form.
    """
    found: dict[str, Any] = {}
    for name in OPTIONAL_FIELDS:
        value = plain.get(name)
        if value is None:
            continue
        try:
            found[name] = _READERS[name](value)
        except (TypeError, ValueError, KeyError, AttributeError):
            problem = f"found {short(value)}, expected what an export has"
            raise SpaceError(problem, name) from None
    return found


def _reports(value: Any) -> tuple[tuple[int, float], ...]:
    return tuple((as_int(step), as_float(each)) for step, each in value)


def _metrics(value: Any) -> tuple[dict[str, float], ...]:
    return tuple(read_metrics(dict(each)) for each in value)


def _numbers(value: Any) -> dict[str, float]:
    return {str(name): as_float(each) for name, each in value.items()}


def _slopes(value: Any) -> dict[str, Any]:
    return {
        str(name): [as_float(one) for one in each] if isinstance(each, list) else as_float(each)
        for name, each in value.items()
    }


def _changes(value: Any) -> tuple[Change, ...]:
    return tuple(
        Change(_whole(each["step"]), dict(each["params"]), _whole(each["source"]))
        for each in value
    )


def _whole(value: Any) -> int | None:
    return None if value is None else as_int(value)


_READERS = {
    "reports": _reports, "metrics": _metrics, "standard_errors": _numbers,
    "estimate": as_float, "gradients": _slopes, "changes": _changes,
}  # fmt: skip
