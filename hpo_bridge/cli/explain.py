"""``hpo-bridge explain``: how a space reaches a backend."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..config import StudyFile, load_study_file
from ..contracts.optimizer import Capability, Explains
from ..engine.checked_optimizer import CheckedOptimizer
from ..engine.schedule import Stage
from ..errors import InvalidOptions, UnsupportedProblem, counted
from ..objectives.command import CommandObjective
from ..plugins import PluginManager
from ..space import Categorical, Space
from .printing import load_plugins, print_table, stdout_kept_for_json

REFUSED = 2
COMMAND_HEADING = "a trial in the middle of the space runs"


def show_explanation(
    path: Path, backend: str | None, overrides: Sequence[str], *, as_json: bool
) -> int:
    """Prints one row per parameter, condition, constant and constraint, for each backend.

    Then comes the command of a trial, where the objective is one.

    Returns:
        0, or 2 if a backend refuses the space.
    """
    plugins = load_plugins()
    with stdout_kept_for_json(as_json):
        load = partial(
            load_study_file, path, plugins=plugins, overrides=overrides, backend=backend
        )
        file = load(check_backend=False)
        try:
            tables = _explain(file, plugins)
        except InvalidOptions:
            load()  # raises with the key's path
            raise
    line = command_line(file)
    if as_json:
        whole = tables[0] if len(tables) == 1 else {**tables[0], "schedule": tables}
        print(json.dumps(whole if line is None else {**whole, "command": line}))
    for table in () if as_json else tables:
        print(f"{_heading(table)}:")
        rows = [(r["what"], r["how"], r["detail"]) for r in table["rows"]]
        print_table(("what", "how", "detail"), rows)
        for remark in table.get("remarks", ()):
            print(f"{table['backend']}: {remark}")
    if line is not None and not as_json:
        print(f"{COMMAND_HEADING}:\n{line}")
    refused = any(row["how"] == "refused" for table in tables for row in table["rows"])
    return REFUSED if refused else 0


def _heading(table: dict[str, Any]) -> str:
    trials, told = table.get("trials"), table.get("handover")
    parts = [table["backend"]]
    if trials is not None:
        parts.append(counted(trials, "trial"))
    if told == "ignore":
        parts.append("told of none but its own")
    return ", ".join(parts)


def command_line(file: StudyFile) -> str | None:
    """The command of a trial in the middle of the space; ``None`` without a command."""
    if not isinstance(file.objective, CommandObjective):
        return None
    return file.objective.command_line(file.space.decode([0.5] * file.space.dimension), 0)


def _explain(file: StudyFile, plugins: PluginManager) -> list[dict[str, Any]]:
    """For each entry of the schedule ``backend``, ``rows`` and what it says beside its name."""
    tables, schedule = [], file.config.schedule
    for entry in schedule:
        table: dict[str, Any] = {"backend": entry.name, **_explained(plugins, file, entry)}
        if len(schedule) > 1 or entry.trials is not None:
            table["trials"] = entry.trials
        if len(schedule) > 1 or entry.handover != "tell":
            table["handover"] = entry.handover
        tables.append(table)
    return tables


def _explained(plugins: PluginManager, file: StudyFile, entry: Stage) -> dict[str, Any]:
    """Return the ``rows`` of a backend, and its ``remarks`` if it has any."""
    try:
        optimizer = CheckedOptimizer(
            plugins, entry.name, entry.options, file.space, len(file.directions), file.seed or 0
        )
    except UnsupportedProblem as error:
        what = error.parameter or "the study"
        return {"rows": [{"what": what, "how": "refused", "detail": error.text}]}
    rows = explanation(file.space, optimizer)
    remarks = [remark.text for remark in optimizer.remarks()]
    return {"rows": rows, "remarks": remarks} if remarks else {"rows": rows}


def explanation(space: Space, checked: CheckedOptimizer) -> list[dict[str, Any]]:
    """Return one row per part of the space: native, or encoded, with the details."""
    optimizer = checked.built
    told = {}
    if isinstance(optimizer, Explains):
        try:
            told = {row.parameter: row for row in optimizer.explain()}
        except Exception as error:
            raise checked.fault("explain", error) from error
    rows = []
    for name, parameter in space.items():
        how, detail = "native", _describe(parameter)
        if name in told:
            how, detail = told[name].how, told[name].detail
        if isinstance(parameter, Categorical):
            detail += f"; choices by index, {len(parameter.choices)} of them"
        elif name in space.indices:
            how, detail = "encoded", f"{detail}; evenly spread values by index"
        rows.append({"what": name, "how": how, "detail": detail})
    conditional = Capability.CONDITIONAL in checked.capabilities
    for name, conditions in space.conditions.items():
        text = " and ".join(f"{p} in {', '.join(keys)}" for p, keys in conditions.items())
        detail = "proposed only where it is active"
        if not conditional:
            detail = "always proposed; left out of the trial where it is inactive"
        how = "native" if conditional else "encoded"
        rows.append({"what": f"{name} when {text}", "how": how, "detail": detail})
    for constraint in space.constraints:
        detail = "points that violate it are told as infeasible and never run"
        rows.append({"what": constraint.text, "how": "encoded", "detail": detail})
    for name, value in space.constants.items():
        detail = f"constant {json.dumps(value)}, added to every trial"
        rows.append({"what": name, "how": "encoded", "detail": detail})
    return rows


def _describe(parameter: Any) -> str:
    """Describe a parameter as the adapter sees it."""
    plain = parameter.to_plain()
    plain.pop("when", None)
    plain.pop("choices", None)
    return " ".join(f"{k}={v}" if k != "type" else str(v) for k, v in plain.items())
