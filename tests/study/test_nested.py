"""The score of a whole procedure, by an outer loop."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from hpo_bridge import (
    Categorical,
    Float,
    HpoBridgeError,
    Int,
    Measured,
    Space,
    Study,
    Trial,
    analysis,
)
from hpo_bridge.analysis.nested_score import nested_score
from hpo_bridge.analysis.nested_tuning import seed_of_split, study_of_split
from hpo_bridge.config import StudyConfig
from hpo_bridge.config.selection_rule import SelectionRule
from hpo_bridge.errors import NoCompleteTrial, SelectionError, StoreError
from hpo_bridge.study import open_study

Make = Callable[..., Study]
Rows = list[int]

DATA = [3.1, 2.9, 3.0, 3.2, 2.8, 3.3, 2.7, 3.4, 3.0]
SPACE = Space(x=Float(2, 4), kind=Categorical(["a", "b"]))


def pairs(rows: int, splits: int) -> list[tuple[Rows, Rows]]:
    """Every ``splits``-th row is a test row."""
    return [
        ([r for r in range(rows) if r % splits != k], [r for r in range(rows) if r % splits == k])
        for k in range(splits)
    ]


PAIRS = pairs(len(DATA), 3)


def fit(trial: Trial, train: Rows) -> float:
    return fmean((DATA[row] - trial["x"]) ** 2 for row in train) + (trial["kind"] == "b")


def check(trial: Trial, train: Rows, test: Rows) -> dict[str, float]:
    return {"value": fit(trial, test), "rows": float(len(train))}


@pytest.mark.parametrize("runner", [{}, {"runner": "processes", "workers": 2}])
def test_each_split_tunes_on_its_training_part_and_is_scored_on_its_test_part(
    study: Make, url: str, runner: dict[str, Any]
) -> None:
    whole = study(SPACE, store=url, name="s", backend="optuna.tpe")
    found = analysis.nested_cv(whole, fit, PAIRS, check, trials=3, **runner)
    assert (found.of, found.complete, found.objective) == (3, True, "value")
    assert whole.trials == []
    assert whole.store.names() == ["s", "s.outer-1", "s.outer-2", "s.outer-3"]
    for split, (train, test) in zip(found.outer, PAIRS, strict=True):
        part = study(SPACE, store=url, name=split.study, seed=None, backend="optuna.tpe")
        assert len(part.trials) == 3
        best = part.best
        assert (split.number, split.params, split.best) == (best.number, best.params, best.value)
        assert split.best == pytest.approx(fit(best.params, train))
        assert split.score == pytest.approx(fit(best.params, test))
        assert split.scores["rows"] == 6
    scores = [split.score for split in found.outer]
    assert found.mean == pytest.approx(fmean(scores))
    assert found.standard_error == pytest.approx(stdev(scores) / 3**0.5)
    assert found.optimism == pytest.approx(fmean(s.score - s.best for s in found.outer))
    assert found.chosen["kind"] == [split.params["kind"] for split in found.outer]
    assert "on 3 of 3 outer splits" in str(found)


def test_a_maximised_score_is_optimistic_where_it_falls(study: Make) -> None:
    whole = study(SPACE, direction="maximize")
    found = analysis.nested_cv(
        whole, lambda trial, train: 0.9, PAIRS, lambda trial, train, test: 0.5, trials=2
    )
    assert found.optimism == pytest.approx(0.4)


def test_the_studies_differ_in_their_seeds_and_are_the_same_again(study: Make) -> None:
    first, again = (
        analysis.nested_cv(study(SPACE, seed=3), fit, PAIRS, check, trials=4) for _ in range(2)
    )
    assert first == again
    assert len({split.params["x"] for split in first.outer}) == 3


def test_it_goes_on_where_it_was_cut(study: Make, url: str) -> None:
    whole = analysis.nested_cv(study(SPACE, name="whole"), fit, PAIRS, check, trials=6)
    calls: list[str] = []

    def cut(trial: Trial, train: Rows) -> float:
        calls.append("fit")
        if len(calls) == 9:
            raise KeyboardInterrupt
        return fit(trial, train)

    def counted(trial: Trial, train: Rows, test: Rows) -> dict[str, float]:
        calls.append("score")
        return check(trial, train, test)

    with study(SPACE, store=url, name="whole") as cut_study:
        with pytest.raises(KeyboardInterrupt):
            analysis.nested_cv(cut_study, cut, PAIRS, counted, trials=6)
        partly = nested_score(cut_study.store, "whole", cut_study.objectives, SelectionRule())
        assert [split.split for split in partly.outer] == [1]
        assert not partly.complete
        assert "1 of 3 outer splits" in str(partly)
    assert calls == ["fit"] * 6 + ["score"] + ["fit"] * 2
    with study(SPACE, store=url, name="whole") as again:
        assert analysis.nested_cv(again, cut, PAIRS, counted, trials=6) == whole
        assert calls.count("score") == 3
        analysis.nested_cv(again, cut, PAIRS, counted, trials=6)
    assert len(calls) == 3 * 6 + 1 + 3


KILLED = """
import os, signal, sys
from statistics import fmean
import hpo_bridge as hpo
from hpo_bridge import analysis

