"""The progress on a terminal, as a person sees it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Terminal = Callable[..., Any]
PYTHON = sys.executable
HEAD = """
import logging, os, sys, threading, time
import hpo_bridge as hpo

from hpo_bridge.progress.display import _showing
from hpo_bridge.progress.terminal_screen import TerminalScreen

drawn = 0

def draw(self, lines, draw=TerminalScreen.draw):
    global drawn
    draw(self, lines)
    drawn += 1

TerminalScreen.draw = draw

def shown():  # twice: the first drawing may have begun before
    end, limit = drawn + 2, time.monotonic() + 60
    while drawn < end and _showing.locked() and time.monotonic() < limit:
        time.sleep(0.02)

SPACE = hpo.Space(x=hpo.Float(0, 1), mode="fast", kind=hpo.Categorical(["adam", "sgd"]))
"""
QUIET = "    shown()", "    time.sleep(0.1)"
BASIC = (
    HEAD
    + """
def objective(trial):
    trial.report(2.5, 7)
    shown()
    return float(5 - trial.number)

study = hpo.Study(SPACE, seed=1, name="demo")
study.optimize(objective, trials=3)
"""
)


def test_what_a_run_shows(terminal: Terminal) -> None:
    seen = terminal(BASIC)
    assert seen.returncode == 0
    assert seen.ever(r"^demo: 1/3 · best value 5 \(trial 0\) · .* left$")
    assert seen.ever(r"^  trial 1  x 0\.\d+, kind (adam|sgd)  step 7: 2\.5  \d+\.\d s$")
    assert seen.ever(r"^█+░+$")
    assert "mode" not in seen.raw
    assert "fast" not in seen.raw
    curve, summary = seen.lines
    assert re.fullmatch(r"best █\S+▁ 5 → 3", curve)
    assert re.fullmatch(r"demo: 3/3 · best value 3 \(trial 2\) · .* · \d\.\d s", summary)


@pytest.mark.parametrize(
    ("argument", "stream", "shows"),
    [("", "", True), (", progress=False", "", False), (", progress=True", " 2> log", True),
     ("", " 2> log", False)],
)  # fmt: skip
def test_when_it_shows(
    terminal: Terminal, tmp_path: Path, argument: str, stream: str, shows: bool
) -> None:
    (tmp_path / "more.py").write_text(
        BASIC.replace("trials=3", "trials=3" + argument).replace(*QUIET)
    )
    seen = terminal(["sh", "-c", f'"{PYTHON}" more.py{stream}'])
    assert seen.returncode == 0
    log = (tmp_path / "log").read_text() if stream else ""
    assert ("demo: 3/3" in (log or seen.raw)) == shows
    assert "\x1b" not in log
    assert bool(seen.raw) == (shows and not stream)


def test_nothing_is_imported_that_is_not_needed() -> None:
    code = HEAD + (
        "study = hpo.Study(SPACE)\nstudy.optimize(lambda t: t['x'], trials=2)\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('rich', 'IPython')])"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_the_callers_random_numbers_stay_as_they_are(terminal: Terminal) -> None:
    code = HEAD + (
        "import random\nrandom.seed(0)\nbefore = random.getstate()\n"
        "hpo.Study(SPACE).optimize(lambda t: shown() or t['x'], trials=1)\n"
        "print('same:', random.getstate() == before)"
    )
    assert "same: True" in terminal(code).lines


PRINTS = (
    HEAD
    + """
logging.basicConfig(stream=sys.stderr, format="logged %(message)s")
keeps = sys.stdout

def objective(trial):
    print("line", trial.number, "x" * 150)
    keeps.write("half ")
    shown()
    keeps.write(f"of {trial.number}\\n")
    logging.warning("by %d", trial.number)
    print("error", trial.number, file=sys.stderr)
    os.system(f"echo child {trial.number}")
    threading.Thread(target=print, args=("thread", trial.number)).start()
    return trial["x"]

hpo.Study(SPACE, seed=1).optimize(objective, trials=3)
print("the end")
"""
)


def test_what_is_printed_comes_out_whole_and_in_order(terminal: Terminal) -> None:
    seen = terminal(PRINTS)
    text = seen.frames[-1]
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    expected = []
    for number in range(3):
        expected += [
            f"line {number} " + "x" * 93, "x" * 57, f"half of {number}", f"logged by {number}",
            f"error {number}", f"child {number}", f"thread {number}",
        ]  # fmt: skip
    assert [line for line in lines if not line.startswith(("best", "study:"))][:-1] == expected
    assert lines[-1] == "the end"
    assert seen.ever(r"half")
    assert not seen.ever(r"^half *$")


def test_results_in_a_pipe_are_left_alone(terminal: Terminal, tmp_path: Path) -> None:
    code = HEAD + (
        "hpo.Study(SPACE, seed=1).optimize(lambda t: print('a', end='') or shown(), trials=2)\n"
    )
    with (tmp_path / "out").open("w") as out:
        seen = terminal(code, stdout=out.fileno())
    assert (tmp_path / "out").read_text() == "aa"
    assert "2/2" in seen.raw


def test_ctrl_c_leaves_a_clean_terminal(terminal: Terminal) -> None:
    code = (
        HEAD
        + """
