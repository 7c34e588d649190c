"""CSV files, data frames and JSON of other programs, right and wrong."""

from __future__ import annotations

import pytest

from hpo_bridge import Categorical, Float, HpoBridgeError, Int, Space, Study, TrialState
from hpo_bridge.errors import HistoryError


@pytest.fixture
def study():
    return Study(
        Space(
            lr=Float(0.0, 0.9, step=0.3),
            n=Int(1, 9),
            opt=Categorical(["adam", "sgd"]),
            m=Float(0, 1, when={"opt": "sgd"}),
        ),
        seed=0,
    )


@pytest.fixture
def table(tmp_path):
    def write(text, name="t.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return str(path)

    return write


def test_a_table_of_somebody(study, table):
    source = table(
        "\ufefflr,n,opt,m,value,comment\r\n"
        '0.3,3,adam,,1.5,"one, two"\r\n'
        "\r\n"
        "0.30000000000000004,4.0,sgd,0.5,2.5,\r\n"
        "0.6,5,adam,,nan,\r\n"
    )
    report = study.import_trials(source)
    assert report.notes == ("columns left out: comment",)
    first, second, third = study.trials
    assert first.params == {"lr": 0.3, "n": 3, "opt": "adam"}
    assert second.params == {"lr": 0.3, "n": 4, "opt": "sgd", "m": 0.5}
    assert second.values == {"value": 2.5}
    assert (first.started, first.finished, first.backend) == (None, None, "imported:csv")
    assert third.state is TrialState.FAILED
    assert third.error == "the objective returned nan, expected a finite number"


def test_what_does_not_fit_is_counted_with_its_first_example(study, table):
    source = table(
        "lr,n,opt,m,value\n0.31,3,adam,,1\n0.3,30,adam,,1\n0.6,31,adam,,1\n0.3,3,rmsprop,,1\n"
        "0.3,3,sgd,,1\n0.3,3,adam,0.5,1\n0.3,3,adam,,\n0.3,3,adam,,7\n"
    )
    report = study.import_trials(source)
    assert report.added == 1
    found = {r.reason: (r.count, r.example) for r in report.refused}
    assert found["n: outside the range"] == (2, "line 3: n: 30 is outside [1, 9]")
    assert found["lr: between the steps"][0] == 1
    assert found["opt: not one of the choices"][0] == 1
    assert found["m: a parameter is missing"] == (1, "line 6: m: is missing")
    assert found["m: not active at that point"][0] == 1
    assert found["complete there, but without a value"] == (1, "line 8: no value of 'value'")
    assert len(study.trials) == 1


def test_strict_takes_all_or_nothing(study, table):
    source = table("lr,n,opt,m,value\n0.3,3,adam,,1\n0.3,30,adam,,1\n")
    with pytest.raises(HistoryError, match="1 trial cannot be taken, so none was; n: outside"):
        study.import_trials(source, strict=True)
    assert study.trials == []


def test_inactive_parameters_are_dropped_when_asked(study, table):
    source = table("lr,n,opt,m,value\n0.3,3,adam,0.5,1\n")
    assert study.import_trials(source, drop_inactive=True).added == 1
    assert "m" not in study.trials[0].params


def test_names_are_mapped_and_objectives_negated(study, table):
    source = table("rate,n,opt,m,score,n2\n0.3,3,adam,,0.9,1\n")
    report = study.import_trials(source, rename={"rate": "lr", "score": "-value"})
    assert report.added == 1
    assert study.trials[0].values == {"value": -0.9}


def test_optunas_own_table(study, table):
    import optuna

    space = study.space
    theirs = optuna.create_study()
    theirs.enqueue_trial({"lr": 0.6, "n": 2, "opt": "sgd", "m": 0.25})
    theirs.enqueue_trial({"lr": 0.3, "n": 2, "opt": "adam"})
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        lr = trial.suggest_float("lr", 0, 0.9, step=0.3)
        trial.suggest_int("n", 1, 9)
        if trial.suggest_categorical("opt", ["adam", "sgd"]) == "sgd":
            trial.suggest_float("m", 0, 1)
        return lr

    theirs.optimize(objective, n_trials=2)
    source = table(theirs.trials_dataframe().to_csv(index=False))
    assert study.import_trials(source).added == 2
    assert study.trials[0].params == {"lr": 0.6, "n": 2, "opt": "sgd", "m": 0.25}
    taken = theirs.trials[0].datetime_start.timestamp()
    assert study.trials[0].started == pytest.approx(taken, abs=1e-3)
    frame = Study(space, seed=1)
    assert frame.import_trials(theirs.trials_dataframe()).added == 2
    assert frame.trials[1].params == {"lr": 0.3, "n": 2, "opt": "adam"}


@pytest.mark.parametrize(
    ("choice", "cells"),
    [
        (None, ["null", "None", "NaN"]),
        (True, ["true", "True", "TRUE"]),
        (1, ["1", "1.0"]),
        (0.1, ["0.1", "1e-1"]),
        ("a b", ["a b", '"a b"']),
        ([1, 2], ["[1,2]", "[1, 2]"]),
    ],
)
def test_choices_as_other_programs_write_them(table, choice, cells):
    import csv
    import io

    study = Study(Space(c=Categorical([choice, "other"])), seed=0)
    out = io.StringIO()
    csv.writer(out).writerows([["c", "value"], *[[cell, n] for n, cell in enumerate(cells)]])
    report = study.import_trials(table(out.getvalue()))
    assert report.refused == ()
    assert [t.params["c"] for t in study.trials] == [choice] * len(cells)
    assert {type(t.params["c"]) for t in study.trials} == {type(choice)}


def test_an_ambiguous_cell_is_refused(table):
    study = Study(Space(c=Categorical([1, 1.0])), seed=0)
    report = study.import_trials(table("c,value\n1.00,1\n1,2\n1.0,3\n"))
    assert "could be more than one" in report.refused[0].example
    assert [repr(t.params["c"]) for t in study.trials] == ["1", "1.0"]


def test_semicolons_and_equal_rows(study, table):
    rows = "0.3;3;adam;;1\n" * 3
    source = table("lr;n;opt;m;value\n" + rows)
    assert study.import_trials(source).added == 3
    assert study.import_trials(source).already == 3
    more = table("lr;n;opt;m;value\n" + rows + "0.3;3;adam;;1\n", "more.csv")
    report = study.import_trials(more)
    assert (report.added, report.already) == (1, 3)


@pytest.mark.parametrize("column", ["state", "State", "STATUS"])
def test_the_words_of_trackers_for_states(study, table, column):
    words = {
        "finished": "COMPLETE", "Succeeded": "COMPLETE", "TrialState.COMPLETE": "COMPLETE",
        "crashed": "FAILED", "KILLED": "FAILED", "Failed": "FAILED", "timed out": "FAILED",
        "early-stopped": "PRUNED", "running": None, "In Progress": None, "queued": None,
        "OUT_OF_MEMORY": "FAILED", "CANCELLED by 1000": "FAILED", "TERMINATED": "COMPLETE",
        "Failed (exit code 1)": "FAILED", "error: no GPU.": "FAILED", "Finished.": "COMPLETE",
    }  # fmt: skip
    rows = "".join(f"0.3,{n % 9 + 1},adam,,{n},{word}\n" for n, word in enumerate(words))
    report = study.import_trials(table(f"lr,n,opt,m,value,{column}\n{rows}"))
    assert [t.state.value for t in study.trials] == [state for state in words.values() if state]
    assert {r.reason: r.count for r in report.refused} == {"running there": 2, "waiting there": 1}


def test_columns_and_words_are_mapped_to_states(study, table):
    source = table("lr,n,opt,m,value,Verdict\n0.3,3,adam,,1,gut\n0.3,4,adam,,2,schlecht\n")
    rename = {"Verdict": "state", "gut": "COMPLETE", "schlecht": "FAILED"}
    with pytest.raises(HistoryError, match="--map gut=FAILED, say, gives its meaning"):
        study.import_trials(source, rename={"Verdict": "state"})
    assert study.import_trials(source, rename=rename).added == 2
    assert [t.state.value for t in study.trials] == ["COMPLETE", "FAILED"]
    rename = {"Verdict": "State", "Gut": "complete", "schlecht": "Pruned"}  # in any spelling
    assert study.import_trials(source, rename=rename).added == 1
    with pytest.raises(
        HistoryError, match=r"'COMPLETED' .did you mean 'COMPLETE'.*PRUNED, FAILED"
    ):
        study.import_trials(source, rename={"gut": "COMPLETED"})


def test_a_column_of_states_is_left_out(study, table):
    source = table("lr,n,opt,m,value,State,status\n0.3,3,adam,,1,crashed,FINISHED\n")
    report = study.import_trials(source, rename={"State": ""})
    assert report.counts == {TrialState.COMPLETE: 1}
    assert report.notes == ("columns left out: State",)
    index = study.import_trials(table(",lr,n,opt,value\n0,0.6,3,adam,1\n"))
    assert index.notes == ()
    with pytest.raises(HistoryError, match="--map 'by hand=FAILED', say"):
        study.import_trials(table("lr,n,opt,value,state\n0.3,3,adam,1,by hand\n"))


def test_cells_without_a_value_as_data_frames_write_them(study, table):
    rows = "0.3,3,adam,,1,None,NaT,nan\n0.3,4,adam,,None,failed,<NA>,boom\n"
    study.import_trials(table(f"lr,n,opt,m,value,state,finished,error\n{rows}"))
    found = [(t.state.value, t.finished, t.error) for t in study.trials]
    assert found == [("COMPLETE", None, None), ("FAILED", None, "boom")]


BAD = {
    "empty": ("", "is empty, expected a line with names of columns"),
    "no parameter": ("a,b\n1,2\n", "no column is a parameter of the study"),
    "no objective": ("lr,n,opt,m\n0.3,3,adam,\n", "no column has the objective 'value'"),
    "twice": ("lr,lr,value\n0.3,0.3,1\n", "two columns are called 'lr'"),
    "ragged": ("lr,n,opt,m,value\n0.3,3,adam\n", "line 2: has 3 cells, the header has 5"),
    "state": ("lr,n,opt,m,value,state\n0.3,3,adam,,1,GOOD\n", "line 2: state: found 'GOOD'"),
    "value": ("lr,n,opt,m,value\n0.3,3,adam,,good\n", "line 2: value: found 'good'"),
    "time": ("lr,n,opt,m,value,started\n0.3,3,adam,,1,soon\n", "started: found 'soon'"),
    "json": ("lr,n,opt,m,value,reports\n0.3,3,adam,,1,[[1]]\n", "reports: found"),
    "quote": ('lr,n,opt,m,value\n0.3,3,"adam,,1\n', "is no CSV file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_change_nothing(study, table, case):
    text, problem = BAD[case]
    with pytest.raises(HistoryError) as found:
        study.import_trials(table(text))
    assert problem in str(found.value)
    assert "\n" not in str(found.value)
    assert study.trials == []


def test_text_in_another_encoding(study, table):
    with pytest.raises(HistoryError, match="is not text in UTF-8"):
        study.import_trials(table("lr,n,opt,m,value\n0.3,3,adäm,,1\n", encoding="latin1"))


BAD_JSON = {
    "text": ("{", "is no JSON"),
    "deep": ("[" * 100_000, "is no JSON"),
    "other": ('{"a": 1}', "expected an export of hpo-bridge"),
    "newer": ('{"format": "hpo_bridge.history", "version": 2}', "upgrade hpo-bridge"),
    "number": ("[1]", "trial 0: found 1, expected an object"),
    "params": ('[{"params": 3}]', "params: found 3, expected dict"),
    "state": ('[{"params": {}, "state": "X"}]', "state: found 'X'"),
    "reports": ('[{"params": {}, "reports": 3}]', "reports: found 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_JSON)
def test_bad_json_changes_nothing(study, table, case):
    text, problem = BAD_JSON[case]
    with pytest.raises(HistoryError) as found:
        study.import_trials(table(text, "t.json"))
    assert problem in str(found.value)
    assert study.trials == []


def test_a_damaged_parquet_file(study, table):
    with pytest.raises(HistoryError, match="is no Parquet file"):
        study.import_trials(table("PAR1 nonsense", "t.parquet"))


def test_what_trials_json_prints(study, table):
    import json

    from hpo_bridge.history.plain_trial import plain_trial

    study.enqueue({"lr": 0.3, "n": 1, "opt": "adam"})
    study.optimize(lambda t: t["lr"], trials=1)
    source = table(json.dumps([plain_trial(t) for t in study.trials]), "t.json")
    back = Study(study.space, seed=1)
    assert back.import_trials(source).added == 1
    assert back.trials[0].params == {"lr": 0.3, "n": 1, "opt": "adam"}
    assert back.trials[0].backend == "imported:json"


def test_targets_that_cannot_be(study, tmp_path):
    for target, problem in {
        str(tmp_path): "its name does not say which format",
        "x.docx": "its name does not say which format",
        str(tmp_path / "no" / "t.csv"): "does not exist; create it first",
        f"sqlite:///{tmp_path}/no/t.db": "does not exist; create it first",
    }.items():
        with pytest.raises(HpoBridgeError, match=problem):
            study.export(target)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(HistoryError, match="is a folder"):
        study.export(tmp_path / "d.csv")
    with pytest.raises(HpoBridgeError, match="can be read only"):
        study.export("x", format="ray")
    with pytest.raises(HpoBridgeError, match="did you mean 'csv'"):
        study.export("x", format="cvs")


def test_a_failed_export_leaves_the_old_file(study, tmp_path, monkeypatch):
    import hpo_bridge.builtin.formats.csv_file as module

    target = tmp_path / "t.csv"
    target.write_text("old")

    def broken(*arguments):
        raise OSError(28, "No space left on device")

    study.enqueue({"lr": 0.3, "n": 1, "opt": "adam"})
    monkeypatch.setattr(module, "text_rows", broken)
    with pytest.raises(HistoryError, match="No space left on device"):
        study.export(target, overwrite=True)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("missing", [["pandas"], ["pyarrow", "fastparquet"]])
def test_parquet_without_its_libraries_says_what_to_install(study, tmp_path, monkeypatch, missing):
    import sys
    from importlib import metadata

    study.export(tmp_path / "t.parquet")
    found = metadata.version

    def version(name):
        if name in missing:
            raise metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(metadata, "version", version)
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    for attempt in (
        lambda: study.export(tmp_path / "u.parquet"),
        lambda: study.import_trials(tmp_path / "t.parquet"),
    ):
        with pytest.raises(HistoryError, match=r'pip install "hpo-bridge\[parquet\]"'):
            attempt()
    assert not (tmp_path / "u.parquet").exists()


CLASHING = ("error", "state", "number", "seconds", "params.x")


def test_every_table_has_the_same_columns_and_no_name_twice(tmp_path, monkeypatch, capsys):
    """Objectives, and a parameter, called like columns clash in no table."""
    import csv
    import io

    import pandas

    from hpo_bridge.cli import main

    space = Space({"x": Float(0, 1), "error": Int(0, 3), "n": Int(0, 9, when={"error": 0})})
    store, directions = f"sqlite:///{tmp_path}/s.db", dict.fromkeys(CLASHING, "minimize")
    with Study(space, directions=directions, seed=0, store=store, name="s") as study:
        study.optimize(lambda t: dict.fromkeys(CLASHING, t["x"]), trials=8)
        study.export(tmp_path / "t.csv")
        study.export(tmp_path / "t.parquet")
        columns = list(study.to_pandas().columns)
    assert len(set(columns)) == len(columns)
    assert {"error", "values.error", "params.error", "values.params.x", "params.x"} <= {*columns}
    exported = (tmp_path / "t.csv").read_bytes().decode()
    assert next(csv.reader(io.StringIO(exported))) == columns
    assert list(pandas.read_parquet(tmp_path / "t.parquet").columns) == columns

    (tmp_path / "f.py").write_text("def f(trial): ...\n")
    (tmp_path / "study.yaml").write_text(
        f"study: s\nobjective: f.py:f\nstore: {store}\nbudget: {{trials: 8}}\n"
        f"directions: {{{', '.join(f'{name}: minimize' for name in CLASHING)}}}\n"
        "space:\n  x: {type: float, low: 0, high: 1}\n  error: {type: int, low: 0, high: 3}\n"
        "  n: {type: int, low: 0, high: 9, when: {error: 0}}\n"
    )
    monkeypatch.chdir(tmp_path)
    printed = {}
    for name in ("trials", "best"):
        monkeypatch.setattr("sys.argv", ["hpo-bridge", name, "study.yaml", "--csv"])
        with pytest.raises(SystemExit):
            main()
        printed[name] = capsys.readouterr().out
        rows = list(csv.DictReader(io.StringIO(printed[name])))
        assert list(rows[0]) == columns
        assert all(row["values.error"] == row["values.params.x"] for row in rows)
    assert printed["trials"] == exported
