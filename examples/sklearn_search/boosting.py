"""Gradient boosting for tumours of the breast, in a search that is kept and goes on.

    python boosting.py [--trials 25] [--store sqlite:///boosting.db]

Takes some 30 seconds on two cores. A second call with more trials goes on where the first ended.
"""

from __future__ import annotations

import argparse

from hpo_bridge_sklearn import BridgeSearchCV
from scipy.stats import loguniform, randint, uniform
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, train_test_split

SPACE = {  # as for RandomizedSearchCV
    "learning_rate": loguniform(1e-2, 1.0),
    "n_estimators": randint(10, 120),
    "max_depth": [1, 2, 3, 4],
    "subsample": uniform(0.4, 0.6),  # from 0.4 to 1.0
    "max_features": ["sqrt", None],
}


def main(arguments: list[str] | None = None) -> None:
    """Search by two scores, refit by one of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=25, metavar="N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--store", default="sqlite:///boosting.db", metavar="URL")
    chosen = parser.parse_args(arguments)
    X, y = load_breast_cancer(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    search = BridgeSearchCV(
        GradientBoostingClassifier(random_state=0),
        SPACE,
        backend="optuna.tpe",
        n_trials=chosen.trials,
        scoring=["neg_log_loss", "accuracy"],
        refit="neg_log_loss",  # which is what the backend maximises, too
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
        n_jobs=chosen.jobs,
        random_state=0,
        store=chosen.store,
        study_name="boosting",
    )
    search.fit(X, y)
    at, results = search.best_index_, search.cv_results_
    print(f"best of {len(results['params'])}: {search.best_params_}")
    print(f"log loss: {-search.best_score_:.4f} in cross-validation, ", end="")
    print(f"{-search.score(X_test, y_test):.4f} on the patients held out")
    accuracy = search.best_estimator_.score(X_test, y_test)
    print(f"accuracy: {results['mean_test_accuracy'][at]:.4f}, {accuracy:.4f}")


if __name__ == "__main__":
    main()
