"""What a program prints: when it arrives, and which line of it is the result."""

from __future__ import annotations

import math
import pickle
import shutil
import subprocess
import sys
import textwrap
import time

import pytest

from hpo_bridge import Float, Space
from hpo_bridge.contracts.record import Direction, TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.objectives.command import CommandObjective
from hpo_bridge.objectives.objective import evaluate, objective_from


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


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)

    def run(command, *names, study=None, **more):
        objective = objective_from({"command": command, **more}, tmp_path)
        if names:
            directions = dict.fromkeys(names, Direction.MINIMIZE)
            objective = objective.bind(Space(x=Float(0, 1)), directions)
        trial = Trial(3, {"x": 0.5}, 0, study or Study(tmp_path))
        return evaluate(objective.load(), trial)

    return run


def printing(*lines):
    """A command that prints some lines."""
    return ["printf", "%s\\n", *(line.replace("{", "{{").replace("}", "}}") for line in lines)]


# -- Line by line ---------------------------------------------------------------------------------

WAITS = """
    import json, os, sys, time
    for step in range(3):
        print(json.dumps({"step": step, "value": step}))
        end = time.monotonic() + 150
        while not os.path.exists(f"seen{step}"):
            if time.monotonic() > end:
                sys.exit("nobody has seen this step")
            time.sleep(0.01)
    print(7)
"""
WAITS_IN_C = """
    #include <stdio.h>
    #include <unistd.h>
    int main(void) {
        char name[20];
        for (int step = 0; step < 3; step++) {
            printf("{\\"step\\": %d, \\"value\\": %d}\\n", step, step);
            sprintf(name, "seen%d", step);
            for (int i = 0; access(name, F_OK) != 0; i++) {
                if (i > 6000) return 3;
                usleep(10000);
            }
        }
        printf("7\\n");
        return 0;
    }
"""
WAITS_IN_SHELL = """
    for step in 0 1 2; do
        echo "{{\\"step\\": $step, \\"value\\": $step}}"
        i=0
        while ! test -e seen$step; do
            sleep 0.05; i=$((i + 1)); test $i -lt 1200 || exit 3
        done
    done
    echo 7
"""


@pytest.mark.parametrize(
    "command",
    [
        "{python} waits.py",
        "{python} waits.py | cat | tee log",
        "env -u COLUMNS {python} waits.py",
        "{python} -c 'import subprocess, sys; subprocess.run([sys.executable, \"waits.py\"])'",
    ],
)
def test_lines_of_python_arrive_as_they_are_printed(run, tmp_path, command):
    (tmp_path / "waits.py").write_text(textwrap.dedent(WAITS))
    study = Study(tmp_path)
    outcome = run(command, "value", study=study, shell="|" in command)
    assert outcome.result == 7.0, outcome.error
    assert study.got == [(0, 0.0), (1, 1.0), (2, 2.0)]


@pytest.mark.skipif(
    shutil.which("cc") is None or shutil.which("stdbuf") is None,
    reason="needs a compiler and stdbuf of the GNU coreutils",
)
@pytest.mark.parametrize("command", ["./waits", "./waits | cat"])
def test_lines_of_c_arrive_as_they_are_printed(run, tmp_path, command):
    (tmp_path / "waits.c").write_text(textwrap.dedent(WAITS_IN_C))
    subprocess.run(["cc", "-o", "waits", "waits.c"], cwd=tmp_path, check=True)
    study = Study(tmp_path)
    outcome = run(command, "value", study=study, shell="|" in command)
    assert outcome.result == 7.0, outcome.error
    assert [step for step, _ in study.got] == [0, 1, 2]


def test_lines_of_a_shell_arrive_as_they_are_printed(run, tmp_path):
    outcome = run(WAITS_IN_SHELL, "value", shell=True)
    assert outcome.result == 7.0, outcome.error


def test_a_pruned_program_stops_at_once(run, tmp_path):
    (tmp_path / "waits.py").write_text(textwrap.dedent(WAITS))
    study = Study(tmp_path, limit=1)
    assert run("{python} waits.py", "value", study=study).state is TrialState.PRUNED
    assert study.got == [(0, 0.0), (1, 1.0)]


def test_a_program_prints_what_it_would_print_into_a_pipe(run, tmp_path):
    (tmp_path / "prints.py").write_text(
        textwrap.dedent(
            """
            import os, shutil, sys
            data = [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)]
            print(data, shutil.get_terminal_size(), repr(sys.stdin.read()))
            print("a\\r\\nb\\tc" + "x" * 300, flush=True)
            os.write(1, bytes(range(256)) + b"\\n")
            print(0.5)
            """
        )
    )
    assert run("{python} prints.py | tee got", shell=True).result == 0.5
    piped = subprocess.run(
        [sys.executable, "prints.py"], cwd=tmp_path, stdin=subprocess.DEVNULL,
        capture_output=True, check=True,
    )  # fmt: skip
    assert (tmp_path / "got").read_bytes() == piped.stdout


