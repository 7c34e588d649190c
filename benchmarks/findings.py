"""Precision and recall of the findings of reports, over studies in which something is planted.

Each study is run by a backend on a made objective, or on a model of scikit-learn's with real data,
in which a few things are planted: a parameter that does nothing, a range that ends before the
optimum, a region that fails, noise, a start-up that is not left, and so on. A finding is right if
it was planted; of those that were planted each should be found. Whether more trials are worth it
is known by running the study on, twice as long.

    python benchmarks/findings.py [--first-seed 100] [--seeds 2] [-v]
"""

from __future__ import annotations

import argparse
import math
import random
import warnings
from collections import Counter

import numpy as np
from hpo_bridge_views.findings import all_findings

import hpo_bridge as hpo
from hpo_bridge.history.view_building import viewed_history
from hpo_bridge.plugins import manager

BACKENDS = ("optuna.tpe", "core.random", "hyperopt.tpe")
JUDGED = {
    "important", "inert", "bound", "failing_region", "noise", "duplicates", "flat", "startup",
    "stalled", "pruning", "pruning_doubtful", "handover", "objectives_agree", "no_result",
    "too_few", "unpredictable", "uncertain", "budget_spent", "budget_worth",
}  # fmt: skip
"""The kinds that a planted study knows the truth of; others are counts."""


def subjects(finding):
    """Return what a finding says, in parts that are right or wrong each."""
    kind, evidence = finding.kind, finding.evidence
    if kind in ("important", "inert"):
        return {(kind, name) for name in evidence["parameters"]}
    if kind == "bound":
        return {(kind, evidence["parameter"], evidence["side"])}
    if kind == "failing_region":
        return {(kind, evidence["parameter"])}
    return {(kind,)}


