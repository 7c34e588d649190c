"""Studies of any backend, read by Optuna's own tools as studies of Optuna's."""

from __future__ import annotations

import subprocess
import sys

import optuna
import pytest
from hpo_bridge_optuna import ReadOnlyStorage, as_study

import hpo_bridge as hpo
from hpo_bridge import Categorical, Float, Int, Space, Study
from hpo_bridge.errors import HpoBridgeError, StudyNotFound
from hpo_bridge.store import open_store

SPACE = Space(
    lr=Float(1e-4, 1e-1, log=True),
    layers=Int(1, 3),
    opt=Categorical(["adam", "sgd", None, 0.5]),
    momentum=Float(0.0, 1.0, step=0.25, when={"opt": "sgd"}),
    pooling="max",
)


def train(trial):
    if trial.number == 1:
        raise ValueError("no <b>luck</b>")
    loss = trial["layers"] + trial["lr"]
    for step in range(3):
        trial.report(loss / (step + 1), step=step)
        if trial.number == 4:
            raise hpo.TrialPruned
    return loss


def suggested(trial):
    """The same by Optuna itself."""
    trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    trial.suggest_int("layers", 1, 3)
    if trial.suggest_categorical("opt", ["adam", "sgd", None, 0.5]) == "sgd":
        trial.suggest_float("momentum", 0.0, 1.0, step=0.25)
    if trial.number == 1:
        raise ValueError
    loss = trial.params["layers"] + trial.params["lr"]
    for step in range(3):
        trial.report(loss / (step + 1), step)
        if trial.number == 4:
            raise optuna.TrialPruned
    return loss


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgres_url")
    return None if request.param == "memory" else f"sqlite:///{tmp_path / 's.db'}"


def theirs(trials=20):
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=3))
    study.optimize(suggested, n_trials=trials, catch=ValueError)
    return study


def facts(trial):
    reports = {s: repr(v) for s, v in trial.intermediate_values.items()}
    return (trial.number, trial.state, trial.params, trial.distributions, trial.values, reports)


def test_it_is_the_study_that_optuna_itself_would_have_made(url):
    with Study(SPACE, backend="optuna.tpe", seed=3, store=url) as study:
        study.optimize(train, trials=20)
        ours, native = as_study(study), theirs()
        assert [facts(each) for each in ours.trials] == [facts(each) for each in native.trials]
        assert ours.best_trial.number == native.best_trial.number
        assert ours.direction == native.direction
        assert ours.trials[5].user_attrs["hpo_bridge:backend"] == "optuna.tpe"
        assert "no <b>luck</b>" in ours.trials[1].user_attrs["hpo_bridge:error"]
        columns = ["number", "params_lr", "params_momentum", "params_opt", "state"]
        frames = [each.trials_dataframe()[columns] for each in (ours, native)]
        assert frames[0].equals(frames[1])


