"""The results of every trial as the outputs of scikit-learn's folds, from memory or the log."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo_bridge import TrialRecord, TrialState

from .evaluation import ErrorScore, Result, by_name
from .schedule import Seen
from .spaces import SearchSpace


@dataclass(frozen=True)
class Tabulated:
    """All trials that have ended, as scikit-learn tabulates them.

    Attributes:
        records: The trials, by number.
        params: The estimator's parameters of each.
        ran: The results of the folds that ran, trial by trial.
        padded: The same with a result of NaNs for each fold that did not.
        missing: For each trial whether folds of it did not run.
    """

    records: tuple[TrialRecord, ...]
    params: list[dict[str, Any]]
    ran: list[Result]
    padded: list[Result]
    missing: list[bool]

    @property
    def pruned(self) -> list[bool]:
        """For each trial whether it was stopped early."""
        return [record.state is TrialState.PRUNED for record in self.records]


def tabulated(
    records: Sequence[TrialRecord],
    space: SearchSpace,
    seen: Seen,
    folds: int,
    *,
    several: bool,
    error_score: ErrorScore,
    train: bool,
) -> Tabulated:
    """Gathers the folds of trials.

    Args:
        records: Trials that have ended, as the store has them.
        space: The way from a trial to the estimator's parameters.
        seen: The folds that ran here; those of earlier sessions are read from the records.
        folds: How many a trial has.
        several: Whether the scores are a mapping, whatever their number.
        error_score: What a fold counts that failed in an earlier session, and whose score
            was no number to be kept.
        train: Whether scores on the training part are tabulated; NaN where there are none.
    """
    found = [dict(seen.get(r.number) or from_log(r, several=several)) for r in records]
    for record, results in zip(records, found, strict=True):
        if record.state is TrialState.FAILED and record.number not in seen:
            _add_failed(results, record, folds, error_score)
    ran = [results[fold] for results in found for fold in sorted(results)]
    blank = _blank(ran)
    rows = (results.get(fold, blank) for results in found for fold in range(folds))
    padded = [_with_train(row) if train else dict(row) for row in rows]
    params = [space.params(record.params) for record in records]
    missing = [len(results) < folds for results in found]
    return Tabulated(tuple(records), params, ran, padded, missing)


def from_log(record: TrialRecord, *, several: bool) -> dict[int, Result]:
    """The results of the folds that a trial has reported, by number of the fold."""
    found = {}
    for (fold, value), metrics in zip(record.reports, record.metrics, strict=True):
        scores: dict[str, dict[str, float]] = {"test": {}, "train": {}}
        for name, number in metrics.items():
            part, _, scorer = name.partition("_")
            if part in scores:
                scores[part][scorer] = number
        failed = bool(metrics.get("fit_failed"))
        test = scores["test"] or {"score": value}
        single = list(test) == ["score"] and not several
        found[fold] = {
            "fit_error": (record.error or "failed when it ran") if failed else None,
            "fit_failed": failed,
            "test_scores": test["score"] if single else test,
            "n_test_samples": metrics.get("n_test_samples", np.nan),
            "fit_time": metrics.get("fit_time", np.nan),
            "score_time": metrics.get("score_time", np.nan),
        }
        if scores["train"]:
            found[fold]["train_scores"] = scores["train"]["score"] if single else scores["train"]
    return found


def _add_failed(
    results: dict[int, Result], record: TrialRecord, folds: int, error_score: ErrorScore
) -> None:
    """A failed trial's folds whose score was no number: the log has no report of them."""
    score = np.nan if error_score == "raise" else float(error_score)
    blank = {**_blank(results.values(), score), "fit_error": record.error, "fit_failed": True}
    for fold in range(folds):
        results.setdefault(fold, blank)


def _blank(results: Iterable[Result], score: float = np.nan) -> Result:
    """A result of the same shape as the others, for a fold that did not run."""
    blank: Result = {"fit_error": None, "fit_failed": False}
    for result in results:
        if result["fit_failed"] and not isinstance(result["test_scores"], Mapping):
            continue
        scores = result["test_scores"]
        if isinstance(scores, Mapping):
            blank["test_scores"] = dict.fromkeys(by_name(scores), score)
        break
    blank.setdefault("test_scores", score)
    return {**blank, "fit_time": np.nan, "score_time": np.nan, "n_test_samples": np.nan}


def _with_train(result: Result) -> Result:
    """A copy that has scores on the training part, of the shape of its other scores."""
    if "train_scores" in result:
        return dict(result)
    scores = result["test_scores"]
    missing = dict.fromkeys(scores, np.nan) if isinstance(scores, Mapping) else np.nan
    return {**result, "train_scores": missing}


@contextmanager
def quiet_about_missing(table: Tabulated) -> Iterator[None]:
    """Keeps scikit-learn from warning of means that are NaN because folds did not run."""
    if not any(table.missing):
        yield
        return
    folds = len(table.padded) // len(table.records)
    complete = [r for at, r in enumerate(table.padded) if not table.missing[at // folds]]
    finite = all(np.isfinite(list(by_name(r["test_scores"]).values())).all() for r in complete)
    with warnings.catch_warnings():
        if finite:
            warnings.filterwarnings("ignore", "One or more of the .* scores are non-finite")
        yield


__all__ = ["Tabulated", "from_log", "quiet_about_missing", "tabulated"]
