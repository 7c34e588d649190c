"""What three reports say of the same search, and what is true: over many draws of patients.

python compare.py [--draws 12] [--trials 40]
"""

from __future__ import annotations

import argparse
from statistics import fmean, stdev

import models
from hpo_bridge_sklearn import cross_validated
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

import hpo_bridge as hpo
from hpo_bridge import analysis

SPACE = hpo.Space(
    selectkbest__k=hpo.Int(1, 10),
    svc__kernel=hpo.Categorical(["linear", "rbf"]),
    svc__C=hpo.Float(1e-3, 1e3, log=True),
    svc__gamma=hpo.Float(1e-4, 10, log=True, when={"svc__kernel": "rbf"}),
)


def reports(draw: int, trials: int) -> tuple[float, float, float]:
    """The best cross-validated accuracy, the nested one, and that on everybody else."""
    (X, y), (others, truth) = models.split(draw)
    folds = StratifiedKFold(5, shuffle=True, random_state=draw)
    objective = cross_validated(models.model, X, y, cv=folds, scoring="accuracy")
    study = hpo.Study(SPACE, direction="maximize", seed=draw)
    nested = analysis.nested_cv(study, objective, 5, trials=trials)
    study.optimize(objective, trials=trials)

    def score(trial: hpo.Trial) -> float:
        return float(clone(models.model).set_params(**trial).fit(X, y).score(others, truth))

    tested = analysis.score_test(study, score)
    return study.best.value, nested.mean, tested.values["value"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=12)
    parser.add_argument("--trials", type=int, default=40)
    arguments = parser.parse_args()
    found = [reports(draw, arguments.trials) for draw in range(arguments.draws)]
    true = fmean(row[2] for row in found)
    print("| report | accuracy | off by |")
    print("|---|---|---|")
    names = ("best of the study", "nested", "on everybody else")
    for name, scores in zip(names, zip(*found, strict=True), strict=True):
        error = stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else 0.0
        print(f"| {name} | {fmean(scores):.3f} ± {error:.3f} | {fmean(scores) - true:+.3f} |")


if __name__ == "__main__":
    main()
