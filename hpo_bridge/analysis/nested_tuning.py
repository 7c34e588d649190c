"""Nested cross-validation: the score of the whole procedure, tuning and choice included.

The best of many cross-validated scores is too good to be true: it was chosen for being good on
these very folds (Cawley and Talbot, JMLR 11, 2010). An outer loop splits the data once more: on
the training part of each outer split a study of its own tunes and chooses, and the choice is
scored on the test part, which that study never saw (Varma and Simon, BMC Bioinformatics 7:91,
2006). The outer scores are those of the procedure; the configuration to use comes from the study
on all data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..config.selection_rule import SelectionRule
from ..contracts.directions import Objectives
from ..contracts.objective import Objective, OuterSplit
from ..contracts.trial import trial_seed
from ..engine.failures import no_complete_trial
from ..errors import NoCompleteTrial, ObjectiveError, StoreError
from ..history.importing import hold_lease
from ..objectives.failure import Failure
from ..store import Store
from ..store.study_events import SplitAssigned
from ..study import Study, open_study
from .held_out import EvaluationContext, score_test_set
from .recorded_scores import TestScore, test_scores
from .selection import Selection, select_in

_NAME = re.compile(r"(.*)\.outer-([1-9][0-9]*)")


def name_of_split(study: str, number: int) -> str:
    """The name of the study that tunes on outer split ``number``, from 1.

    >>> name_of_split("digits", 2)
    'digits.outer-2'
    """
    return f"{study}.outer-{number}"


def splits_of(names: Sequence[str], study: str) -> dict[int, str]:
    """Number to name of the studies of a nested study's splits, among all names of a store.

    >>> splits_of(["s", "s.outer-10", "s.outer-2", "s.outer-x"], "s")
    {2: 's.outer-2', 10: 's.outer-10'}
    """
    found = [match for name in names if (match := _NAME.fullmatch(name)) and match[1] == study]
    return {int(match[2]): match[0] for match in sorted(found, key=lambda m: int(m[2]))}


def seed_of_split(seed: int, number: int) -> int:
    """The seed of the study of outer split ``number``, derived from the whole study's."""
    return trial_seed(seed, -number)


def study_of_split(whole: Study, number: int) -> Study:
    """Open the study of an outer split: in the same store, and otherwise like ``whole``."""
    name, seed = name_of_split(whole.name, number), seed_of_split(whole.seed, number)
    config = whole.config.for_split(name, seed)
    return open_study(replace(config, space=whole.space, store=whole.store))


def tune_splits(
    whole: Study,
    splits: Sequence[OuterSplit],
    run: Callable[[Study, Objective, str], None],
    rule: SelectionRule,
) -> None:
    """Tune, choose and score on each outer split, or go on with that.

    Args:
        whole: The study on all data; not run here.
        splits: The outer splits.
        run: Runs a study until its budget is spent; the text says which split it is.
        rule: How each of them chooses.

    Raises:
        NoCompleteTrial: If there is none on a split.
        StoreError: If a study of one of these names was tuned on another split.
    """
    for number, split in enumerate(splits, 1):
        with study_of_split(whole, number) as study:
            _claim(study.store, study.name, number, len(splits), split)
            run(study, split.objective, f"outer split {number} of {len(splits)}")
            _score(study, split, rule)


def _claim(store: Store, name: str, number: int, of: int, split: OuterSplit) -> None:
    """Has the log say which split this study is of, or compares it with what that says."""
    claim = SplitAssigned(split=number, of=of, identity=split.identity)
    known = next(store.events_of(name, SplitAssigned), None)
    if known is None and any(store.counts(name).values()):
        raise StoreError(
            f"study {name!r} in {store.url} is there already, and is no outer split of another; "
            "use another study name or store"
        )
    if known is None:
        with hold_lease(store, name) as append:
            append([claim])
    elif (known.split, known.of, known.identity) != (number, of, split.identity):
        what = f"is split {known.split} of {known.of}, here {number} of {of}"
        if known.of == of:
            what = "was tuned on other data, or on another split of it"
        raise StoreError(
            f"study {name!r} in {store.url} {what}",
            fix="go on with what it was begun with, or use another study name or store",
        )


def _score(study: Study, split: OuterSplit, rule: SelectionRule) -> None:
    """Scores the chosen configuration on the split's test part, unless that is done."""
    store, name = study.store, study.name
    chosen = choice_on(store, name, study.objectives, rule)
    if current_score(store, name, chosen) is not None:
        return
    try:
        place = EvaluationContext.of(store, name, study.config)
        score_test_set(store, name, split.score, chosen, place)
    except Failure as failure:
        raise ObjectiveError(f"{split.score.describe()}: {failure}", "nested") from failure


def choice_on(store: Store, name: str, objectives: Objectives, rule: SelectionRule) -> Selection:
    """Return the selection of a split's study."""
    try:
        return select_in(store, name, objectives, rule)
    except NoCompleteTrial:
        nothing = ", so there is nothing to score on its outer split"
        raise no_complete_trial(store, name, nothing) from None


def current_score(store: Store, name: str, chosen: Selection) -> TestScore | None:
    """The score of a split, if it is that of what its study chooses now."""
    for seen in reversed(test_scores(store, name)):
        if seen.trial == chosen.number:
            return seen
    return None
