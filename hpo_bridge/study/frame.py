"""A study's trials as a pandas data frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import HpoBridgeError
from ..trial import TrialRecord

if TYPE_CHECKING:
    import pandas


FIXED = ("number", "state", "backend", "started", "finished", "seconds", "error", "estimate")
"""The columns that every study has; the last one only a study with estimates."""


def to_frame(
    trials: Sequence[TrialRecord], objectives: Sequence[str], params: Sequence[str]
) -> pandas.DataFrame:
    """One row per trial; see :meth:`hpo_bridge.Study.to_pandas`.

    Raises:
        HpoBridgeError: If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise HpoBridgeError(
            'to_pandas needs pandas, which is not installed — pip install "hpo-bridge[pandas]"'
        ) from None
    columns: dict[str, Any] = {
        "number": [t.number for t in trials],
        "state": [t.state.value for t in trials],
    }
    for name in objectives:
        # An objective called "state", say, must not hide the column of that name.
        column = f"values.{name}" if name in FIXED else name
        columns[column] = [(t.values or {}).get(name) for t in trials]
    for name in objectives:
        errors = [(t.standard_errors or {}).get(name) for t in trials]
        if any(error is not None for error in errors):
            columns[f"standard_errors.{name}"] = errors
    if any(t.estimate is not None for t in trials):
        columns["estimate"] = [t.estimate for t in trials]
    for name in params:
        columns[f"params.{name}"] = [t.params.get(name) for t in trials]
    columns["backend"] = [t.backend for t in trials]
    for moment in ("started", "finished"):
        times = [getattr(t, moment) for t in trials]
        columns[moment] = pandas.to_datetime(times, unit="s", utc=True)
    columns["error"] = [t.error for t in trials]
    frame = pandas.DataFrame(columns)
    seconds = (frame["finished"] - frame["started"]).dt.total_seconds()
    frame.insert(len(frame.columns) - 1, "seconds", seconds)
    return frame
