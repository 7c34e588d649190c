"""Programs as objectives, from a study file to the trials."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

STUDY = """\
study: s
objective:
  command: |
    {python} train.py \\
      --x {x} \\
      {bn:--bn}
space:
  x: {type: float, low: 0.0, high: 1.0}
  bn: {type: categorical, choices: [true, false]}
backend: core.random
seed: 1
budget: {trials: 4}
"""
REPORTS = """\
import json, sys, time
for e in range(10):
    time.sleep(.1)
    print(json.dumps({"step": e, "value": 100}))
open("finished", "a").write("x")
"""


@pytest.fixture
def study(command, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)

    def write(program, text=STUDY):
        (command.folder / "train.py").write_text(program)
        command.write(text)
        return command

    return write


def trials(command):
    return json.loads(command("trials", "study.yaml", "--json").stdout)


@pytest.mark.parametrize("runner", ["inline", "processes"])
def test_a_program_is_pruned_while_it_runs(study, runner):
    command = study(REPORTS, STUDY + "pruner: {name: threshold, options: {upper: 10}}\n")
    done = command("run", "study.yaml", "--runner", runner)
    assert done.returncode == 1, done.stderr
    assert [t["state"] for t in trials(command)] == ["PRUNED"] * 4
    assert not (command.folder / "finished").exists()


KEEPS = """\
import json, os, pathlib, sys, time
kept = os.environ.get("HPO_BRIDGE_CHECKPOINT")
begin = int(pathlib.Path(kept, "epoch").read_text()) + 1 if kept else 0
for epoch in range(begin, 3):
    folder = pathlib.Path(f"work{epoch}")
    folder.mkdir(exist_ok=True)
    (folder / "epoch").write_text(str(epoch))
    print(json.dumps({"checkpoint": str(folder)}))
    print(json.dumps({"step": epoch, "value": epoch}))
    if epoch == 1 and not kept:
        time.sleep(600)
print(begin)
"""


def test_a_killed_study_goes_on_from_the_last_checkpoint(study):
    command = study(KEEPS, STUDY.replace("trials: 4", "trials: 1"))
    process = subprocess.Popen(
        command.argv("run", "study.yaml"), cwd=command.folder, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 150
    while not (command.folder / "s.db").exists() or not any(
        t["reports"] for t in trials(command) or [{"reports": []}] if len(t["reports"]) == 2
    ):
        assert time.monotonic() < end
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = command("run", "study.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["best"]["values"] == {"value": 2.0}


def test_what_a_program_gets(study):
    program = (
        "import json, os, sys\n"
        "params = json.loads(os.environ['HPO_PARAMS'])\n"
        "assert sys.argv[1:3] == ['--x', repr(params['x'])]\n"
        "assert ('--bn' in sys.argv) == params['bn']\n"
        f"assert sys.executable == {sys.executable!r}\n"
        "print(json.dumps({'value': params['x']}))\n"
        "print(json.dumps({'level': 'info', 'seconds': 3}))\n"
        "print(17)\n"
    )
    command = study(program)
    done = command("run", "study.yaml")
    assert done.returncode == 0, done.stderr
    assert f"runs: {sys.executable} train.py --x 0.5" in done.stderr
    assert [t["values"]["value"] for t in trials(command)] == [
        t["params"]["x"] for t in trials(command)
    ]


def test_two_objectives_are_named_where_they_are_missing(study):
    text = STUDY + "directions: {loss: minimize, latency: minimize}\n"
    command = study("print(0.5)", text)
    done = command("run", "study.yaml")
    assert done.returncode == 1
    expected = 'expected a line such as {"loss": 0.5, "latency": 0.5}'
    assert all(expected in t["error"] for t in trials(command))


def test_explain_shows_the_command_of_a_trial(study):
    command = study("print(1)", STUDY.replace("[true, false]", "[false, true]"))
    done = command("explain", "study.yaml")
    assert done.stdout.splitlines()[-1] == f"{sys.executable} train.py --x 0.5 --bn"
    shown = json.loads(command("explain", "study.yaml", "--json").stdout)
    assert shown["command"] == f"{sys.executable} train.py --x 0.5 --bn"


@pytest.mark.parametrize(
    ("objective", "line"),
    [
        ("{command: 'true | tee log'}", "objective.command: '|' is for a shell"),
        ("{command: 'true', metric: '('}", "objective.metric: found '(', no regular expression"),
        ("{command: [a, [b]]}", "objective.command.1: found ['b']; expected a text or a number"),
        ("{command: 'true {x:--x}'}", "objective.command: found a flag of 'x'"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(study, objective, line):
    head, _, rest = STUDY.partition("objective:")
    command = study("", f"{head}objective: {objective}\nspace:{rest.partition('space:')[2]}")
    done = command("run", "study.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith(f"study.yaml: {line}")
