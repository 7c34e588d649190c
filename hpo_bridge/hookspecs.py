"""The hooks that a plugin may implement.

A plugin is a module named by an entry point of the group ``hpo_bridge``. It decorates
functions of these names with ``@hpo_bridge.hookimpl``. An implementation may take fewer
arguments than its hook offers.

The registering hooks return specs, which are data: keep heavy imports out of the
module. The notifications see frozen data, cannot change a result, and an exception in one
is logged with the plugin's name while the study goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pluggy

from .optimizer import AutodiffSpec, BackendSpec, ObserverSpec, PrunerSpec, RunnerSpec
from .trial import TrialRecord

PROJECT = "hpo_bridge"
"""The name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """What a notification learns of the study.

    Attributes:
        name: The study's name.
        store: The store's URL, without a password.
        backend: The backend in use.
        directions: Objective name to ``minimize`` or ``maximize``.
    """

    name: str
    store: str
    backend: str
    directions: dict[str, str]


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
def hpo_register_autodiff() -> AutodiffSpec | Iterable[AutodiffSpec]:  # type: ignore[empty-body]
    """The frameworks that this plugin offers for ``trial.tensors``."""


@hookspec
def hpo_study_started(study: StudyInfo) -> None:
    """A driver begins, or goes on, with a study."""


@hookspec
def hpo_trial_started(study: StudyInfo, trial: TrialRecord) -> None:
    """A trial begins; also at each further attempt."""


@hookspec
def hpo_trial_reported(study: StudyInfo, trial: TrialRecord, step: int, value: float) -> None:
    """A trial has reported an intermediate value."""


@hookspec
def hpo_trial_finished(study: StudyInfo, trial: TrialRecord) -> None:
    """A trial has ended for good: complete, pruned or failed."""


@hookspec
def hpo_study_finished(study: StudyInfo, error: BaseException | None) -> None:
    """The driver leaves the study; ``error`` says why if it did not end as planned."""
