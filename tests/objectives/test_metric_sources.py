"""Results of programs that print no JSON: patterns in their output, and files that they write."""

from __future__ import annotations

import json
import math
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest

from hpo_bridge import Categorical, Float, Space
from hpo_bridge.contracts.record import Direction, TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import ObjectiveError
from hpo_bridge.objectives.metrics_file import read_rows
from hpo_bridge.objectives.objective import evaluate, objective_from

SPACE = Space(x=Float(0, 1), kind=Categorical(["a", "b"]), y=Float(0, 1, when={"kind": "a"}))


class Study:
    """A channel that keeps what it gets, and tells the program that it got it."""

    def __init__(self, told=None, limit=None):
        self.got = []
        self.told = told
        self.limit = limit

    def report(self, number, step, value):
        self.got.append((step, value))
        if self.told is not None:
            (self.told / f"seen{step}").touch()

    def should_prune(self, number):
        return self.limit is not None and self.got[-1][1] >= self.limit


def fitted(spec, folder, names):
    directions = dict.fromkeys(names, Direction.MINIMIZE)
    return objective_from(spec, folder).bind(SPACE, directions)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)

    def run(code, *names, study=None, number=0, arguments=(), **more):
        (tmp_path / "train.py").write_text(textwrap.dedent(code))
        spec = {"command": ["{python}", "train.py", *arguments], **more}
        objective = fitted(spec, tmp_path, names or ("value",))
        trial = Trial(number, {"x": 0.5, "kind": "b"}, 0, study or Study(tmp_path))
        return evaluate(objective.load(), trial)

    return run


# -- Patterns -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "metric", "value"),
    [
        ("epoch 1: val_acc 0.5\nepoch 2: val_acc 0.75.\nbye", "val_acc ([0-9.]+)", 0.75),
        ("acc=93%", r"acc=(\d+)%", 93.0),
        ("loss: 1.5e-3, acc: 1", r"loss: (\S+)", 0.0015),
        ("loss nan", r"loss (\S+)", math.nan),
        ("val 1 test 2", r"(?P<kind>test) (?P<value>\d)", 2.0),
        ("a 1 a 2", r"a (\d)", 2.0),
        ('{"value": 3}\n4\nloss 5', r"loss (\d)", 5.0),
        ("50%\r100% loss 5\rdone", r"loss (\d)", 5.0),
        ("".join(f"{i}% loss {i}\r" for i in range(999)), r"loss (\d+)", 998.0),
        ("\u00e9 loss 5 \u00e9", "é loss (5) é", 5.0),
    ],
)
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_pattern_finds_the_result(run, printed, metric, value, stream):
    code = f"import sys; sys.{stream}.buffer.write({printed!r}.encode())"
    outcome = run(code, metric=metric)
    assert outcome.result == value or (math.isnan(value) and math.isnan(outcome.result))


def test_a_pattern_for_each_objective(run):
    code = "print('loss 0.5'); print('took 3 s, size 9'); print('loss 0.25')"
    metric = {"seconds": r"took (\S+) s", "loss": r"loss (\S+)"}
    assert run(code, "loss", "seconds", metric=metric).result == {"loss": 0.25, "seconds": 3.0}


def test_a_pattern_with_a_step_reports(run, tmp_path):
    code = """
        import os, sys, time
        for epoch in range(3):
            print(f"epoch {epoch}/3 - loss {epoch}.5 - 3 s")
            end = time.monotonic() + 150
            while not os.path.exists(f"seen{epoch}"):
                if time.monotonic() > end:
                    sys.exit("nobody has seen this epoch")
                time.sleep(0.01)
    """
    metric = r"epoch (?P<step>\d+)/\d+ - loss (?P<value>\S+)"
    study = Study(tmp_path)
    assert run(code, metric=metric, study=study).result == 2.5
    assert study.got == [(0, 0.5), (1, 1.5), (2, 2.5)]
    assert run(code, metric=metric, study=Study(limit=0)).state is TrialState.PRUNED


def test_json_reports_and_checkpoints_go_on_beside_a_pattern(run):
    study = Study()
    code = """print('{"step": 0, "value": 3}'); print('loss 0.5'); print('{"value": 9}')"""
    assert run(code, metric=r"loss (\S+)", study=study).result == 0.5
    assert study.got == [(0, 3.0)]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("print('acc 3')", "objective.metric: nothing in the command's output matches 'loss"),
        ("print('loss low')", r"objective.metric: 'loss (\\S+)' found 'low', which is no number"),
    ],
)  # fmt: skip
def test_a_pattern_that_finds_nothing(run, code, problem):
    outcome = run(code, metric=r"loss (\S+)")
    assert outcome.error.startswith(problem)
    assert outcome.error.endswith((": acc 3", ": loss low"))
    assert not outcome.retriable


