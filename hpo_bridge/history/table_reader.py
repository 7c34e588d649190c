"""Trials in tables with other columns than ours: of trackers, libraries and data frames."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from ..contracts.format import History, ImportedTrial, ImportRequest, Text
from ..contracts.record import TrialState
from ..errors import HistoryError, SpaceError, nearest, short
from .cells import NO_VALUE, NONES, parse_number, parse_text, parse_time
from .plain_trial import read_optional_fields
from .table import ERROR, PARAM, PLAIN, VALUE

TIMES = {"started": "started", "datetime_start": "started",
         "finished": "finished", "datetime_complete": "finished"}  # fmt: skip
"""Column to field; the second name of each is Optuna's."""
STATES = {
    word: state
    for state, words in {
        TrialState.COMPLETE: "complete completed done finished ok passed success succeeded "
        "successful terminated",
        TrialState.PRUNED: "pruned stopped earlystop earlystopped earlystopping",
        TrialState.FAILED: "failed fail failure error errored crash crashed kill killed "
        "abandoned aborted broken canceled cancelled syscanceled usercanceled infeasible "
        "interrupted invalid memout oom outofmemory nodefail preempted timeout timedout",
        TrialState.RUNNING: "running active inprogress preempting started stopping",
        TrialState.WAITING: "waiting created new notstarted paused pending queued reserved "
        "scheduled suspended",
    }.items()
    for word in words.split()
}
"""Words of trackers and libraries for states, in small letters without spaces and signs."""
OTHERS = ("number", "state", "backend", "attempts", "error", *PLAIN)
STATE = ("state", "status")
"""Columns that may say a state, in any spelling."""
IDLE = ("seconds", "duration")
"""Columns that say nothing that others do not."""


@dataclass(frozen=True)
class Columns:
    """The meaning of columns: position to the name of a parameter, objective or field."""

    params: Mapping[int, str]
    values: Mapping[int, str]
    errors: Mapping[int, str]
    fields: Mapping[int, str]
    idle: tuple[str, ...]


def columns_of(names: Sequence[str], source: str, wanted: ImportRequest) -> Columns:
    """Return the meaning of a table's columns.

    Parameters are called ``params.NAME``, as we and Optuna write them, or ``NAME``.

    Raises:
        HistoryError: If two have the same name, or none is a parameter or none an objective.
    """
    for name in names:
        if names.count(name) > 1:
            raise HistoryError(f"{source}: two columns are called {name!r}")
    marked = any(name.startswith(PARAM) for name in names)
    params: dict[int, str] = {}
    values: dict[int, str] = {}
    errors: dict[int, str] = {}
    fields: dict[int, str] = {}
    idle: list[str] = []
    for position, name in enumerate(names):
        if name.startswith(PARAM):
            params[position] = name[len(PARAM[0]) :]
        elif name.startswith(ERROR):
            errors[position] = name[len(ERROR) :]
        elif (objective := _objective(name, names, wanted)) is not None:
            values[position] = objective
        elif not marked and name in wanted.params:
            params[position] = name
        elif (field := _field(name, names, wanted)) is not None:
            fields[position] = field
        elif name and name not in IDLE:  # a data frame's index has no name
            idle.append(name)
    _check(params, values, names, source, wanted)
    return Columns(params, values, errors, fields, tuple(idle))


def _field(name: str, names: Sequence[str], wanted: ImportRequest) -> str | None:
    """Return the field of a trial that a column has, if any."""
    if name in wanted.fields:
        return wanted.fields[name] or None
    if name in TIMES or name in OTHERS:
        return None if TIMES.get(name, name) in wanted.fields.values() else TIMES.get(name, name)
    known = "state" in names or "state" in wanted.fields.values()
    others = (each for each in names if each not in wanted.fields)
    first = next((each for each in others if each.strip().lower() in STATE), None)
    return "state" if name == first and not known else None


def _objective(name: str, names: Sequence[str], wanted: ImportRequest) -> str | None:
    """The objective whose values a column has, if any."""
    bare = name[len(VALUE[0]) :] if name.startswith(VALUE) else name
    marked = bare != name
    if bare in wanted.objectives and (marked or bare not in wanted.params):
        taken = not marked and any(prefix + bare in names for prefix in VALUE)
        return None if taken else bare
    if len(wanted.objectives) == 1 and name == "value":
        (objective,) = wanted.objectives
        return None if objective in names else objective
    return None


