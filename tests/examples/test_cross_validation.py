"""The example that cross-validates three models in one conditional space."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hpo_bridge import Study, TrialState
from hpo_bridge.config import load_study_file
from hpo_bridge.plugins import manager

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cross_validation"


@pytest.fixture(autouse=True)
def _same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_the_study_runs_with_each_model() -> None:
    file = load_study_file(
        FOLDER / "study.yaml", plugins=manager(),
        overrides=["objective.cross_validated.cv.n_repeats=1"],
    )  # fmt: skip
    assert file.directions == {"value": "maximize"}
    study = Study(file.space, directions=file.directions, seed=file.seed,
                  backend={"name": file.backend, "options": file.backend_options},
                  pruner={"name": file.pruner, "options": file.pruner_options})  # fmt: skip
    study.enqueue({"model": "svm", "C": 10.0, "gamma": 0.01})
    study.enqueue({"model": "logistic", "C": 0.5})
    study.enqueue({"model": "svm", "C": 0.01, "gamma": 1.0})
    study.enqueue({"model": "boosting", "learning_rate": 0.1, "max_leaf_nodes": 5, "max_iter": 20})
    study.optimize(file.objective, trials=4)
    svm, logistic, poor, boosting = study.trials
    for trial in (svm, logistic):
        assert trial.state is TrialState.COMPLETE
        assert trial.value is not None
        assert trial.value > 0.97
        assert trial.standard_errors is not None
        assert set(trial.metrics[0]) >= {"test_roc_auc", "test_accuracy", "test_neg_log_loss"}
    assert poor.state is TrialState.PRUNED
    assert len(poor.reports) < 5
    assert boosting.state in (TrialState.COMPLETE, TrialState.PRUNED)
    assert boosting.reports[0][1] > 0.9


def test_the_readme_shows_the_files() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("study.yaml", "models.py"):
        assert name in text
