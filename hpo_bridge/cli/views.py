"""``hpo-bridge plot`` and ``report``: a study as a picture, and as a page of findings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ..contracts.view import ReportView, View
from ..history.view_building import build_view
from .key_values import option_values
from .printing import load_plugins, print_result, quiet_libraries, stdout_kept_for_json
from .stored_study import stored_study


def plot_study(
    path: Path,
    picture: str,
    target: Path | None,
    options: Sequence[str],
    url: str | None,
    overrides: Sequence[str],
) -> None:
    """Draw a picture of a study and write it to a file."""
    with stdout_kept_for_json(True):
        name, view = _viewed(path, picture, option_values(options), url, overrides)
        target = target or Path(f"{_file_name(name)}-{picture}.png")
        view.save(target)
    print(f"written  {target}")


def report_study(
    path: Path, target: Path | None, url: str | None, overrides: Sequence[str], *, as_json: bool
) -> None:
    """Write the report of a study, or print what it says as JSON."""
    with stdout_kept_for_json(True):
        name, view = _viewed(path, "report", {}, url, overrides)
        report = cast("ReportView", view)
        if target is not None or not as_json:
            target = target or Path(f"{_file_name(name)}-report.html")
            report.save(target)
    found = report.to_json()
    lines = [finding["text"] for finding in found["findings"]]
    print_result(found, "\n".join([*lines, f"written  {target}"]), as_json)


def _viewed(
    path: Path, view: str, options: Mapping[str, Any], url: str | None, overrides: Sequence[str]
) -> tuple[str, View]:
    """Return the name of a stored study, and a view of it."""
    with stored_study(path, url, overrides) as (store, file), quiet_libraries():
        text = path.read_text(encoding="utf-8", errors="replace")
        studies = [(store, file.name)]
        return file.name, build_view(load_plugins(), view, studies, options, study_file=text)


def _file_name(study: str) -> str:
    """Return a study's name as the name of a file."""
    return re.sub(r"[^\w.-]+", "-", study).strip("-.") or "study"
