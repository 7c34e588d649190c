"""Failed trials on the command line: why, when they stop a study, and how it goes on."""

from __future__ import annotations

import json

import pytest

PROGRAM = """\
import argparse
parser = argparse.ArgumentParser("train.py")
parser.add_argument("--rate")
parser.parse_args()
print(0.5)
"""
WHY = "exited with code 2: train.py: error: unrecognized arguments: --lr="


@pytest.fixture
def slip(command):
    """A study of a command with a slip in its options."""
    (command.folder / "train.py").write_text(PROGRAM)
    command.write(
        'study: s\nobjective: {command: "python train.py --lr={lr}"}\n'
        "space:\n  lr: {type: float, low: 0.1, high: 1.0}\n"
        "backend: core.random\nseed: 1\nbudget: {trials: 12}\n"
    )
    text = (command.folder / "study.yaml").read_text()
    command.mend = lambda: command.write(text.replace("--lr=", "--rate="))
    return command


def test_every_line_of_a_failure_says_why_and_the_first_one_where_the_rest_is(slip):
    done = slip("run", "study.yaml", "--trials", "3")
    failed = [line for line in done.stderr.splitlines() if " failed: " in line]
    assert len(failed) == 3
    for number, line in enumerate(failed):
        assert line.startswith(f"trial {number} failed: the command {WHY}")
    (rest,) = [line for line in done.stderr.splitlines() if "the whole error" in line]
    assert "hpo-bridge trials study.yaml --json" in rest
    assert "hpo-bridge logs study.yaml --trial 0" in rest
    assert "no complete trial: 3 of 3 failed, the last: trial 2 failed: the command" in done.stdout
    assert done.returncode == 1
    table = slip("trials", "study.yaml").stdout
    assert table.count("exited with code 2: train.py: error") == 3
    assert "hpo-bridge logs study.yaml --trial N" in table
    trials = json.loads(slip("trials", "study.yaml", "--json").stdout)
    assert all("usage: train.py" in trial["error"] for trial in trials)


def test_a_program_is_told_on_standard_error(slip):
    done = slip("run", "study.yaml", "--trials", "3", "--json")
    assert done.returncode == 1
    assert "trial 0 failed: the command exited with code 2: train.py: error" in done.stderr
    assert "3 of the 3 trials of this run failed" in done.stderr
    assert "3 of 3 failed" in json.loads(done.stdout)["problem"]


def test_ten_failures_of_one_reason_stop_the_study_with_one(slip):
    done = slip("run", "study.yaml")
    assert done.returncode == 1
    assert "stopped: the first 10 trials failed for one and the same reason" in done.stderr
    assert "--retry-failed" in done.stderr
    assert "retry_failed" not in done.stderr
    assert json.loads(slip("status", "study.yaml", "--json").stdout)["counts"]["FAILED"] == 10
    off = slip("run", "study.yaml", "--set", "stop.first_failures=0")
    assert off.returncode == 1
    assert json.loads(slip("status", "study.yaml", "--json").stdout)["counts"]["FAILED"] == 12


def test_failures_in_a_row_by_the_key_stop(command):
    command.write(command.text.replace(":train", ":fails") + "stop: {failures: 4}\n")
    done = command("run", "study.yaml", "--json")
    assert done.returncode == 1
    assert "4 trials in a row failed" in done.stderr
    assert json.loads(done.stdout)["counts"]["FAILED"] == 4
    for wrong in ("{failures: 0}", "{first_failures: -1}", "{failure: 3}", "5"):
        wrong_use = command("run", "study.yaml", "--set", f"stop={wrong}")
        assert wrong_use.returncode == 2
        assert "stop" in wrong_use.stderr


def test_a_slip_that_is_mended_and_run_again(slip):
    slip("run", "study.yaml", "--set", "stop.first_failures=0")
    slip.mend()
    again = slip("run", "study.yaml")
    assert (
        "nothing to do: budget.trials 12 is spent (12 failed); --trials 24 goes on, "
        "--retry-failed runs the failed ones again"
    ) in again.stderr
    assert again.returncode == 1
    retried = slip("run", "study.yaml", "--retry-failed")
    assert retried.returncode == 0, retried.stderr
    assert "nothing to do" not in retried.stderr
    assert "12/12" in retried.stderr
    assert "failed" not in retried.stderr.splitlines()[-1]
    result = json.loads(slip("best", "study.yaml", "--json").stdout)
    assert result["counts"]["COMPLETE"] == 12
    assert sum(result["counts"].values()) == 12
    done = slip("run", "study.yaml", "--retry-failed")
    assert "nothing to do: budget.trials 12 is spent (12 complete); --trials 24 goes on" in (
        done.stderr
    )


def test_another_backend_on_a_finished_study(command):
    command("run", "study.yaml")
    done = command("run", "study.yaml", "--backend", "optuna.tpe")
    assert done.returncode == 0
    assert "nothing to do: budget.trials 12 is spent (12 complete); --trials 24" in done.stderr
    assert "core.random)" in next(
        line for line in done.stdout.splitlines() if line.startswith("best")
    )
    best = json.loads(command("best", "study.yaml", "--json").stdout)["best"]
    assert best["backend"] == "core.random"


def test_a_time_that_is_spent_and_a_grid_that_is_done(command):
    command("run", "study.yaml", "--trials", "3")
    done = command("run", "study.yaml", "--set", "budget={time: 0.001s}")
    assert "nothing to do: budget.time 0.0 s is spent (3 complete); --set budget.time=" in (
        done.stderr
    )
    command.write(
        command.text.replace("study: s", "study: g").replace("core.random", "core.grid")
        .replace("low: -1.0, high: 1.0", "low: 0.0, high: 1.0, step: 0.5").replace("12", "99")
    )  # fmt: skip
    command("run", "study.yaml")
    done = command("run", "study.yaml")
    assert "nothing to do: core.grid has nothing left" in done.stderr
    assert "(12 complete); --backend NAME goes on with another" in done.stderr