try:
    hpo.Study(SPACE, name="cut").optimize(lambda t: time.sleep(100), trials=2)
except KeyboardInterrupt:
    print("cut short")
"""
    )
    press = lambda process: process.send_signal(signal.SIGINT)  # noqa: E731
    seen = terminal(code, at=("trial 0", press))
    summary, said = seen.lines
    assert summary.startswith("cut: 0/2 · ")
    assert said == "cut short"


def test_an_error_out_of_a_study_comes_below(terminal: Terminal) -> None:
    code = HEAD + (
        "def fails(trial):\n    raise ValueError('no luck')\n"
        "hpo.Study(SPACE, name='bad').optimize(fails, trials=20)\n"
    )
    seen = terminal(code)
    assert seen.returncode == 1
    assert seen.lines[0].startswith("study 'bad': trial 0 failed: ValueError: no luck")
    assert any(line.startswith("bad: 10/20 · 10 failed") for line in seen.lines)
    after = seen.frames[-1].partition("bad: 10/20")[2]
    assert "Traceback" in after
    assert "TooManyFailures" in after


NESTED = (
    HEAD
    + """
def inner(trial):
    time.sleep(0.1)
    return trial["x"]

def outer(trial):
    with hpo.Study(SPACE, seed=0, name="inner") as study:
        study.optimize(inner, trials=4, progress=PROGRESS)
        return study.best.value

hpo.Study(SPACE, seed=1, name="outer").optimize(outer, trials=3)
"""
)


@pytest.mark.parametrize("progress", ["None", "True"])
def test_of_nested_studies_the_outer_one_shows(terminal: Terminal, progress: str) -> None:
    seen = terminal(NESTED.replace("PROGRESS", progress))
    assert "inner" not in seen.raw
    assert re.match(r"outer: 3/3 · ", seen.lines[-1])


def test_workers_show_nothing(terminal: Terminal) -> None:
    code = NESTED.replace("PROGRESS", "None").replace(
        "trials=3", "trials=3, runner='processes', workers=2, output='inherit'"
    )
    seen = terminal(code)
    assert "inner" not in seen.raw
    assert seen.ever(r"^  trial 1  x")
    assert re.match(r"outer: 3/3 · ", seen.lines[-1])


def test_a_forked_child_may_print(terminal: Terminal) -> None:
    code = (
        HEAD
        + """
import warnings
warnings.simplefilter("ignore")

