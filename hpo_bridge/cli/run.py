"""``hpo-bridge run``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType

from ..config import StudyFile, load_study_file
from ..errors import ConfigError, ObjectiveError
from ..objectives.objective import Objective
from ..objectives.parts import Outer
from ..study import Study
from ..study.nested import tune_splits
from ..trial import TrialState
from . import INTERRUPTED, WRONG_USE
from .choice import add_choice, warn_of_test
from .explain import COMMAND_HEADING, command_line
from .last_resort import last_resort
from .output import kept_for_json, loaded_plugins
from .progress import progress
from .summary import as_text, summary

NO_TRIAL = 1


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
    as_json: bool,
) -> int:
    """Runs or continues a study; the exit code."""
    with kept_for_json(as_json):
        file = load_study_file(
            path,
            plugins=loaded_plugins(),
            overrides=overrides,
            backend=backend,
            runner=runner,
            trials=trials,
            seed=seed,
            store=store,
        )
        file = replace(file, change_space=change_space)
        if file.selection.outer is not None:
            _check_splits(file, file.selection.outer)
        with _study(file) as study:
            warn_of_test(study.store, study.name, file.trials)
            if not as_json and (line := command_line(file)) is not None:
                print(f"{COMMAND_HEADING}: {line}", file=sys.stderr)
            interrupted = _run(study, file, quiet=as_json)
            result = summary(study.store, study.name)
            add_choice(result, study.store, study.name, file.selection)
            if study.exhausted is not None:
                print(f"{study.backend} has nothing left: {study.exhausted}", file=sys.stderr)
    if as_json:
        print(json.dumps(result))
    else:
        print(as_text(result, study.store.url))
    if interrupted:
        print(_farewell(path), file=sys.stderr)
        return INTERRUPTED
    counts = result["counts"]
    if not counts[TrialState.COMPLETE.value]:
        return NO_TRIAL
    return WRONG_USE if "not_selected" in result else 0


def _study(file: StudyFile, name: str | None = None, seed: int | None = None) -> Study:
    """The file's study; with a name and a seed one that is like it otherwise."""
    return Study(
        file.space,
        backend=file.schedule,
        directions=file.directions,
        seed=file.seed if seed is None else seed,
        store=file.store,
        name=file.name if name is None else name,
        checkpoints=file.checkpoints,
        pruner=file.pruner and {"name": file.pruner, "options": file.pruner_options},
        duplicates=file.duplicates,
        change_space=file.change_space,
        defaults=file.defaults,
        warm_start=file.warm_start if name is None else (),  # a split must not see all data
        observers=file.observers,
    )


def _run(study: Study, file: StudyFile, *, quiet: bool) -> bool:
    """Runs the study, after those of its outer splits; whether it was interrupted."""
    try:
        with _terminable():
            if file.selection.outer is not None:
                _run_splits(study, file, file.selection.outer, quiet=quiet)
            _optimize(study, file, file.objective, quiet=quiet)
    except KeyboardInterrupt:
        return True
    return False


def _check_splits(file: StudyFile, outer: Outer) -> None:
    """Cuts the outer splits once, before anything is created."""
    try:
        outer.splits(file.seed or 0)
    except ObjectiveError as error:
        text = str(error).removeprefix("nested: ")
        raise ConfigError(f"{file.path.name}: selection.nested: {text}") from error


def _run_splits(study: Study, file: StudyFile, outer: Outer, *, quiet: bool) -> None:
    def run(inner: Study, objective: Objective, text: str) -> None:
        if not quiet:
            print(text, file=sys.stderr, flush=True)
        _optimize(inner, file, objective, quiet=quiet)

    splits = outer.splits(study.seed)
    tune_splits(study, splits, partial(_study, file), run, file.selection.rule)


def _optimize(study: Study, file: StudyFile, objective: Objective, *, quiet: bool) -> None:
    with (
        last_resort(study.abandon, _farewell(file.path)),
        progress(study, file.trials, file.seconds, quiet=quiet),
    ):
        study.optimize(
            objective,
            trials=file.trials,
            seconds=file.seconds,
            runner=file.runner,
            **file.runner_options,
        )


def _farewell(path: Path) -> str:
    return f"interrupted; everything is kept: run {path} again to go on"


@contextmanager
def _terminable() -> Iterator[None]:
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
