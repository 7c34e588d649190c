"""Folds of one trial beside each other, against one after the other."""

from __future__ import annotations

import sys
import time

from figures import show
from hpo_bridge_sklearn import cross_validated
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import hpo_bridge as hpo

FOLDS, SECONDS = 12, 0.2
X, y = load_digits(return_X_y=True)


class Sleeper(BaseEstimator):
    """A fit that needs no CPU: what is left is what the bridge does."""

    def __init__(self, level: float = 0.0) -> None:
        self.level = level

    def fit(self, X, y):
        time.sleep(SECONDS)
        return self

    def score(self, X, y):
        return self.level


def seconds(estimator, space, cv: int, fold_workers: int | None) -> float:
    """Seconds for a trial; the first one, for which the processes start, does not count."""
    study = hpo.Study(space, direction="maximize", seed=0)
    objective = cross_validated(estimator, X, y, cv=cv, fold_workers=fold_workers)
    study.optimize(objective, trials=4)
    return min(trial.finished - trial.started for trial in study.trials[1:])


def main() -> bool:
    sleeps = hpo.Space(level=hpo.Float(0.0, 1.0))
    beside = seconds(Sleeper(), sleeps, FOLDS, 4)
    ideal = SECONDS * FOLDS / 4
    forests = hpo.Space(max_features=hpo.Float(0.2, 0.5), n_estimators=200, random_state=0)
    alone = seconds(RandomForestClassifier(), forests, 6, None)
    two = seconds(RandomForestClassifier(), forests, 6, 2)
    return all(
        [
            show(f"{FOLDS} folds of {1000 * SECONDS:g} ms, 4 at once, share of the ideal",
                 100 * ideal / beside, "%", "at least 90", beside <= ideal / 0.9),
            show(f"6 forests ({alone / 6:.2f} s each), 2 at once, times as fast",
                 alone / two, "x", "at least 1.6 on two free CPUs", alone / two >= 1.6),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(not main())
