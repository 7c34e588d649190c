"""The needs of a program that runs somebody's study, besides :class:`Study`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ..config.study_config import StudyConfig
from ..contracts.objective import Objective
from ..engine.driver import Driver
from ..engine.failures import StopRule
from ..engine.study_log import StudyLog
from .study import Study, open_study


def abandon(study: Study) -> None:
    """Give a study free at once, whatever it is doing, from any thread.

    For a process that is about to end: its runs can write no more.
    """
    study._lease.drop()


def exhaustion(study: Study) -> str | None:
    """Return the backend and why it has nothing left, once the study object has met that."""
    driver = study._lease.driver
    if driver is None or driver.proposer.exhausted is None:
        return None
    backend = driver.proposer.member.checked.name
    return f"{backend} has nothing left: {driver.proposer.exhausted}"


@contextmanager
def held_log(study: Study) -> Iterator[StudyLog | None]:
    """Keep other threads from driving a study; yield its log if this process has the lease."""
    with study._lock:
        yield None if study._lease.held is None else study._lease.held.log


@contextmanager
def driven(
    study: Study, objective: Objective, runner: str, *, retries: int, trials: int | None
) -> Iterator[Driver]:
    """Yield the driver of a study that is evaluated in the body, by whatever means.

    Args:
        study: The study.
        objective: Its objective.
        runner: The name of the runner, for the log.
        retries: Number of failed attempts of a trial that are followed by another one.
        trials: The study's budget of trials.
    """
    with study._lock, study._lease.running(
        study._opened.driver_setup, runner, objective, retries=retries, trials=trials,
        seconds=None, window=None, stop=StopRule(), retry_failed=False,
    ) as driver:  # fmt: skip
        yield driver


def check_settings(config: StudyConfig) -> None:
    """Check that a study could be opened with these settings; creates nothing.

    Raises:
        SpaceError, UnknownName, InvalidOptions, UnsupportedProblem: If it could not.
    """
    open_study(replace(config, store=None, warm_start=None, observers=())).close()