def test_a_line_may_be_long(run):
    code = "print('{{\"value\": 0.25, \"all\": [' + '1,' * 1_000_000 + '1]}}'); print('x' * 9**8)"
    assert run(["{python}", "-c", code], "value").result == 0.25


# -- Which line is the result ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "names", "result"),
    [
        (['{"value": 0.25}', "3"], ["value"], 0.25),
        (['{"value": 0.25}', '{"level": "info", "seconds": 3}'], ["value"], 0.25),
        (['{"value": 0.25}', '{"step": 3, "value": 9}', "7"], ["value"], 0.25),
        (['{"value": 0.25, "seconds": 3}'], ["value"], 0.25),
        (['{"value": 1}', '{"value": 0.25}'], ["value"], 0.25),
        (["1", "0.25", '{"level": "info"}'], ["value"], 0.25),
        (["0.25"], ["loss"], 0.25),
        (['{"loss": 0.25, "epoch": 3}', '{"acc": 0.9}', "4"], ["loss"], 0.25),
        (['{"value": 0.25}', '{"acc": 0.9}'], ["loss"], 0.25),
        (['{"step": 1, "value": 0.25}', '{"acc": 0.9}'], ["loss"], 0.25),
        (['{"step": 1, "value": 4}', "0.25"], ["value"], 0.25),
        (['{"step": 1, "loss": 4}', '{"step": 2, "loss": 0.25}'], ["loss"], 0.25),
        (['{"a": 1, "b": 2, "c": 3}', "4", '{"a": 5}'], ["a", "b"], {"a": 1, "b": 2}),
        (["50%|##  |\r100%|####|\r{\"value\": 0.25}\r"], ["value"], 0.25),
    ],
)  # fmt: skip
def test_a_line_with_the_names_of_the_objectives_wins(run, lines, names, result):
    outcome = run(printing(*lines), *names)
    assert outcome.result == result, outcome.error


def test_an_objective_of_one_name_is_reported_by_it(run):
    study = Study()
    lines = ['{"step": 0, "loss": 3}', '{"step": 1, "loss": 2, "acc": 1}', '{"loss": 1}']
    assert run(printing(*lines), "loss", study=study).result == 1.0
    assert study.got == [(0, 3.0), (1, 2.0)]


@pytest.mark.parametrize("text", ["null", "NaN", "nan", "-nan", "NAN"])
def test_a_report_of_nan(run, text):
    study = Study()
    outcome = run(printing(f'{{"step": 0, "value": {text}}}', "0.5"), "value", study=study)
    assert outcome.result == 0.5, outcome.error
    ((step, value),) = study.got
    assert step == 0
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["Infinity", "inf", "INF", "-inf", "-Infinity"])
def test_a_report_of_infinity(run, text):
    study = Study()
    assert run(printing(f'{{"step":0,"value":{text}}}', "0.5"), study=study).result == 0.5
    assert study.got == [(0, -math.inf if text.startswith("-") else math.inf)]


@pytest.mark.parametrize("text", ["nan", '{"value": null}', '{"value": nan, "note": "nan, inf"}'])
def test_a_result_of_nan(run, text):
    assert math.isnan(run(printing(text), "value").result)


@pytest.mark.parametrize(
    ("lines", "names", "problem"),
    [
        (['{"acc": 0.9}'], ["value"],
         "the command printed {'acc': 0.9}, expected a line such as {\"value\": 0.5}, "
         "or directions: {NAME: minimize, …} for the names that count"),
        (["0.9"], ["a", "b"],
         'the command printed 0.9, expected a line such as {"a": 0.5, "b": 0.5}'),
        (['{"a": 1}'], ["a", "b"],
         "the command printed {'a': 1}, expected a line such as {\"a\": 0.5, \"b\": 0.5}"),
        (["hello"], ["a", "b"],
         'the command printed no line of JSON such as {"a": 0.5, "b": 0.5}'),
    ],
)  # fmt: skip
def test_where_there_is_no_result_the_message_names_what_is_missing(run, lines, names, problem):
    outcome = run(printing(*lines), *names)
    assert outcome.state is TrialState.FAILED
    assert outcome.error.startswith(f"{problem}: ")
    assert not outcome.retriable


def test_a_command_that_is_sent_away_knows_its_objectives(tmp_path):
    objective = CommandObjective('echo \'{{"a": 1, "b": 2}}\'', str(tmp_path), names=("a", "b"))
    objective.check()
    there = pickle.loads(pickle.dumps(objective))
    assert evaluate(there.load(), Trial(0, {}, 0, Study())).result == {"a": 1.0, "b": 2.0}


def test_a_program_with_many_lines_is_read_fast_enough(run):
    begin = time.monotonic()
    assert run(["{python}", "-c", "print('0.5\\n' * 200_000)"], "value").result == 0.5
    assert time.monotonic() - begin < 60
