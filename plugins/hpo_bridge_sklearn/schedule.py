"""A study whose trials are cross-validated side by side, each fold a task of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from hpo_bridge import Measured, SearchExhausted, Study, Trial, TrialState, WaitingForResults
from hpo_bridge.objectives import standard_error

from .callbacks import Callbacks
from .evaluation import SCORE, Evaluation, Result, evaluate_fold, metrics_of
from .pool import Pool, Task
from .spaces import SearchSpace

Seen = dict[int, dict[int, Result]]
"""What the folds gave that ran here, by number of the trial and of the fold."""

TaskOf = Callable[[Trial, int], Task]
"""Makes the task of evaluating one fold of a trial; its result is ``(number, fold, Result)``."""


@dataclass
class Candidate:
    """A trial that is being cross-validated.

    Attributes:
        trial: Itself.
        results: What each fold gave that is back, by its number.
        handed: How many folds were handed to workers; they are taken in order.
        reported: How many were reported to the study; likewise in order.
    """

    trial: Trial
    results: dict[int, Result] = field(default_factory=dict)
    handed: int = 0
    reported: int = 0


class Schedule:
    """Asks, hands folds to workers, reports them in order, and tells.

    Without a pruner all folds of a trial are handed out before the next trial is asked for:
    as few trials as possible are open, so that the backend learns as early as it can. With
    one, a trial's next fold is handed out when the fold before was judged, and until then
    folds of other trials: a pruned trial costs only the folds that were judged.

    Args:
        study: Whose trials they are.
        pool: The workers.
        task: Makes a fold's task.
        folds: How many there are.
        objectives: Names of the scorers that the study's objectives are.
        asks: How many trials to take at most; ``None`` until the backend ends.
        judged: Whether the study has a pruner.
        check: Called with every result, and may raise.
    """

    def __init__(
        self,
        study: Study,
        pool: Pool,
        task: TaskOf,
        folds: int,
        objectives: Sequence[str],
        *,
        asks: int | None,
        judged: bool,
        check: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self._study, self._pool, self._task = study, pool, task
        self._folds, self._objectives = folds, objectives
        self._asks, self._judged, self._check = asks, judged, check
        self._open: dict[int, Candidate] = {}
        self._waits = False
        self.results: Seen = {}

    def run(self) -> Seen:
        """Until nothing is left to do.

        Returns:
            What every fold gave that ran to its end, by number of the trial and of the fold.

        Raises:
            Exception: What a fold raised, or what stopped the study. The trials that were open
                then wait for the study to be continued.
        """
        while True:
            while self._pool.has_room and (candidate := self._next()) is not None:
                fold = candidate.handed
                candidate.handed += 1
                self._pool.hand_in(self._task(candidate.trial, fold))
            if not self._pool.open:
                return self.results
            self._take(*self._pool.take())

    def _next(self) -> Candidate | None:
        """The trial whose next fold is to be handed out, an open one first."""
        for candidate in self._open.values():
            judged = not self._judged or candidate.handed == candidate.reported
            if candidate.handed < self._folds and judged:
                return candidate
        return self._asked()

    def _asked(self) -> Candidate | None:
        if self._asks == 0 or self._waits:
            return None
        try:
            trial = self._study.ask()
        except SearchExhausted:
            self._asks = 0
            return None
        except WaitingForResults:
            self._waits = True
            return None
        if self._asks is not None:
            self._asks -= 1
        candidate = self._open[trial.number] = Candidate(trial)
        return candidate

    def _take(self, number: int, fold: int, result: Result) -> None:
        self._check(result)
        self.results.setdefault(number, {})[fold] = result
        candidate = self._open.get(number)
        if candidate is None:  # pruned while this fold ran
            return
        candidate.results[fold] = result
        while candidate.reported in candidate.results:
            if self._report(candidate):
                del self._open[number]
                self._waits = False
                return

    def _report(self, candidate: Candidate) -> bool:
        """Reports the next fold; whether the trial has ended."""
        trial, fold = candidate.trial, candidate.reported
        result = candidate.results[fold]
        scores = [score_of(result, name) for name in self._objectives]
        candidate.reported += 1
        is_finite = math.isfinite(scores[0])
        if is_finite:  # scikit-learn itself warns of the others
            trial.report(scores[0], fold, metrics_of(result))
        if candidate.reported == self._folds:
            self._finish(candidate)
            return True
        if not self._judged or (is_finite and not trial.should_prune()):
            return False
        if is_finite:
            self._study.tell(trial, state="PRUNED")
        else:  # no further fold could make a number of the mean
            self._finish(candidate)
        return True

    def _finish(self, candidate: Candidate) -> None:
        results = [candidate.results[fold] for fold in range(candidate.reported)]
        values, errors = {}, {}
        for name in self._objectives:
            scores = [score_of(result, name) for result in results]
            values[name] = float(np.mean(scores))
            if math.isfinite(values[name]) and (error := standard_error(scores)) is not None:
                errors[name] = error
        if all(map(math.isfinite, values.values())):
            self._study.tell(candidate.trial, Measured(values, errors or None))
        else:
            self._study.tell(candidate.trial, state="FAILED", error=reason(results))


def evaluated_here(
    study: Study,
    evaluation: Evaluation,
    space: SearchSpace,
    objectives: Sequence[str],
    callbacks: Callbacks,
    check: Callable[[Result], None],
    *,
    trials: int | None,
    n_jobs: int | None,
    pre_dispatch: int | str,
    judged: bool,
) -> Seen:
    """Evaluates a study by joblib.

    Args:
        study: The study.
        evaluation: What to evaluate.
        space: The way from a trial to the estimator's parameters.
        objectives: Names of the scorers that the study's objectives are.
        callbacks: Who is told of each fold.
        check: Called with every result, and may raise.
        trials: How many trials the study may have in all; ``None`` until its backend ends.
        n_jobs: How many workers, as in joblib.
        pre_dispatch: Most folds that are handed to workers and not back.
        judged: Whether the study has a pruner.
    """
    asks = None if trials is None else remaining(study.counts, trials)
    most = space.space.cardinality if asks is None else asks
    _announce(evaluation, most)
    task = _task_maker(evaluation, space, callbacks, trials or most)
    folds = None if most is None else most * evaluation.folds
    with callbacks.searching(folds), Pool(n_jobs, pre_dispatch) as pool:
        schedule = Schedule(
            study, pool, task, evaluation.folds, objectives, asks=asks, judged=judged,
            check=check,
        )  # fmt: skip
        return schedule.run()


def _task_maker(
    evaluation: Evaluation, space: SearchSpace, callbacks: Callbacks, candidates: int | None
) -> TaskOf:
    """Return a function that makes the task of a trial's fold."""
    how = {
        "scorer": evaluation.scorer, "fit_params": evaluation.fit_params,
        "score_params": evaluation.score_params, "error_score": evaluation.error_score,
        "return_train_score": evaluation.return_train_score, "verbose": evaluation.verbose,
    }  # fmt: skip

    def task(trial: Trial, fold: int) -> Task:
        train, test = evaluation.splits[fold]
        arguments = (
            trial.number, fold, clone(evaluation.estimator), evaluation.X, evaluation.y,
            train, test, space.params(trial),
        )  # fmt: skip
        progress = {
            "split_progress": (fold, evaluation.folds),
            "candidate_progress": (trial.number, candidates),
        }
        return _fold, arguments, {**how, **progress, **callbacks.fold()}

    return task


