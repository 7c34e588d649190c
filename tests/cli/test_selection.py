"""What `hpo-bridge best` says of the choice, and `hpo-bridge test`."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from hpo_bridge.cli import main
from hpo_bridge.store import open_store
from tests.cli.conftest import STUDY

SELECTION = """\
selection:
  rule: one_standard_error
  simplest: ["n", "kind == 'b'"]
  test: objective.py:score
"""
OBJECTIVE = """\
import hpo_bridge as hpo

def train(trial):
    return hpo.Measured(abs(trial["n"] - 3) / 10 + (trial["kind"] == "a"), 0.15)

def score(trial):
    return {"accuracy": 1 - trial["n"] / 10, "n": trial["n"]}

def broken(trial):
    raise ValueError("no test data")

def loud(trial):
    print("noise from a test")
    return 0.5

def nothing(trial):
    return None

def bare(trial):
    return trial["n"] / 10
"""
TEXT = STUDY.replace("n: {type: int, low: 1, high: 3, when: {kind: b}}",
                     "n: {type: int, low: 1, high: 3}")  # fmt: skip


@pytest.fixture
def chosen(command, monkeypatch, capfd):
    """The command in this process: one of its own takes seconds to start on a busy machine."""
    command.write(TEXT + SELECTION)
    (command.folder / "objective.py").write_text(OBJECTIVE)
    monkeypatch.chdir(command.folder)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["hpo-bridge", *words])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(words, end.value.code or 0, out, err)

    run.folder = command.folder
    yield run
    sys.modules.pop("objective", None)


def result_of(done, code=0):
    assert done.returncode == code, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def test_the_best_stays_the_best_and_the_selected_one_stands_beside_it(chosen):
    ran = result_of(chosen("run", "study.yaml", "--json"))
    read = result_of(chosen("best", "study.yaml", "--json"))
    assert read == ran
    assert read["best"]["params"]["n"] == 3
    assert set(read["selected"]) == {
        "number", "params", "values", "standard_errors", "rule", "errors", "paired", "threshold",
        "within", "explanation", "backend",
    }  # fmt: skip
    assert read["selected"]["params"]["n"] == 2
    assert read["selected"]["threshold"] == pytest.approx(0.15)
    assert read["best"]["number"] in read["selected"]["within"]
    assert "selected" not in result_of(chosen("status", "study.yaml", "--json"))
    shown = chosen("best", "study.yaml").stdout
    assert re.search(r"^best .*\n(.*\n)*selected trial \d+ is the simplest \(by n, ", shown, re.M)
    plain = chosen("best", "study.yaml", "--json", "--set", "selection={rule: best}")
    assert "selected" not in result_of(plain)


def test_without_standard_errors_the_best_is_shown_and_the_code_is_two(chosen):
    said = "has no standard error: return hpo_bridge.Measured"
    for words in (("run", "study.yaml"), ("best", "study.yaml")):
        done = chosen(*words, "--json", "--set", "objective=objective.py:bare")
        result = result_of(done, code=2)
        assert result["best"] is not None
        assert result["selected"] is None
        assert said in result["not_selected"]
    assert said in chosen("best", "study.yaml").stdout


def test_no_complete_trial_is_one_as_ever(chosen):
    done = chosen("run", "study.yaml", "--json", "--set", "objective=objective.py:broken")
    assert result_of(done, code=1)["selected"] is None
    tested = chosen("test", "study.yaml")
    assert tested.returncode == 1
    assert "has no complete trial" in tested.stderr


def test_the_test_set_is_scored_once(chosen):
    chosen("run", "study.yaml")
    first = chosen("test", "study.yaml", "--json")
    result = result_of(first)
    selected = result_of(chosen("best", "study.yaml", "--json"))["selected"]
    assert result["trial"] == selected["number"]
    assert result["values"] == {"accuracy": 0.8, "n": 2.0}
    assert (result["study"], result["rule"]) == ("s", "one_standard_error")
    assert result["scored"] == "objective.py:score"

    again = chosen("test", "study.yaml")
    assert (again.returncode, again.stdout) == (2, "")
    (line,) = again.stderr.splitlines()
    assert f"was scored before: accuracy 0.8, n 2 for trial {selected['number']} on " in line
    assert "a test set that is looked at twice is a validation set" in line
    assert "--again" in line

    forced = chosen("test", "study.yaml", "--again", "--trial", "0")
    assert forced.returncode == 0
    assert "was scored before" in forced.stderr
    best = result_of(chosen("best", "study.yaml", "--json"))
    assert [look["trial"] for look in best["tested"]] == [selected["number"], 0]
    assert "warning" not in best
    for words in (("best", "study.yaml"), ("status", "study.yaml")):
        assert chosen(*words).stdout.count("tested   accuracy") == 2


def test_a_study_that_goes_on_after_its_test_says_so(chosen):
    chosen("run", "study.yaml")
    chosen("test", "study.yaml")
    same = chosen("run", "study.yaml")
    assert "test set" not in same.stderr
    more = chosen("run", "study.yaml", "--trials", "14", "--json")
    assert "its test set was scored before" in more.stderr
    result = result_of(more)
    assert result["trials_since_test"] == 2
    assert result["warning"].startswith("2 trials have ended since the test set was first scored")
    assert "2 trials have ended since" in chosen("best", "study.yaml").stdout


def test_with_json_what_the_function_prints_goes_to_standard_error(chosen, command):
    chosen("run", "study.yaml")
    done = command("test", "study.yaml", "--json", "--set", "selection.test=objective.py:loud")
    assert result_of(done)["values"] == {"value": 0.5}
    assert "noise from a test" in done.stderr


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ("broken", r"test objective.py:broken: ValueError: no test data \(objective.py:\d+ in "
                   r"broken\); nothing is recorded"),
        ("nothing", "test objective.py:nothing returned None; expected a finite number"),
    ],
)  # fmt: skip
def test_a_test_that_fails_is_no_look(chosen, function, text):
    chosen("run", "study.yaml")
    done = chosen("test", "study.yaml", "--set", f"selection.test=objective.py:{function}")
    assert done.returncode == (1 if function == "broken" else 2)
    (line,) = done.stderr.splitlines()
    assert re.search(text, line)
    assert chosen("test", "study.yaml").returncode == 0


def test_a_command_scores_too(chosen):
    chosen("run", "study.yaml")
    words = """selection.test={command: "python -c 'import sys; print(sys.argv[1])' {n}"}"""
    done = chosen("test", "study.yaml", "--json", "--set", words)
    assert result_of(done)["values"] == {"value": 2.0}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--set", "selection={}"), "study.yaml: selection.test: is missing, expected"),
        (("--set", "selection.test=objective.py:scor"),
         r"--set: selection.test: objective.py has no function 'scor' \(did you mean 'score'\?\)"),
        (("--set", "selection.test=absent.py:score"), "selection.test: there is no file"),
        (("--set", "selection.test={data: objective.py:x}"),
         "selection.test: .*objective objective.py:train has no test of its own"),
        (("--trial", "99"), "test: study 's' has no trial 99"),
    ],
)  # fmt: skip
def test_what_cannot_be_tested(chosen, words, text):
    chosen("run", "study.yaml")
    done = chosen("test", "study.yaml", *words)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.search(text, line), line


def test_the_driver_of_an_outer_split_is_that_of_the_whole(chosen):
    chosen("run", "study.yaml", "--trials", "1")
    store = open_store(f"sqlite:///{chosen.folder}/s.db")
    store.create("s.outer-2", store.study("s").definition)
    writer = store.acquire("s.outer-2")
    whole = ("status", "study.yaml", "--set", "selection.nested=3")
    try:
        assert result_of(chosen(*whole, "--json"))["driver"].endswith(", on outer split 2")
        assert result_of(chosen("status", "study.yaml", "--json"))["driver"] is None
    finally:
        writer.release()
        store.close()
    assert "none: it does not run now" in chosen(*whole).stdout


def test_there_has_to_be_a_study(chosen):
    done = chosen("test", "study.yaml")
    assert done.returncode == 2
    assert not (chosen.folder / "s.db").exists()
