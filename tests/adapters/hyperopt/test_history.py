"""Hyperopt's trials, by Hyperopt's own fmin: files and objects, and the danger of pickles."""

from __future__ import annotations

import gzip
import pickle

import numpy as np
import pytest
from hyperopt import STATUS_FAIL, STATUS_OK, Trials, fmin, hp, tpe

from hpo_bridge import Categorical, Float, HpoBridgeError, Int, Space, Study, TrialState, analysis
from hpo_bridge.errors import HistoryError

THEIRS = {
    "lr": hp.loguniform("lr", np.log(1e-4), np.log(1e-1)),
    "units": hp.quniform("units", 16, 64, 16),
    "depth": hp.randint("depth", 1, 4),
    "opt": hp.choice("opt", ["adam", {"sgd": hp.quniform("momentum", 0.0, 0.9, 0.3)}]),
    "act": hp.pchoice("act", [(0.2, None), (0.8, 7)]),
}
OURS = Space(
    lr=Float(1e-4, 1e-1, log=True),
    units=Int(16, 64, step=16),
    depth=Int(1, 3),
    opt=Categorical(["adam", "sgd"]),
    momentum=Float(0.0, 0.9, step=0.3, when={"opt": "sgd"}),
    act=Categorical([None, 7]),
)


def train(config):
    if config["depth"] == 3:
        return {"status": STATUS_FAIL, "error": "too deep"}
    return {"loss": np.float64(config["lr"]), "status": STATUS_OK, "curve": np.arange(3.0)}


@pytest.fixture(scope="module")
def trials():
    found = Trials()
    fmin(
        train, THEIRS, algo=tpe.suggest, max_evals=40, trials=found,
        rstate=np.random.default_rng(0), show_progressbar=False,
    )  # fmt: skip
    return found


def check_equal(study, trials):
    assert len(study.trials) == 40
    for ours, theirs in zip(study.trials, trials._dynamic_trials, strict=True):
        vals = {name: v[0] for name, v in theirs["misc"]["vals"].items() if len(v)}
        assert ours.params["lr"] == vals["lr"]
        assert ours.params["units"] == vals["units"]
        assert type(ours.params["units"]) is int
        assert ours.params["opt"] == ["adam", "sgd"][vals["opt"]]
        assert ours.params["act"] == [None, 7][vals["act"]]
        assert ("momentum" in ours.params) == ("momentum" in vals)
        if theirs["result"]["status"] == "ok":
            assert ours.value == theirs["result"]["loss"]
        else:
            assert (ours.state, ours.error) == (TrialState.FAILED, "too deep")
    assert {t.params.get("momentum") for t in study.trials} <= {None, 0.0, 0.3, 0.6, 0.9}


def test_an_object(trials):
    study = Study(OURS, seed=0)
    report = study.import_trials(trials)
    assert (report.format, report.added, report.refused) == ("hyperopt", 40, ())
    check_equal(study, trials)
    assert study.import_trials(trials).already == 40


@pytest.mark.parametrize("what", ["trials", "documents"])
def test_a_pickle(trials, tmp_path, what):
    path = tmp_path / "trials.pkl"
    path.write_bytes(pickle.dumps(trials if what == "trials" else trials._dynamic_trials))
    study = Study(OURS, seed=0, backend="hyperopt.tpe")
    kind = None if what == "trials" else "hyperopt"
    assert study.import_trials(str(path), format=kind, allow_pickle=True).added == 40
    check_equal(study, trials)
    assert study.import_trials(trials).already == 40
    study.optimize(lambda t: t["lr"], trials=43)
    assert analysis.verify(study).reproducible


# Hyperopt leaves the file open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_fmin_saved(tmp_path):
    path = tmp_path / "saved"
    fmin(
        train, THEIRS, algo=tpe.suggest, max_evals=5, trials_save_file=str(path),
        rstate=np.random.default_rng(1), show_progressbar=False,
    )  # fmt: skip
    assert Study(OURS, seed=0).import_trials(str(path), allow_pickle=True).added == 5


def test_pickles_are_opened_only_when_allowed(trials, tmp_path):
    path = tmp_path / "trials.pkl"
    path.write_bytes(pickle.dumps(trials))
    study = Study(OURS, seed=0)
    with pytest.raises(HistoryError) as found:
        study.import_trials(str(path))
    assert str(found.value) == (
        f"{path}: is a pickle, and a pickle can run any code when it is opened: --unpickle (in "
        "Python allow_pickle=True) opens one that you trust"
    )
    assert study.trials == []


class Evil(Trials):
    def __reduce__(self):
        return eval, (f"open({self.mark!r}, 'w').close()",)


