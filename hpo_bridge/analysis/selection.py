"""The choice of a study's configuration: the best one, or the simplest that is about as good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config.selection_rule import BEST, SelectionRule
from ..contracts.directions import Objectives
from ..contracts.record import TrialRecord, TrialState
from ..engine.failures import no_complete_trial
from ..engine.study_lookup import best_trial
from ..errors import SelectionError, counted
from ..store import Store
from .paired import folds_of, paired_difference

LISTED = 10
"""How many trials an explanation lists."""
REMEDY = "return hpo_bridge.Measured(value, standard_error), or use Folded or cross_validated"


@dataclass(frozen=True)
class Selection:
    """The trial chosen by a rule, with the reason.

    Attributes:
        rule: The rule's name.
        trial: The chosen trial.
        best: The trial with the best value.
        within: The numbers of the trials that count as good as the best, itself among them.
        threshold: The value that a trial had to reach, in the objective's own direction;
            ``None`` where there is no single one: for rule ``best``, and where ``paired``.
        explanation: All of this in one line.
    """

    rule: str
    trial: TrialRecord
    best: TrialRecord
    within: tuple[int, ...]
    threshold: float | None
    explanation: str

    @property
    def number(self) -> int:
        """The chosen trial's number."""
        return self.trial.number

    @property
    def params(self) -> Mapping[str, Any]:
        """The chosen trial's parameters."""
        return self.trial.params

    @property
    def values(self) -> Mapping[str, float] | None:
        """The chosen trial's values."""
        return self.trial.values

    def __str__(self) -> str:
        return self.explanation


def select_trial(
    rule: SelectionRule, best: TrialRecord, complete: Iterable[TrialRecord], objectives: Objectives
) -> Selection:
    """Choose among a study's complete trials by a rule.

    Args:
        rule: The rule.
        best: The trial with the best value.
        complete: All complete trials, by number.
        objectives: What is measured: a single objective.

    Raises:
        SelectionError: If the best has no standard error, or no folds where ``paired``.
    """
    if rule.name == BEST:
        text = f"trial {best.number} has the best value"
        return Selection(BEST, best, best, (best.number,), None, text)
    if rule.paired:
        return _select_paired(rule, best, complete, objectives)
    return _select_unpaired(rule, best, complete, objectives)


def select_in(store: Store, study: str, objectives: Objectives, rule: SelectionRule) -> Selection:
    """Choose among the complete trials of a stored study; see :func:`select_trial`."""
    check_single(objectives)
    best = best_trial(store, study, objectives)
    if best is None:
        raise no_complete_trial(store, study)
    return select_trial(rule, best, store.trials(study, [TrialState.COMPLETE]), objectives)


def check_single(objectives: Objectives) -> None:
    """Raises SelectionError for several objectives."""
    if len(objectives) > 1:
        raise SelectionError(
            "a study with several objectives has no best trial to select",
            fix="choose one of its front",
        )


def _select_unpaired(
    rule: SelectionRule, best: TrialRecord, complete: Iterable[TrialRecord], objectives: Objectives
) -> Selection:
    (name,) = objectives.names
    error = (best.standard_errors or {}).get(name)
    value = (best.values or {})[name]
    if error is None:
        raise SelectionError(f"trial {best.number}, the best, has no standard error: {REMEDY}")
    limit = objectives.sign * value + rule.errors * error
    ranked = [
        (rule.key(trial.params), loss, trial.number, trial)
        for trial in complete
        if (loss := _loss(trial, objectives)) <= limit
    ]
    text = f"best: trial {best.number}, {name} {value:.6g} ± {error:.3g}; threshold {{}}"
    threshold = objectives.sign * limit
    return _choose_simplest(rule, best, ranked, threshold, text.format(f"{threshold:.6g}"))


def _select_paired(
    rule: SelectionRule, best: TrialRecord, complete: Iterable[TrialRecord], objectives: Objectives
) -> Selection:
    of_best, value = folds_of(best), best.value
    if of_best is None:
        raise SelectionError(
            f"trial {best.number}, the best, has no folds of which its value is the mean",
            "paired",
            fix="report one fold a step, as hpo_bridge.Folded and cross_validated do",
        )
    ranked, unpaired = [], 0
    for trial in complete:
        folds = folds_of(trial)
        if folds is None or folds.keys() != of_best.keys():
            unpaired += 1
            continue
        worse, error = paired_difference(folds, of_best, objectives.sign)
        if worse <= rule.errors * error or trial.number == best.number:
            loss = _loss(trial, objectives)
            ranked.append((rule.key(trial.params), loss, trial.number, trial))
    text = f"best: trial {best.number}, {objectives.names[0]} {value:.6g}; in pairs on its folds"
    if unpaired:
        text += f", {counted(unpaired, 'trial')} without the same folds left out"
    return _choose_simplest(rule, best, ranked, None, text)


def _loss(trial: TrialRecord, objectives: Objectives) -> float:
    losses = objectives.losses(trial.values)
    assert losses is not None
    return losses[0]


def _choose_simplest(
    rule: SelectionRule,
    best: TrialRecord,
    ranked: list[tuple[tuple[float, ...], float, int, TrialRecord]],
    threshold: float | None,
    text: str,
) -> Selection:
    """The simplest; of equally simple ones the best, then the first."""
    trial = min(ranked, key=lambda entry: entry[:3])[3]
    within = tuple(number for _, _, number, _ in ranked)
    listed = ", ".join(map(str, within[:LISTED])) + (", …" if len(within) > LISTED else "")
    errors = f"{rule.errors:g} standard error{'' if rule.errors == 1 else 's'}"
    order = ", ".join(expression.text for expression in rule.simplest)
    explanation = (
        f"trial {trial.number} is the simplest (by {order}) of {len(within)} within {errors} "
        f"of the best ({listed}); {text}"
    )
    return Selection(rule.name, trial, best, within, threshold, explanation)