PLOTS = [
    "contour", "edf", "intermediate_values", "optimization_history", "parallel_coordinate",
    "param_importances", "rank", "slice",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_the_pictures_and_importances_are_those_of_optunas_own_study():
    with Study(SPACE, backend="optuna.tpe", seed=3) as study:
        study.optimize(train, trials=20)
        ours, native = as_study(study), theirs()
    native.study_name = ours.study_name
    native.set_metric_names(ours.metric_names)
    assert optuna.importance.get_param_importances(ours) == (
        optuna.importance.get_param_importances(native)
    )
    for name in PLOTS:
        plot = getattr(optuna.visualization, f"plot_{name}")
        assert plot(ours).to_json() == plot(native).to_json(), name
    assert optuna.visualization.plot_timeline(ours).to_json()


@pytest.mark.parametrize("backend", ["core.random", "hyperopt.tpe", "deap.ga", "skopt.forest"])
def test_any_backend(backend):
    with Study(SPACE, backend=backend, seed=1) as study:
        study.optimize(train, trials=12)
        read = as_study(study)
        assert [t.params["lr"] for t in read.trials] == [t.params["lr"] for t in study.trials]
        assert read.best_value == study.best.value
        optuna.visualization.plot_slice(read)


def test_a_running_study_is_seen_as_it_is_at_each_look(url):
    with Study({"x": Float(0, 1)}, store=url, seed=0) as study:
        read = as_study(study)
        assert read.trials == []
        first, second = study.ask(), study.ask()
        assert [t.state.name for t in read.trials] == ["RUNNING", "RUNNING"]
        first.report(0.5, step=3)
        assert read.trials[0].intermediate_values == {3: 0.5}
        study.tell(second, 0.25)
        assert [t.state.name for t in read.trials] == ["RUNNING", "COMPLETE"]
        assert read.best_trial.number == 1
        study.tell(first, 0.125)
        assert read.best_value == 0.125
        study.enqueue({"x": 0.5})
        assert read.trials[2].state.name == "WAITING"
        assert [t.params["x"] for t in read.trials] == [t.params["x"] for t in study.trials]


class Counted:
    """A store that counts the trials and events that are read."""

    def __init__(self, store):
        self._store, self.read = store, 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def _counting(self, found):
        for each in found:
            self.read += 1
            yield each

    def trials(self, *args, **options):
        return self._counting(self._store.trials(*args, **options))

    def events(self, *args, **options):
        return self._counting(self._store.events(*args, **options))

    def trial(self, *args):
        self.read += 1
        return self._store.trial(*args)


def test_only_what_has_changed_is_read_again(tmp_path):
    with Study({"x": Float(0, 1)}, store=tmp_path / "s.db", seed=0) as study:
        study.optimize(lambda trial: trial["x"], trials=300)
        store = Counted(study.store)
        storage = ReadOnlyStorage(store)
        assert len(storage.get_all_trials(0, deepcopy=False)) == 300
        store.read = 0
        storage.get_all_trials(0, deepcopy=False)
        assert store.read == 0
        trial = study.ask()
        trial.report(1.0, step=0)
        storage.get_all_trials(0, deepcopy=False)
        study.tell(trial, 1.0)
        assert storage.get_all_trials(0, deepcopy=False)[300].value == 1.0
        assert store.read < 12


def test_a_failed_trial_that_runs_again_is_read_again(tmp_path):
    def fails(trial):
        raise ValueError("no luck")

    with Study({"x": Float(0, 1)}, store=tmp_path / "s.db", seed=0) as study:
        study.optimize(fails, trials=2)
        read = as_study(study)
        assert [t.state.name for t in read.trials] == ["FAIL", "FAIL"]
        study.optimize(lambda trial: trial["x"], trials=2, retry_failed=True)
        assert [t.state.name for t in read.trials] == ["COMPLETE", "COMPLETE"]


def test_what_optuna_has_no_place_for_comes_back_by_the_import(tmp_path):
    space = {"w": Float(0, 1, shape=[3]), "mixed": Categorical([1, True, [2, 3]]), "c": 5}
    with Study(space, seed=0, directions={"a": "minimize", "b": "maximize"}) as study:
        study.optimize(lambda t: {"a": t["w"][0], "b": t["w"][1]}, trials=6)
        read = as_study(study)
        assert {d.name for d in read.directions} == {"MINIMIZE", "MAXIMIZE"}
        assert read.metric_names == ["a", "b"]
        assert set(read.trials[0].params) == {"w[0]", "w[1]", "w[2]", "mixed"}
        assert [t.number for t in read.best_trials] == [t.number for t in study.front]
        optuna.visualization.plot_pareto_front(read)
        directions = {"a": "minimize", "b": "maximize"}
        with Study(space, seed=0, directions=directions) as copy:
            copy.import_trials(read)
            assert [t.params for t in copy.trials] == [t.params for t in study.trials]


def test_all_studies_of_a_store_and_those_that_come_later(tmp_path):
    url = f"sqlite:///{tmp_path / 's.db'}"
    for name in ("zebra", "ant"):
        with Study({"x": Float(0, 1)}, store=url, name=name, seed=0) as study:
            study.optimize(lambda trial: trial["x"], trials=2)
    store = open_store(url)
    storage = ReadOnlyStorage(store)
    assert optuna.get_all_study_names(storage) == ["zebra", "ant"]
    with Study({"x": Float(0, 1)}, store=url, name="bee", seed=0) as study:
        study.optimize(lambda trial: trial["x"], trials=3)
    loaded = optuna.load_study(study_name="bee", storage=storage)
    assert [trial.number for trial in loaded.trials] == [0, 1, 2]
    assert len({t._trial_id for s in range(3) for t in storage.get_all_trials(s)}) == 7
    assert storage.get_trial(loaded.trials[1]._trial_id) == loaded.trials[1]
    with pytest.raises(KeyError):
        optuna.load_study(study_name="cow", storage=storage)
    with pytest.raises(KeyError):
        storage.get_trial(10**9 + 2)
    store.close()


WRITES = {
    "ask": lambda study: study.ask(),
    "tell": lambda study: study.tell(0, 1.0, skip_if_finished=False),
    "optimize": lambda study: study.optimize(lambda trial: 1.0, n_trials=1),
    "add_trial": lambda study: study.add_trial(study.trials[0]),
    "enqueue_trial": lambda study: study.enqueue_trial({"x": 0.5}),
    "set_user_attr": lambda study: study.set_user_attr("a", 1),
    "set_metric_names": lambda study: study.set_metric_names(["loss"]),
    "delete": lambda study: optuna.delete_study(study_name="study", storage=study._storage),
    "create": lambda study: optuna.create_study(study_name="new", storage=study._storage),
}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("write", WRITES)
def test_writing_is_refused(write):
    with Study({"x": Float(0, 1)}, seed=0) as study:
        study.optimize(lambda trial: trial["x"], trials=1)
        study.ask()
        read = as_study(study)
        before = [facts(trial) for trial in read.trials]
        with pytest.raises(HpoBridgeError, match="read-only"):
            WRITES[write](read if write != "tell" else _running(read))
        assert [facts(trial) for trial in read.trials] == before


def _running(read):
    """Tell has to write only for a trial that runs."""
    return type("Told", (), {"tell": lambda self, *a, **k: read.tell(1, 1.0)})()


def test_changing_a_trial_that_was_read_changes_no_other_reading():
    with Study(SPACE, seed=0) as study:
        study.optimize(train, trials=3)
        read = as_study(study)
        read.trials[0].user_attrs["mine"] = 1
        read.trials[0].params["lr"] = 5.0
        assert "mine" not in read.trials[0].user_attrs
        assert read.trials[0].params["lr"] == study.trials[0].params["lr"]


def test_no_study_of_that_name():
    with Study({"x": Float(0, 1)}, seed=0) as study:
        gone = type("Gone", (), {"store": study.store, "name": "gone"})()
        with pytest.raises(StudyNotFound, match="no study 'gone'"):
            as_study(gone)


def test_the_package_loads_optuna_only_when_it_is_used():
    code = "import sys, hpo_bridge_optuna; print('optuna' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr
