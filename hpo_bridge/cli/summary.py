"""The summary of a study that commands print, as data and as text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from ..analysis.facts import adopted, schedule_entry
from ..contracts.directions import Objectives
from ..contracts.formatting import (
    constants_in,
    format_duration,
    format_name,
    format_params,
    format_value,
    params_text,
    without_constants,
)
from ..contracts.record import TrialState
from ..engine.failures import no_complete_trial
from ..engine.study_lookup import best_trial, find_study
from ..errors import counted
from ..history.space_change import space_version
from ..store import Store
from .printing import table_lines
from .selected_trial import choice_lines, short_trial


def summary(store: Store, name: str) -> dict[str, Any]:
    """``study backend best counts seconds``; with several objectives ``front`` for ``best``.

    Also ``duplicates``: how many trials repeat the parameters of an earlier one (``trials``), of
    these not run (``reused``), and how many suggestions were asked for again (``resampled``). Of
    a study with a schedule ``schedule``: which ``entry`` is at work, ``of`` how many. Of one that
    began with others' trials ``adopted``: how many (``trials``), ``left`` by reason, ``sources``.

    Raises:
        StudyNotFound: If the store has no such study.
    """
    row = find_study(store, name)
    objectives = Objectives(row.definition["directions"])
    result: dict[str, Any] = {"study": name, "backend": row.backend}
    schedule = schedule_entry(store, name)
    if schedule is not None:
        result["schedule"] = schedule
    if len(objectives) == 1:
        best = best_trial(store, name, objectives)
        result["best"] = None if best is None else short_trial(best)
        if best is None and store.counts(name)[TrialState.FAILED]:
            result["problem"] = str(no_complete_trial(store, name))
    else:
        complete = store.trials(name, [TrialState.COMPLETE])
        result["front"] = [short_trial(trial) for trial in objectives.front(complete)]
    result["counts"] = {state.value: n for state, n in store.counts(name).items()}
    version = space_version(store, name)
    if version > 1:
        result["space_version"] = version
    earlier = adopted(store, name)
    if earlier is not None:
        result["adopted"] = earlier
    result["duplicates"] = asdict(store.repeats(name))
    result["seconds"] = round(row.seconds, 3)
    return result


def definition_of(store: Store, name: str) -> Mapping[str, Any]:
    """Return the definition of a study that is there."""
    row = store.study(name)
    assert row is not None
    return row.definition


def as_text(result: dict[str, Any], url: str, definition: Mapping[str, Any]) -> str:
    """Return a summary for people.

    Args:
        result: What :func:`summary` gave, and what was added to it.
        url: The store.
        definition: The study's definition.
    """
    constants = constants_in(definition)
    backend = result["backend"] or "not begun"
    if "schedule" in result:
        backend += f", {result['schedule']['entry']} of {result['schedule']['of']} in its schedule"
    lines = [f"study    {format_name(result['study'])}  ({backend})"]
    counts = [f"{n} {state.lower()}" for state, n in result["counts"].items() if n]
    lines.append(
        f"trials   {', '.join(counts) or 'none'}  in {format_duration(result['seconds'])}"
    )
    if "space_version" in result:
        lines.append(f"space    version {result['space_version']}")
    if "adopted" in result:
        lines.append(f"adopted  {adopted_line(result['adopted'])}")
    repeats = _repeats(result["duplicates"])
    if repeats:
        lines.append(f"repeats  {repeats}")
    if "front" in result:
        lines.append(f"front    {counted(len(result['front']), 'trial')}")
        lines += _front_lines(result["front"], definition["directions"], constants)
    elif result["best"] is None:
        lines.append(f"best     {result.get('problem', 'no complete trial yet')}")
    else:
        lines.append(f"best     {_line(result['best'])}")
        lines += format_params(without_constants(result["best"]["params"], constants))
    return "\n".join([*lines, *choice_lines(result, constants), f"store    {url}"])


def _front_lines(
    front: list[dict[str, Any]], directions: Mapping[str, str], constants: Collection[str]
) -> list[str]:
    """Return the front, the best of the first objective first.

    It is a table where the terminal is wide enough for one; else two lines for each trial.
    """
    (first, sign), *_ = Objectives(directions).signs.items()
    front = sorted(front, key=lambda trial: (sign * trial["values"][first], trial["number"]))
    points = [without_constants(trial["params"], constants) for trial in front]
    names = list(dict.fromkeys(name for point in points for name in point))
    rows, lines = [], []
    for trial, point in zip(front, points, strict=True):
        params = [format_value(point[name], 4) if name in point else "" for name in names]
        backend = trial["backend"] or "enqueued"
        rows.append([str(trial["number"]), *_values(trial).values(), *params, backend])
        lines += [f"  {_line(trial)}", f"    {params_text(point)}"]
    return table_lines(["trial", *directions, *names, "backend"], rows) or lines


def adopted_line(found: dict[str, Any]) -> str:
    """Describe the trials adopted from earlier studies."""
    text = f"{counted(found['trials'], 'trial')} of {', '.join(found['sources'])}"
    if found["left"]:
        left = ", ".join(f"{n} {reason}" for reason, n in found["left"].items())
        text += f"; left out: {left}"
    return text


def _repeats(counts: dict[str, int]) -> str:
    """Describe repeated parameters; empty if there are none."""
    parts = []
    if counts["trials"]:
        parts.append(f"{counted(counts['trials'], 'trial')} with the parameters of an earlier one")
    if counts["reused"]:
        parts.append(f"{counts['reused']} not run, but given its result")
    if counts["resampled"]:
        parts.append(f"{counted(counts['resampled'], 'suggestion')} asked for again")
    return ", ".join(parts)


def _values(trial: dict[str, Any]) -> dict[str, str]:
    """Return the text of each objective's value, with its standard error if there is one."""
    errors = trial["standard_errors"] or {}
    return {
        name: format_value(v, 6)
        + (f" ± {format_value(errors[name], 2)}" if name in errors else "")
        for name, v in trial["values"].items()
    }


def _line(trial: dict[str, Any]) -> str:
    values = ", ".join(f"{name} {text}" for name, text in _values(trial).items())
    return f"{values}  (trial {trial['number']}, {trial['backend'] or 'enqueued'})"