class Case:
    """A study with what is planted in it.

    Attributes:
        space: Its space.
        objective: Its objective, called with a trial and a random generator.
        planted: What must be found.
        allowed: What may be found: true, but not asked for.
    """

    def __init__(self, name, space, objective, planted, *, trials=80, allowed=(), backend=None,
                 judged_budget=True, after=None, **options):  # fmt: skip
        self.name, self.space, self.objective = name, hpo.Space(space), objective
        self.planted, self.allowed = set(planted), set(allowed)
        self.trials, self.backend, self.options = trials, backend, options
        self.judged_budget, self.after = judged_budget, after

    def run(self, seed, backend):
        rng = random.Random(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study = hpo.Study(self.space, backend=backend, seed=seed, **self.options)
            study.optimize(lambda trial: self.objective(trial, rng), trials=self.trials)
            if self.after:
                study = self.after(study, self.objective, rng)
            history = frozen(study)
            budget = self.budget_truth(study, history, rng)
        study.close()
        return history, budget

    def budget_truth(self, study, history, rng):
        """Return which findings on the budget are right, by running on, twice as long; or all."""
        best = [t for t in history.trials if t.values]
        if not self.judged_budget or len(study.objectives) > 1 or len(best) < 30:
            return {("budget_spent",), ("budget_worth",)}
        losses = [study.objectives.first_loss(t.values) for t in best]
        span = float(np.median(losses) - min(losses))
        study.optimize(lambda trial: self.objective(trial, rng), trials=2 * len(history.trials))
        later = [study.objectives.first_loss(t.values) for t in study.trials if t.values]
        gain = (min(losses) - min(later)) / span if span > 0 else 0.0
        allowed = {("budget_spent",)} if gain < 0.05 else {("budget_worth",)}
        return allowed | {("budget_worth",)} if gain > 0.01 else allowed


def frozen(study):
    return viewed_history(manager(), study.store, study.name)


def true_counts(history):
    """Return what follows from the number of trials alone."""
    startup = history.sessions[-1].startup
    true = {("startup",)} if startup and len(history.trials) <= startup else set()
    complete = sum(trial.values is not None for trial in history.trials)
    return true | {("too_few",)} if complete < 20 else true


def floats(count):
    return {f"x{i}": hpo.Float(0, 1) for i in range(count)}


def bowl(trial, rng=None):
    return (trial["x0"] - 0.3) ** 2 + 1.5 * (trial["x1"] - 0.7) ** 2


def important(*names):
    return {("important", name) for name in names}


def inert(*names):
    return {("inert", name) for name in names}


X01 = important("x0", "x1")


def made_cases():
    yield Case("bowl of 2 in 6", floats(6), bowl, X01 | inert("x2", "x3", "x4", "x5"))
    yield Case("bowl of 2 in 3", floats(3), bowl, X01 | inert("x2"), trials=60)
    yield Case(
        "product of 2 in 5", floats(5), lambda t, r: -(t["x0"] + 0.2) * (t["x1"] + 0.2),
        X01 | inert("x2", "x3", "x4") | {("bound", "x0", "high"), ("bound", "x1", "high")},
    )  # fmt: skip
    yield Case(
        "learning rate at the low end",
        {"lr": hpo.Float(1e-3, 1, log=True), "width": hpo.Int(8, 64), "drop": hpo.Float(0, 0.5)},
        lambda t, r: (math.log10(t["lr"]) + 4) ** 2 + abs(t["width"] - 30) / 40,
        important("lr", "width") | inert("drop") | {("bound", "lr", "low")},
    )  # fmt: skip
    yield Case(
        "layers at the high end",
        {"layers": hpo.Int(1, 4), "lr": hpo.Float(1e-4, 1e-1, log=True), "seed": hpo.Int(0, 99)},
        lambda t, r: -0.5 * t["layers"] + (math.log10(t["lr"]) + 2.5) ** 2,
        important("layers", "lr") | inert("seed") | {("bound", "layers", "high")},
    )  # fmt: skip
    yield Case(
        "categories",
        {"kind": hpo.Categorical(["a", "b", "c", "d"]), "x": hpo.Float(0, 1),
         "y": hpo.Float(0, 1)},
        lambda t, r: {"a": 0, "b": 0.6, "c": 1.1, "d": 2}[t["kind"]] + (t["x"] - 0.5) ** 2,
        important("kind") | inert("y"), allowed=important("x"),
    )  # fmt: skip
    conditional = {
        "optimizer": hpo.Categorical(["adam", "sgd"]),
        "momentum": hpo.Float(0, 1, when={"optimizer": "sgd"}),
        "lr": hpo.Float(1e-4, 1e-1, log=True), "junk": hpo.Float(0, 1),
    }  # fmt: skip
    yield Case(
        "a condition", conditional,
        lambda t, r: (math.log10(t["lr"]) + 2.5) ** 2
        + (0.8 if t["optimizer"] == "adam" else 2 * (t["momentum"] - 0.6) ** 2),
        important("lr", "optimizer") | inert("junk"), allowed=important("momentum"), trials=120,
    )  # fmt: skip

    def out_of_memory(t, r):
        if t["batch"] > 200:
            raise MemoryError("out of memory")
        return bowl(t)

    yield Case(
        "large batches fail", {**floats(2), "batch": hpo.Int(16, 512, log=True)}, out_of_memory,
        X01 | {("failing_region", "batch")}, allowed=inert("batch"),
    )  # fmt: skip

    def kernel_fails(t, r):
        if t["kernel"] == "odd":
            raise ValueError("does not converge")
        return bowl(t)

    yield Case(
        "a choice fails",
        {**floats(2), "kernel": hpo.Categorical(["rbf", "poly", "odd"])}, kernel_fails,
        X01 | {("failing_region", "kernel")}, allowed=inert("kernel"),
    )  # fmt: skip

    def fails_at_random(t, r):
        if r.random() < 0.15:
            raise OSError("the node was lost")
        return bowl(t)

    yield Case("random failures", floats(3), fails_at_random, X01, allowed=inert("x2"))
    yield Case(
        "all fail", floats(2), lambda t, r: 1 / 0, {("no_result",)}, trials=8,
    )  # fmt: skip
    yield Case("flat", floats(3), lambda t, r: 0.5, {("flat",)}, judged_budget=False)
    yield Case(
        "noise alone", floats(3), lambda t, r: r.gauss(0, 1), {("unpredictable",)}, trials=100,
        judged_budget=False,
    )  # fmt: skip
    yield Case(
        "a noisy bowl", floats(3), lambda t, r: bowl(t) + r.gauss(0, 0.02), X01, trials=100,
        allowed=inert("x2"), judged_budget=False,
    )  # fmt: skip
    grid = {"a": hpo.Int(0, 3), "b": hpo.Int(0, 3)}
    yield Case(
        "noise at points that come again", grid,
        lambda t, r: (t["a"] - 1) ** 2 + (t["b"] - 2) ** 2 + r.gauss(0, 0.3),
        important("a", "b") | {("noise",)}, judged_budget=False,
    )  # fmt: skip
    yield Case(
        "points that come again", grid, lambda t, r: (t["a"] - 1) ** 2 + (t["b"] - 2) ** 2,
        important("a", "b") | {("duplicates",)}, allowed={("stalled",)}, judged_budget=False,
    )  # fmt: skip
    yield Case("few trials", floats(4), bowl, {("too_few",)}, trials=15)
    yield Case(
        "in its start-up", floats(4), bowl, {("startup",), ("too_few",)}, trials=9,
        backend="optuna.tpe",
    )  # fmt: skip

    def curve(t, r, early=True):
        final = bowl(t)
        for step in range(9):
            t.report(final if early else r.random(), step)
            if t.should_prune():
                raise hpo.TrialPruned
        return final

    yield Case(
        "pruning that saves", floats(3), curve, X01 | {("pruning",)}, pruner="median",
        allowed=inert("x2"),
    )  # fmt: skip
    yield Case(
        "pruning by noise", floats(3), lambda t, r: curve(t, r, early=False),
        X01 | {("pruning",), ("pruning_doubtful",)}, allowed=inert("x2"), pruner="median",
        trials=100, judged_budget=False,
    )  # fmt: skip
    yield Case(
        "objectives that agree", floats(3),
        lambda t, r: {"loss": bowl(t), "error": 3 * bowl(t) + 0.01 * t["x2"]},
        {("objectives_agree",)} | X01, allowed=inert("x2"),
        directions={"loss": "minimize", "error": "minimize"}, backend="core.random",
    )  # fmt: skip
    yield Case(
        "objectives that do not", floats(3), lambda t, r: {"a": bowl(t), "b": t["x2"]},
        X01 | important("x2"), directions={"a": "minimize", "b": "minimize"},
        backend="core.random", allowed=inert("x0", "x1", "x2") | {("bound", "x2", "low")},
    )  # fmt: skip
    yield Case(
        "two backends", floats(3), bowl, X01 | {("handover",)}, allowed=inert("x2"),
        after=handed_over, judged_budget=False, backend="core.random", trials=40,
    )  # fmt: skip


def handed_over(study, objective, rng):
    other = hpo.Study(study.space, backend="optuna.tpe", store=study.store, name=study.name)
    other.optimize(lambda trial: objective(trial, rng), trials=80)
    return other


def real_cases():
    """Models of scikit-learn's on data that it ships with."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import cross_val_score
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    def scored(build, data, rows=400):
        x, y = data(return_X_y=True)
        keep = np.random.default_rng(0).permutation(len(x))[:rows]
        known = {}

        def objective(trial, rng):
            key = tuple(sorted(trial.items()))
            if key not in known:
                known[key] = float(cross_val_score(build(trial), x[keep], y[keep], cv=3).mean())
            return known[key]

        return objective

    yield Case(
        "a tree on digits, its depth cut at 4",
        {"max_depth": hpo.Int(1, 4), "min_samples_leaf": hpo.Int(1, 10),
         "unused": hpo.Float(0, 1)},
        scored(lambda t: DecisionTreeClassifier(max_depth=t["max_depth"], random_state=0,
                                                min_samples_leaf=t["min_samples_leaf"]),
               load_digits),
        important("max_depth") | inert("unused") | {("bound", "max_depth", "high")},
        allowed=important("min_samples_leaf") | inert("min_samples_leaf")
        | {("bound", "min_samples_leaf", "low")},
        direction="maximize", trials=60, judged_budget=False,
    )  # fmt: skip
    yield Case(
        "an SVM on breast cancer",
        {"C": hpo.Float(1e-3, 1e3, log=True), "gamma": hpo.Float(1e-5, 1e1, log=True),
         "unused": hpo.Categorical(["a", "b", "c"])},
        scored(lambda t: make_pipeline(StandardScaler(), SVC(C=t["C"], gamma=t["gamma"])),
               load_breast_cancer),
        important("C", "gamma") | inert("unused"), direction="maximize", trials=80,
        judged_budget=False,
    )  # fmt: skip

    svm = scored(lambda t: make_pipeline(StandardScaler(), SVC(C=t["C"], gamma=t["gamma"])),
                 load_digits)  # fmt: skip

    def svm_that_fails(trial, rng):
        if trial["C"] > 50:
            raise TimeoutError("too slow")
        return svm(trial, rng)

    yield Case(
        "an SVM on digits that is too slow for a large C",
        {"C": hpo.Float(1e-3, 1e3, log=True), "gamma": hpo.Float(1e-5, 1e1, log=True)},
        svm_that_fails, important("C", "gamma") | {("failing_region", "C")},
        direction="maximize", trials=80, judged_budget=False,
    )  # fmt: skip
    yield Case(
        "neighbours on wine, far too many allowed",
        {"n_neighbors": hpo.Int(20, 110), "unused": hpo.Float(0, 1)},
        scored(lambda t: KNeighborsClassifier(t["n_neighbors"]), load_wine),
        important("n_neighbors") | inert("unused"),
        allowed={("bound", "n_neighbors", "low"), ("duplicates",)},
        direction="maximize", trials=60, judged_budget=False,
    )  # fmt: skip
    yield Case(
        "a forest on digits, its leaves too large",
        {"min_samples_leaf": hpo.Int(20, 120), "max_features": hpo.Float(0.1, 1.0)},
        scored(lambda t: RandomForestClassifier(10, min_samples_leaf=t["min_samples_leaf"],
                                                max_features=t["max_features"], random_state=0),
               load_digits),
        important("min_samples_leaf") | {("bound", "min_samples_leaf", "low")},
        allowed=important("max_features") | {("bound", "max_features", "low")},
        direction="maximize", trials=60, judged_budget=False,
    )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("-v", action="store_true", help="print what is wrong or missing")
    arguments = parser.parse_args()
    right, wrong, missed = Counter(), Counter(), Counter()
    studies = 0
    for case in [*made_cases(), *real_cases()]:
        for backend in [case.backend] if case.backend else BACKENDS:
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                history, allowed = case.run(seed, backend)
                said = {each for f in all_findings(history) if f.kind in JUDGED
                        for each in subjects(f)}  # fmt: skip
                planted, studies = case.planted, studies + 1
                false = said - planted - case.allowed - allowed - true_counts(history)
                absent = planted - said
                right.update(each[0] for each in said - false)
                wrong.update(each[0] for each in false)
                missed.update(each[0] for each in absent)
                if arguments.v and (false or absent):
                    print(f"{case.name}, {backend}, seed {seed}: wrong {sorted(false)}, "
                          f"missing {sorted(absent)}", flush=True)  # fmt: skip
    print(f"{studies} studies")
    for kind in sorted(right | wrong | missed):
        print(f"  {kind:18} right {right[kind]:4} wrong {wrong[kind]:4} missing {missed[kind]:4}")
    said, found = right.total() + wrong.total(), right.total()
    print(f"precision {found / said:.3f} (aim 0.95), "
          f"recall {found / (found + missed.total()):.3f} (aim 0.8)")  # fmt: skip


if __name__ == "__main__":
    main()
