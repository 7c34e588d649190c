"""What trials print is kept beside the store, its end, on runners with processes of their own."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import hpo_bridge as hpo
from hpo_bridge.contracts.trial_output import KEPT, OutputFolder
from hpo_bridge.engine.kept_output import output_folder
from hpo_bridge.objectives.failure import Failure
from hpo_bridge.store import MemoryStore

ATTEMPT = re.compile(r"^--- attempt (\d+), \d{4}-\d\d-\d\d \d\d:\d\d:\d\d ---$", re.MULTILINE)


@pytest.fixture(autouse=True)
def buffered(monkeypatch):
    """As users have it: Python buffers what goes to a pipe."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


def printed(study, trial=0):
    """The lines that a trial printed, without ours."""
    return [line for line in study.output(trial).splitlines() if not ATTEMPT.match(line)]


@pytest.fixture
def run(tmp_path):
    """Runs an objective in a study on a SQLite store."""
    made = []

    def run(objective, trials=1, runner="processes", **options):
        if runner == "processes":
            options = {"workers": 1} | options
        study = hpo.Study({"x": hpo.Float(0, 1)}, store=f"sqlite:///{tmp_path}/s.db")
        made.append(study)
        study.optimize(objective, trials=trials, runner=runner, **options)
        return study

    yield run
    for study in made:
        study.close()


def files(tmp_path):
    return sorted(path.name for path in tmp_path.glob("s.db.logs/study-*/*"))


def everything(trial):
    """Prints in every way there is."""
    import ctypes
    import threading

    print("from Python")
    print("an error", file=sys.stderr)
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    subprocess.run(["sh", "-c", "echo from a child; echo its error >&2"], check=True)
    thread = threading.Thread(target=lambda: print("from a thread"))
    thread.start()
    thread.join()
    print("again from Python")
    return trial["x"]


EVERYTHING = [
    "from Python", "an error", "from C", "from a child", "its error", "from a thread",
    "again from Python",
]  # fmt: skip


def test_both_streams_of_all_that_a_trial_runs_in_order(run, tmp_path):
    study = run(everything, trials=2)
    assert printed(study, 0) == printed(study, study.trials[1]) == EVERYTHING
    assert ATTEMPT.findall(study.output(0)) == ["1"]
    assert files(tmp_path) == ["0.log", "1.log"]


def test_every_line_belongs_to_its_trial(run):
    def objective(trial):
        for line in range(50):
            print(trial.number, line)
        return 0.0

    study = run(objective, trials=30, workers=2)
    for number in range(30):
        assert printed(study, number) == [f"{number} {line}" for line in range(50)]


def test_a_silent_trial_has_no_file(run, tmp_path):
    study = run(lambda trial: trial["x"], trials=3)
    assert study.output(0) == ""
    assert not (tmp_path / "s.db.logs").exists()


def test_each_attempt_is_marked(run):
    def objective(trial):
        print("an attempt", end="")
        raise Failure("no luck")

    study = run(objective, retries=2)
    assert ATTEMPT.findall(study.output(0)) == ["1", "2", "3"]
    assert printed(study) == ["an attempt"] * 3


@pytest.mark.parametrize("runner", ["processes", "inline"])
def test_the_traceback_of_an_exception_is_kept(run, runner):
    def deeper():
        print("before it", end="\n" if runner == "inline" else "")
        raise KeyError("no luck")

    def objective(trial):
        try:
            deeper()
        except KeyError as error:
            raise ValueError("bad") from error

    text = run(objective, runner=runner).output(0)
    assert ("before it" in text) == (runner == "processes")
    lines = [line for line in text.splitlines() if not ATTEMPT.match(line)]
    lines = [line.removeprefix("before it") for line in lines]
    assert lines[0] == "Traceback (most recent call last):"
    assert "KeyError: 'no luck'" in lines
    assert lines[-1] == "ValueError: bad"
    assert f'  File "{__file__}"' in text
    assert os.path.dirname(hpo.__file__) not in text, "frames of ours are of no interest"


def test_the_end_is_kept(run, tmp_path):
    def objective(trial):
        for line in range(100_000):
            print(f"line {line}")
        return 0.0

    study = run(objective)
    text = study.output(0)
    assert text.endswith("line 99998\nline 99999\n")
    assert KEPT - 4096 <= len(text) <= 2 * KEPT + 100
    (file,) = tmp_path.glob("s.db.logs/*/0.log")
    assert file.stat().st_size == len(text)
    first, *lines = text.splitlines()
    assert re.fullmatch(r"--- \d+ bytes before this are not kept ---", first)
    begin = int(lines[0].removeprefix("line "))
    assert lines == [f"line {line}" for line in range(begin, 100_000)]
    whole = sum(len(f"line {line}\n") for line in range(100_000))
    header = len("--- attempt 1, 2026-11-29 23:44:12 ---\n")
    assert int(first.split()[1]) == whole + header - len(text) + len(first) + 1