def _check(
    params: Mapping[int, str], values: Mapping[int, str], names: Sequence[str], source: str,
    wanted: ImportRequest,
) -> None:  # fmt: skip
    columns = f"columns: {', '.join(names)}"
    if not set(params.values()) & set(wanted.params):
        expected = ", ".join(wanted.params)
        raise HistoryError(
            f"{source}: no column is a parameter of the study ({expected}), whose names "
            f"--map COLUMN=NAME can give; {columns}"
        )
    for objective in wanted.objectives:
        if objective not in values.values():
            raise HistoryError(
                f"{source}: no column has the objective {objective!r}"
                f"{nearest(objective, names)}, whose name --map COLUMN={objective} can give; "
                f"{columns}"
            )


def history_of(
    rows: Iterable[tuple[str, Sequence[str]]],
    names: Sequence[str],
    source: str,
    wanted: ImportRequest,
) -> History:
    """The history in a table.

    Args:
        rows: Of each row its label (``line 7``) and its cells, empty text for no value.
        names: The names of the columns.
        source: What to call the table in messages.
        wanted: What the study wants.

    Raises:
        HistoryError: If the columns, or a row, make no sense.
    """
    columns = columns_of(names, source, wanted)
    notes = [f"columns left out: {', '.join(columns.idle)}"] if columns.idle else []
    states = STATES | {_word(cell): state for cell, state in wanted.states.items()}
    trials = _trials(rows, columns, source, states)
    return History(source, dict.fromkeys(wanted.objectives), list(trials), notes)


def _trials(
    rows: Iterable[tuple[str, Sequence[str]]],
    columns: Columns,
    source: str,
    states: Mapping[str, TrialState],
) -> Iterator[ImportedTrial]:
    for label, cells in rows:
        try:
            yield _trial(label, cells, columns, states)
        except SpaceError as error:
            raise HistoryError(f"{source}, {label}: {error}") from None


def _trial(
    label: str, cells: Sequence[str], columns: Columns, states: Mapping[str, TrialState]
) -> ImportedTrial:
    fields = {
        name: cells[at] for at, name in columns.fields.items()
        if cells[at] and cells[at].lower() not in NONES
    }  # fmt: skip
    params = {name: Text(cells[at]) for at, name in columns.params.items() if cells[at]}
    values, errors = (
        {
            name: _under(name, parse_number, cells[at]) for at, name in some.items()
            if cells[at] and cells[at].lower() not in NO_VALUE
        }
        for some in (columns.values, columns.errors)
    )  # fmt: skip
    times = {
        name: _under(name, parse_time, fields[name])
        for name in ("started", "finished")
        if name in fields
    }
    error = parse_text(fields["error"]) if "error" in fields else None
    attempts = int(_under("attempts", parse_number, fields.get("attempts", "1")))
    besides = {name: _under(name, _json, fields[name]) for name in PLAIN if name in fields}
    return ImportedTrial(
        label, _state(fields.get("state"), values, error, states), params, values or None,
        times.get("started"), times.get("finished"), error, attempts=attempts,
        backend=parse_text(fields["backend"]) if "backend" in fields else None,
        **read_optional_fields(besides), standard_errors=errors or None,
    )  # fmt: skip


def _state(
    cell: str | None,
    values: Mapping[str, float],
    error: str | None,
    states: Mapping[str, TrialState],
) -> TrialState:
    if cell is None:  # with neither it is refused later, as having no value
        return TrialState.FAILED if error and not values else TrialState.COMPLETE
    state = states.get(_word(cell))
    if state is None:
        known = ", ".join(s.value for s in TrialState)
        raise SpaceError(
            f"found {short(cell)}, expected one of {known}; --map {quote(f'{cell}=FAILED')}, say, "
            "gives its meaning", "state",
        )  # fmt: skip
    return state


def _word(cell: str) -> str:
    """Return a state without what differs between spellings.

    >>> [_word(cell) for cell in ("TrialState.Early-Stopped", "Failed (OOM).", "1")]
    ['earlystopped', 'failed', '1']
    """
    plain = re.split(r"[(:]| by ", cell.lower().rstrip("."))[0].rpartition(".")[2]
    return "".join(filter(str.isalpha, plain)) or cell


def _json(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise SpaceError(f"found {short(cell)}, expected JSON") from None


def _under(name: str, read: Any, cell: str) -> Any:
    """Parse a cell with ``read``; an error names the column."""
    try:
        return read(cell)
    except SpaceError as error:
        raise error.under(name) from None