def test_a_long_line_does_not_hold_a_pattern_up(run):
    code = "print('a' * 1_000_000); print('loss 1')"
    assert run(code, metric=r"(?:\w+x|loss) (\d)").result == 1.0


@pytest.mark.parametrize(
    ("metric", "names", "problem"),
    [
        (3, ["value"], r"objective\.metric: found 3, expected a regular expression"),
        ({}, ["value"], r"objective\.metric: found {}, expected a regular expression"),
        ({"a": 3}, ["a"], r"objective\.metric\.a: found 3, expected a regular expression"),
        ("loss (", ["value"], r"objective\.metric: found 'loss \(', no regular expression: missi"),
        ("loss", ["value"], r"objective\.metric: found 0 groups in 'loss', expected one in"),
        ("(a) (b)", ["value"], r"objective\.metric: found 2 groups"),
        ("(a)", ["a", "b"], r"objective\.metric: found one pattern, expected a mapping {a: …, b"),
        ({"los": "(a)"}, ["loss"], r"objective\.metric: no objective 'los' \(did you mean 'loss'"),
        ({"a": "(a)"}, ["a", "b"], r"objective\.metric: there is no pattern for b"),
        (
            {"a": "(a)", "b": "(?P<step>.)(?P<value>.)"},
            ["a", "b"],
            r"objective\.metric\.b: has a ",
        ),
    ],
)
def test_patterns_that_are_none(tmp_path, metric, names, problem):
    with pytest.raises(ObjectiveError, match=problem):
        fitted({"command": "true", "metric": metric}, tmp_path, names)


# -- Files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "names", "result"),
    [
        ("m.json", '{"loss": 0.5, "acc": 1}', ["loss"], 0.5),
        ("m.json", '{"value": 0.5}', ["value"], 0.5),
        ("m.json", '{"value": 0.5}', ["loss"], 0.5),
        ("m.json", '{"val": {"loss": 0.5}, "n": 3}', ["val.loss"], 0.5),
        ("m.json", '[{"loss": 1}, {"loss": 0.5}]', ["loss"], 0.5),
        ("m.json", '{\n "loss": NaN\n}', ["loss"], math.nan),
        ("m.json", '{"loss": null}', ["loss"], math.nan),
        ("m.json", '{"loss": 1, "size": 2}', ["size", "loss"], {"loss": 1.0, "size": 2.0}),
        ("m.jsonl", '{"loss": 1}\n{"loss": 0.5}\n{"lr": 3}\n', ["loss"], 0.5),
        ("m.csv", "epoch,loss\n0,1\n1,0.5\n", ["loss"], 0.5),
        ("m.csv", "epoch, train, loss\r\n 0, 3, 1\r\n 1, , 0.5\r\n 2, 4,\r\n", ["loss"], 0.5),
        ("m.csv", 'name,loss\n"a, b",0.5', ["loss"], 0.5),
        ("m.csv", "\ufeffloss\n0.5", ["loss"], 0.5),
    ],
)
def test_a_file_holds_the_result(run, name, text, names, result):
    code = f"open({name!r}, 'w', encoding='utf-8', newline='').write({text!r}); print(7)"
    outcome = run(code, *names, metrics_file=name)
    if result is math.nan:
        assert math.isnan(outcome.result)
    else:
        assert outcome.result == result, outcome.error


WRITES = """
    import csv, json, os, sys, time
    rows = []
    for epoch in range(3):
        rows.append({"epoch": epoch, "loss": epoch + 0.5})
        if sys.argv[1] == "m.csv":
            with open("m.csv", "a" if epoch else "w", newline="") as file:
                writer = csv.DictWriter(file, ["epoch", "loss"])
                if not epoch:
                    writer.writeheader()
                writer.writerow(rows[-1])
        elif sys.argv[1] == "m.jsonl":
            print(json.dumps(rows[-1]), file=open("m.jsonl", "a" if epoch else "w"), flush=True)
        else:
            json.dump(rows[-1], open("m.json", "w"))
        end = time.monotonic() + 150
        while not os.path.exists(f"seen{epoch}"):
            if time.monotonic() > end:
                sys.exit("nobody has seen this epoch")
            time.sleep(0.01)
"""


