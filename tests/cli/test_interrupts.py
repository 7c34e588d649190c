"""Stopping, killing, and two drivers at once, through the whole command."""

from __future__ import annotations

import json
import signal
import time

import pytest


def finished(command):
    done = command("status", "study.yaml", "--json")
    return json.loads(done.stdout)["counts"]["COMPLETE"] if done.returncode == 0 else 0


def wait_for(command, trials):
    end = time.monotonic() + 150
    while finished(command) < trials:
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("runner", ["inline", "processes"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_study_keeps_everything_and_goes_on(command, runner, number):
    command.write(command.text.replace(":train", ":hangs_at_five"))
    driver = command.start("run", "study.yaml", "--runner", runner, "--json")
    wait_for(command, 5)
    time.sleep(0.3)
    driver.send_signal(number)
    out, err = driver.communicate(timeout=150)
    assert driver.returncode == 130, err
    assert json.loads(out)["counts"]["RUNNING"] == 0
    assert "Traceback" not in err
    counts = json.loads(command("status", "study.yaml", "--json").stdout)["counts"]
    assert counts["WAITING"] >= 1
    assert counts["FAILED"] == 0
    again = command("run", "study.yaml", "--set", "objective=objective.py:train", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["counts"]["COMPLETE"] == 12


def test_a_second_driver_is_told_who_the_first_is(command):
    command.write(command.text.replace(":train", ":hangs_at_five"))
    driver = command.start("run", "study.yaml")
    wait_for(command, 5)
    second = command("run", "study.yaml")
    status = json.loads(command("status", "study.yaml", "--json").stdout)
    driver.kill()
    driver.communicate()
    assert second.returncode == 2
    (line,) = second.stderr.splitlines()
    assert str(driver.pid) in line
    assert str(driver.pid) in status["driver"]
    done = command("run", "study.yaml", "--set", "objective=objective.py:train", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["COMPLETE"] == 12


def test_the_time_budget_ends_the_run(command):
    command.write(command.text.replace(":train", ":hangs_at_five") + "")
    begin = time.monotonic()
    done = command("run", "study.yaml", "--set", "budget.time=2s", "--json")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin < 60
    counts = json.loads(done.stdout)["counts"]
    assert (counts["COMPLETE"], counts["WAITING"], counts["RUNNING"]) == (5, 1, 0)


def test_the_reader_of_a_pipe_may_leave(command):
    import subprocess

    command("run", "study.yaml")
    line = " ".join(map(str, command.argv("trials", "study.yaml", "--json"))) + " | head -c 20"
    done = subprocess.run(["bash", "-c", line], cwd=command.folder, capture_output=True, text=True)
    assert done.stderr == ""


def test_workers_in_deterministic_order_go_on_as_if_never_killed(command):
    """Whatever the timing, and wherever the driver is killed: the same trials."""
    (command.folder / "objective.py").write_text(
        "import os, random, time\n"
        "def train(trial):\n"
        "    while trial.number >= 9 and not os.path.exists('go'):\n"
        "        time.sleep(0.01)\n"
        "    time.sleep(random.random() * 0.1)\n"
        "    return trial['x'] ** 2\n"
    )
    command.write(
        command.text.replace("core.random", "optuna.tpe").replace("12", "24")
        + "runner: {name: processes, workers: 3, order: deterministic}\n"
    )

    def trials(store):
        listed = command("trials", "study.yaml", "--store", store, "--json").stdout
        return [(t["params"], t["values"]) for t in json.loads(listed)]

    driver = command.start("run", "study.yaml")
    wait_for(command, 7)
    driver.kill()
    driver.communicate()
    assert finished(command) <= 9
    (command.folder / "go").touch()
    assert command("run", "study.yaml").returncode == 0
    assert command("run", "study.yaml", "--store", "sqlite:///whole.db").returncode == 0
    assert trials("sqlite:///s.db") == trials("sqlite:///whole.db")
