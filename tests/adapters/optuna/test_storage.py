"""Optuna's own storages, by Optuna itself: what it wrote is read, and the files stay."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import warnings

import optuna
import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study, TrialState
from hpo_bridge.errors import HistoryError

SPACE = Space(
    lr=Float(1e-4, 1e-1, log=True),
    layers=Int(1, 3),
    opt=Categorical(["adam", "sgd", None, 0.5]),
    momentum=Float(0.0, 0.9, step=0.3, when={"opt": "sgd"}),
)


@pytest.fixture(autouse=True)
def _quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    yield
    optuna.logging.set_verbosity(before)


def train(trial):
    lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    layers = trial.suggest_int("layers", 1, 3)
    opt = trial.suggest_categorical("opt", ["adam", "sgd", None, 0.5])
    if opt == "sgd":
        trial.suggest_float("momentum", 0.0, 0.9, step=0.3)
    if trial.number == 1:
        raise ValueError("no luck")
    for step in range(3):
        trial.report(layers + lr / (step + 1), step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return layers + lr


def optimized(storage, name="theirs", trials=12, **options):
    study = optuna.create_study(
        storage=storage, study_name=name, sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=2), **options,
    )  # fmt: skip
    study.optimize(train, n_trials=trials, catch=ValueError)
    return study


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A storage with a study of 12 trials: Optuna takes its time to write one."""
    path = tmp_path_factory.mktemp("made") / "o.db"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optimized(f"sqlite:///{path}")
    return path


def opened(path):
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2)
    return optuna.load_study(study_name="theirs", storage=f"sqlite:///{path}", pruner=pruner)


def journal(path):
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return optuna.storages.JournalStorage(backend)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_equal(ours, theirs):
    assert [t.number for t in ours] == [t.number for t in theirs]
    states = {"COMPLETE": "COMPLETE", "PRUNED": "PRUNED", "FAIL": "FAILED"}
    for own, other in zip(ours, theirs, strict=True):
        assert own.state.value == states[other.state.name]
        assert own.params == SPACE.check(other.params)  # without rounding errors
        assert dict(own.reports) == other.intermediate_values
        assert own.started == other.datetime_start.timestamp()
        assert own.finished == other.datetime_complete.timestamp()
        if own.state is TrialState.COMPLETE:
            assert own.value == other.value


@pytest.mark.parametrize("kind", ["url", "file", "journal", "object"])
def test_a_study_that_optuna_optimized(made, tmp_path, kind):
    path = tmp_path / ("o.log" if kind == "journal" else "o.db")
    if kind != "journal":
        shutil.copy(made, path)
    theirs = optimized(journal(path)) if kind == "journal" else opened(path)
    before = digest(path)
    source = {"url": f"sqlite:///{path}", "object": theirs}.get(kind, str(path))
    ours = Study(SPACE, seed=0, backend="optuna.tpe")
    report = ours.import_trials(source)
    assert (report.format, report.added, report.refused) == ("optuna", 12, ())
    states = {t.state for t in ours.trials}
    assert states == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED}
    check_equal(ours.trials, theirs.trials)
    assert {t.backend for t in ours.trials} == {"imported:optuna"}
    assert digest(path) == before  # also not a table, not a version
    assert ours.import_trials(source).already == 12
    theirs.optimize(train, n_trials=1)
    assert ours.import_trials(source).added == 1
    ours.optimize(lambda t: t["lr"], trials=16)


def test_running_and_waiting_trials_are_counted_and_come_later(tmp_path):
    theirs = optimized(f"sqlite:///{tmp_path}/o.db", trials=2)
    trial = theirs.ask()
    theirs.enqueue_trial({"lr": 0.01})
    ours = Study(SPACE, seed=0)
    report = ours.import_trials(theirs)
    assert {r.reason: r.example for r in report.refused} == {
        "running there": "trial 2: has not ended", "waiting there": "trial 3: has not ended",
    }  # fmt: skip
    trial.suggest_float("lr", 1e-4, 1e-1, log=True)
    trial.suggest_int("layers", 1, 3)
    trial.suggest_categorical("opt", ["adam", "sgd", None, 0.5])
    theirs.tell(trial, 1.0)
    wanted = 1 if trial.params["opt"] != "sgd" else 0
    assert ours.import_trials(theirs).added == wanted


def test_an_infinite_value_is_a_failure_here(tmp_path):
    theirs = optuna.create_study()
    theirs.optimize(lambda t: t.suggest_float("x", 0, 1) * float("inf"), n_trials=1)
    ours = Study(Space(x=Float(0, 1)), seed=0)
    ours.import_trials(theirs)
    assert ours.trials[0].state is TrialState.FAILED
    assert "expected a finite number" in ours.trials[0].error


