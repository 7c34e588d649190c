"""The simplest configuration that is as good as the best."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import mean, stdev
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
from hpo_bridge.errors import NoCompleteTrial, SelectionError

Make = Callable[..., Study]

TREES = Space(
    max_depth=Int(1, 5),
    leaf=Int(1, 3),
    kernel=Categorical(["rbf", "linear"]),
    gamma=Int(1, 2, when={"kernel": "rbf"}),
)


def told(study: Study, points: Sequence[tuple[dict[str, Any], float, float | None]]) -> None:
    """Gives a study trials of these parameters, values and standard errors."""
    for params, value, error in points:
        number = study.enqueue(params)
        assert study.ask().number == number
        study.tell(number, Measured(value, error))


def point(depth: int, leaf: int = 1, kernel: str = "linear", **more: Any) -> dict[str, Any]:
    return {"max_depth": depth, "leaf": leaf, "kernel": kernel, **more}


@pytest.fixture
def tree(study: Make) -> Study:
    made = study(TREES, direction="maximize")
    told(
        made,
        [
            (point(5), 0.90, 0.02),
            (point(3, 1), 0.885, 0.5),
            (point(3, 3), 0.88, 0.0),
            (point(3, 3, "rbf", gamma=2), 0.89, 0.5),
            (point(1), 0.8799, 0.5),
            (point(2), 0.85, 0.5),
        ],
    )
    return made


def test_the_simplest_within_one_standard_error_of_the_best(tree: Study) -> None:
    chosen = analysis.select(tree, "one_standard_error", simplest=["max_depth", "-leaf"])
    # The best's own error counts, and the threshold itself is within.
    assert chosen.threshold == pytest.approx(0.88)
    assert chosen.within == (0, 1, 2, 3)
    # Trials 2 and 3 are equally simple: of them the better one.
    assert (chosen.best.number, chosen.number) == (0, 3)
    assert chosen.params["leaf"] == 3
    assert str(chosen) == (
        "trial 3 is the simplest (by max_depth, -leaf) of 4 within 1 standard error of the best "
        "(0, 1, 2, 3); best: trial 0, value 0.9 ± 0.02; threshold 0.88"
    )
    linear = analysis.select(
        tree, "one_standard_error", simplest=["kernel == 'rbf'", "max_depth", "-leaf"]
    )
    assert linear.number == 2


def test_the_number_of_standard_errors(tree: Study) -> None:
    for errors, number in [(0, 0), (0.5, 3), (1.02, 4), (3, 4)]:
        assert analysis.select(tree, "one_standard_error", simplest=["max_depth", "-leaf"],
                           errors=errors).number == number  # fmt: skip


def test_smaller_is_better_where_the_study_minimizes(study: Make) -> None:
    made = study(TREES)
    told(made, [(point(4), 1.0, 0.5), (point(3), 1.5, 9.0), (point(2), 1.6, 9.0)])
    assert analysis.select(made, "one_standard_error", simplest=["max_depth"]).number == 1


def test_a_parameter_that_is_not_active_is_simplest(study: Make) -> None:
    made = study(TREES)
    told(made, [(point(1, 1, "rbf", gamma=1), 1.0, 0.5), (point(1), 1.1, 0.5)])
    assert analysis.select(made, "one_standard_error", simplest=["gamma"]).number == 1
    assert analysis.select(made, "one_standard_error", simplest=["-gamma"]).number == 1
    guarded = "gamma if kernel == 'rbf' else 3"
    assert analysis.select(made, "one_standard_error", simplest=[guarded]).number == 0


def test_the_best_is_the_default(tree: Study) -> None:
    chosen = analysis.select(tree)
    assert (chosen.number, chosen.within, chosen.threshold) == (0, (0,), None)


def test_without_standard_errors_it_says_what_to_return(study: Make) -> None:
    made = study()
    made.optimize(lambda trial: trial["x"], trials=3)
    with pytest.raises(SelectionError, match=r"no standard error: return hpo_bridge\.Measured"):
        analysis.select(made, "one_standard_error", simplest=["n"])


def test_nothing_to_select(study: Make) -> None:
    made = study()
    with pytest.raises(NoCompleteTrial, match="has no complete trial"):
        analysis.select(made, "one_standard_error", simplest=["n"])
    with pytest.raises(NoCompleteTrial, match="has no complete trial"):
        analysis.select(made)


def test_several_objectives_are_refused(study: Make) -> None:
    made = study(directions={"a": "minimize", "b": "minimize"})
    made.optimize(lambda trial: {"a": trial["x"], "b": -trial["x"]}, trials=3)
    for rule in ({}, {"rule": "one_standard_error", "simplest": ["n"]}):
        with pytest.raises(SelectionError, match="several objectives"):
            analysis.select(made, **rule)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"rule": "one_standard_eror", "simplest": ["n"]},
         r"rule: found 'one_standard_eror', expected best or one_standard_error "
         r"\(did you mean 'one_standard_error'\?\)"),
        ({"rule": "one_standard_error"}, "simplest: found none, expected what makes"),
        ({"rule": "one_standard_error", "simplest": "n"}, "simplest: found 'n', expected"),
        ({"rule": "one_standard_error", "simplest": ["n", "m_"]},
         "simplest.1: 'm_' names 'm_', which is no parameter"),
        ({"rule": "one_standard_error", "simplest": ["n +"]},
         r"simplest.0: 'n \+' is not an expression"),
        ({"rule": "one_standard_error", "simplest": ["__import__('os')"]},
         "simplest.0: .* is not allowed; functions"),
        ({"rule": "one_standard_error", "simplest": ["c"]}, "simplest.0: 'c' gives '?[aN]"),
        ({"rule": "one_standard_error", "simplest": ["1 / (n - 2)"]},
         r"simplest.0: '1 / \(n - 2\)' cannot be computed at .*division by zero"),
        ({"rule": "one_standard_error", "simplest": ["n"], "errors": -1},
         "errors: found -1, expected a number from 0 on"),
        ({"rule": "one_standard_error", "simplest": ["n"], "errors": math.nan}, "errors: found"),
        ({"rule": "one_standard_error", "simplest": ["n"], "paired": 1}, "paired: found 1"),
        ({"simplest": ["n"]}, "simplest: is for rule one_standard_error alone"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused(study: Make, rule: dict[str, Any], text: str) -> None:
    made = study()
    made.optimize(lambda trial: Measured(trial["x"], 0.1), trials=3)
    with pytest.raises(HpoBridgeError, match=text):
        analysis.select(made, **rule)


HARD = (0.0, 1.0, 2.0, 3.0)  # what each fold adds to every loss
EXTRA = {4: (0, 0, 0, 0), 3: (0.05, -0.05, 0.05, -0.03), 2: (0.3, 0.3, 0.3, 0.31)}


def folds(trial: Trial) -> Measured:
    """Folds of very different difficulty; simpler is a little worse on each."""
    scores = [a + b for a, b in zip(HARD, EXTRA[trial["max_depth"]], strict=True)]
    for step, score in enumerate(scores):
        trial.report(score, step)
    return Measured(mean(scores), stdev(scores) / 2)


def negative_folds(trial: Trial) -> Measured:
    """The same with scores to maximise."""
    scores = [-a - b for a, b in zip(HARD, EXTRA[trial["max_depth"]], strict=True)]
    for step, score in enumerate(scores):
        trial.report(score, step)
    return Measured(mean(scores), stdev(scores) / 2)


@pytest.mark.parametrize(
    ("objective", "direction"), [(folds, "minimize"), (negative_folds, "maximize")]
)
def test_pairs_do_not_count_what_the_folds_owe_to_themselves(
    study: Make, objective: Callable[[Trial], Measured], direction: str
) -> None:
    made = study(Space(max_depth=Int(2, 4)), backend="core.grid", direction=direction)
    made.optimize(objective)
    plain = analysis.select(made, "one_standard_error", simplest=["max_depth"])
    paired = analysis.select(made, "one_standard_error", simplest=["max_depth"], paired=True)
    # The folds differ by more than the models do, and equally for all of these.
    assert plain.params["max_depth"] == 2
    assert paired.params["max_depth"] == 3
    assert paired.threshold is None
    assert len(paired.within) == 2


def test_pairs_need_folds(study: Make) -> None:
    made = study(Space(x=Float(0, 1)))

    def epochs(trial: Trial) -> Measured:
        for step in range(3):
            trial.report(3.0 - step + trial["x"], step)
        return Measured(1.0 + trial["x"], 0.1)

    made.optimize(epochs, trials=3)
    with pytest.raises(SelectionError, match=r"paired: trial \d, the best, has no folds"):
        analysis.select(made, "one_standard_error", simplest=["x"], paired=True)


def test_pairs_leave_out_and_count_trials_without_the_same_folds(study: Make) -> None:
    made = study(Space(max_depth=Int(2, 4)), backend="core.grid")
    made.optimize(folds)
    told(made, [({"max_depth": 2}, 1.5, 0.1)])
    chosen = analysis.select(made, "one_standard_error", simplest=["max_depth"], paired=True)
    assert chosen.params["max_depth"] == 3
    assert "1 trial without the same folds left out" in chosen.explanation


def test_a_stored_study_gives_the_same(study: Make, url: str) -> None:
    written = study(TREES, store=url, direction="maximize")
    told(written, [(point(5), 0.90, 0.02), (point(3), 0.885, 0.5), (point(1), 0.5, 0.5)])
    written.close()
    again = study(TREES, store=url, direction="maximize")
    assert analysis.select(again, "one_standard_error", simplest=["max_depth"]).number == 1
