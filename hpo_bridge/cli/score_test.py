"""``hpo-bridge test``: scores the chosen configuration on the test set, once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..analysis.held_out import EvaluationContext, reuse_warning, score_test_set
from ..analysis.recorded_scores import TestScore, test_scores
from ..analysis.selection import Selection, select_in
from ..config import StudyFile
from ..contracts.directions import Objectives
from ..contracts.objective import Objective
from ..errors import ConfigError, HpoBridgeError, NoCompleteTrial
from ..objectives.failure import Failure, explain
from ..store import Store
from .printing import print_result, stdout_kept_for_json
from .stored_study import stored_study
from .summary import summary

FAILED = 1


def score_study(
    path: Path, url: str | None, overrides: Sequence[str], trial: int | None, *, again: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Scores a study's choice on the test set, and records that.

    Returns:
        0, or 1 if there is no complete trial, or the test function raised: then nothing is
        recorded.

    Raises:
        HpoBridgeError: If the test set was scored before, unless ``again``.
    """
    with (
        stdout_kept_for_json(as_json),
        stored_study(path, url, overrides, check_backend=False) as (opened, file),
    ):
        if file.selection.test is None:
            raise ConfigError(
                f"{path.name}: selection.test: is missing, expected 'FILE.py:FUNCTION', or what "
                "else scores a configuration on the test set"
            )
        summary(opened, file.name)  # raises if there is no such study
        found = _score(opened, file, file.selection.test, trial, again=again)
    if found is None:
        return FAILED
    print_result({"study": file.name, **asdict(found)}, f"{file.name}: {found.line}", as_json)
    return 0


def _score(
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
        chosen = _choose(store, file) if trial is None else trial
    except NoCompleteTrial as error:
        print(error, file=sys.stderr)
        return None
    place = EvaluationContext.of(store, name, file.config)
    try:
        return score_test_set(store, name, function, chosen, place, warn=warn)
    except HpoBridgeError:
        raise
    except Exception as error:  # the user's
        reason = str(error) if isinstance(error, Failure) else explain(error)
        print(f"test {function.describe()}: {reason}; nothing is recorded", file=sys.stderr)
        return None


def _choose(store: Store, file: StudyFile) -> Selection:
    row = store.study(file.name)
    directions = file.directions if row is None else row.definition["directions"]
    return select_in(store, file.name, Objectives(directions), file.selection.rule)
