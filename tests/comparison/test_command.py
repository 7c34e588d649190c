"""``hpo-bridge compare``."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

STUDY = """\
study: s
objective: objective.py:train
space:
  x: {type: float, low: -1.0, high: 1.0}
  y: {type: float, low: -1.0, high: 1.0}
seed: 1
budget: {trials: 12}
"""
OBJECTIVE = """\
import time

def train(trial):
    print("noise from a trial")
    return trial["x"] ** 2 + trial["y"] ** 2

def slow(trial):
    time.sleep(0.02)
    return train(trial)
"""
TWO = "core.random,optuna.tpe"


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    return tmp_path


@pytest.fixture
def command(here, command_server):
    return lambda *words: command_server(*words, cwd=here)


def stable(out):
    figures = json.loads(out)
    for row in figures["variants"]:
        del row["optimizer_seconds"]
    return figures


def test_the_answer_as_text_and_as_data(command, here):
    done = command("compare", "study.yaml", "--backends", TWO, "--seeds", "7", "--trials", "50")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    at = lines.index("On this problem, after 50 trials, over 7 seeds:")
    assert lines[at + 1].startswith("- optuna.tpe is better than core.random in ")
    assert "What this does not show:" in lines
    assert lines[-1] == '  backend: "optuna.tpe"'
    assert "seed 7 of 7, optuna.tpe: " in done.stderr
    again = command("compare", "study.yaml", "--backends", TWO, "--seeds", "7", "--trials", "50",
                    "--json", "-o", "curves.svg")  # fmt: skip
    assert again.returncode == 0
    picture = (here / "curves.svg").read_text()
    assert "optuna.tpe" in picture
    assert "Medians and quartiles of the best value so far, over 7 runs of each." in picture
    found = json.loads(again.stdout)
    assert found["winners"] == ["optuna.tpe"]
    assert found["trials"] == 50
    assert [row["label"] for row in found["variants"]] == ["optuna.tpe", "core.random"]
    assert found["pairs"][0]["different"] is True


def test_options_in_names_and_the_budget_of_the_file(command):
    backends = "core.random,optuna.tpe?n_startup_trials=3&multivariate=false"
    done = command("compare", "study.yaml", "--backends", backends, "--seeds", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["trials"] == 12
    labels = {row["label"] for row in found["variants"]}
    assert labels == {"core.random", "optuna.tpe?n_startup_trials=3&multivariate=false"}


def test_variants_of_a_file_and_several_study_files(command, here):
    (here / "variants.yaml").write_text(
        "late: {backend: {name: optuna.tpe, options: {n_startup_trials: 10}}}\n"
        "in turn: {backend: [{name: core.random, trials: 4}, optuna.tpe]}\n"
    )
    done = command(
        "compare", "study.yaml", "--variants", "variants.yaml", "--seeds", "2", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert {row["label"] for row in json.loads(done.stdout)["variants"]} == {"late", "in turn"}
    (here / "other.yaml").write_text(
        STUDY.replace("study: s", "study: narrow\nbackend: optuna.tpe").replace("1.0", "0.5")
    )
    done = command("compare", "study.yaml", "other.yaml", "--seeds", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert {row["label"] for row in json.loads(done.stdout)["variants"]} == {"s", "narrow"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "found nothing to compare"),
        (("--backends", TWO, "--variants", "v.yaml"), "found two things to compare"),
        (("--backends", "core.random"), "backends: found core.random, expected two or more"),
        (("--backends", "core.random,"), "--backends: found"),
        (("--backends", "core.random,optuna.tp"), "backends.optuna.tp.backend: found 'optuna.tp'"),
        (("--backends", "core.random,optuna.tpe?x"), "'x' is not of the form KEY=VALUE"),
        (("--backends", TWO, "--trials", "3", "--time", "5s"), "both trials and seconds"),
        (("--variants", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_what_is_wrong_ends_with_2(command, here, words, said):
    done = command("compare", "study.yaml", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert not (here / "s.db").exists()


def test_no_value_at_all_ends_with_1(command, here):
    (here / "objective.py").write_text("def train(trial):\n    raise ValueError('no luck')\n")
    done = command("compare", "study.yaml", "--backends", TWO, "--seeds", "2", "--trials", "3",
                   "--json")  # fmt: skip
    assert done.returncode == 1, done.stderr


@pytest.mark.slow
def test_killed_again_and_again_it_gives_the_same_table(command, here, tmp_path_factory):
    words = ("compare", "study.yaml", "--backends", TWO, "--seeds", "4", "--trials", "20",
             "--set", "objective=objective.py:slow", "--json")  # fmt: skip
    whole = command(*words, "--store", f"sqlite:///{tmp_path_factory.mktemp('whole')}/s.db")
    assert whole.returncode == 0, whole.stderr
    rng, kills = random.Random(0), 0
    for _ in range(40):
        process = subprocess.Popen(
            [sys.executable, "-m", "hpo_bridge", *words], cwd=here, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ},
        )  # fmt: skip
        if kills < 5:
            begun, database = time.monotonic(), here / "s.db"
            while not database.exists() and time.monotonic() < begun + 60:
                time.sleep(0.02)
            time.sleep(rng.uniform(0.1, 1.0))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
        out, _ = process.communicate(timeout=120)
        if process.returncode == 0:
            break
    assert kills >= 3
    assert stable(out) == stable(whole.stdout)


def test_ctrl_c_keeps_everything(here):
    process = subprocess.Popen(
        [sys.executable, "-m", "hpo_bridge", "compare", "study.yaml", "--backends", TWO,
         "--set", "objective=objective.py:slow"], cwd=here, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    line = process.stderr.readline()
    while "seed 1 of 10" not in line:
        assert line
        line = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "interrupted; everything is kept: compare again to go on" in err