def objective(trial):
    for number in range(5):
        child = os.fork()
        if not child:
            print("child", number, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    return 0.0

hpo.Study(SPACE).optimize(objective, trials=1)
"""
    )
    seen = terminal(code)
    assert [line for line in seen.lines if line.startswith("child")] == [
        f"child {number}" for number in range(5)
    ]


def test_studies_in_threads(terminal: Terminal) -> None:
    code = (
        HEAD
        + """
def run(name):
    hpo.Study(SPACE, name=name).optimize(lambda t: time.sleep(0.2) or t["x"], trials=5)

threads = [threading.Thread(target=run, args=(name,)) for name in ("one", "two")]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("both")
"""
    )
    seen = terminal(code)
    assert seen.lines[-1] == "both"
    assert len([line for line in seen.lines if "5/5" in line]) == 1


def test_a_narrow_terminal(terminal: Terminal) -> None:
    seen = terminal(BASIC, width=30)
    for frame in seen.frames:  # no line is wrapped
        assert all(re.match(r"[█░]|demo|best|  trial|\s*$", line) for line in frame.splitlines())
    assert seen.ever(r"^  trial 1  step 7: 2\.5  \d\.\d s$")


def test_without_colours_and_without_unicode(terminal: Terminal) -> None:
    coloured = terminal(BASIC)
    assert "\x1b[2m" in coloured.raw
    seen = terminal(BASIC, NO_COLOR="1", PYTHONIOENCODING="ascii")
    assert seen.raw.isascii()
    assert not re.search(r"\x1b\[\d*m", seen.raw)
    assert re.fullmatch(r"best #\S+_ 5 -> 3", seen.lines[-2])
    assert re.fullmatch(r"demo: 3/3 - best value 3 \(trial 2\) - .*", seen.lines[-1])
    assert seen.ever(r"^#+\.+$")


def test_a_terminal_that_cannot_move_its_cursor(terminal: Terminal) -> None:
    code = BASIC.replace(*QUIET)
    assert terminal(code, TERM="dumb").raw == ""
    seen = terminal(code.replace("trials=3", "trials=3, progress=True"), TERM="dumb")
    assert "\x1b" not in seen.raw
    assert seen.lines[-1].startswith("demo: 3/3 · ")


def test_text_of_a_study_cannot_control_the_terminal(terminal: Terminal) -> None:
    code = (
        HEAD
        + r"""
evil = "a\x1b[2J\x1b]0;title\x07\nb"
space = hpo.Space({evil: hpo.Categorical([evil, evil + "2"])})
hpo.Study(space, name=evil, directions={evil: "minimize"}).optimize(
    lambda t: shown() or {evil: 1.0}, trials=2)
"""
    )
    seen = terminal(code)
    assert "\x1b[2J" not in seen.raw
    assert "\x07" not in seen.raw
    assert seen.ever("title")


def test_the_command(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "objective.py").write_text(
        "import time\ndef f(trial):\n    trial.report(0.5, 3)\n    time.sleep(2)\n"
        "    if trial.number == 1:\n        raise ValueError('no luck')\n    return trial['x']\n"
    )
    (tmp_path / "study.yaml").write_text(
        "study: s\nobjective: objective.py:f\nspace:\n  x: {type: float, low: 0, high: 1}\n"
        "  pooling: max\nbackend: core.random\nseed: 1\nbudget: {trials: 3}\n"
    )
    seen = terminal([PYTHON, "-m", "hpo_bridge", "run", "study.yaml"])
    assert seen.returncode == 0
    assert seen.lines[0].startswith("s: core.random, sqlite:///")
    assert seen.lines[1] == "trial 1 failed: ValueError: no luck (objective.py:6 in f)"
    assert seen.lines[2].startswith("  the whole error: hpo-bridge trials study.yaml --json")
    assert seen.ever(r"^  trial 2  x 0\.\d+  step 3: 0\.5  \d\.\d s$")
    assert any(line.startswith("3/3 · 1 failed · best value") for line in seen.lines)
    assert "study    s  (core.random)" in seen.lines
    assert "pooling" not in seen.raw
    assert seen.frames[-1].count("no luck") == 1


SLOW = """
import os, time
from hpo_bridge import BackendSpec, Suggestion, WaitingForResults, hookimpl

class Slow:
    def __init__(self, problem, kind="thinks"):
        self.kind, self.asked, self.told = kind, 0, 0

    def ask(self, n):
        self.asked += 1
        if self.kind == "thinks" and self.asked == 2:
            while not os.path.exists("seen"):
                time.sleep(0.05)
        if self.kind == "waits" and self.told < self.asked - 1:
            self.asked -= 1
            return []
        return [Suggestion({"x": 0.5}, self.asked)]

    def tell(self, observations):
        self.told += len(observations)

@hookimpl
def hpo_register_backends():
    return BackendSpec(name="slow.one", technique="random", factory="slow:Slow")
"""
WAITS = (
    HEAD
    + """
from pathlib import Path
from hpo_bridge.plugins import manager

manager().add("./slow.py", Path("."))

def objective(trial):
    while trial.number >= UNTIL and not os.path.exists("seen"):
        time.sleep(0.05)
    if trial.number == 0 and not os.path.exists("failed"):
        open("failed", "w").close()
        raise ValueError("once")
    return 0.0

if __name__ == "__main__":
    backend = {"name": "slow.one", "options": {"kind": "KIND"}}
    study = hpo.Study({"x": hpo.Float(0, 1)}, seed=0, backend=backend)
    for number in range(ENQUEUED):
        study.enqueue({"x": 0.25})
    study.optimize(objective, trials=5, **OPTIONS)
"""
)


@pytest.mark.parametrize(
    ("kind", "enqueued", "until", "options", "said"),
    [
        ("thinks", 0, 9, "{}", r"for slow\.one \(\d\.\d s\)"),
        ("waits", 0, 1, "dict(runner='processes', workers=2)", "for results of running trials"),
        ("", 4, 0, "{}", "3 enqueued"),
        ("", 3, 1, "dict(retries=1)", "1 to be tried again, 1 enqueued"),
    ],
)
def test_what_waits_and_why(
    terminal: Terminal, tmp_path: Path, kind: str, enqueued: int, until: int, options: str,
    said: str,
) -> None:  # fmt: skip
    (tmp_path / "slow.py").write_text(SLOW)
    code = WAITS.replace("UNTIL", str(until)).replace("KIND", kind)
    code = code.replace("ENQUEUED", str(enqueued)).replace("OPTIONS", options)
    seen = terminal(
        code, at=(rf"waiting: .*({said})", lambda process: (tmp_path / "seen").touch())
    )
    assert seen.returncode == 0
    assert (tmp_path / "seen").exists()


def test_a_bar_of_the_objectives_own(terminal: Terminal) -> None:
    code = (
        HEAD
        + r"""
def objective(trial):
    for step in range(2000):
        sys.stderr.write(f"\r{step} of 2000")
    sys.stderr.write("\rbar is done \n")
    sys.stderr.write("no end")
    return 0.0

hpo.Study(SPACE).optimize(objective, trials=1)
"""
    )
    lines = terminal(code).lines
    assert lines[0] == "bar is done"
    assert lines[1] == "no end"
