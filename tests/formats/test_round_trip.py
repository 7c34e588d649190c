"""What is exported and imported again is the same, in every format that can do both."""

from __future__ import annotations

import json
import warnings

import optuna
import pytest

from hpo_bridge import Float, Int, Space, Study

TARGETS = ["t.csv", "t.tsv", "t.json", "t.parquet", "sqlite:///{}/t.db", "t.log"]


def target_in(tmp_path, name):
    return name.format(tmp_path) if "://" in name else str(tmp_path / name)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("seed", range(3))
def test_a_random_study_comes_back(rich, everything, tmp_path, name, seed):
    study, target = rich(seed), target_in(tmp_path, name)
    assert study.export(target).trials == 20
    store = f"sqlite:///{tmp_path}/back.db" if seed % 2 else None
    with Study(study.space, seed=1, store=store) as back:
        report = back.import_trials(target)
        assert (report.added, report.already, report.refused) == (20, 0, ())
        assert everything(back) == everything(study)
        assert {t.backend for t in back.trials} == {"imported:core.random"}
        assert back.import_trials(target).already == 20
        assert len(back.trials) == 20


@pytest.mark.parametrize("name", TARGETS)
def test_a_study_takes_nothing_of_its_own_export(rich, tmp_path, name):
    study, target = rich(9), target_in(tmp_path, name)
    study.export(target)
    report = study.import_trials(target)
    assert (report.added, report.already) == (0, 20)


@pytest.mark.parametrize("name", TARGETS)
def test_several_objectives_and_vectors(everything, tmp_path, name):
    space = Space(v=Float(0, 1, shape=(3,)), n=Int(0, 9))
    directions = {"loss": "minimize", "state": "maximize"}
    study = Study(space, directions=directions, seed=0)
    study.optimize(lambda t: {"loss": sum(t["v"]), "state": t["n"]}, trials=8)
    target = target_in(tmp_path, name)
    study.export(target)
    back = Study(space, directions=directions, seed=1)
    assert back.import_trials(target).added == 8
    assert everything(back) == everything(study)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_there_is_not_replaced_unasked(rich, objective, tmp_path, name):
    study, target = rich(3), target_in(tmp_path, name)
    study.export(target)
    with pytest.raises(Exception, match="--overwrite replaces it"):
        study.export(target)
    study.optimize(objective, trials=25)
    assert study.export(target, overwrite=True).trials == 25
    assert Study(study.space, seed=1).import_trials(target).added == 25


@pytest.mark.parametrize("name", TARGETS)
def test_open_trials_are_exported_and_refused_back(tmp_path, name):
    study = Study(Space(x=Float(0, 1)), seed=0)
    study.tell(study.ask(), 0.5)
    study.ask()
    study.enqueue({"x": 0.25})
    target = target_in(tmp_path, name)
    assert study.export(target).trials == 3
    back = Study(Space(x=Float(0, 1)), seed=1)
    report = back.import_trials(target)
    assert report.added == 1
    assert {r.reason for r in report.refused} == {"running there", "waiting there"}


def test_optuna_goes_on_with_what_waits(tmp_path):
    study = Study(Space(x=Float(0, 1)), seed=0, name="s")
    study.tell(study.ask(), 0.5)
    study.enqueue({"x": 0.25})
    study.export(f"sqlite:///{tmp_path}/o.db")
    theirs = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/o.db")
    theirs.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=1)
    assert theirs.trials[1].params == {"x": 0.25}
    assert theirs.trials[1].value == 0.25


def test_optunas_own_tools_read_an_export(tmp_path):
    space = Space(lr=Float(1e-4, 1e-1, log=True), n=Int(1, 9), m=Float(0, 1, when={"n": 1}))
    study = Study(space, seed=0, name="s", directions={"score": "maximize"})
    study.optimize(lambda t: t["lr"] + 0.001 * t["n"], trials=40)
    study.export(f"sqlite:///{tmp_path}/o.db")
    theirs = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/o.db")
    assert theirs.best_trial.number == study.best.number
    assert theirs.best_value == study.best.value
    assert theirs.metric_names == ["score"]
    frame = theirs.trials_dataframe()
    assert len(frame) == 40
    assert set(frame["state"]) == {"COMPLETE"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.MeanDecreaseImpurityImportanceEvaluator(
            n_trees=8, max_depth=8, seed=0
        )
        found = optuna.importance.get_param_importances(
            theirs, evaluator=evaluator, params=["lr", "n"]
        )
    assert found["lr"] > found["n"]
    lr = theirs.trials[0].distributions["lr"]
    assert lr == optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)


def test_a_json_export_is_strict_json_of_all_that_there_is(rich, tmp_path):
    rich(2).export(tmp_path / "t.json")

    def refused(word):
        raise AssertionError(word)

    data = json.loads((tmp_path / "t.json").read_text(), parse_constant=refused)
    assert data["format"] == "hpo_bridge.history"
    assert len(data["trials"]) == 20
    assert set(data["trials"][0]) >= {"reports", "metrics", "standard_errors", "error", "params"}
