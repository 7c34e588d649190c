"""``hpo-bridge explain``: how a space reaches a backend."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..config import StudyFile, load_study_file
from ..errors import UnsupportedProblem
from ..optimizer import Capability, Explains
from ..plugins import manager
from ..space import Categorical, Space
from ..study.proposer import Proposer
from .listing import print_table
from .output import kept_for_json

REFUSED = 2


def show_explanation(
    path: Path, backend: str | None, overrides: Sequence[str], *, as_json: bool
) -> int:
    """Prints one row per parameter, condition, constant and constraint.

    Returns:
        0, or 2 if the backend refuses the space.
    """
    with kept_for_json(as_json):
        file, rows, refused = _explained(path, backend, overrides)
    if as_json:
        print(json.dumps({"backend": file.backend, "rows": rows}))
    else:
        print(f"{file.backend}:")
        print_table(("what", "how", "detail"), [(r["what"], r["how"], r["detail"]) for r in rows])
    return REFUSED if refused else 0


def _explained(
    path: Path, backend: str | None, overrides: Sequence[str]
) -> tuple[StudyFile, list[dict[str, Any]], bool]:
    """The study file, the rows, and whether the backend refuses the space."""
    plugins = manager()
    file = load_study_file(
        path, plugins=plugins, overrides=overrides, backend=backend, check_backend=False
    )
    try:
        proposer = Proposer(
            plugins,
            file.backend,
            file.backend_options,
            file.space,
            len(file.directions),
            file.seed or 0,
        )
        return file, explanation(file.space, proposer), False
    except UnsupportedProblem as error:
        what = error.parameter or "the study"
        rows = [{"what": what, "how": "refused", "detail": error.reason}]
        return file, rows, True


def explanation(space: Space, proposer: Proposer) -> list[dict[str, Any]]:
    """How each part of the space reaches the backend: native, or encoded and how."""
    optimizer = proposer.optimizer
    told = {}
    if isinstance(optimizer, Explains):
        told = {row.parameter: row for row in optimizer.explain()}
    rows = []
    for name, parameter in space.items():
        how, detail = "native", _seen(parameter)
        if name in told:
            how, detail = told[name].how, told[name].detail
        if isinstance(parameter, Categorical):
            detail += f"; choices by index, {len(parameter.choices)} of them"
        rows.append({"what": name, "how": how, "detail": detail})
    conditional = Capability.CONDITIONAL in proposer.capabilities
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


def _seen(parameter: Any) -> str:
    """What the adapter sees of a parameter, if it does not say how it goes on."""
    plain = parameter.to_plain()
    plain.pop("when", None)
    plain.pop("choices", None)
    return " ".join(f"{k}={v}" if k != "type" else str(v) for k, v in plain.items())