def remaining(counts: Mapping[TrialState, int], trials: int) -> int:
    """Return the number of trials that may begin: new ones, and those that wait or were cut."""
    again = counts.get(TrialState.WAITING, 0) + counts.get(TrialState.RUNNING, 0)
    return max(0, trials - sum(counts.values())) + again


def _announce(evaluation: Evaluation, candidates: int | None) -> None:
    """Print the line that scikit-learn begins with, if the number of candidates is known."""
    if evaluation.verbose > 0 and candidates is not None:
        folds = evaluation.folds
        print(
            f"Fitting {folds} folds for each of {candidates} candidates, totalling "
            f"{folds * candidates} fits"
        )


def _fold(number: int, fold: int, *arguments: Any, **how: Any) -> tuple[int, int, Result]:
    return number, fold, evaluate_fold(*arguments, **how)


def score_of(result: Result, name: str) -> float:
    """A fold's score by the scorer ``name``; a single scorer has whatever name.

    Raises:
        KeyError: If the scorers gave none of that name.
    """
    scores = result["test_scores"]
    if not isinstance(scores, Mapping):
        return float(scores)
    if name not in scores and name == SCORE:  # which one was not said: the first
        return float(next(iter(scores.values())))
    return float(scores[name])


def reason(results: Sequence[Result]) -> str:
    """Why the mean of the folds is no number, in one line."""
    for fold, result in enumerate(results):
        if result["fit_failed"]:
            text = (result["fit_error"] or "").strip().splitlines()
            return f"fold {fold}: the fit failed" + (f": {text[-1]}" if text else "")
    return "the mean of the folds' scores is not finite"


__all__ = ["Schedule", "Seen", "evaluated_here", "reason", "score_of"]
