"""``hpo-bridge logs``: what trials printed, in another process, also while they run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from hpo_bridge.cli import main
from hpo_bridge.cli.terminal_text import OutputDecoder

RUNNER = "\nrunner: {name: processes, workers: 1}\n"
MORE = """
import sys

def talks(trial):
    print("first line of", trial.number)
    print("an error", file=sys.stderr)
    if trial.number % 2:
        raise ValueError("no luck")
    return trial["x"]

def silent(trial):
    return trial["x"]

def mixed(trial):
    return talks(trial) if trial.number < 2 else trial["x"]

def waits(trial):
    print("begun", trial.number)
    while not os.path.exists(f"go-{trial.number}"):
        time.sleep(0.05)
    print("ended", trial.number)
    return trial["x"]

def many(trial):
    for line in range(100):
        print("line", line)
    return "no number"

def colours(trial):
    print("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\x1b[2Jend\\x08")
    return 0.0
"""


@pytest.fixture
def logs(command, monkeypatch, capsys):
    """Runs a study of an objective, and shows its logs (in this process, which is quick)."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with (command.folder / "objective.py").open("a") as file:
        file.write(MORE)

    def make(objective, trials=4, runner=RUNNER, wait=True):
        command.write(
            command.text.replace(":train", f":{objective}").replace("12", str(trials)) + runner
        )
        if not wait:
            return command.start("run", "study.yaml")
        command("run", "study.yaml")
        return None

    def show(*words):
        monkeypatch.chdir(command.folder)
        monkeypatch.setattr(sys, "argv", ["hpo-bridge", "logs", "study.yaml", *words])
        with pytest.raises(SystemExit) as exit_:
            main()
        return SimpleNamespace(returncode=exit_.value.code or 0, **capsys.readouterr()._asdict())

    make.show = show
    make.start = lambda *words: command.start("logs", "study.yaml", *words)
    make.folder = command.folder
    make.argv = command.argv
    return make


def wait_for(condition):
    end = time.monotonic() + 150
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_one_trial(logs):
    logs("mixed")
    shown = logs.show("--trial", "1")
    first, *lines = shown.out.splitlines()
    assert first.startswith("--- attempt 1, ")
    assert lines[:3] == ["first line of 1", "an error", "Traceback (most recent call last):"]
    assert lines[-1] == "ValueError: no luck"
    assert (shown.returncode, shown.err) == (0, "")
    nothing = logs.show("--trial", "3")
    assert (nothing.returncode, nothing.out) == (0, "")
    assert nothing.err.startswith("trial 3 (COMPLETE) printed nothing")
    wrong = logs.show("--trial", "4")
    assert (wrong.returncode, wrong.out) == (2, "")
    assert wrong.err == "hpo-bridge: study 's' has no trial 4: it has 0 to 3\n"
    assert logs.show("--trial", "-1").returncode == 2
    ended = logs.show("--trial", "0", "--follow")
    assert ended.out.splitlines()[1:] == ["first line of 0", "an error"]
    assert (ended.returncode, ended.err) == (0, "trial 0: COMPLETE\n")
    assert logs.show("--follow").returncode == 2, "none runs"


def test_the_trials_that_failed(logs):
    logs("many", trials=12, runner=RUNNER + "stop: {first_failures: 0}\n")
    shown = logs.show()
    assert shown.returncode == 0
    assert shown.err == "the last 10 of 12 that run or failed:\n"
    block = shown.out.splitlines()[:11]
    assert block[0] == "trial 2: FAILED, the last 10 of 101 lines"
    assert block[1:] == [f"  line {line}" for line in range(90, 100)]


def test_nothing_to_show(logs):
    logs("silent")
    shown = logs.show()
    assert (shown.returncode, shown.out) == (0, "")
    assert shown.err == "no trial runs or has failed; --trial N shows what one printed\n"
    assert not (logs.folder / "s.db.logs").exists()
    assert logs.show("--store", "sqlite:///none.db").returncode == 2


