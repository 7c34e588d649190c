"""``hpo-bridge run``."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..config import StudyFile, load_study_file
from ..plugins import manager
from ..study import Study
from ..trial import TrialState
from . import INTERRUPTED
from .output import kept_for_json
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
    as_json: bool,
) -> int:
    """Runs or continues a study; the exit code."""
    with kept_for_json(as_json):
        file = load_study_file(
            path,
            plugins=manager(),
            overrides=overrides,
            backend=backend,
            runner=runner,
            trials=trials,
            seed=seed,
            store=store,
        )
        study = Study(
            file.space,
            backend={"name": file.backend, "options": file.backend_options},
            directions=file.directions,
            seed=file.seed,
            store=file.store,
            name=file.name,
            checkpoints=file.checkpoints,
            pruner=file.pruner and {"name": file.pruner, "options": file.pruner_options},
            observers=file.observers,
        )
        with study:
            interrupted = _optimize(study, file, quiet=as_json)
            result = summary(study.store, study.name)
            if study.exhausted is not None:
                print(f"{study.backend} has nothing left: {study.exhausted}", file=sys.stderr)
    if as_json:
        print(json.dumps(result))
    else:
        print(as_text(result, study.store.url))
    if interrupted:
        print(f"interrupted; everything is kept: run {path} again to go on", file=sys.stderr)
        return INTERRUPTED
    counts = result["counts"]
    return 0 if counts[TrialState.COMPLETE.value] else NO_TRIAL


def _optimize(study: Study, file: StudyFile, *, quiet: bool) -> bool:
    """Runs the study's runner; whether it was interrupted."""
    try:
        with _terminable(), progress(study, file.trials, file.seconds, quiet=quiet):
            study.optimize(
                file.objective,
                trials=file.trials,
                seconds=file.seconds,
                runner=file.runner,
                **file.runner_options,
            )
    except KeyboardInterrupt:
        return True
    return False


@contextmanager
def _terminable() -> Iterator[None]:
    """Treats SIGTERM like Ctrl-C: what runs is given back, and the study can go on."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
