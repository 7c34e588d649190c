"""``hpo-bridge plot`` and ``report``: a study as a picture, and as a page of findings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from ..contracts.view import ReportView, View
from ..errors import HpoBridgeError
from ..history.view_building import build_view
from .common_options import StudyArguments
from .key_values import option_values
from .printing import load_plugins, print_result, quiet_libraries, stdout_kept_for_json
from .stored_study import study_to_read


def plot_study(
    given: StudyArguments, picture: str | None, target: Path | None, options: Sequence[str]
) -> None:
    """Draw a picture of a study and write it to a file."""
    if picture is None:
        known = ", ".join(offer.spec.name for offer in load_plugins().offers("view"))
        raise HpoBridgeError(f"found no PICTURE, expected one of {known}")
    with stdout_kept_for_json(True):
        name, view = _viewed([given], picture, option_values(options))
        target = target or Path(f"{_file_name(name)}-{picture}.png")
        view.save(target)
    print(f"written  {target}")


def report_studies(given: Sequence[StudyArguments], target: Path | None, *, as_json: bool) -> None:
    """Write the report of studies, or print what it says as JSON."""
    with stdout_kept_for_json(True):
        name, view = _viewed(given, "report", {})
        report = cast("ReportView", view)
        found = report.to_json()
        if target is not None or not as_json:
            target = target or Path(f"{_file_name(name)}-report.html")
            report.save(target)
    lines = [
        f"{number}. {finding['text']}"
        for each in (found, *found.get("beside", ()))
        for number, finding in enumerate(each["findings"], 1)
    ]
    print_result(found, "\n".join([*lines, f"written  {target}"]), as_json)


def _viewed(
    given: Sequence[StudyArguments], view: str, options: Mapping[str, Any]
) -> tuple[str, View]:
    """Return the name of the first of some stored studies, and a view of them."""
    with ExitStack() as opened:
        studies = [opened.enter_context(study_to_read(each)) for each in given]
        path = given[0].path
        text = None if path is None else path.read_text(encoding="utf-8", errors="replace")
        opened.enter_context(quiet_libraries())
        pairs = [(study.store, study.name) for study in studies]
        made = build_view(load_plugins(), view, pairs, options, study_file=text)
        return studies[0].name, made


def _file_name(study: str) -> str:
    """Return a study's name as the name of a file."""
    return re.sub(r"[^\w.-]+", "-", study).strip("-.") or "study"
