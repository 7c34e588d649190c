"""The folder of a Ray Tune experiment as a source of trials.

Read as data: the state of the experiment (``experiment_state-….json``), and of each trial
``params.json``, ``result.json`` (or ``progress.csv``) and ``error.txt``. The pickles beside them
(``params.pkl``, ``tuner.pkl``, …) are not opened, and Ray need not be installed.

What one has to know of Tune:

* Nested parameters are called by their path: ``model/layers``.
* The value of a trial is that of its last result; every result is a report, with its
  ``training_iteration`` as the step and the other numbers as metrics.
* Nothing says which way a metric is better: it is taken to be the study's.
* A trial that a scheduler has stopped is ``TERMINATED`` like one that ended by itself. Only its
  last result says ``done``; so it is one that was pruned, if others went on for longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo_bridge.contracts.format import History, ImportedTrial, ImportRequest
from hpo_bridge.contracts.record import Change, TrialState
from hpo_bridge.errors import HistoryError, nearest

from .experiment_folder import STATE, Run, read_run, read_states

STEP = "training_iteration"
OWN = {
    "checkpoint_dir_name", "date", "done", "experiment_tag", "hostname",
    "iterations_since_restore", "node_ip", "pid", "should_checkpoint", "time_since_restore",
    "time_this_iter_s", "time_total_s", "timestamp", STEP, "trial_id", "timesteps_total",
    "episodes_total", "warmup_time", "experiment_id",
}  # fmt: skip
"""What Tune itself puts into a result."""
ENDED = ("TERMINATED", "ERROR")
OPEN = ("PENDING", "RUNNING", "PAUSED")
"""Tune's words for trials that have ended, and for those that have not."""


class Experiment:
    """Reads folders that Ray Tune wrote."""

    def recognises(self, source: Any) -> bool:
        """Return ``True`` for a folder with a state of an experiment, or with trials' folders."""
        if not isinstance(source, str) or not Path(source).is_dir():
            return False
        folder = Path(source)
        return any(folder.glob(STATE)) or any(folder.glob("*/params.json"))

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """The trials, by their ids."""
        folder = Path(source)
        if not folder.is_dir():
            raise HistoryError(f"{source}: is no folder, expected one of a Ray Tune experiment")
        states, metric, notes = read_states(folder)
        runs = [read_run(each, states) for each in sorted(folder.glob("*/params.json"))]
        if not runs:
            raise HistoryError(
                f"{source}: has no trials (no folder in it has params.json); the folder of one "
                "experiment is meant"
            )
        runs.sort(key=lambda run: run.label)
        objectives = _objectives(runs, wanted, metric, source)
        idle = _idle(runs, wanted)
        longest = max((_step(run.results[-1]) for run in runs if run.results), default=0)
        trials = [_past(run, objectives, idle, longest) for run in runs]
        notes += [*_unknown(runs), *_notes(trials, idle)]
        return History(source, dict.fromkeys(objectives), trials, notes)


def _unknown(runs: Sequence[Run]) -> list[str]:
    words = {run.status for run in runs} - {*ENDED, *OPEN, None}
    if not words:
        return []
    found = ", ".join(sorted(map(str, words)))
    return [f"states that are not known: {found}; taken by what the trials reported"]


def _notes(trials: Sequence[ImportedTrial], idle: frozenset[str]) -> list[str]:
    notes = []
    if idle:
        notes.append(f"the same in every trial, left out: {', '.join(sorted(idle))}")
    pruned = sum(trial.state is TrialState.PRUNED for trial in trials)
    if pruned:
        were = "1 trial was" if pruned == 1 else f"{pruned} trials were"
        notes.append(f"{were} stopped before the longest: taken as pruned")
    return notes


def _numbers(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a result by name, without Tune's own."""
    return {
        name: float(value)
        for name, value in result.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        and name not in OWN and not name.startswith("config/")
    }  # fmt: skip


def _objectives(
    runs: Sequence[Run], wanted: ImportRequest, metric: str | None, source: str
) -> tuple[str, ...]:
    """The metrics that are the study's objectives."""
    found: dict[str, None] = {}
    for run in runs:
        for result in run.results:
            found |= dict.fromkeys(_numbers(result))
    if len(wanted.objectives) == 1 and wanted.objectives[0] not in found and metric in found:
        return (str(metric),)
    for name in wanted.objectives:
        if name not in found:
            raise HistoryError(
                f"{source}: no trial reported {name!r}{nearest(name, list(found))}; they reported "
                f"{', '.join(found) or 'nothing'}; --map METRIC={name} names the one that is meant"
            )
    return wanted.objectives


def _idle(runs: Sequence[Run], wanted: ImportRequest) -> frozenset[str]:
    """The parameters that the study has not and that never varied: data paths and the like."""
    names = {name for run in runs for name in run.config} - set(wanted.params)
    return frozenset(
        name for name in names
        if len({repr(run.config.get(name)) for run in runs}) == 1
        and all(name in run.config for run in runs)
    )  # fmt: skip


def _step(result: Mapping[str, Any]) -> int:
    step = result.get(STEP, 0)
    return int(step) if isinstance(step, (int, float)) and step == step else 0


def _past(
    run: Run, objectives: Sequence[str], idle: frozenset[str], longest: int
) -> ImportedTrial:
    params = {name: value for name, value in run.config.items() if name not in idle}
    state = _state(run, longest)
    last = _numbers(run.results[-1]) if run.results else {}
    reports, metrics = [], []
    for result in run.results:
        numbers = _numbers(result)
        if objectives[0] in numbers:
            reports.append((_step(result), numbers.pop(objectives[0])))
            metrics.append(numbers)
    return ImportedTrial(
        f"trial {run.label}", state, params,
        {name: last[name] for name in objectives if name in last} or None,
        run.started, _ended(run), run.error, reports, metrics=metrics,
        changes=list(_changes(run, set(params))),
    )  # fmt: skip


def _state(run: Run, longest: int) -> TrialState:
    if run.error is not None or run.status == "ERROR":
        return TrialState.FAILED
    if run.status in OPEN:
        return TrialState.RUNNING
    if not run.results:
        return TrialState.COMPLETE if run.status in ENDED else TrialState.RUNNING
    last = run.results[-1]
    stopped = last.get("done") is True and _step(last) < longest
    return TrialState.PRUNED if stopped else TrialState.COMPLETE


def _ended(run: Run) -> float | None:
    if not run.results:
        return None
    last = run.results[-1]
    took, stamp = last.get("time_total_s"), last.get("timestamp")
    if run.started is not None and isinstance(took, (int, float)):
        return run.started + took
    return float(stamp) if isinstance(stamp, (int, float)) else None


def _changes(run: Run, names: set[str]) -> Iterator[Change]:
    """Yield the changes that population based training made to the parameters."""
    before: dict[str, Any] | None = None
    step = 0
    for result in run.results:
        config = {
            name.removeprefix("config/"): value for name, value in result.items()
            if name.removeprefix("config/") in names and name.startswith("config/")
        }  # fmt: skip
        if before is not None and set(config) == names and config != before:
            yield Change(step, before)
        if set(config) == names:
            before, step = config, _step(result)
    if before is not None and before != {name: run.config[name] for name in names}:
        yield Change(step, before)
