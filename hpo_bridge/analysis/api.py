"""Functions of a study that answer questions about its log.

Example of a nested score:
    >>> import hpo_bridge as hpo
    >>> data = [3.1, 2.9, 3.0, 3.2, 2.8, 3.3]
    >>> def fit(trial, train):
    ...     return sum((data[row] - trial["x"]) ** 2 for row in train) / len(train)
    >>> def check(trial, train, test):
    ...     return fit(trial, test)
    >>> study = hpo.Study(hpo.Space(x=hpo.Float(2, 4)), seed=0)
    >>> pairs = [([2, 3, 4, 5], [0, 1]), ([0, 1, 4, 5], [2, 3]), ([0, 1, 2, 3], [4, 5])]
    >>> found = nested_cv(study, fit, pairs, check, trials=20)
    >>> len(found.outer), found.mean > 0, len(study.trials)
    (3, True, 0)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..config.selection_rule import BEST, SelectionRule
from ..config.study_config import plugins_from
from ..contracts.argument_checks import Choice
from ..contracts.objective import Objective
from ..contracts.record import TrialRecord
from ..contracts.trial import Trial
from ..errors import TestSetWarning, warn
from ..study import Study
from ..study.arguments import trial_number
from ..study.driving import held_log
from . import held_out, recorded_scores, rerun, verification
from .held_out import EvaluationContext
from .nested_score import NestedScore, nested_score
from .nested_tuning import tune_splits
from .outer_splits import outer_splits
from .recorded_scores import TestScore
from .selection import Selection, check_single, select_in


def select(
    study: Study,
    rule: str = BEST,
    *,
    simplest: Sequence[str] = (),
    errors: float = 1.0,
    paired: bool = False,
) -> Selection:
    """Choose a configuration by a rule; see docs/cross-validation.md.

    Args:
        study: The study.
        rule: ``best``, or ``one_standard_error``: the simplest complete trial whose value
            is within one standard error of the best one's (Breiman, Friedman, Olshen and
            Stone, Classification and Regression Trees, 1984, section 3.4.3).
        simplest: What is simple, by expressions as in constraints, compared in turn;
            smaller is simpler: ``["max_depth", "-min_samples_leaf", "kernel == 'rbf'"]``.
            One that meets a parameter which is not active counts as simplest.
        errors: How many standard errors; 0 leaves those that equal the best.
        paired: Whether to take the standard error of the difference between a trial and
            the best on the same folds, instead of that of the best.

    Raises:
        NoCompleteTrial: If there is none.
        SelectionError: If the rule is wrong, or the study has no standard errors, no
            folds (``paired``), or several objectives.

    Example:
        >>> import hpo_bridge as hpo
        >>> study = hpo.Study(hpo.Space(depth=hpo.Int(1, 9)), backend="core.grid", seed=0)
        >>> study.optimize(lambda trial: hpo.Measured(1 / trial["depth"], 0.1))
        >>> chosen = select(study, "one_standard_error", simplest=["depth"])
        >>> study.best.params, chosen.params
        ({'depth': 9}, {'depth': 5})
    """
    chosen = SelectionRule.of(study.space, rule, simplest=simplest, errors=errors, paired=paired)
    return select_in(study.store, study.name, study.objectives, chosen)


def score_test(
    study: Study,
    function: Callable[[Trial], Any] | str | Objective,
    trial: Selection | TrialRecord | int | None = None,
) -> TestScore:
    """Score the chosen configuration on the test set, and record that.

    To be done once, at the end: a second look warns, with what the first one gave. An
    exception before there is a score records nothing; neither does a kill.

    Args:
        study: The study.
        function: Fits the configuration on all data that are no test data, and scores it
            on these: called with a trial of that configuration, it returns a number or
            ``{name: number}``. Or a reference such as ``"test.py:score"``.
        trial: What :func:`select` gave, or a trial; the best one by default.

    Raises:
        NoCompleteTrial: If there is none.
        ObjectiveError: If the trial or the function is not there, or gives no number.
        StudyLocked: If another driver works on the study.

    Warns:
        TestSetWarning: If the test set was scored before.
    """
    if trial is not None and not isinstance(trial, (Selection, TrialRecord)):
        trial = trial_number(trial)
    chosen = select(study) if trial is None else trial
    with held_log(study) as log:
        return held_out.score_test_set(
            study.store, study.name, function, chosen,
            EvaluationContext.of(study.store, study.name, study.config), log,
            lambda text: warn(text, TestSetWarning),
        )  # fmt: skip


def test_scores(study: Study) -> list[TestScore]:
    """Return every score on the test set, in order; see :func:`score_test`."""
    return recorded_scores.test_scores(study.store, study.name)


def nested_cv(
    study: Study, objective: Callable[..., Any] | Objective, splits: Any,
    score: Callable[[Trial, Any, Any], Any] | None = None, *, trials: int | None = None,
    seconds: float | None = None, selection: Mapping[str, Any] | None = None,
    runner: Choice = "inline", **options: Any,
) -> NestedScore:  # fmt: skip
    """Score the whole procedure by nested cross-validation.

    On the training part of each outer split a study like this one, in the same store
    (``NAME.outer-1``, …), spends the budget and chooses; the choice is fitted on that part and
    scored on the test part. This study itself is not run.

    Args:
        study: The study.
        objective: ``hpo_bridge_sklearn.cross_validated(…)``; or, with ``score``, a function
            of a trial and the training part, which must look at no other rows.
        splits: For ``cross_validated`` a number or a splitter; with ``score`` two or more pairs
            ``(train, test)``, of indices or whatever the functions take.
        score: Fits a trial's configuration on the training part, and scores it on the test part.
        trials: The budget of each split's study.
        seconds: Likewise.
        selection: How each of them chooses: arguments of :func:`select`.
        runner: As in :meth:`hpo_bridge.Study.optimize`.
        options: The runner's options.

    Raises:
        HpoBridgeError: If an argument is wrong, or the splits are.
        NoCompleteTrial: If a split has none.
        StoreError: If a study of such a name was tuned on other data or another split.
    """
    check_single(study.objectives)
    rule = SelectionRule.from_mapping(study.space, selection)
    directions = study.config.objectives.directions
    outer = outer_splits(objective, splits, score, study.space, directions, study.seed)

    def run(part: Study, objective: Objective, text: str) -> None:
        part.optimize(objective, trials=trials, seconds=seconds, runner=runner, **options)

    tune_splits(study, outer, run, rule)
    return nested_score(study.store, study.name, study.objectives, rule)


def verify(study: Study) -> verification.Verification:
    """Check that the backends propose again what the log has, in every segment of one.

    Runs no objective, writes nothing, and needs no lease: a driver may go on meanwhile.

    Raises:
        StoreError: If the store cannot be read.
    """
    return verification.verify(study.store, study.name, plugins_from(study.config.plugins))


def replay(
    study: Study,
    number: int,
    objective: Callable[[Trial], Any] | str | Objective,
    *,
    times: int = 1,
    tolerance: float = 0.0,
    runner: Choice = "processes",
    **options: Any,
) -> tuple[rerun.Rerun, ...]:
    """Run a finished trial again, with its parameters and seed, and compare.

    The store keeps nothing of it: its checkpoints go into a folder that is thrown away,
    and it begins without one. A trial that was pruned is advised to stop where it did.

    Args:
        study: The study.
        number: The trial.
        objective: What was evaluated.
        times: How often, one after another.
        tolerance: By how much a value or a report may differ and still be the same.
        runner: Who evaluates it.
        options: The runner's options, such as ``trial_timeout``.

    Returns:
        What became of each run: its ``difference`` is ``None`` if it was the same.

    Raises:
        HpoBridgeError: If there is no such trial, if it is not finished, or took over
            other parameters while it ran.
        ObjectiveError: If the objective cannot be loaded.
    """
    return rerun.rerun(
        study.store, study.name, number, objective, plugins_from(study.config.plugins),
        times=times, tolerance=tolerance, runner=runner, options=options,
    )  # fmt: skip
