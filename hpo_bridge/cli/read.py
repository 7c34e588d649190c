"""``hpo-bridge status``, ``best`` and ``trials``: reading a study, also while it runs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..contracts.formatting import constants_in, format_duration, params_text, without_constants
from ..contracts.record import TrialRecord
from ..history.plain_trial import plain_trial
from ..history.stored_history import study_history
from ..objectives.failure import short_reason
from ..store import Store
from .common_options import StudyArguments
from .exit_codes import NO_TRIAL, WRONG_USE
from .printing import more_of, print_result, print_table
from .selected_trial import add_choice, driver_of_split
from .stored_study import study_to_read
from .summary import adopted_line, as_text, definition_of, summary


def show_status(given: StudyArguments, *, as_json: bool, as_csv: bool) -> None:
    """Prints how far the study is, and who drives it; as CSV, the number of trials by state."""
    with study_to_read(given) as study:
        store, name = study.store, study.name
        result = summary(store, name)
        add_choice(result, store, name, study.selection, selected=False)
        row = store.study(name)
        assert row is not None
        driver = row.driver or (driver_of_split(store, name) if study.selection.nested else None)
        result |= {"store": store.url, "driver": driver}
        if as_csv and not as_json:
            csv.writer(sys.stdout).writerows([("state", "trials"), *result["counts"].items()])
            return
        text = f"{as_text(result, store.url, row.definition)}"
        text += f"\ndriver   {driver or 'none: it does not run now'}"
        print_result(result, text, as_json)


def show_best(given: StudyArguments, *, as_json: bool, as_csv: bool) -> int:
    """Prints the best trial or the front, and what the file's ``selection`` chooses.

    Returns:
        0; 1 if there is none; 2 if the rule cannot be followed.
    """
    with study_to_read(given) as study:
        store, name = study.store, study.name
        result = summary(store, name)
        add_choice(result, store, name, study.selection)
        best = result["front"] if "front" in result else [result["best"]] * bool(result["best"])
        if as_csv:
            _print_csv(store, name, [trial["number"] for trial in best])
        else:
            print_result(result, as_text(result, store.url, definition_of(store, name)), as_json)
        if not best:
            return NO_TRIAL
        return WRONG_USE if "not_selected" in result else 0


def show_trials(given: StudyArguments, *, as_json: bool, as_csv: bool) -> None:
    """Prints every trial."""
    with study_to_read(given) as study:
        store, name = study.store, study.name
        row = summary(store, name)  # raises if there is no such study
        if as_json:
            _print_json(store.trials(name))
        elif as_csv:
            _print_csv(store, name)
        else:
            constants = constants_in(definition_of(store, name))
            _print_table(store.trials(name), row, study.words, constants)


def _print_json(trials: Iterator[TrialRecord]) -> None:
    """A JSON list, one trial a line, without holding them all."""
    separator = "["
    for trial in trials:
        print(separator + json.dumps(plain_trial(trial)), end="")
        separator = ",\n"
    print("[]" if separator == "[" else "]")


def _print_csv(store: Store, name: str, numbers: Sequence[int] | None = None) -> None:
    """Print the table that ``export`` writes; of the trials with these numbers, or of all."""
    from ..builtin.formats.csv_file import write_csv

    study = study_history(store, name)
    if numbers is not None:
        chosen = [next(store.trials(name, first=number)) for number in numbers]
        study = replace(study, trials=chosen)
    write_csv(sys.stdout, study)


def _print_table(
    trials: Iterator[TrialRecord], result: dict[str, Any], words: str, constants: Collection[str]
) -> None:
    rows, failed = [], 0
    for trial in trials:
        values = ", ".join(f"{k} {v:.6g}" for k, v in (trial.values or {}).items())
        if trial.estimate is not None:
            values = f"about {trial.estimate:.6g}"
        if trial.error:
            values, failed = short_reason(trial.error), failed + 1
        params = params_text(without_constants(trial.params, constants))
        took = "" if trial.seconds is None else format_duration(trial.seconds)
        rows.append((str(trial.number), trial.state.value, values, params, took))
    print_table(("trial", "state", "values", "params", "time"), rows)
    if failed:
        print(more_of(words, "N"))
    if "adopted" in result:
        print(f"besides, not trials of this study: {adopted_line(result['adopted'])}")
    print(", ".join(f"{n} {s.lower()}" for s, n in result["counts"].items() if n) or "no trials")
