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

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo_bridge.contracts.format import History, ImportedTrial, ImportRequest
from hpo_bridge.contracts.record import Change, TrialState
from hpo_bridge.errors import HistoryError, nearest

STATE = "experiment_state-*.json"
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
LONGEST = 2**20
"""Most bytes of an error's text that are read."""


@dataclass(frozen=True)
class Run:
    """One trial's files.

    Attributes:
        label: Tune's id.
        config: Its parameters, flat.
        results: What it reported, in order, flat.
        status: Tune's word for where it stands; ``None`` if no state of the experiment is there.
        started: Seconds since the epoch, or ``None``.
        error: The last line of ``error.txt``; ``None`` without one.
    """

    label: str
    config: Mapping[str, Any]
    results: Sequence[Mapping[str, Any]]
    status: str | None
    started: float | None
    error: str | None


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
        states, metric, notes = _states(folder)
        runs = [_run(each, states) for each in sorted(folder.glob("*/params.json"))]
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


# -- files ----------------------------------------------------------------------------------


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise HistoryError(f"{path}: cannot be read: {error}") from None


def _states(folder: Path) -> tuple[dict[str, tuple[str, Any]], str | None, list[str]]:
    """Return trial id to status and start, the metric if it is named, and notes.

    They are in the last state of the experiment. Since Ray 2.4 its ``trial_data`` has a pair for
    each trial, its state and what changed at run time; before, ``checkpoints`` had the states
    alone. Each is an object, or that as JSON text.
    """
    notes = []
    for file in sorted(folder.glob(STATE), reverse=True):
        try:
            data = json.loads(file.read_bytes())
            entries = data["trial_data"] if "trial_data" in data else data["checkpoints"]
            found = dict(map(_entry, entries))
            metric = (data.get("runner_data") or {}).get("_metric")
        except (OSError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
            notes.append(f"{file.name}: not of a form that is known, left out")
        else:
            return found, metric if isinstance(metric, str) else None, notes
    return {}, None, notes


def _entry(entry: Any) -> tuple[str, tuple[str, Any]]:
    """Return a trial's id, its status and its start."""
    parts = entry if isinstance(entry, (list, tuple)) else [entry]
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= json.loads(part) if isinstance(part, str) else part
    return str(merged["trial_id"]), (str(merged["status"]), merged.get("start_time"))


def _run(params: Path, states: Mapping[str, tuple[str, Any]]) -> Run:
    folder = params.parent
    config = _json(params)
    if not isinstance(config, dict):
        raise HistoryError(f"{params}: expected an object")
    results = list(_results(folder))
    label = next((str(r["trial_id"]) for r in results if "trial_id" in r), "")
    ids = re.findall(r"(?<=_)[0-9a-f]{5,}(?:_\d{5})?(?=_)", folder.name)
    known = [each for each in ids if each in states] or [each for each in ids if "_" in each]
    label = label or (known[0] if known else folder.name)
    status, started = states.get(label, (None, None))
    return Run(
        label, dict(_flat(config)), results, status,
        float(started) if isinstance(started, (int, float)) else None, _error(folder),
    )  # fmt: skip


def _results(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the results that a trial reported; a last line that a crash cut off is left out."""
    path = folder / "result.json"
    if not path.is_file() and (folder / "progress.csv").is_file():
        yield from _progress(folder / "progress.csv")
        return
    try:
        lines = path.read_bytes().decode(errors="replace").splitlines() if path.is_file() else []
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        try:
            result = json.loads(line)
            if not isinstance(result, dict):
                raise ValueError("expected an object")
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise HistoryError(f"{path}, line {number}: {error}") from None
        yield dict(_flat(result))


def _progress(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield {
                    name: _cell(cell)
                    for name, cell in row.items()
                    if name and isinstance(cell, str) and cell
                }
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HistoryError(f"{path}: cannot be read: {error}") from None


def _cell(cell: str) -> Any:
    if cell in ("True", "False"):
        return cell == "True"
    if "_" in cell:  # an id, which Python would take for a number: 93327_00000
        return cell
    try:
        return float(cell)
    except ValueError:
        return cell


def _error(folder: Path) -> str | None:
    """The last line of an error's text, which says what it was."""
    path = folder / "error.txt"
    if not path.is_file():
        return None
    with path.open("rb") as file:
        text = file.read(LONGEST).decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "failed in Ray Tune"


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings with the paths as keys, as Tune itself writes them: ``a/b``."""
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value


# -- trials ---------------------------------------------------------------------------------


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