def test_inline_says_where_the_output_is(logs):
    logs("talks", runner="")
    assert logs.show("--trial", "1").out.endswith("ValueError: no luck\n"), "tracebacks are kept"
    shown = logs.show("--trial", "0")
    assert (shown.returncode, shown.out) == (0, "")
    assert "runner 'inline'" in shown.err
    assert "terminal" in shown.err


def test_a_running_trial_is_followed_until_it_ends(logs):
    run = logs("waits", trials=1, wait=False)
    try:
        wait_for(lambda: "begun" in logs.show("--trial", "0").out)
        assert "trial 0: RUNNING" in logs.show().out
        follower = logs.start("--follow")
        lines = [follower.stdout.readline() for _ in range(2)]
        assert lines[1] == "begun 0\n"
        assert follower.poll() is None
        (logs.folder / "go-0").touch()
        assert follower.stdout.read() == "ended 0\n"
        _, err = follower.communicate(timeout=150)
        assert (follower.returncode, err) == (0, "trial 0: COMPLETE\n")
    finally:
        (logs.folder / "go-0").touch()
        run.communicate(timeout=150)


def test_following_ends_with_the_driver(logs):
    run = logs("waits", trials=1, wait=False)
    try:
        wait_for(lambda: "begun" in logs.show("--trial", "0").out)
        follower = logs.start("--trial", "0", "-f")
        assert follower.stdout.readline().startswith("--- attempt 1")
    finally:
        run.kill()
        run.communicate()
    assert follower.stdout.read() == "begun 0\n"  # what readline has buffered, too
    _, err = follower.communicate(timeout=150)
    assert follower.returncode == 0
    assert err == "trial 0: nobody drives the study now\n"


def test_a_terminal_gets_colours_and_no_other_control_sequences(logs):
    logs("colours", trials=1)
    raw = logs.show("--trial", "0").out
    assert "\x1b]0;title\x07\x1b[2Jend\x08" in raw
    for words in ((), ("--follow",)):
        main, end = pty.openpty()
        argv = logs.argv("logs", "study.yaml", "--trial", "0", *words)
        process = subprocess.Popen(argv, cwd=logs.folder, stdout=end, stderr=subprocess.PIPE)
        os.close(end)
        shown = b""
        try:
            while data := os.read(main, 4096):
                shown += data
        except OSError:  # what Linux says at the end
            pass
        os.close(main)
        assert process.wait(60) == 0
        process.stderr.close()
        assert shown.endswith(b"\r\n\x1b[31mred\x1b[0m end\r\n\x1b[0m"), shown


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([b"a\x1b", b"[2", b"Jb"], "ab"),
        ([b"\x1b]0;ti", b"tle\x1b\\x"], "x"),
        ([b"\xc3", b"\xa9\xff"], "é�"),
        ([b"\x1b[3", b"1mred"], "\x1b[31mred\x1b[0m"),
        ([b"10%\r20%\r\n\tx\x00\x7f\xc2\x9b2J"], "10%\r20%\r\n\tx2J"),
        ([b"open \x1b]0;title"], "open 0;title"),
        ([b"\x1bP" + b"q" * 999, b"end"], "q" * 999 + "end"),
        ([b"\x1b(B\x1b7\x1bMplain"], "plain"),
    ],
)
def test_pieces(pieces, shown):
    decoder = OutputDecoder(terminal=True)
    assert "".join(decoder.feed(piece) for piece in pieces) + decoder.end() == shown


def test_following_begins_with_what_is_not_kept(logs):
    logs("talks", trials=1)
    (file,) = logs.folder.glob("s.db.logs/*/0.log")
    kept = "--- 12 bytes before this are not kept ---\nend\n"
    file.write_text(kept)
    assert logs.show("--trial", "0", "--follow").out == kept


def test_output_that_the_terminals_encoding_lacks(logs):
    logs("talks", trials=1)
    (file,) = logs.folder.glob("s.db.logs/*/0.log")
    file.write_text("é ☃\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "hpo_bridge", "logs", "study.yaml", "--trial", "0"],
        cwd=logs.folder, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True,
        timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"\\xe9 \\u2603\n")
