"""``hpo-bridge test``: scores the chosen configuration on the test set, once."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..analysis.held_out import (
    EvaluationContext,
    TestScore,
    reuse_warning,
    score_test_set,
    test_scores,
)
from ..analysis.selection import Selection, select_in
from ..config import StudyFile, load_study_file
from ..contracts.directions import Objectives
from ..contracts.objective import Objective
from ..engine.derivatives_given import differentiation
from ..engine.kept_checkpoints import checkpoints_of
from ..errors import ConfigError, HpoBridgeError, NoCompleteTrial
from ..objectives.failure import Failure, explain
from ..store import Store, open_store
from .output import kept_for_json, loaded_plugins
from .summary import summary

FAILED = 1


def score_study(
    path: Path,
    *,
    trial: int | None,
    again: bool,
    store: str | None,
    overrides: Sequence[str],
    as_json: bool,
) -> int:
    """Scores a study's choice on the test set, and records that.

    Returns:
        0, or 1 if there is no complete trial, or the test function raised: then nothing is
        recorded.

    Raises:
        HpoBridgeError: If the test set was scored before, unless ``again``.
    """
    with kept_for_json(as_json):
        file = load_study_file(
            path, plugins=loaded_plugins(), overrides=overrides, store=store, check_backend=False
        )
        if file.selection.test is None:
            raise ConfigError(
                f"{path.name}: selection.test: is missing, expected 'FILE.py:FUNCTION', or what "
                "else scores a configuration on the test set"
            )
        opened = open_store(file.store, create=False)
        try:
            summary(opened, file.name)  # raises if there is no such study
            found = _tested(opened, file, file.selection.test, trial, again=again)
        finally:
            opened.close()
    if found is None:
        return FAILED
    plain: dict[str, Any] = {"study": file.name, **asdict(found)}
    print(json.dumps(plain) if as_json else f"{file.name}: {found.line}")
    return 0


def _tested(
    store: Store, file: StudyFile, function: Objective, trial: int | None, *, again: bool
) -> TestScore | None:
    name = file.name

    def warn(text: str) -> None:
        if not again:
            raise HpoBridgeError(f"{text}; to look again all the same: --again")
        print(text, file=sys.stderr)

    before = test_scores(store, name)
    if before and not again:  # said again once the study is held: somebody may be faster
        warn(reuse_warning(name, before))
    try:
        chosen = _chosen(store, file) if trial is None else trial
    except NoCompleteTrial as error:
        print(error, file=sys.stderr)
        return None
    row = store.study(name)
    assert row is not None
    kept = checkpoints_of(store, name, file.checkpoints)
    tensors = differentiation(loaded_plugins(), file.space, wanted=False)
    try:
        place = EvaluationContext(int(row.definition["seed"]), kept, tensors)
        return score_test_set(store, name, function, chosen, place, warn=warn)
    except HpoBridgeError:
        raise
    except Exception as error:  # the user's
        reason = str(error) if isinstance(error, Failure) else explain(error)
        print(f"test {function.describe()}: {reason}; nothing is recorded", file=sys.stderr)
        return None


def _chosen(store: Store, file: StudyFile) -> Selection:
    row = store.study(file.name)
    directions = file.directions if row is None else row.definition["directions"]
    return select_in(store, file.name, Objectives(directions), file.selection.rule)
