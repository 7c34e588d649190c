"""The hooks that a plugin may implement.

A plugin is a module named by an entry point of the group ``hpo_bridge``. It decorates
functions of these names with ``@hpo_bridge.hookimpl``. An implementation may take fewer
arguments than its hook offers.

The registering hooks return specs, which are data: keep heavy imports out of the
module. The notifications see data that is not to be changed, cannot change a result, and an
exception in one is logged with the plugin's name while the study goes on.

A notification reaches, in this order: the modules of installed plugins and what
``PluginManager.observe`` added, at once and in the driver's thread, which waits for them; and
the observers that the study asked for, each in a thread of its own, in the order of events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pluggy

from .optimizer import (
    AutodiffSpec,
    BackendSpec,
    FormatSpec,
    ObjectiveSpec,
    ObserverSpec,
    PrunerSpec,
    RunnerSpec,
    ViewSpec,
)
from .record import Change, TrialRecord

PROJECT = "hpo_bridge"
"""The name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """The study, as notifications see it.

    Attributes:
        name: The study's name.
        store: The store's URL, without a password.
        backend: The backend in use.
        directions: Objective name to ``minimize`` or ``maximize``.
        identity: Tells the study from every other one, also of the same name; the same for as
            long as it is continued, and wherever its store is moved to.
        seed: The study's seed.
        options: The backend's options, as plain data.
        library: The library behind the backend and its version.
        definition: The space, the constraints, directions and seed, as plain data.
        runner: The name of the runner; ``ask`` for a study that is asked by hand.
        pruner: The name of the pruner; empty without one.
        folder: The folder of the store's database; ``None`` if it is no file.
    """

    name: str
    store: str
    backend: str
    directions: dict[str, str]
    identity: str = ""
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    library: str = ""
    definition: Mapping[str, Any] = field(default_factory=dict)
    runner: str = ""
    pruner: str = ""
    folder: Path | None = None


@hookspec
def hpo_register_backends() -> BackendSpec | Iterable[BackendSpec]:  # type: ignore[empty-body]
    """The backends that this plugin offers."""


@hookspec
def hpo_register_runners() -> RunnerSpec | Iterable[RunnerSpec]:  # type: ignore[empty-body]
    """The runners that this plugin offers."""


@hookspec
def hpo_register_pruners() -> PrunerSpec | Iterable[PrunerSpec]:  # type: ignore[empty-body]
    """The pruners that this plugin offers."""


@hookspec
def hpo_register_observers() -> ObserverSpec | Iterable[ObserverSpec]:  # type: ignore[empty-body]
    """The observers that this plugin offers to studies that ask for them by name."""


@hookspec
def hpo_register_objectives() -> ObjectiveSpec | Iterable[ObjectiveSpec]:  # type: ignore[empty-body]
    """The kinds of objectives that this plugin offers to study files."""


@hookspec
def hpo_register_formats() -> FormatSpec | Iterable[FormatSpec]:  # type: ignore[empty-body]
    """The formats of histories that this plugin reads or writes."""


@hookspec
def hpo_register_views() -> ViewSpec | Iterable[ViewSpec]:  # type: ignore[empty-body]
    """The pictures, reports and live views that this plugin offers."""


@hookspec
def hpo_register_autodiff() -> AutodiffSpec | Iterable[AutodiffSpec]:  # type: ignore[empty-body]
    """The frameworks that this plugin offers for ``trial.tensors``."""


@hookspec
def hpo_study_started(study: StudyInfo, ended: Iterable[TrialRecord]) -> None:
    """A driver begins, or goes on, with a study: the first notification that it gives.

    ``ended`` are the trials that had ended before, by number; read from the store while it
    is gone through, any number of times until the study is finished.
    """


@hookspec
def hpo_trial_started(study: StudyInfo, trial: TrialRecord) -> None:
    """A trial begins; also at each further attempt (``trial.attempts``)."""


@hookspec
def hpo_trial_reported(
    study: StudyInfo, trial: TrialRecord, step: int, value: float, metrics: Mapping[str, float]
) -> None:
    """A trial has reported an intermediate value; ``metrics`` is what it measured besides."""


@hookspec
def hpo_trial_changed(study: StudyInfo, trial: TrialRecord, change: Change) -> None:
    """A running trial goes on with other parameters: ``trial`` has them, ``change`` the old."""


@hookspec
def hpo_trial_requeued(study: StudyInfo, trial: TrialRecord, reason: str, kind: str) -> None:
    """An attempt has ended without result, and the trial waits to be tried again.

    ``kind`` is ``failure`` (a retry), ``cut`` (interrupted on purpose), ``lost`` (its driver had
    died, and the next one takes note of it) or ``retry``: it had failed for good, which
    ``hpo_trial_finished`` had told, and the user has it run again.
    """


@hookspec
def hpo_trial_finished(study: StudyInfo, trial: TrialRecord) -> None:
    """A trial has ended for good: complete, pruned or failed."""


@hookspec
def hpo_study_finished(study: StudyInfo, error: BaseException | None) -> None:
    """The driver leaves the study; ``error`` says why if it did not end as planned."""


NOTIFICATIONS = (
    "hpo_study_started", "hpo_trial_started", "hpo_trial_reported", "hpo_trial_changed",
    "hpo_trial_requeued", "hpo_trial_finished", "hpo_study_finished",
)  # fmt: skip
"""The hooks that tell what happens."""
