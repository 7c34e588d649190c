"""``hpo-bridge replay``: one stored trial once more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..analysis.rerun import Rerun, rerun
from ..contracts.record import TrialRecord
from .printing import load_plugins, print_result, stdout_kept_for_json
from .stored_study import stored_study

DIFFERS = 1
OPTIONS_OF_STUDIES = ("workers", "retries", "order")
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
    """Run a trial again, and print the comparison.

    Returns:
        0, or 1 if a run differs.

    Raises:
        HpoBridgeError: If there is no such trial, or it cannot be run again.
    """

    def watch(step: int, value: float) -> None:
        print(f"trial {number}, step {step}: {value:.6g}", file=sys.stderr, flush=True)

    overrides = [*overrides, NO_PRUNER]
    with (
        stdout_kept_for_json(as_json),
        stored_study(path, url, overrides, runner=runner, check_backend=False) as (store, file),
    ):
        options = {k: v for k, v in file.runner_options.items() if k not in OPTIONS_OF_STUDIES}
        runs = rerun(
            store, file.name, number, file.objective, load_plugins(), times=times,
            tolerance=tolerance, runner=file.runner, options=options, watch=watch,
        )  # fmt: skip
        record = next(store.trials(file.name, first=number))
    same = all(run.same for run in runs)
    print_result(_plain(file.name, record, runs, same), _text(record, runs), as_json)
    return 0 if same else DIFFERS


def _plain(name: str, record: TrialRecord, runs: Sequence[Rerun], same: bool) -> dict[str, Any]:
    return {
        "study": name,
        "trial": record.number,
        "state": record.state.value,
        "values": None if record.values is None else dict(record.values),
        "error": record.error,
        "same": same,
        "runs": [{k: v for k, v in asdict(run).items() if k != "number"} for run in runs],
    }


def _text(record: TrialRecord, runs: Sequence[Rerun]) -> str:
    values = ", ".join(f"{name} {value!r}" for name, value in (record.values or {}).items())
    lines = [f"trial {record.number}: {record.state.value} {values}".rstrip()]
    for count, run in enumerate(runs, 1):
        begin = f"run {count}: " if len(runs) > 1 else ""
        lines.append(begin + ("same" if run.difference is None else f"differs: {run.difference}"))
    return "\n".join(lines)
