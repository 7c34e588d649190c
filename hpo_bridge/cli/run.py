"""``hpo-bridge run``."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from ..analysis.nested_tuning import tune_splits
from ..config import StudyFile, load_study_file
from ..config.selection import check_splits
from ..contracts.formatting import format_duration
from ..contracts.objective import Objective, OuterLoop
from ..contracts.record import TrialState
from ..engine.budget import NothingToDo, spent_budget
from ..engine.budget import log as budget_log
from ..errors import TooManyFailures
from ..study import Study, abandon, exhaustion, open_study
from .exit_codes import INTERRUPTED, NO_TRIAL, WRONG_USE
from .explain import COMMAND_HEADING, command_line
from .last_resort import last_resort
from .printing import load_plugins, print_result, stdout_kept_for_json
from .progress import progress
from .selected_trial import add_choice, warn_of_test
from .summary import as_text, definition_of, summary


def run_study(
    path: Path,
    *,
    backend: str | None,
    runner: str | None,
    trials: int | None,
    seed: int | None,
    store: str | None,
    overrides: Sequence[str],
    change_space: bool = False,
    retry_failed: bool = False,
    as_json: bool,
) -> int:
    """Start or continue a study, and return the exit code."""
    with stdout_kept_for_json(as_json):
        file = load_study_file(
            path, plugins=load_plugins(), overrides=overrides, backend=backend, runner=runner,
            trials=trials, seed=seed, store=store,
        )  # fmt: skip
        if file.selection.outer is not None:
            check_splits(file.selection.outer, file.seed or 0, file.path.name)
        changed = (file.defaults or True) if change_space else False
        with open_study(replace(file.config, change_space=changed)) as study:
            ended, result = _run_opened(study, file, retry_failed=retry_failed, quiet=as_json)
            text = as_text(result, study.store.url, definition_of(study.store, study.name))
    print_result(result, text, as_json)
    if isinstance(ended, TooManyFailures):
        print(
            f"study {ended.study!r} was stopped: {ended.problem}, the last: {ended.last}; once "
            "that is mended, --retry-failed runs them again (the key stop says when failures stop "
            "a study)", file=sys.stderr,
        )  # fmt: skip
        return NO_TRIAL
    if ended is not None:
        print(_farewell(path), file=sys.stderr)
        return INTERRUPTED
    if not result["counts"][TrialState.COMPLETE.value]:
        return NO_TRIAL
    return WRONG_USE if "not_selected" in result else 0


def _run_opened(
    study: Study, file: StudyFile, *, retry_failed: bool, quiet: bool
) -> tuple[KeyboardInterrupt | TooManyFailures | None, dict[str, Any]]:
    """Run an open study, and return what has ended it early, if anything, and its summary."""
    warn_of_test(study.store, study.name, file.trials)
    if not quiet and (line := command_line(file)) is not None:
        print(f"{COMMAND_HEADING}: {line}", file=sys.stderr)
    before, nothing = study.counts, nothing_to_do(study, file, retry_failed=retry_failed)
    ended = _run(study, file, retry_failed=retry_failed, quiet=quiet)
    result = summary(study.store, study.name)
    add_choice(result, study.store, study.name, file.selection)
    if nothing is None and (spent := exhaustion(study)) is not None:
        nothing = _exhaustion_text(spent, study, ran=study.counts != before)
    if nothing is not None:
        print(nothing, file=sys.stderr)
    return ended, result


def _run(
    study: Study, file: StudyFile, *, retry_failed: bool, quiet: bool
) -> KeyboardInterrupt | TooManyFailures | None:
    """Runs the study, after those of its outer splits; what has ended it early, if anything."""
    budget_log.disabled = True  # said below, in the words of a command
    optimize = partial(_optimize, file=file, retry_failed=retry_failed, quiet=quiet)
    try:
        with terminable():
            if file.selection.outer is not None:
                _run_splits(study, file, file.selection.outer, optimize, quiet=quiet)
            optimize(study, file.objective)
    except (KeyboardInterrupt, TooManyFailures) as end:
        return end
    finally:
        budget_log.disabled = False
    return None


def _run_splits(
    study: Study,
    file: StudyFile,
    outer: OuterLoop,
    optimize: Callable[[Study, Objective], None],
    *,
    quiet: bool,
) -> None:
    def run(inner: Study, objective: Objective, text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr, flush=True)
        optimize(inner, objective)

    tune_splits(study, outer.splits(study.seed), run, file.selection.rule)


def _optimize(
    study: Study, objective: Objective, *, file: StudyFile, retry_failed: bool, quiet: bool
) -> None:
    with (
        last_resort(partial(abandon, study), _farewell(file.path)),
        progress(study, file.trials, file.seconds, file.path, quiet=quiet),
    ):
        study.optimize(
            objective,
            trials=file.trials,
            seconds=file.seconds,
            stop=file.stop,
            retry_failed=retry_failed,
            progress=False,  # shown here, in the words of a command
            runner=file.runner,
            **file.runner_options,
        )


def _farewell(path: Path) -> str:
    return f"interrupted; everything is kept: run {path} again to go on"


def nothing_to_do(study: Study, file: StudyFile, *, retry_failed: bool) -> str | None:
    """Why a run starts no trial, and how it would; ``None`` if there is something to do."""
    row = study.store.study(study.name)
    assert row is not None
    counts = study.counts
    if retry_failed:
        counts[TrialState.WAITING] += counts[TrialState.FAILED]
        counts[TrialState.FAILED] = 0
    nothing = spent_budget(counts, row.seconds, file.trials, file.seconds)
    if nothing is None:
        return None
    spent, way = f"budget.trials {nothing.found} is spent", f"--trials {nothing.more} goes on"
    if nothing.what == "seconds":
        spent = f"budget.time {format_duration(float(nothing.found))} is spent"
        way = f"--set budget.time={nothing.more}s goes on"
    return nothing.text(spent, way, retry="--retry-failed")


def _exhaustion_text(spent: str, study: Study, *, ran: bool) -> str:
    """Return the news that a backend has nothing left, and how to go on if no trial was run."""
    if ran:
        return spent
    nothing = NothingToDo("backend", "", "", study.counts)
    return nothing.text(spent, "--backend NAME goes on with another", retry="--retry-failed")


@contextmanager
def terminable() -> Iterator[None]:
    """Treats SIGTERM like Ctrl-C: what runs is given back, and the study can go on."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        take = signal.getsignal(signal.SIGINT)
        if callable(take):
            take(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
