"""The report: one page with findings in sentences, their evidence, and pictures."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from hpo_bridge.contracts.directions import Objectives
from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.errors import HpoBridgeError

from . import hpo_register_views
from .finding import Finding
from .findings import all_findings
from .importance import Importance, Importances
from .page import report_page
from .picture import Picture
from .trial_values import best_trials

BEST = 10
"""The number of best trials that a report lists."""


class Report:
    """The report of one or several studies.

    Args:
        histories: The studies; the trials of each are a tuple.

    Attributes:
        histories: The studies.
    """

    def __init__(self, histories: Sequence[StudyHistory]) -> None:
        self.histories = list(histories)
        self._importances = Importances()

    @cached_property
    def findings(self) -> list[list[Finding]]:
        """The findings of each study."""
        return [all_findings(history) for history in self.histories]

    @cached_property
    def importances(self) -> list[list[Importance]]:
        """The importance of parameters in each study, for each of its objectives."""
        return [
            [self._importances.of(history, name) for name in history.directions]
            for history in self.histories
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what the report says as plain data; of further studies under ``beside``."""
        studies = [
            _plain(history, found, important)
            for history, found, important in zip(
                self.histories, self.findings, self.importances, strict=True
            )
        ]
        first, *others = studies
        return {**first, "beside": others} if others else first

    def pictures(self) -> list[tuple[str, Picture]]:
        """Return each picture that suits the studies, with its title."""
        specs = {spec.name: spec for spec in hpo_register_views()}
        drawn = []
        for name, suits in _PICTURES.items():
            if not any(suits(history) for history in self.histories):
                continue
            module, _, function = specs[name].factory.partition(":")
            draw = getattr(importlib.import_module(module), function)
            together = name in ("history", "edf")
            known = (self._importances,) if name in _RANKED else ()
            for histories in [self.histories] if together else [[h] for h in self.histories]:
                if together or suits(histories[0]):
                    of = "" if len(self.histories) == 1 or together else f": {histories[0].name}"
                    drawn.append((specs[name].summary + of, draw(histories, *known)))
        return drawn

    def to_html(self) -> str:
        """Return the page: it holds no script, and asks no network for anything."""
        tops = [top_trials(history) for history in self.histories]
        return report_page(self.histories, self.findings, tops, self.pictures())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file.

        Raises:
            HpoBridgeError: If its name does not end in .html, or it cannot be written.
        """
        name = os.fspath(path)
        if not name.lower().endswith((".html", ".htm")):
            raise HpoBridgeError(f"{name}: found another ending, expected .html", "output")
        page = self.to_html()
        try:
            with open(name, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(page)
        except OSError as error:
            raise HpoBridgeError(f"{name} cannot be written: {error}", "output") from error

    def _repr_html_(self) -> str:
        return self.to_html()


def make_report(histories: Sequence[StudyHistory]) -> Report:
    """Return the report of studies, side by side."""
    return Report(histories)


def top_trials(history: StudyHistory) -> list[TrialRecord]:
    """Return the best trials, the best one first; with several objectives the front."""
    objectives = Objectives(history.directions)
    complete = [trial for trial in history.trials if trial.values is not None]
    chosen = complete if len(objectives) == 1 else objectives.front(complete)
    most = BEST if len(objectives) == 1 else len(chosen)
    return best_trials(history, chosen, objectives.names[0], most)


def _plain(
    history: StudyHistory, findings: Sequence[Finding], important: Sequence[Importance]
) -> dict[str, Any]:
    counts = Counter(trial.state for trial in history.trials)
    shares: Mapping[str, Any] = {each.objective: each.values for each in important}
    top = [
        {"number": t.number, "params": dict(t.params), "values": dict(t.values or {})}
        for t in top_trials(history)
    ]
    one = len(history.directions) == 1
    return {
        "study": history.name,
        "store": history.store,
        "findings": [finding.to_plain() for finding in findings],
        "importance": important[0].values if one else shares,
        **({"best": top[0] if top else None} if one else {"front": top}),
        "counts": {state.value: counts[state] for state in TrialState},
    }


def _has_reports(history: StudyHistory) -> bool:
    return any(len(trial.reports) > 1 for trial in history.trials)


def _has_folds(history: StudyHistory) -> bool:
    return any(trial.standard_errors and len(trial.reports) > 1 for trial in history.trials)


def _has_values(history: StudyHistory) -> bool:
    return any(trial.values is not None for trial in history.trials)


def _is_pruned(history: StudyHistory) -> bool:
    return any(trial.state is TrialState.PRUNED and trial.reports for trial in history.trials)


def _has_several_backends(history: StudyHistory) -> bool:
    return len({trial.backend for trial in history.trials if trial.backend is not None}) > 1


_PICTURES: dict[str, Callable[[StudyHistory], bool]] = {
    "history": lambda history: bool(history.trials),
    "pareto": lambda history: len(history.directions) > 1 and _has_values(history),
    "importance": _has_values,
    "slice": _has_values,
    "contour": lambda history: len(history.space) > 1 and _has_values(history),
    "parallel": lambda history: len(history.space) > 1 and _has_values(history),
    "intermediate": lambda history: _has_reports(history) and not _has_folds(history),
    "rungs": _is_pruned,
    "folds": _has_folds,
    "backends": _has_several_backends,
    "edf": _has_values,
    "timeline": lambda history: any(trial.started is not None for trial in history.trials),
}
"""The pictures of a report in order, and the studies that each suits."""

_RANKED = {"importance", "slice", "contour", "parallel"}
"""The pictures that need the importance of parameters."""