def test_several_objectives_by_name(tmp_path):
    theirs = optuna.create_study(directions=["minimize", "maximize"])
    theirs.optimize(lambda t: (t.suggest_float("x", 0, 1), t.params["x"]), n_trials=3)
    directions = {"loss": "minimize", "acc": "maximize"}
    ours = Study(Space(x=Float(0, 1)), seed=0, directions=directions)
    with pytest.raises(HistoryError, match="it has values_0, values_1; --map THEIRS=loss"):
        ours.import_trials(theirs)
    with pytest.raises(HistoryError, match="maximizes 'values_1', the study minimizes 'loss'"):
        ours.import_trials(theirs, rename={"values_1": "loss", "values_0": "acc"})
    ours.import_trials(theirs, rename={"values_0": "loss", "values_1": "acc"})
    assert ours.trials[0].values == {
        "loss": theirs.trials[0].values[0],
        "acc": theirs.trials[0].values[1],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        theirs.set_metric_names(["loss", "acc"])
    again = Study(Space(x=Float(0, 1)), seed=0, directions=directions)
    assert again.import_trials(theirs).added == 3


def test_what_violates_constraints_there_has_failed_here():
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("size", x - 0.5)
        return -x

    theirs = optuna.create_study()
    theirs.enqueue_trial({"x": 0.75})
    theirs.enqueue_trial({"x": 0.25})
    theirs.optimize(objective, n_trials=2)
    ours = Study(Space(x=Float(0, 1)), seed=0)
    assert ours.import_trials(theirs).added == 2
    assert ours.trials[0].state is TrialState.FAILED
    assert ours.trials[0].error == "violates the constraint 'size' in Optuna"
    assert ours.best.number == theirs.best_trial.number == 1


def test_constraints_of_ours_refuse(tmp_path):
    theirs = optuna.create_study()
    theirs.enqueue_trial({"x": 0.75})
    theirs.enqueue_trial({"x": 0.25})
    theirs.optimize(lambda t: t.suggest_float("x", 0, 1), n_trials=2)
    ours = Study(Space(x=Float(0, 1), constraints=["x < 0.5"]), seed=0)
    report = ours.import_trials(theirs)
    assert (report.added, report.refused[0].reason) == (1, "a constraint forbids it")


@pytest.mark.parametrize("name", ["v.db", "v.sqlite3"])
def test_a_file_that_is_called_like_a_database_is_one(tmp_path, name):
    study = Study(Space(x=Float(0, 1)), seed=0)
    study.optimize(lambda t: t["x"], trials=2)
    study.export(tmp_path / name)
    assert optuna.get_all_study_names(f"sqlite:///{tmp_path / name}") == ["study"]
    assert Study(Space(x=Float(0, 1)), seed=1).import_trials(tmp_path / name).added == 2


def test_which_study_of_a_storage(tmp_path):
    url = f"sqlite:///{tmp_path}/o.db"
    optimized(url, "one", trials=1)
    optimized(url, "two", trials=2)
    ours = Study(SPACE, seed=0)
    with pytest.raises(HistoryError, match="has 2 studies; --study takes one of one, two"):
        ours.import_trials(url)
    with pytest.raises(HistoryError, match="did you mean 'two'"):
        ours.import_trials(url, study="twoo")
    assert ours.import_trials(url, study="two").added == 2


def test_parameters_that_the_study_has_not(tmp_path):
    theirs = optuna.create_study()
    theirs.optimize(lambda t: t.suggest_float("x", 0, 1) + t.suggest_int("y", 0, 3), n_trials=2)
    ours = Study(Space(x=Float(0, 1)), seed=0)
    report = ours.import_trials(theirs)
    assert report.refused[0].reason == "y: not a parameter of the study"
    assert report.refused[0].count == 2
    assert ours.import_trials(theirs, rename={"y": ""}).added == 2
    assert set(ours.trials[0].params) == {"x"}


def test_a_storage_of_an_older_optuna(made, tmp_path):
    """Its schema is brought up in a copy; the file is left as it is."""
    path = tmp_path / "o.db"
    shutil.copy(made, path)
    wanted = opened(path).trials
    connection = sqlite3.connect(path)  # before 3.2 there was no index on this column
    connection.execute("DROP INDEX ix_trials_study_id")
    connection.execute("UPDATE alembic_version SET version_num = 'v3.0.0.d'")
    connection.commit()
    connection.close()
    with pytest.raises(RuntimeError, match="upgrade"):
        optuna.load_study(study_name="theirs", storage=f"sqlite:///{path}")
    before = digest(path)
    ours = Study(SPACE, seed=0)
    assert ours.import_trials(str(path)).added == 12
    assert digest(path) == before
    check_equal(ours.trials, wanted)


def test_a_database_that_is_written_to_meanwhile(made, tmp_path):
    path = tmp_path / "o.db"
    shutil.copy(made, path)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert Study(SPACE, seed=0).import_trials(str(path)).added == 12
    finally:
        other.close()


def test_sources_that_are_none(tmp_path):
    ours = Study(SPACE, seed=0)
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE a (b)").connection.close()
    (tmp_path / "cut.db").write_bytes(b"SQLite format 3\0" + b"\0" * 50)
    (tmp_path / "cut.log").write_text('{"op_code": 0, "worker_id": "a", "study_name": 1}\n{"op')
    shutil.copy(tmp_path / "empty.db", tmp_path / "copy.db")
    for source, problem in {
        f"sqlite:///{tmp_path}/no.db": "there is no such file",
        str(tmp_path / "empty.db"): "no storage of Optuna",
        str(tmp_path / "cut.db"): "no storage of Optuna",
        str(tmp_path / "cut.log"): "a damaged journal",
        "postgresql://me:secret@127.0.0.1:1/x": "127.0.0.1:1/x: Optuna cannot open it",
    }.items():
        with pytest.raises(HistoryError) as found:
            ours.import_trials(source, format="optuna")
        assert problem in str(found.value)
        assert "secret" not in str(found.value)
        assert "\n" not in str(found.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "copy.db", "cut.db", "cut.log", "empty.db"
    ]  # fmt: skip


def test_on_postgres(postgres_url):
    ours = Study(SPACE, seed=0)
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    with pytest.raises(HistoryError, match="its tables are not there"):
        ours.import_trials(url)
    theirs = optimized(url, trials=4)
    assert ours.import_trials(url).added == 4
    check_equal(ours.trials, theirs.trials)
    theirs._storage._backend.engine.dispose()
    ours.export(url)
    back = Study(SPACE, seed=1)
    assert back.import_trials(url, study="study").added == 4
    assert [t.params for t in back.trials] == [t.params for t in ours.trials]


def test_rows_are_what_optuna_itself_writes(tmp_path):
    """The fast way into SQLite leaves the same rows, table by table, as trial after trial."""
    from hpo_bridge_optuna import exporting

    study = Study(SPACE, seed=3)

    def objective(trial):
        for step in range(3):
            trial.report(trial["lr"], step)
        if trial.number == 2:
            raise ValueError("no luck")
        return trial["lr"]

    study.optimize(objective, trials=12)
    study.enqueue(study.trials[0].params)
    study.export(f"sqlite:///{tmp_path}/fast.db")
    fast, exporting.insert_trials = exporting.insert_trials, exporting._one_by_one
    try:
        study.export(f"sqlite:///{tmp_path}/slow.db")
    finally:
        exporting.insert_trials = fast
    assert _rows(tmp_path / "fast.db") == _rows(tmp_path / "slow.db")


def _rows(path):
    connection = sqlite3.connect(path)
    try:
        names = [
            n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        keys = {"param_id", "trial_value_id", "trial_intermediate_value_id",
                "trial_user_attribute_id", "trial_system_attribute_id"}  # fmt: skip
        found = {}
        for name in names:
            cursor = connection.execute(f"SELECT * FROM {name}")
            columns = [c[0] for c in cursor.description]
            kept = [n for n, c in enumerate(columns) if c not in keys]
            found[name] = sorted(repr([row[n] for n in kept]) for row in cursor)
        return found
    finally:
        connection.close()


def test_an_export_that_fails_half_way_leaves_no_study(tmp_path, monkeypatch):
    from hpo_bridge_optuna import exporting

    study = Study(SPACE, seed=3)
    study.optimize(lambda t: t["lr"], trials=3)

    def broken(*arguments):
        raise RuntimeError("disk full")

    monkeypatch.setattr(exporting, "frozen_trial", broken)
    optimized(f"sqlite:///{tmp_path}/o.db", "other", trials=1)
    for target in (
        f"sqlite:///{tmp_path}/o.db",
        f"sqlite:///{tmp_path}/new.db",
        str(tmp_path / "n.log"),
    ):
        with pytest.raises(HistoryError, match="RuntimeError: disk full"):
            study.export(target)
    assert optuna.get_all_study_names(f"sqlite:///{tmp_path}/o.db") == ["other"]
    assert not (tmp_path / "new.db").exists()
    assert not (tmp_path / "n.log").exists()
