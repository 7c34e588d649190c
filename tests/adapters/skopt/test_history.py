"""Results of scikit-optimize, by the library's own functions: files, objects, names."""

from __future__ import annotations

import pickle
import warnings

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study
from hpo_bridge.errors import HistoryError

OURS = Space(lr=Float(1e-4, 1e-1, log=True), n=Int(1, 10), opt=Categorical(["adam", "sgd", None]))


def loss(point):
    return point[0] + point[1] + (point[2] == "sgd")


@pytest.fixture(scope="module")
def result():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skopt import gp_minimize
        from skopt.space import Integer, Real

        dimensions = [
            Real(1e-4, 1e-1, prior="log-uniform", name="lr"), Integer(1, 10, name="n"),
            ["adam", "sgd", None],
        ]  # fmt: skip
        return gp_minimize(loss, dimensions, n_calls=10, n_initial_points=6, random_state=0)


RENAME = {"x2": "opt"}


def check_equal(study, result):
    points = [[t.params["lr"], t.params["n"], t.params["opt"]] for t in study.trials]
    assert points == [list(point) for point in result.x_iters]
    assert [t.value for t in study.trials] == list(result.func_vals)
    assert {type(t.params["n"]) for t in study.trials} == {int}
    assert study.best.value == result.fun


def test_an_object(result):
    study = Study(OURS, seed=0)
    report = study.import_trials(result, rename=RENAME)
    assert (report.format, report.added) == ("skopt", 10)
    check_equal(study, result)
    assert study.import_trials(result, rename=RENAME).already == 10


@pytest.mark.parametrize("name", ["r.pkl", "r.pkl.gz", "r.pkl.z"])
@pytest.mark.parametrize("objective", [True, False])
def test_a_file_that_skopt_dumped(result, tmp_path, name, objective):
    from skopt import dump

    path = str(tmp_path / name)
    dump(result, path, store_objective=objective)
    study = Study(OURS, seed=0, backend="optuna.tpe")
    with pytest.raises(HistoryError, match="a pickle can run any code"):
        study.import_trials(path, rename=RENAME)
    assert study.import_trials(path, rename=RENAME, allow_pickle=True).added == 10
    check_equal(study, result)


def test_models_with_records_are_passed_over(tmp_path):
    """A forest's nodes are arrays of records, which say nothing of the trials."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skopt import dump, forest_minimize

        result = forest_minimize(
            lambda p: p[0], [(0.0, 1.0), (1, 5)], n_calls=6, n_initial_points=3, random_state=0
        )
        dump(result, str(tmp_path / "r.pkl"), store_objective=False)
    study = Study(Space(a=Float(0, 1), b=Int(1, 5)), seed=0)
    report = study.import_trials(str(tmp_path / "r.pkl"), allow_pickle=True)
    assert report.refused[0].reason == "x0: not a parameter of the study"
    assert "--map x0=NAME" in report.refused[0].example
    rename = {"x0": "a", "x1": "b"}
    report = study.import_trials(str(tmp_path / "r.pkl"), allow_pickle=True, rename=rename)
    assert report.added == 6


def test_an_ordinary_pickle_of_a_result(result, tmp_path):
    kept = {"x_iters": result.x_iters, "func_vals": result.func_vals, "space": result.space}
    (tmp_path / "r.pkl").write_bytes(pickle.dumps(kept))
    study = Study(OURS, seed=0)
    found = study.import_trials(
        str(tmp_path / "r.pkl"), format="skopt", allow_pickle=True, rename=RENAME
    )
    assert found.added == 10
    check_equal(study, result)


def test_others_are_one_line(result, tmp_path):
    (tmp_path / "r.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(HistoryError, match="expected a result of scikit-optimize"):
        Study(OURS, seed=0).import_trials(
            str(tmp_path / "r.pkl"), format="skopt", allow_pickle=True
        )
    two = Study(OURS, seed=0, directions={"a": "minimize", "b": "minimize"})
    with pytest.raises(HistoryError, match="scikit-optimize has one objective"):
        two.import_trials(result)


def test_one_of_several_results_is_named(result, tmp_path):
    path = str(tmp_path / "r.pkl")
    (tmp_path / "r.pkl").write_bytes(pickle.dumps({"a": dict(result, specs=None), "b": {}}))
    study = Study(OURS, seed=0)
    found = study.import_trials(path, format="skopt", allow_pickle=True, rename=RENAME)
    assert found.added == 10
