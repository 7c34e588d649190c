"""Whole drivers, as their own processes: Ctrl-C, sudden death, and scripts without a guard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TROUBLE = HERE / "trouble.py"

PREAMBLE = f"""
import sys
sys.path[:0] = [{str(HERE)!r}, {str(ROOT)!r}]
from conftest import FakeWork
from hpo_bridge.runners.processes import Processes
from hpo_bridge.runners.inline import Inline
TROUBLE = {str(TROUBLE)!r}
"""


@pytest.fixture
def script(tmp_path):
    """Starts a script in a process group of its own, as a shell would."""
    started = []

    def start(text, **options):
        path = tmp_path / "driver.py"
        path.write_text(PREAMBLE + textwrap.dedent(text))
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(path)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def lines(path):
    return path.read_text().split() if path.exists() else []


def descendants(process):
    return psutil.Process(process.pid).children(recursive=True)


def is_alive(process):
    """Whether it runs; a container's first process may leave zombies."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def alive(processes):
    return [process for process in processes if is_alive(process)]


def alive_in(path):
    return [pid for pid in map(int, lines(path)) if psutil.pid_exists(pid)
            and is_alive(psutil.Process(pid))]  # fmt: skip


def test_script_without_a_main_guard(script):
    process = script(
        """
        OFFSET = 2
        class Helper:
            def go(self, x):
                return x + OFFSET
        def train(trial):
            return Helper().go(trial["x"])
        print("main runs")
        work = FakeWork(train, [{"x": 1.0}, {"x": 2.0}])
        Processes(workers=2).run(work)
        print(work.results, sys.modules["__main__"].__file__ == __file__, __spec__)
        """
    )
    out, err = process.communicate(timeout=150)
    assert out.splitlines() == ["main runs", "[3.0, 4.0] True None"]
    assert err == ""
    assert process.returncode == 0


def test_nothing_is_left_and_nothing_is_said_at_a_normal_end(script, tmp_path):
    process = script(
        """
        import psutil, os, threading
        fds = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            work = FakeWork(f"{TROUBLE}:chosen", [{"what": w} for w in ("segfault", "fine")] * 2)
            Processes(workers=2).run(work)
        work = FakeWork(f"{TROUBLE}:has_children", [{"pids": "pids", "leave": True}] * 3)
        Processes(workers=2).run(work)
        left = [p.name() for p in psutil.Process().children(recursive=True)]
        print(len(left), threading.active_count())
        print(len(os.listdir("/proc/self/fd")) - fds)
        """
    )
    out, err = process.communicate(timeout=150)
    # multiprocessing's own tracker of resources, and the pipe to it, stay until the exit
    assert out.splitlines() == ["1 1", "1"]
    assert err == ""  # the tracker would tell of semaphores left behind
    assert len(lines(tmp_path / "pids")) == 6
    assert not alive_in(tmp_path / "pids")


@pytest.mark.parametrize("runner", ["Processes(workers=2, grace=300)", "Inline()"])
def test_ctrl_c_gives_running_trials_back(script, runner, tmp_path):
    process = script(
        f"""
        work = FakeWork(f"{{TROUBLE}}:has_children", [{{"pids": "pids"}}] * 5)
        try:
            {runner}.run(work)
        except KeyboardInterrupt:
            print("interrupted", sorted(set(work.given_back.values())), len(work.running))
        """
    )
    count = 2 if runner == "Inline()" else 4
    wait_for(lambda: len(lines(tmp_path / "pids")) >= count)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    if runner != "Inline()":
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)  # the second one does not wait
    out, err = process.communicate(timeout=150)
    assert out == "interrupted ['interrupted'] 0\n"
    if runner != "Inline()":  # there it is the objective's own to end what it started
        assert err == ""
        assert not alive_in(tmp_path / "pids")


def test_first_ctrl_c_lets_trials_end(script, tmp_path):
    process = script(
        """
        import time
        def train(trial):
            open("begun", "a").write("x\\n")
            time.sleep(0.7)
            return 1.0
        work = FakeWork(train, [{}] * 9)
        try:
            Processes(workers=2, grace=30).run(work)
        except KeyboardInterrupt:
            print("interrupted", len(work.outcomes), work.given_back)
        """
    )
    wait_for(lambda: len(lines(tmp_path / "begun")) == 2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=150)
    assert out == "interrupted 2 {}\n"
    assert err == ""


def test_ctrl_c_while_workers_start(script):
    process = script(
        """
        print("up", flush=True)
        work = FakeWork(f"{TROUBLE}:hangs", [{}] * 9)
        try:
            Processes(workers=2, grace=0.1).run(work)
        except KeyboardInterrupt:
            print("interrupted", len(work.given_back), len(work.running))
        """
    )
    process.stdout.readline()
    wait_for(lambda: len(descendants(process)) >= 3)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=150)
    assert out.startswith("interrupted ")
    assert out.endswith(" 0\n")
    assert err == ""


OBJECTIVES = {
    "python": """work = FakeWork(f"{TROUBLE}:has_children", [{"pids": "pids"}] * 5)""",
    "stuck": """
def stuck(trial):
    import ctypes, os, signal, subprocess
    child = subprocess.Popen(["sleep", "300"])
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n{child.pid}\\n")
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    ctypes.PyDLL(None).sleep(300)
work = FakeWork(stuck, [{}] * 5)
""",
    "command": """
import shlex
text = "sleep 300 & echo $! >> pids; echo $$ >> pids; sleep 300"
work = FakeWork({"command": "sh -c " + shlex.quote(text)}, [{}] * 5)
""",
}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("objective", list(OBJECTIVES))
def test_no_orphans_when_the_driver_is_killed(script, tmp_path, objective, number):
    process = script(OBJECTIVES[objective] + "\nProcesses(workers=2).run(work)\n")
    wait_for(lambda: len(lines(tmp_path / "pids")) >= 4)
    family = descendants(process)
    assert len(family) >= 6
    os.kill(process.pid, number)
    process.wait(timeout=150)
    wait_for(lambda: not alive(family), seconds=40)
    assert not alive_in(tmp_path / "pids")


def test_no_orphans_of_an_inline_command(script, tmp_path):
    process = script(OBJECTIVES["command"] + "\nInline().run(work)\n")
    wait_for(lambda: len(lines(tmp_path / "pids")) >= 2)
    family = descendants(process)
    process.kill()
    process.wait(timeout=150)
    wait_for(lambda: not alive(family), seconds=40)


def test_no_orphans_when_the_driver_dies_while_workers_start(script):
    process = script(
        'work = FakeWork(f"{TROUBLE}:hangs", [{}] * 5)\n'
        'print("up", flush=True)\nProcesses(workers=2).run(work)\n'
    )
    process.stdout.readline()
    wait_for(lambda: len(descendants(process)) >= 4)
    family = descendants(process)
    process.kill()
    process.wait(timeout=150)
    wait_for(lambda: not alive(family), seconds=40)
