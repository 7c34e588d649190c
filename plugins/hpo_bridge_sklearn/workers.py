"""Folds on the runners of the bridge: worker processes, or the workers of a cluster."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import joblib
from sklearn import config_context, get_config

from hpo_bridge import Folded, FoldScore, HpoBridgeError, Study, Trial, TrialState
from hpo_bridge.contracts.argument_checks import split_choice

from .evaluation import Evaluation, metrics_of
from .schedule import reason, score_of
from .spaces import SearchSpace


@dataclass(frozen=True)
class FoldScorer:
    """Scores one fold of a trial, wherever it is called.

    Attributes:
        evaluation: Data, splits and scorers.
        space: The way from a trial to the estimator's parameters.
        objectives: Names of the scorers that are the study's objectives.
        config: Scikit-learn's configuration, to be the same there as here.
    """

    evaluation: Evaluation
    space: SearchSpace
    objectives: Sequence[str]
    config: Mapping[str, Any] = field(default_factory=get_config)

    def __call__(self, trial: Trial, fold: int) -> FoldScore:
        """The scores of a fold, with all that was measured on it.

        Raises:
            RuntimeError: If the fit failed, and counts no number that a mean can be made of.
        """
        with config_context(**self.config):
            result = self.evaluation.fold(self.space.params(trial), fold)
        scores = {name: score_of(result, name) for name in self.objectives}
        if result["fit_failed"] and not all(map(math.isfinite, scores.values())):
            raise RuntimeError(reason([result]).replace("fold 0", f"fold {fold}", 1))
        return FoldScore(scores, metrics_of(result))


def run_on(
    study: Study,
    scorer: FoldScorer,
    runner: str | Mapping[str, Any],
    *,
    trials: int | None,
    n_jobs: int | None,
) -> None:
    """Evaluates a study on one of the bridge's runners.

    Args:
        study: The study.
        scorer: What to evaluate.
        runner: Its name, or a mapping with ``name`` and the runner's options.
        trials: How many trials the study may have in all.
        n_jobs: How many workers, as in joblib, unless the options say so.

    Raises:
        HpoBridgeError: If a fit raised, and ``error_score`` is ``"raise"``.
    """
    name, options = split_choice(runner, "runner")
    if n_jobs is not None and name != "inline":
        options.setdefault("workers", joblib.effective_n_jobs(n_jobs))
    study.optimize(
        Folded(scorer, scorer.evaluation.folds), trials=trials, runner=name,
        stop={"first_failures": 0},  # error_score says what failures are
        progress=False,  # verbose says what is printed
        **options,
    )  # fmt: skip
    if scorer.evaluation.error_score == "raise":
        for record in study.trials:
            if record.state is TrialState.FAILED:
                raise HpoBridgeError(f"trial {record.number}: {record.error}")


__all__ = ["FoldScorer", "run_on"]
