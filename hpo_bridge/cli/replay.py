"""``hpo-bridge replay``: one stored trial once more."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..analysis.replay import Rerun, rerun
from ..config import StudyFile, load_study_file
from ..contracts.record import TrialRecord
from ..store import Store, open_store
from .output import kept_for_json, loaded_plugins

ANOTHER = 1
STUDYS_OWN = ("workers", "retries", "order")
"""Options of a runner that say how a study is run, not how a trial is."""
NO_PRUNER = "pruner=null"
"""The trial stops where it stopped; its pruner, and the runner that this may need, are not."""


def replay_trial(
    path: Path,
    number: int,
    url: str | None,
    overrides: Sequence[str],
    *,
    times: int,
    tolerance: float,
    runner: str,
    as_json: bool,
) -> int:
    """Runs a trial again, and prints whether it comes out the same.

    Returns:
        0, or 1 if a run differs.

    Raises:
        HpoBridgeError: If there is no such trial, or it cannot be run again.
    """
    with kept_for_json(as_json):
        file = load_study_file(
            path, plugins=loaded_plugins(), overrides=[*overrides, NO_PRUNER], store=url,
            runner=runner, check_backend=False,
        )  # fmt: skip
        store = open_store(file.store, create=False)
        try:
            runs = _run(store, file, number, times, tolerance)
            record = next(store.trials(file.name, first=number))
        finally:
            store.close()
    print(json.dumps(_plain(file.name, record, runs)) if as_json else _text(record, runs))
    return 0 if all(run.same for run in runs) else ANOTHER


def _run(
    store: Store, file: StudyFile, number: int, times: int, tolerance: float
) -> tuple[Rerun, ...]:
    options = {k: v for k, v in file.runner_options.items() if k not in STUDYS_OWN}
    return rerun(
        store, file.name, number, file.objective, loaded_plugins(), times=times,
        tolerance=tolerance, runner=file.runner, options=options,
        watch=lambda step, value: _show(number, step, value),
    )  # fmt: skip


def _show(number: int, step: int, value: float) -> None:
    print(f"trial {number}, step {step}: {value:.6g}", file=sys.stderr, flush=True)


def _plain(name: str, record: TrialRecord, runs: Sequence[Rerun]) -> dict[str, Any]:
    return {
        "study": name,
        "trial": record.number,
        "state": record.state.value,
        "values": None if record.values is None else dict(record.values),
        "error": record.error,
        "same": all(run.same for run in runs),
        "runs": [
            {
                "state": run.state.value,
                "values": None if run.values is None else dict(run.values),
                "reports": [list(report) for report in run.reports],
                "error": run.error,
                "difference": run.difference,
            }
            for run in runs
        ],
    }


def _text(record: TrialRecord, runs: Sequence[Rerun]) -> str:
    values = ", ".join(f"{name} {value!r}" for name, value in (record.values or {}).items())
    lines = [f"trial {record.number}: {record.state.value} {values}".rstrip()]
    for count, run in enumerate(runs, 1):
        begin = f"run {count}: " if len(runs) > 1 else ""
        lines.append(begin + ("same" if run.difference is None else f"differs: {run.difference}"))
    return "\n".join(lines)