DATA, PAIRS, SPACE = {data}, {pairs}, hpo.Space(x=hpo.Float(2, 4))
calls = []

def fit(trial, train):
    calls.append(1)
    if len(calls) == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    return fmean((DATA[row] - trial["x"]) ** 2 for row in train)

def check(trial, train, test):
    return fmean((DATA[row] - trial["x"]) ** 2 for row in test)

study = hpo.Study(SPACE, backend="optuna.tpe", seed=0, store=sys.argv[1], name="k")
analysis.nested_cv(study, fit, PAIRS, check, trials=4)
"""


def test_it_goes_on_after_a_kill(study: Make, url: str) -> None:
    script = KILLED.format(data=DATA, pairs=PAIRS)
    done = subprocess.run([sys.executable, "-c", script, url], check=False)
    assert done.returncode == -signal.SIGKILL

    def plain(trial: Trial, part: Rows) -> float:
        return fmean((DATA[row] - trial["x"]) ** 2 for row in part)

    def score(trial: Trial, train: Rows, test: Rows) -> float:
        return plain(trial, test)

    space = Space(x=Float(2, 4))
    killed, whole = (
        study(space, backend="optuna.tpe", store=store, name="k") for store in (url, None)
    )
    before = nested_score(killed.store, "k", killed.objectives, SelectionRule())
    assert (before.of, len(before.outer)) == (3, 1)
    assert analysis.nested_cv(killed, plain, PAIRS, score, trials=4) == analysis.nested_cv(
        whole, plain, PAIRS, score, trials=4
    )


def test_more_trials_and_another_rule_are_scored_anew(study: Make) -> None:
    whole = study(Space(depth=Int(1, 9)), backend="core.grid")
    scored: list[int] = []

    def measured(trial: Trial, train: Rows) -> Measured:
        return Measured(1 / trial["depth"], 0.1)

    def score(trial: Trial, train: Rows, test: Rows) -> float:
        scored.append(trial["depth"])
        return float(trial["depth"])

    simple = {"rule": "one_standard_error", "simplest": ["depth"]}
    analysis.nested_cv(whole, measured, PAIRS, score, trials=4)
    analysis.nested_cv(whole, measured, PAIRS, score, trials=9)
    found = analysis.nested_cv(whole, measured, PAIRS, score, trials=9, selection=simple)
    assert scored == [4] * 3 + [9] * 3 + [5] * 3
    assert found.mean == 5.0
    # What was scored for the other rule is still there for it.
    assert analysis.nested_cv(whole, measured, PAIRS, score, trials=9).mean == 9.0
    assert len(scored) == 9


def test_a_study_is_not_continued_on_another_split(study: Make) -> None:
    whole = study(SPACE)
    analysis.nested_cv(whole, fit, PAIRS, check, trials=2)
    with pytest.raises(StoreError, match=r"is split 1 of 3, here 1 of 2"):
        analysis.nested_cv(whole, fit, PAIRS[:2], check, trials=2)
    other = [(train[1:], test) for train, test in PAIRS]
    with pytest.raises(StoreError, match=r"'study.outer-1' .* tuned on other data, or on another"):
        analysis.nested_cv(whole, fit, other, check, trials=2)
    taken = study(SPACE, name="t.outer-1", seed=seed_of_split(0, 1), store=whole.store)
    taken.optimize(lambda trial: trial["x"], trials=1)
    with pytest.raises(StoreError, match="is there already, and is no outer split"):
        analysis.nested_cv(study(SPACE, name="t", store=whole.store), fit, PAIRS, check, trials=2)


def test_a_split_without_a_complete_trial(study: Make) -> None:
    def fails(trial: Trial, train: Rows) -> float:
        raise ValueError("no")

    with pytest.raises(NoCompleteTrial, match=r"'study.outer-1' has no complete trial"):
        analysis.nested_cv(study(SPACE), fails, PAIRS, check, trials=2)


@pytest.mark.parametrize(
    ("splits", "text"),
    [
        (PAIRS[:1], "splits: found .* expected two or more"),
        ([[1, 2, 3], [4]], "splits: found .* expected two or more"),
        ([], "splits: found"),
    ],
)
def test_wrong_splits(study: Make, splits: Any, text: str) -> None:
    whole = study(SPACE)
    with pytest.raises(HpoBridgeError, match=text):
        analysis.nested_cv(whole, fit, splits, check, trials=2)
    assert whole.store.names() == ["study"]


def test_what_cannot_be_nested(study: Make) -> None:
    whole = study(SPACE)
    with pytest.raises(HpoBridgeError, match=r"score: is missing: .*fit cannot be split"):
        analysis.nested_cv(whole, fit, PAIRS, trials=2)
    with pytest.raises(SelectionError, match=r"rule: found 'bst'.*did you mean 'best'"):
        analysis.nested_cv(whole, fit, PAIRS, check, trials=2, selection={"rule": "bst"})
    several = study(SPACE, name="m", directions={"a": "minimize", "b": "minimize"})
    with pytest.raises(SelectionError, match="several objectives"):
        analysis.nested_cv(several, fit, PAIRS, check, trials=2)


def test_all_that_a_study_is_made_of_goes_to_its_splits() -> None:
    given = {"duplicates": "reuse", "checkpoints": "kept", "pruner": "folds"}
    old = [{"study": "old", "store": Study(SPACE, name="old").store}]
    study = open_study(StudyConfig(SPACE, **given, warm_start=old))
    like = study_of_split(study, 1).config
    found = (like.duplicates, Path(like.checkpoints or "").name, like.name)
    assert found == ("reuse", "kept", "study.outer-1")
    assert like.pruner == {"name": "folds", "options": {}}
    assert not like.warm_start  # its trials may have seen the test part of a split


def test_the_best_of_many_is_above_chance_on_noise_and_the_nested_score_is_not(
    study: Make,
) -> None:
    """Features and labels that have nothing to do with each other: all is chance.

    Each trial takes one feature and predicts by its sign, better or worse by luck alone.
    """
    rows, features = 60, 1000
    naive, nested = [], []
    for seed in range(10):
        rng = random.Random(seed)
        x = [[rng.random() < 0.5 for _ in range(features)] for _ in range(rows)]
        y = [rng.random() < 0.5 for _ in range(rows)]

        def accuracy(trial: Trial, part: Rows, x: Any = x, y: Any = y) -> float:
            return fmean(x[row][trial["feature"]] == y[row] for row in part)

        whole = study(Space(feature=Int(0, features - 1)), seed=seed, direction="maximize")
        found = analysis.nested_cv(whole,
            accuracy, pairs(rows, 4),
            lambda trial, train, test, accuracy=accuracy: accuracy(trial, test), trials=50,
        )  # fmt: skip
        naive.append(fmean(split.best for split in found.outer))
        nested.append(found.mean)
    # 45 rows each: a standard deviation of 0.075, and the best of 50 is some 2.2 of them up.
    assert min(naive) > 0.55
    assert fmean(naive) > 0.63
    # 600 rows in all: a standard error of 0.02.
    assert abs(fmean(nested) - 0.5) < 0.05
