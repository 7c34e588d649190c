"""`hpo-bridge replay`: exit codes, what it prints, and that the store keeps nothing of it."""

from __future__ import annotations

import json

OBJECTIVE = """\
import os, random, time
import hpo_bridge as hpo

def train(trial):
    print("noise from a trial")
    if trial.number == 4 and not os.path.exists("healthy"):
        time.sleep(60)
    value = trial["x"]
    for step in range(3):
        value += random.Random(trial.seed).random() + os.path.exists("changed") * 0.25
        trial.report(value, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return {"loss": value, "size": trial["x"]}

def chance(trial):
    return {"loss": random.random(), "size": 0}
"""


def stored(command) -> None:
    (command.folder / "objective.py").write_text(OBJECTIVE)
    command.write(
        command.text.replace("12", "5")
        + "directions: {loss: minimize, size: maximize}\n"
        + "runner: {name: processes, workers: 2, trial_timeout: 1500ms, order: deterministic}\n"
    )
    assert command("run", "study.yaml").returncode == 0


def test_a_trial_comes_out_the_same_or_not(command):
    stored(command)
    before = (command.folder / "s.db").read_bytes()
    done = command("replay", "study.yaml", "--trial", "2", "--times", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["same"]
    assert [run["values"] for run in found["runs"]] == [found["values"]] * 2
    assert [step for step, _ in found["runs"][0]["reports"]] == [0, 1, 2]
    assert "trial 2, step 1: " in done.stderr
    done = command("replay", "study.yaml", "--trial", "4")  # with the file's own timeout
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "same")
    (command.folder / "changed").touch()
    done = command("replay", "study.yaml", "--trial", "2")
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first.startswith("trial 2: COMPLETE loss ")
    assert second.startswith("differs: loss differs by 0.75: it was ")
    words = ("replay", "study.yaml", "--trial", "2", "--tolerance", "0.8", "--runner", "inline")
    assert command(*words).returncode == 0
    assert (command.folder / "s.db").read_bytes() == before
    assert sorted(p.name for p in command.folder.iterdir() if "checkpoints" in p.name) == []


def test_wrong_use(command):
    assert command("replay", "study.yaml").returncode == 2
    done = command("replay", "study.yaml", "--trial", "0")  # no store yet
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert not (command.folder / "s.db").exists()
    command("run", "study.yaml")
    for words, text in (
        (("--trial", "12"), "study 's' has no trial 12: it has 12 trials"),
        (("--trial", "0", "--times", "0"), "times: found 0"),
        (("--trial", "0", "--tolerance", "nan"), "tolerance: found nan"),
        (("--trial", "0", "--runner", "nobody"), "found 'nobody'"),
        (("--trial", "0", "--set", "objective=objective.py:gone"), "gone"),
    ):
        done = command("replay", "study.yaml", *words)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert text in done.stderr
