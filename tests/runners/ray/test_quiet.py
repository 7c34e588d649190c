"""What a run on Ray prints, what it leaves behind, and how it ends before its time."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

COMPLETE = {"WAITING": 0, "RUNNING": 0, "COMPLETE": 12, "PRUNED": 0, "FAILED": 0}
LONG = ("--set", "space.nap=0.1", "--trials", "1000")


class Place:
    """An environment for a command, known by what it leaves: files and processes."""

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self.tmp = Path(tempfile.mkdtemp(prefix="hq-"))  # short: sockets lie below it
        self.home = self.tmp / "home"
        (self.tmp / "tmp").mkdir()
        self.home.mkdir()
        self.marks = {
            "HPO_TEST_MARK": self.mark, "TMPDIR": str(self.tmp / "tmp"), "HOME": str(self.home),
        }  # fmt: skip
        self.environment = {**self.marks, "RAY_AUTH_MODE": "", "RAY_AUTH_TOKEN": ""}

    def files(self) -> list[str]:
        return sorted(os.listdir(self.tmp / "tmp"))

    def processes(self) -> list[str]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("HPO_TEST_MARK") == self.mark:
                    found.append(" ".join(process.cmdline())[:100])
        return found

    def wait_until_left(self, seconds: float = 150) -> None:
        end = time.monotonic() + seconds
        while self.processes():
            assert time.monotonic() < end, self.processes()
            time.sleep(0.1)


@pytest.fixture
def place():
    made = Place()
    yield made
    shutil.rmtree(made.tmp, ignore_errors=True)


def test_a_run_on_a_ray_of_its_own(command, place):
    done = command("run", "study.yaml", "--json", **place.environment)
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["counts"] == COMPLETE
    place.wait_until_left()
    assert place.files() == []
    assert {str(p.relative_to(place.home)) for p in place.home.rglob("*")} <= {
        ".ray", ".ray/auth_token"
    }  # fmt: skip
    mine = {"study.yaml", "objective.py", "log", "s.db", "__pycache__"}
    assert {path.name for path in command.folder.iterdir()} <= mine


def test_all_lines_are_ours_where_a_ray_was_started(command, place, started):
    done = command("run", "study.yaml", **place.marks, RAY_ADDRESS=started.address)
    assert done.returncode == 0
    for line in done.stderr.splitlines():
        assert re.match(r"s: core\.random, sqlite:|\d+/12 · best value ", line)
    words = [line.split()[0] for line in done.stdout.splitlines()]
    assert words == ["study", "trials", "best", "x", "store"]  # nap is a constant
    place.wait_until_left()
    assert place.files() == []


@pytest.mark.parametrize(
    "way", [pytest.param("driver", marks=pytest.mark.dear), "terminal", "SIGTERM"]
)
def test_ctrl_c_ends_in_seconds_and_the_study_goes_on(command, place, started, way):
    """In a terminal, Ray's processes are sent the signal, too."""
    driver = command.start("run", "study.yaml", "--json", *LONG, **place.environment)
    command.wait(lambda: len(command.log()) >= 6)
    begin = time.monotonic()
    if way == "terminal":
        os.killpg(driver.pid, signal.SIGINT)
    else:
        driver.send_signal(signal.SIGTERM if way == "SIGTERM" else signal.SIGINT)
    out, err = driver.communicate(timeout=150)
    assert time.monotonic() - begin < 30
    assert driver.returncode == 130
    assert err == "interrupted; everything is kept: run study.yaml again to go on\n"
    kept = json.loads(out)["counts"]
    assert (kept["RUNNING"], kept["FAILED"], kept["PRUNED"]) == (0, 0, 0)
    assert kept["COMPLETE"] >= 4
    place.wait_until_left()
    assert place.files() == []
    budget = sum(kept.values()) + 6
    words = ("run", "study.yaml", "--json", *LONG[:2], "--trials", str(budget))
    done = command(*words, RAY_ADDRESS=started.address)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"] == {**COMPLETE, "COMPLETE": budget}


def test_the_time_budget_ends_it_in_seconds(command, place, started):
    begin = time.monotonic()
    words = ("--set", "budget.time=15s", "--set", "space.nap=0.2", "--trials", "100000", "--json")
    done = command("run", "study.yaml", *words, **place.marks, RAY_ADDRESS=started.address)
    assert time.monotonic() - begin < 60
    assert (done.returncode, done.stderr) == (0, "")
    counts = json.loads(done.stdout)["counts"]
    assert counts["RUNNING"] == counts["FAILED"] == 0
    place.wait_until_left()
    assert place.files() == []


