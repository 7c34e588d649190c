"""The objective of svm.yaml: a support vector machine for handwritten digits."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

if TYPE_CHECKING:
    from hpo_bridge import Trial

SCALERS = {"none": "passthrough", "standard": StandardScaler(), "minmax": MinMaxScaler()}


@cache
def data() -> tuple[Any, Any]:
    """The 1,797 images of 8x8 pixels that come with scikit-learn, and their digits."""
    return load_digits(return_X_y=True)


def train(trial: Trial) -> float:
    """Return the error (1 - accuracy) in 3-fold cross-validation, the same folds each time."""
    images, digits = data()
    machine = SVC(
        C=trial["C"],
        kernel=trial["kernel"],
        gamma=trial["gamma"],
        degree=trial.get("degree", 3),
        coef0=trial.get("coef0", 0.0),
        shrinking=trial["shrinking"],
    )
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    model = make_pipeline(SCALERS[trial["scaler"]], machine)
    return 1.0 - float(np.mean(cross_val_score(model, images, digits, cv=folds)))
