"""A support vector machine for handwritten digits, tuned as with `GridSearchCV`.

    python svm.py [--trials 40] [--jobs 2]

Takes some 20 seconds on two cores.
"""

from __future__ import annotations

import argparse

from hpo_bridge_sklearn import BridgeSearchCV
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

import hpo_bridge as hpo

SPACE = {
    "scale": [StandardScaler(), MinMaxScaler(), "passthrough"],  # a whole step is swapped
    "svc__kernel": ["rbf", "poly", "linear"],
    "svc__C": hpo.Float(1e-3, 1e3, log=True),
    "svc__gamma": hpo.Float(1e-5, 1e1, log=True, when={"svc__kernel": ["rbf", "poly"]}),
    "svc__degree": hpo.Int(2, 5, when={"svc__kernel": "poly"}),
}


def main(arguments: list[str] | None = None) -> None:
    """Search, then score once what was held out."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=40, metavar="N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    chosen = parser.parse_args(arguments)
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    search = BridgeSearchCV(
        Pipeline([("scale", StandardScaler()), ("svc", SVC())]),
        SPACE,
        backend="optuna.tpe",
        n_trials=chosen.trials,
        pruner="folds",  # hopeless candidates stop after a fold or two
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        n_jobs=chosen.jobs,
        random_state=0,
    )
    search.fit(X, y)
    fits = sum(len(trial.reports) for trial in search.trials_)
    print(f"{len(search.trials_)} candidates, {fits} of {5 * len(search.trials_)} folds evaluated")
    print(f"best: {search.best_params_}")
    print(f"accuracy: {search.best_score_:.4f} in cross-validation, ", end="")
    print(f"{search.score(X_test, y_test):.4f} on the digits held out")


if __name__ == "__main__":
    main()