@pytest.mark.parametrize("name", ["m.json", "m.jsonl", "m.csv"])
def test_rows_of_a_file_are_reported_while_it_is_written(run, tmp_path, name):
    study = Study(tmp_path)
    outcome = run(WRITES, "loss", metrics_file=name, study=study, arguments=[name])
    assert outcome.result == 2.5, outcome.error
    assert study.got == [(0, 0.5), (1, 1.5), (2, 2.5)]
    pruned = run(
        WRITES, "loss", metrics_file=name, study=Study(tmp_path, limit=0), arguments=[name]
    )
    assert pruned.state is TrialState.PRUNED


@pytest.mark.parametrize(
    ("name", "code", "problem"),
    [
        ("m.json", "pass", "the command did not write PATH"),
        ("m.json", "open('m.json', 'w').write('{')", "PATH: Expecting property name"),
        ("m.json", "open('m.json', 'w').write('{\"acc\": 1}')",
         "PATH has 'acc', expected value; directions: {NAME: …} says which"),
        ("m.csv", "open('m.csv', 'w').write('acc,value\\n1,x\\n')", "PATH has 'acc, value', exp"),
        ("m.csv", "open('m.csv', 'w')", "PATH has 'nothing', expected value"),
        ("m.json", "import os; os.mkdir('m.json')", "PATH: [Errno 21] Is a directory"),
    ],
)  # fmt: skip
def test_a_file_without_a_result(run, tmp_path, name, code, problem):
    outcome = run(code, metrics_file=name)
    path = str(tmp_path / name)
    assert outcome.error.startswith(f"objective.metrics_file: {problem.replace('PATH', path)}")
    assert not outcome.retriable


def test_a_file_of_another_trial_is_no_result(run, tmp_path):
    (tmp_path / "m.json").write_text('{"value": 1}')
    assert "did not write to" in run("pass", metrics_file="m.json").error
    code = """open("m.json", "w").write('{"value": 1}')"""
    assert run(code, metrics_file="m.json").result == 1.0


def test_rows_of_other_trials_are_not_reported(run, tmp_path):
    (tmp_path / "m.csv").write_text("step,value\n0,1\n1,2\n")
    study = Study()
    code = "open('m.csv', 'a').write('0,5\\n1,6\\n')"
    assert run(code, metrics_file="m.csv", study=study).result == 6.0
    assert study.got == [(0, 5.0), (1, 6.0)]


def test_each_trial_may_have_a_file_of_its_own(run, tmp_path):
    code = """import sys; open(sys.argv[1], "w").write('{"value": 1}')"""
    name = "out-{trial}.json"
    assert run(code, metrics_file=name, number=5, arguments=[name]).result == 1.0
    assert (tmp_path / "out-5.json").exists()


def test_two_trials_do_not_share_a_file(run, tmp_path):
    before = set(Path(tempfile.gettempdir()).glob("hpo-bridge-*.lock"))
    second = []

    class Meanwhile(Study):
        def report(self, number, step, value):
            thread = threading.Thread(
                target=lambda: second.append(run(code, metrics_file="m.json"))
            )
            thread.start()
            thread.join()

    code = """open("m.json", "w").write('{"value": 1}'); print('{"step": 0, "value": 1}')"""
    assert run(code, metrics_file="m.json", study=Meanwhile()).result == 1.0
    assert "put {trial}, the trial's number, into its name" in second[0].error
    assert set(Path(tempfile.gettempdir()).glob("hpo-bridge-*.lock")) <= before


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (
            {"metrics_file": "m.txt"},
            r"objective\.metrics_file: found 'm.txt', expected a name that",
        ),
        ({"metrics_file": 3}, r"objective\.metrics_file: found 3, expected a name"),
        (
            {"metrics_file": "m.json", "metric": "(a)"},
            r"objective\.metrics_file: cannot stand bes",
        ),
        ({"metrics_file": "{z}.json"}, r"objective\.metrics_file: no parameter 'z'"),
        ({"metrics_file": "{z.json"}, r"objective\.metrics_file: a single '{'"),
        ({"metrics_file": "{y}.json"}, r"objective\.metrics_file: 'y' is not active in every tr"),
    ],
)
def test_files_that_are_none(tmp_path, more, problem):
    with pytest.raises(ObjectiveError, match=problem):
        fitted({"command": "true", **more}, tmp_path, ["value"])


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "m.jsonl"
    with open(path, "wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(ValueError, match="has more than 64 MiB"):
        read_rows(str(path))


def test_a_file_that_is_nested_too_deeply(tmp_path):
    path = tmp_path / "m.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_rows(str(path))
    path.write_text(json.dumps({"a": {"b": {"c": 1}}, "d": [1]}))
    assert read_rows(str(path)) == [{"a.b.c": 1, "d": [1]}]