def test_a_pickle_runs_nothing_unless_it_is_allowed(tmp_path):
    mark = tmp_path / "mark"
    evil = Evil()
    evil.mark = str(mark)
    path = tmp_path / "trials.pkl"
    path.write_bytes(pickle.dumps({"hyperopt.": evil}))
    study = Study(OURS, seed=0)
    with pytest.raises(HpoBridgeError):
        study.import_trials(str(path), format="hyperopt")
    with pytest.raises(HpoBridgeError):
        study.import_trials(str(path))
    assert not mark.exists()


def test_one_of_several_trials_is_named(trials, tmp_path):
    path = tmp_path / "all.pkl"
    path.write_bytes(pickle.dumps({"first": trials, "empty": Trials(), "note": 3}))
    study = Study(OURS, seed=0)
    with pytest.raises(HistoryError, match="holds 2 studies; --study"):
        study.import_trials(str(path), allow_pickle=True)
    with pytest.raises(HistoryError, match="has no study 'firs'"):
        study.import_trials(str(path), allow_pickle=True, study="firs")
    assert study.import_trials(str(path), allow_pickle=True, study="first").added == 40
    check_equal(study, trials)
    path.write_bytes(pickle.dumps(({"lr": 0.1}, trials)))  # what some people keep of fmin
    assert study.import_trials(str(path), allow_pickle=True).already == 40
    path.write_bytes(gzip.compress(pickle.dumps([{"seed": 0, "trials": trials}, {"trials": 1}])))
    assert study.import_trials(str(path), allow_pickle=True, study="0/trials").already == 40
    path.write_bytes(pickle.dumps(trials))
    with pytest.raises(HistoryError, match="one study, without a name"):
        study.import_trials(str(path), allow_pickle=True, study="first")


def test_a_pickle_that_needs_a_missing_module_says_which(tmp_path):
    path = tmp_path / "trials.pkl"
    path.write_bytes(b"cmy_own_module\nThing\n.")
    with pytest.raises(HistoryError, match="needs the module 'my_own_module'"):
        Study(OURS, seed=0).import_trials(str(path), format="hyperopt", allow_pickle=True)


def test_integers_that_may_be_positions_are_noted():
    found = Trials()
    fmin(
        lambda point: point["units"], {"units": hp.choice("units", [16, 32, 64])},
        algo=tpe.suggest, max_evals=5, trials=found, rstate=np.random.default_rng(0),
        show_progressbar=False,
    )  # fmt: skip
    codes = Study(Space(units=Int(0, 64)), seed=0).import_trials(found)
    assert any("units: integers taken as they are" in note for note in codes.notes)
    floats = Study(Space(units=Float(0, 64)), seed=0).import_trials(found)
    assert floats.notes == codes.notes
    right = Study(Space(units=Categorical([16, 32, 64])), seed=0)
    assert right.import_trials(found).notes == ()
    assert {t.params["units"] for t in right.trials} <= {16, 32, 64}


def test_a_position_beyond_the_choices_is_refused(trials):
    study = Study(
        Space(
            lr=OURS["lr"], units=OURS["units"], depth=OURS["depth"],
            opt=Categorical(["adam", "sgd"]), momentum=OURS["momentum"],
            act=Categorical(["only"]),
        ),
        seed=0,
    )  # fmt: skip
    report = study.import_trials(trials)
    assert report.refused[0].reason == "act: not one of the choices"
    assert report.added + sum(r.count for r in report.refused) == 40


def test_what_runs_and_what_broke(trials):
    documents = pickle.loads(pickle.dumps(trials._dynamic_trials))
    documents[0]["state"] = 1
    documents[1]["state"] = 3
    documents[1]["misc"]["error"] = ("<class 'ValueError'>", "no luck")
    found = Trials()
    found._dynamic_trials = documents
    study = Study(OURS, seed=0)
    report = study.import_trials(found)
    assert report.refused[0].reason == "running there"
    assert study.trials[0].error == "<class 'ValueError'>: no luck"


def test_a_study_that_maximizes(trials):
    study = Study(OURS, seed=0, direction="maximize")
    with pytest.raises(HistoryError, match="--map loss=-value takes its negative"):
        study.import_trials(trials)
    assert study.import_trials(trials, rename={"loss": "-value"}).added == 40
    with pytest.raises(HistoryError, match="Hyperopt has one objective"):
        Study(OURS, directions={"a": "minimize", "b": "minimize"}).import_trials(trials)


@pytest.mark.parametrize("content", [b"hello", pickle.dumps([1]), pickle.dumps({"a": 1})])
def test_other_files_are_one_line(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(HistoryError) as found:
        Study(OURS, seed=0).import_trials(str(path), format="hyperopt", allow_pickle=True)
    assert "\n" not in str(found.value)