@pytest.mark.parametrize("how", ["killed", "exits", "timeout", "segfault"])
def test_what_was_printed_before_the_death_of_a_worker_is_kept(run, how):
    def objective(trial):
        import ctypes

        print("last words")
        if how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "exits":
            os._exit(3)
        if how == "segfault":
            ctypes.string_at(0)
        time.sleep(600)

    study = run(objective, trial_timeout=5 if how == "timeout" else None)
    assert study.trials[0].state == "FAILED"
    assert printed(study)[0] == "last words"


def test_undecodable_output(run):
    def objective(trial):
        os.write(1, b"\xff\xfe\n")
        return 0.0

    assert printed(run(objective)) == ["\ufffd\ufffd"]


def test_what_loading_prints_stands_in_a_workers_first_trial(run, tmp_path):
    (tmp_path / "noisy.py").write_text("print('loading')\ndef f(trial):\n    return 0.0\n")
    study = run(f"{tmp_path}/noisy.py:f", trials=3)
    assert printed(study, 0) == ["loading"]
    assert study.output(1) == study.output(2) == ""


@pytest.mark.parametrize("runner", ["processes", "inline"])
def test_a_commands_output_is_kept_on_every_runner(run, runner, capfd, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import sys\nprint('training', flush=True)\nprint('a warning', file=sys.stderr)\n"
        "print('{\"value\": 0.5}')\n"
    )
    study = run({"command": f"{sys.executable} {script}"}, runner=runner)
    assert study.best.value == 0.5
    assert sorted(printed(study)) == ["a warning", "training", '{"value": 0.5}']
    assert capfd.readouterr().out == ""


def test_inline_leaves_the_output_of_functions_on_the_terminal(run, capfd):
    study = run(everything, runner="inline")
    assert capfd.readouterr().out.splitlines()[:1] == ["from Python"]
    assert study.output(0) == ""


def test_inherited_output_is_not_kept(run, capfd):
    study = run(everything, output="inherit")
    assert "from a child" in capfd.readouterr().err
    assert study.output(0) == ""


def test_output_of_a_study_in_memory_goes_with_its_store():
    store = MemoryStore()
    study = hpo.Study({"x": hpo.Float(0, 1)}, store=store)
    study.optimize(everything, trials=1, runner="processes", workers=1)
    assert printed(study) == EVERYTHING
    folder = output_folder(store, "study").path
    assert folder.stat().st_mode & 0o077 == 0
    study.close()
    del study, store
    assert not folder.exists()


def test_a_full_disk_harms_no_trial(run, monkeypatch, caplog):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hpo_bridge.contracts.trial_output._AttemptFile._append", full)
    study = run(everything, trials=3)
    assert len(study.trials) == 3
    (record,) = caplog.records
    assert "the output of trial 0 cannot be kept" in record.getMessage()


def test_a_database_on_a_server_has_its_output_in_the_users_logs(monkeypatch, tmp_path):
    class Server(MemoryStore):
        def folder(self, content):
            return None

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    study = hpo.Study({"x": hpo.Float(0, 1)}, store=Server())
    study.optimize(everything, trials=1, runner="processes", workers=1)
    assert printed(study) == EVERYTHING
    assert list(tmp_path.glob("hpo-bridge/logs/study-*/0.log"))


def test_the_driver_is_killed_and_goes_on(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent("""
        import os, time
        import hpo_bridge as hpo

        def objective(trial):
            print("attempt of", trial.number)
            while not os.path.exists("go"):
                time.sleep(0.05)
            return 0.0

        study = hpo.Study({"x": hpo.Float(0, 1)}, store="sqlite:///s.db")
        study.optimize(objective, trials=1, runner="processes", workers=1)
    """)
    )
    driver = subprocess.Popen([sys.executable, script], cwd=tmp_path)
    end = time.monotonic() + 150
    while not any("attempt of" in f.read_text() for f in tmp_path.glob("s.db.logs/*/0.log")):
        assert time.monotonic() < end  # readable while the trial runs
        time.sleep(0.05)
    driver.kill()
    driver.wait()
    (tmp_path / "go").touch()
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True, timeout=60)
    with hpo.Study({"x": hpo.Float(0, 1)}, store=f"sqlite:///{tmp_path}/s.db") as study:
        assert printed(study) == ["attempt of 0"] * 2
        assert ATTEMPT.findall(study.output(0)) == ["1", "2"]


def test_pieces_of_any_size(tmp_path):
    folder = OutputFolder(tmp_path)
    sink = folder.sink(3, 1)
    for size in (0, 1, KEPT - 1, KEPT, KEPT + 1, 5 * KEPT):
        sink.write(b"x" * size)
        kept = folder.read(3)
        assert kept.data.endswith(b"x" * min(size, KEPT))
        assert len(kept.data) <= 2 * KEPT
    header = len("--- attempt 1, 2026-11-29 23:44:12 ---\n")
    assert kept.end == header + 8 * KEPT + 1
    sink.write(b"y", left_out=7)
    assert folder.read(3).data.endswith(b"\n--- 7 bytes were dropped here ---\ny")
    assert os.listdir(tmp_path) == ["3.log"]
