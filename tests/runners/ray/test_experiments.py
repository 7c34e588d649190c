"""Folders of Ray Tune's experiments: a recorded one, and one that Tune makes here."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study, TrialState
from hpo_bridge.errors import HistoryError

HERE = Path(__file__).parent
OURS = Space(lr=Categorical([0.1, 0.01]), layers=Int(1, 3), kind=Categorical(["mlp", "cnn"]))
RENAME = {"model/layers": "layers", "model/kind": "kind"}


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(HERE / "experiment", tmp_path / "experiment"))


def taken(folder, **more):
    study = Study(OURS, seed=0)
    report = study.import_trials(str(folder), rename=RENAME | more)
    return study, report


def check(study, report):
    assert (report.format, report.added, report.refused) == ("ray", 6, ())
    states = [t.state.value for t in study.trials]
    assert states == ["COMPLETE", "COMPLETE", "PRUNED", "PRUNED", "FAILED", "FAILED"]
    first = study.trials[0]
    assert first.params == {"lr": 0.1, "layers": 1, "kind": "mlp"}
    assert first.reports == tuple((n, 0.1 * 10 + 1 + 1 / n) for n in (1, 2, 3))
    assert first.value == first.reports[-1][1]
    assert first.metrics[0] == {"accuracy": pytest.approx(0.7)}
    assert first.finished > first.started
    assert study.trials[2].reports == ((1, 4.0),)
    assert study.trials[4].error == "ValueError: three layers are too many"
    assert report.notes == (
        "the same in every trial, left out: data",
        "2 trials were stopped before the longest: taken as pruned",
    )


def test_a_recorded_experiment(folder):
    study, report = taken(folder)
    check(study, report)
    assert study.import_trials(str(folder), rename=RENAME).already == 6
    study.optimize(lambda t: t["lr"], trials=8)


@pytest.mark.slow
def test_an_experiment_of_tune_here(tmp_path):
    """On a Ray of its own: what Tune leaves behind would keep other tests waiting."""
    made = tmp_path / "made"
    command = [sys.executable, "-W", "ignore", str(HERE / "record_experiment.py"), str(made)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check(*taken(made))


def test_another_metric_and_its_direction(folder):
    study = Study(OURS, seed=0, directions={"accuracy": "maximize"})
    study.import_trials(str(folder), rename=RENAME)
    assert study.best.values == {"accuracy": pytest.approx(1 - (0.1 + 1 + 1 / 3) / 10)}
    assert study.trials[0].metrics[0] == {"loss": pytest.approx(3.0)}
    both = Study(OURS, seed=0, directions={"loss": "minimize", "accuracy": "maximize"})
    assert both.import_trials(str(folder), rename=RENAME).added == 6


def test_no_pickle_is_opened(folder):
    class Evil:
        def __reduce__(self):
            return eval, (f"open({str(folder / 'mark')!r}, 'w').close()",)

    for trial in folder.glob("objective*"):
        (trial / "params.pkl").write_bytes(pickle.dumps(Evil()))
        (trial / "error.pkl").write_bytes(pickle.dumps(Evil()))
    (folder / "tuner.pkl").write_bytes(pickle.dumps(Evil()))
    check(*taken(folder))
    assert not (folder / "mark").exists()


def test_without_a_state_and_without_result_json(folder):
    next(folder.glob("experiment_state*")).unlink()
    for trial in folder.glob("objective*"):
        (trial / "result.json").unlink()
    study, report = taken(folder, loss="value")
    assert report.added == 6
    assert [t.state.value for t in study.trials][:3] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert study.trials[0].reports == tuple((n, 0.1 * 10 + 1 + 1 / n) for n in (1, 2, 3))


def test_a_trial_that_runs_and_a_line_that_was_cut(folder):
    first = sorted(folder.glob("objective*"))[0]
    with (first / "result.json").open("a") as file:
        file.write('{"loss": 1.0, "tra')
    state = next(folder.glob("experiment_state*"))
    data = json.loads(state.read_text())
    for entry in data["trial_data"]:
        trial = json.loads(entry[0])
        if trial["trial_id"].endswith("00001"):
            entry[0] = json.dumps({**trial, "status": "RUNNING"})
    state.write_text(json.dumps(data))
    study, report = taken(folder)
    assert report.added == 5
    assert report.refused[0].reason == "running there"
    assert len(study.trials[0].reports) == 3


def as_checkpoints(data, *, text):
    """The state as Ray wrote it before 2.4: one entry a trial, an object or its JSON text."""
    merged = [json.loads(trial) | json.loads(runtime) for trial, runtime in data.pop("trial_data")]
    return {**data, "checkpoints": [json.dumps(e) if text else e for e in merged]}


@pytest.mark.parametrize("text", [True, False])
def test_states_of_older_versions(folder, text):
    state = next(folder.glob("experiment_state*"))
    expected = taken(folder)[0].trials
    state.write_text(json.dumps(as_checkpoints(json.loads(state.read_text()), text=text)))
    study, report = taken(folder)
    assert report.refused == ()
    assert study.trials == expected
    check(study, report)


def test_pairs_of_objects_are_read_like_pairs_of_texts(folder):
    state = next(folder.glob("experiment_state*"))
    data = json.loads(state.read_text())
    data["trial_data"] = [[json.loads(part) for part in pair] for pair in data["trial_data"]]
    state.write_text(json.dumps(data))
    check(*taken(folder))


@pytest.mark.parametrize(
    "content",
    ['{"trial_data": [1]}', '{"trial_data": [["{}", "{}"]]}', '{"other": 1}', "[]", "{", ""],
)
def test_a_state_of_an_unknown_form_is_noted(folder, content):
    next(folder.glob("experiment_state*")).write_text(content)
    _, report = taken(folder, loss="value")
    assert report.added == 6
    assert any("not of a form that is known" in note for note in report.notes)


def test_the_last_state_that_can_be_read_counts(folder):
    (folder / "experiment_state-2025-01-01_00-00-00.json").write_text('{"trial_data": [')
    study, report = taken(folder)
    assert "experiment_state-2025-01-01_00-00-00.json" in report.notes[0]
    assert all(trial.started is not None for trial in study.trials)


def test_ids_of_older_versions_without_a_result(folder):
    state = next(folder.glob("experiment_state*"))
    state.write_text(state.read_text().replace("93327_0000", "a1b2c3d"))
    for error in list(folder.glob("objective*/error.txt")):
        for name in ("result.json", "progress.csv", "error.txt"):
            (error.parent / name).unlink(missing_ok=True)
        error.parent.rename(folder / error.parent.name.replace("93327_0000", "a1b2c3d"))
    study, _ = taken(folder, loss="value")
    failed = [trial for trial in study.trials if trial.state is TrialState.FAILED]
    assert len(failed) == 2
    assert all(trial.started is not None for trial in failed)


def test_a_status_that_is_not_known_is_noted(folder):
    state = next(folder.glob("experiment_state*"))
    data = json.loads(state.read_text())
    for entry in data["trial_data"]:
        entry[0] = json.dumps({**json.loads(entry[0]), "status": "HIBERNATING"})
    state.write_text(json.dumps(data))
    study, report = taken(folder)
    assert report.added == 6
    assert any("HIBERNATING" in note for note in report.notes)
    assert study.trials[0].state is TrialState.COMPLETE


def test_parameters_that_changed(folder):
    first = sorted(folder.glob("objective*"))[0]
    lines = [json.loads(line) for line in (first / "result.json").read_text().splitlines()]
    lines[0]["config"]["lr"] = 0.01
    (first / "result.json").write_text("\n".join(map(json.dumps, lines)))
    study, _ = taken(folder)
    (change,) = study.trials[0].changes
    assert (change.step, change.params["lr"]) == (1, 0.01)
    assert study.trials[0].params["lr"] == 0.1


def test_a_metric_that_nobody_reported(folder):
    study = Study(OURS, seed=0, directions={"los": "minimize", "x": "minimize"})
    with pytest.raises(HistoryError, match="no trial reported 'los'"):
        study.import_trials(str(folder), rename=RENAME)


def test_a_parameter_that_varies_is_not_left_out(folder):
    study = Study(Space(lr=Float(0.001, 1)), seed=0)
    report = study.import_trials(str(folder))
    assert report.refused[0].reason == "model/layers: not a parameter of the study"
    assert study.import_trials(str(folder), rename={"model/layers": ""}).added == 6


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("params.json", "{", "params.json: cannot be read"),
        ("params.json", "[1]", "params.json: expected an object"),
        ("result.json", "no\n{}", "result.json, line 1"),
    ],
)
def test_damaged_files_change_nothing(folder, file, content, problem):
    sorted(folder.glob(f"*/{file}"))[0].write_text(content)
    study = Study(OURS, seed=0)
    with pytest.raises(HistoryError) as error:
        study.import_trials(str(folder), rename=RENAME)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)
    assert study.trials == []


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "a").mkdir()
    study = Study(OURS, seed=0)
    with pytest.raises(HistoryError, match="is of no known format"):
        study.import_trials(str(tmp_path))
    with pytest.raises(HistoryError, match="has no trials"):
        study.import_trials(str(tmp_path), format="ray")
    assert TrialState.COMPLETE not in {t.state for t in study.trials}
