"""Ctrl-C while a backend does not answer: the first one says so, the second one ends the run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLUGIN = Path(__file__).with_name("hanging_backends.py")
WAITING = "waiting for test.counting to answer; Ctrl-C again gives up"
STUDY = """\
study: s
objective: objective.py:train
space: {x: {type: float, low: 0.0, high: 1.0}}
plugins: [./hanging_backends.py]
backend: {name: test.counting, options: {how: HOW, where: WHERE}}
seed: 1
budget: {trials: 6}
"""
WAYS = [
    ("inline", "sleeps", "ask"),
    ("inline", "swallows", "tell"),
    ("inline", "in_c", "ask"),
    ("processes", "swallows", "ask"),
    ("processes", "in_c", "tell"),
]


@pytest.fixture
def folder(tmp_path):
    shutil.copy(PLUGIN, tmp_path)
    (tmp_path / "hang").touch()
    return tmp_path


def wait_for(condition, process):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def give_up(process, folder, waiting=WAITING):
    """Presses Ctrl-C twice, as soon as the backend hangs; what was printed."""
    wait_for((folder / "hangs").exists, process)
    process.send_signal(signal.SIGINT)
    said = process.stderr.readline()
    while waiting not in said and process.poll() is None:
        said += process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=150)
    (folder / "hang").unlink(missing_ok=True)
    return out, said + err


def start(folder, *words):
    environment = {**os.environ}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.Popen(
        (sys.executable, *words), cwd=folder, text=True, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def the_command(command, runner, how, where):
    (command.folder / "objective.py").write_text("def train(trial):\n    return trial['x']\n")
    command.write(STUDY.replace("HOW", how).replace("WHERE", where))
    arguments = ("--set", "runner.workers=1") if runner != "inline" else ()
    if runner == "ray":  # not one of another test's
        arguments += ("--set", "runner.address=local")
    run = ("run", "study.yaml", "--runner", runner, *arguments)
    process = start(command.folder, "-m", "hpo_bridge", *run)
    _, said = give_up(process, command.folder)
    assert process.returncode == 130, said
    assert said.count(WAITING) == 1
    assert "interrupted; everything is kept: run study.yaml again to go on" in said.splitlines()
    again = command(*run, "--json")
    assert again.returncode == 0, again.stderr
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert [trial["state"] for trial in trials] == ["COMPLETE"] * 6
    assert [trial["params"]["x"] for trial in trials] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize(("runner", "how", "where"), WAYS)
def test_the_second_ctrl_c_ends_the_command(command, folder, runner, how, where):
    the_command(command, runner, how, where)


def test_a_backend_that_is_being_built(command, folder):
    (command.folder / "objective.py").write_text("def train(trial):\n    return trial['x']\n")
    command.write(STUDY.replace("HOW", "swallows").replace("WHERE", "init"))
    process = start(command.folder, "-m", "hpo_bridge", "run", "study.yaml")
    give_up(process, command.folder)
    assert process.returncode == 130
    assert command("run", "study.yaml").returncode == 0


@pytest.mark.parametrize("where", ["should_prune", "finished"])
def test_a_pruner_that_does_not_answer(command, folder, where):
    lines = ("trial.report(1.0, step=0)", "trial.should_prune()", "return trial['x']")
    body = "".join(f"    {line}\n" for line in lines)
    (command.folder / "objective.py").write_text(f"def train(trial):\n{body}")
    study = STUDY.replace("HOW", "swallows").replace("WHERE", "nowhere")
    command.write(f"{study}pruner: {{name: test.pruner, options: {{where: {where}}}}}\n")
    process = start(command.folder, "-m", "hpo_bridge", "run", "study.yaml")
    waiting = "waiting for the pruner to answer; Ctrl-C again gives up"
    _, said = give_up(process, command.folder, waiting)
    assert process.returncode == 130, said
    assert "interrupted; everything is kept: run study.yaml again to go on" in said.splitlines()
    again = command("run", "study.yaml", "--json")
    assert json.loads(again.stdout)["counts"]["COMPLETE"] == 6


@pytest.mark.slow
@pytest.mark.parametrize("how", ["swallows", "in_c"])
def test_the_second_ctrl_c_ends_the_command_on_ray(command, folder, how):
    the_command(command, "ray", how, "ask")


SCRIPT = """
import sys
from pathlib import Path
from hpo_bridge import Float, Space
from hpo_bridge.config import StudyConfig
from hpo_bridge.plugins import PluginManager
from hpo_bridge.study import open_study
plugins = PluginManager()
plugins.add("hanging_backends.py", Path.cwd())
backend = {"name": "test.counting", "options": {"how": "swallows", "where": sys.argv[2]}}
def study():
    return open_study(StudyConfig(
        Space(x=Float(0, 1)), backend=backend, store="sqlite:///s.db", seed=1,
        plugins=plugins,
    ))
def by_hand(study):
    while len(study.trials) < 6:
        trial = study.ask()
        study.tell(trial, trial["x"])
def optimize(study):
    study.optimize(lambda trial: trial["x"], trials=6, runner=sys.argv[1])
drive = by_hand if sys.argv[1] == "by_hand" else optimize
first = study()
try:
    drive(first)
except KeyboardInterrupt:
    print("interrupted")
Path("hang").unlink()
drive(first)
print([trial.params["x"] for trial in first.trials], {trial.state.value for trial in first.trials})
"""


@pytest.mark.parametrize("where", ["ask", "tell"])
@pytest.mark.parametrize("way", ["by_hand", "inline", "processes"])
def test_the_same_study_goes_on_in_python(folder, way, where):
    (folder / "script.py").write_text(SCRIPT)
    process = start(folder, "script.py", way, where)
    out, said = give_up(process, folder)
    assert process.returncode == 0, said
    assert said.count(WAITING) == 1
    assert out == "interrupted\n[0.0, 0.1, 0.2, 0.3, 0.4, 0.5] {'COMPLETE'}\n"