def test_a_killed_driver_leaves_no_process(command, place):
    driver = command.start("run", "study.yaml", "--json", *LONG, **place.environment)
    command.wait(lambda: len(command.log()) >= 6)
    driver.kill()
    driver.communicate()
    place.wait_until_left()
    words = ("run", "study.yaml", "--json", *LONG[:2], "--trials", "40")
    done = command(*words, **place.environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"] == {**COMPLETE, "COMPLETE": 40}
    assert place.files() == [], "also what the killed one has left"


@pytest.mark.dear
def test_a_killed_driver_leaves_a_started_ray_as_it_was(command, place, started):
    environment = {**place.marks, "RAY_ADDRESS": started.address}
    driver = command.start("run", "study.yaml", "--json", *LONG, **environment)
    command.wait(lambda: len(command.log()) >= 6)
    workers = {int(line.split()[0]) for line in command.log()}
    driver.kill()
    driver.communicate()
    end = time.monotonic() + 150
    while any(psutil.pid_exists(pid) for pid in workers):
        assert time.monotonic() < end
        time.sleep(0.1)
    done = command("run", "study.yaml", "--json", *LONG[:2], "--trials", "40", **environment)
    assert json.loads(done.stdout)["counts"] == {**COMPLETE, "COMPLETE": 40}


def test_two_studies_share_a_ray(command, started):
    """Another backend, another number of trials, failures in one of them."""
    (command.folder / "second.py").write_text(
        "import time\n"
        "def train(trial):\n"
        "    time.sleep(0.05)\n"
        "    if trial.number % 3 == 0:\n"
        "        raise ValueError('bad')\n"
        "    return -trial['x']\n"
    )
    one = ("--set", "runner.workers=1", "--json")
    first = command.start(
        "run", "study.yaml", *one, "--set", "space.nap=0.1", "--trials", "50",
        RAY_ADDRESS=started.address,
    )  # fmt: skip
    second = command.start(
        "run", "study.yaml", *one, "--set", "study=other", "--set", "objective=second.py:train",
        "--trials", "60", "--backend", "optuna.tpe", RAY_ADDRESS=started.address,
    )  # fmt: skip
    results = [process.communicate(timeout=150) for process in (first, second)]
    quiet, failing = (err.splitlines() for _, err in results)
    assert quiet == []
    assert [line.split(":")[0] for line in failing] == ["study 'other'"] * 2, failing
    assert "trial 0 failed: ValueError: bad" in failing[0]
    assert "20 of the 60 trials of this run failed" in failing[1]
    counts = [json.loads(out)["counts"] for out, _ in results]
    assert counts[0] == {**COMPLETE, "COMPLETE": 50}
    assert counts[1] == {**COMPLETE, "COMPLETE": 40, "FAILED": 20}
    assert len({line.split()[0] for line in command.log()}) == 1, "each has its own workers"


HOLD = """\
import os, sys, time
import ray
ray.init(os.environ["RAY_ADDRESS"], log_to_driver=False, logging_level="ERROR")

@ray.remote(num_cpus=2)
def hold(folder):
    open(f"{folder}/held", "w").close()
    while not os.path.exists(f"{folder}/go"):
        time.sleep(0.05)

ray.get(hold.remote(os.getcwd()))
"""


def test_a_study_waits_for_room_and_says_so_once(command, started):
    (command.folder / "hold.py").write_text(HOLD)
    holder = command.start(python=("hold.py",), RAY_ADDRESS=started.address)
    command.wait((command.folder / "held").exists)
    hasty = "from hpo_bridge_ray import dispatch; dispatch._PATIENCE = 1.0\n"
    hasty += "from hpo_bridge.cli import main; main()"
    driver = command.start(
        "run", "study.yaml", "--json", python=("-c", hasty), RAY_ADDRESS=started.address
    )
    line = driver.stderr.readline()
    assert line == (
        "no worker is up yet: the resources asked for are in use, or a machine is still to come; "
        "see `ray status`\n"
    )
    time.sleep(4)
    assert driver.poll() is None
    assert command.log() == []
    (command.folder / "go").touch()
    out, err = driver.communicate(timeout=150)
    assert (driver.returncode, err) == (0, "")
    assert json.loads(out)["counts"] == COMPLETE
    assert holder.wait(timeout=150) == 0
