"""``hpo-bridge status``, ``best`` and ``trials``: reading a study, also while it runs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..config import StudyFile, load_study_file
from ..plugins import manager
from ..store import Store, open_store
from ..trial import TrialRecord
from . import WRONG_USE
from .choice import add_choice, driver_of_split
from .listing import print_table
from .summary import adopted_line, as_text, duration, full_trial, summary
from .values import written

NO_TRIAL = 1
LONGEST = 100
"""Most components of a vector in a cell of a CSV file."""


@contextmanager
def _opened(
    path: Path, url: str | None, overrides: Sequence[str]
) -> Iterator[tuple[Store, StudyFile]]:
    """The store and the study file of a study; creates nothing."""
    file = load_study_file(path, plugins=manager(), overrides=overrides, store=url, reading=True)
    store = open_store(file.store, create=False)
    try:
        yield store, file
    finally:
        store.close()


def show_status(
    path: Path, url: str | None, overrides: Sequence[str], *, as_json: bool, as_csv: bool
) -> None:
    """Prints how far the study is, and who drives it; as CSV, the number of trials by state."""
    with _opened(path, url, overrides) as (store, file):
        name = file.name
        result = summary(store, name)
        add_choice(result, store, name, file.selection, selected=False)
        row = store.study(name)
        assert row is not None
        driver = row.driver or (driver_of_split(store, name) if file.selection.nested else None)
        result |= {"store": store.url, "driver": driver}
        if as_json:
            print(json.dumps(result))
            return
        if as_csv:
            csv.writer(sys.stdout).writerows([("state", "trials"), *result["counts"].items()])
            return
        print(as_text(result, store.url))
        print(f"driver   {driver or 'none: it does not run now'}")


def show_best(
    path: Path, url: str | None, overrides: Sequence[str], *, as_json: bool, as_csv: bool
) -> int:
    """Prints the best trial or the front, and what the file's ``selection`` chooses.

    Returns:
        0; 1 if there is none; 2 if the rule cannot be followed.
    """
    with _opened(path, url, overrides) as (store, file):
        name = file.name
        result = summary(store, name)
        add_choice(result, store, name, file.selection)
        best = result["front"] if "front" in result else [result["best"]] * bool(result["best"])
        if as_csv:
            numbers = [trial["number"] for trial in best]
            _print_csv(store, name, (next(store.trials(name, first=n)) for n in numbers))
        else:
            print(json.dumps(result) if as_json else as_text(result, store.url))
        if not best:
            return NO_TRIAL
        return WRONG_USE if "not_selected" in result else 0


def show_trials(
    path: Path, url: str | None, overrides: Sequence[str], *, as_json: bool, as_csv: bool
) -> None:
    """Prints every trial."""
    with _opened(path, url, overrides) as (store, file):
        name = file.name
        row = summary(store, name)  # raises if there is no such study
        if as_json:
            _print_json(store.trials(name))
        elif as_csv:
            _print_csv(store, name, store.trials(name))
        else:
            _print_table(store.trials(name), row)


def _print_json(trials: Iterator[TrialRecord]) -> None:
    """A JSON list, one trial a line, without holding them all."""
    separator = "["
    for trial in trials:
        print(separator + json.dumps(full_trial(trial)), end="")
        separator = ",\n"
    print("[]" if separator == "[" else "]")


def _print_csv(store: Store, name: str, trials: Iterable[TrialRecord]) -> None:
    row = store.study(name)
    assert row is not None
    params, values = list(row.definition["space"]), list(row.definition["directions"])
    writer = csv.writer(sys.stdout)
    times = ("backend", "started", "finished", "attempts", "error")
    writer.writerow(["number", "state", *values, *(f"params.{p}" for p in params), *times])
    for trial in trials:
        measured = [(trial.values or {}).get(v) for v in values]
        given = [_cell(trial.params[p]) if p in trial.params else None for p in params]
        rest = [getattr(trial, time) for time in times]
        writer.writerow([trial.number, trial.state.value, *measured, *given, *rest])


def _cell(value: Any) -> Any:
    """A value in a CSV file; a long vector is cut, as it is whole in ``--json``."""
    if isinstance(value, list) and len(value) > LONGEST:
        return written(value, 6)
    return json.dumps(value) if isinstance(value, (list, bool)) or value is None else value


def _print_table(trials: Iterator[TrialRecord], result: dict[str, Any]) -> None:
    rows = []
    for trial in trials:
        values = ", ".join(f"{k} {v:.6g}" for k, v in (trial.values or {}).items())
        if trial.estimate is not None:
            values = f"about {trial.estimate:.6g}"
        if trial.error:
            values = trial.error.strip().splitlines()[0]
        params = ", ".join(f"{k} {written(v, 4)}" for k, v in trial.params.items())
        took = ""
        if trial.started is not None and trial.finished is not None:
            took = duration(trial.finished - trial.started)
        rows.append((str(trial.number), trial.state.value, values, params, took))
    print_table(("trial", "state", "values", "params", "time"), rows)
    if "adopted" in result:
        print(f"besides, not trials of this study: {adopted_line(result['adopted'])}")
    print(", ".join(f"{n} {s.lower()}" for s, n in result["counts"].items() if n) or "no trials")
