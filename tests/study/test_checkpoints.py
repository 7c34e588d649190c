"""Checkpoints of trials: a trial goes on where an earlier attempt of it stopped."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Float, HpoBridgeError, Study, Trial, TrialPruned, TrialState
from hpo_bridge.contracts.checkpoint_folder import CheckpointFolder
from hpo_bridge.errors import NoCheckpoints, ObjectiveError
from hpo_bridge.store.event_types import Requeued

Make = Callable[..., Study]

RUNNERS = pytest.mark.parametrize(
    ("runner", "options"), [("inline", {}), ("processes", {"workers": 1})], ids=lambda v: str(v)
)


def keep(trial: Trial, text: str) -> None:
    """Keeps a checkpoint of two files that belong together."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a").write_text(text)
        Path(folder, "b").write_text(text)
        trial.checkpoint(folder)


def read(folder: Path | None) -> str | None:
    """What is in such a checkpoint."""
    if folder is None:
        return None
    a, b = (folder / "a").read_text(), (folder / "b").read_text()
    assert a == b
    return a


def epochs(trial: Trial, log: Path, *, unlucky: Callable[[int], None], last: int = 3) -> float:
    """An objective that goes on, and has bad luck in each attempt after two epochs."""
    kept = read(trial.load_checkpoint())
    begin = 0 if kept is None else int(kept) + 1
    for epoch in range(begin, last + 1):
        keep(trial, str(epoch))
        with log.open("a") as file:
            file.write(f"{trial.number}:{epoch} ")
        if epoch == begin + 1 < last:
            unlucky(epoch)
    return float(trial.number)


def fail(epoch: int) -> None:
    raise ValueError("unlucky")


def crash(epoch: int) -> None:
    os._exit(9)


def interrupt(epoch: int) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def folders(root: Path) -> list[str]:
    """The trials that have something in the only study's folder."""
    (study,) = root.iterdir()
    return sorted(os.listdir(study))


# -- going on -----------------------------------------------------------------------------


@RUNNERS
def test_a_retry_goes_on(
    study: Make, url: str, log: Path, runner: str, options: dict[str, Any]
) -> None:
    s = study(store=url)
    s.optimize(
        lambda trial: epochs(trial, log, unlucky=fail, last=5),
        trials=2, runner=runner, retries=2, **options,
    )  # fmt: skip
    assert sorted(log.read_text().split()) == [f"{n}:{e}" for n in (0, 1) for e in range(6)]
    assert [(t.state, t.attempts) for t in s.trials] == [(TrialState.COMPLETE, 3)] * 2
    assert [read(s.checkpoint(n)) for n in (0, 1)] == ["5", "5"]


def test_a_retry_goes_on_after_a_crash(study: Make, url: str, log: Path) -> None:
    s = study(store=url)
    s.optimize(
        lambda trial: epochs(trial, log, unlucky=crash),
        trials=1, runner="processes", workers=1, retries=1,
    )  # fmt: skip
    assert log.read_text().split() == ["0:0", "0:1", "0:2", "0:3"]


def test_what_ctrl_c_cut_goes_on(study: Make, log: Path) -> None:
    s = study()
    with pytest.raises(KeyboardInterrupt):
        s.optimize(lambda trial: epochs(trial, log, unlucky=interrupt), trials=1)
    assert s.trials[0].state is TrialState.WAITING
    s.optimize(lambda trial: epochs(trial, log, unlucky=interrupt), trials=1)
    assert log.read_text().split() == ["0:0", "0:1", "0:2", "0:3"]


DRIVER = """
import os, sys, tempfile, time
from pathlib import Path
import hpo_bridge as hpo

url, runner, log = sys.argv[1:]

def objective(trial):
    kept = trial.load_checkpoint()
    begin = 0 if kept is None else int((kept / "epoch").read_text()) + 1
    for epoch in range(begin, 4):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "epoch").write_text(str(epoch))
            trial.checkpoint(folder)
        with open(log, "a") as file:
            file.write(f"{trial.number}:{epoch} ")
        if begin == 0 and epoch == 1:
            time.sleep(60)
    return trial["x"]

options = {"workers": 2} if runner == "processes" else {}
with hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=1, store=url) as study:
    study.optimize(objective, trials=2, runner=runner, **options)
"""


@pytest.mark.parametrize("runner", ["inline", "processes"])
def test_what_the_death_of_its_driver_cut_goes_on(
    url: str, tmp_path: Path, log: Path, runner: str
) -> None:
    cut = [0, 1] if runner == "processes" else [0]

    def drive() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", DRIVER, url, runner, str(log)])

    first = drive()
    end = time.monotonic() + 150
    log.touch()
    while any(f"{number}:1" not in log.read_text().split() for number in cut):
        assert time.monotonic() < end
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = log.read_text().split()
    assert sorted(before) == [f"{number}:{epoch}" for number in cut for epoch in (0, 1)]
    if runner == "inline":  # the second trial sleeps in its first attempt, too
        second = drive()
        while "1:1" not in log.read_text().split():
            assert time.monotonic() < end
            time.sleep(0.01)
        second.kill()
        second.wait()
    assert drive().wait(timeout=150) == 0
    assert sorted(log.read_text().split()) == [f"{n}:{e}" for n in (0, 1) for e in range(4)]


def test_two_trials_at_once_do_not_meet(study: Make, url: str, tmp_path: Path) -> None:
    def objective(trial: Trial) -> float:
        first = trial.load_checkpoint()
        (tmp_path / f"begun{trial.number}").touch()
        while not all((tmp_path / f"begun{number}").exists() for number in (0, 1)):
            time.sleep(0.005)
        for step in range(20):
            keep(trial, f"{trial.number}.{step}")
            assert read(trial.load_checkpoint()) == f"{trial.number}.{step}"
        if first is None:
            raise ValueError("again")
        return 0.0

    s = study(store=url)
    s.optimize(objective, trials=2, runner="processes", workers=2, retries=1)
    assert [t.state for t in s.trials] == [TrialState.COMPLETE] * 2, s.trials
    assert [read(s.checkpoint(n)) for n in (0, 1)] == ["0.19", "1.19"]


# -- by hand, and what an objective sees --------------------------------------------------


def test_by_hand(study: Make, url: str, tmp_path: Path) -> None:
    s = study(store=url)
    trial = s.ask()
    assert trial.load_checkpoint() is None
    assert s.checkpoint(trial) is s.checkpoint(99) is None
    assert not (tmp_path / "s.db.checkpoints").exists(), "nothing is created before"
    keep(trial, "1")
    reading = trial.load_checkpoint()
    assert isinstance(reading, Path)
    for text in ("2", "3"):
        keep(trial, text)
        assert read(reading) == "1", "stays while others are kept"
    assert read(s.checkpoint(trial)) == read(trial.load_checkpoint()) == "3"
    assert not reading.exists()
    s.tell(trial, 0.5)
    assert read(s.checkpoint(trial.number)) == read(s.checkpoint(s.best)) == "3"
    other = s.ask()
    keep(other, "x")
    s.close()
    again = study(store=url)
    taken = again.ask()
    assert taken.number == other.number
    assert read(taken.load_checkpoint()) == "x"


def test_mistakes_are_raised_into_the_objective(study: Make, tmp_path: Path) -> None:
    trial = study().ask()
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for wrong in (None, 3, b"bytes", ["list"]):
        with pytest.raises(TypeError, match=r"^checkpoint: expected a path, found "):
            trial.checkpoint(wrong)  # type: ignore[arg-type]
    for wrong, why in [("absent", "does not exist"), ("file", "is a file"),
                       ("empty", "has no files"), ("nul\0", "null")]:  # fmt: skip
        with pytest.raises(ValueError, match=why):
            trial.checkpoint(tmp_path / wrong)
    assert trial.load_checkpoint() is None


@pytest.mark.parametrize("runner", ["inline", "processes"])
def test_relative_paths_are_the_objectives(
    study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runner: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work").mkdir()
    for name in "ab":
        (tmp_path / "work" / name).write_text("here")

    def objective(trial: Trial) -> float:
        trial.checkpoint("work")
        os.chdir("/")
        return 0.0

    s = study(store="sqlite:///s.db", checkpoints="ck")
    s.optimize(objective, trials=1, runner=runner)
    monkeypatch.chdir("/")
    assert read(s.checkpoint(0)) == "here"
    assert folders(tmp_path / "ck") == ["0"]


def test_a_write_that_fails_fails_the_trial_and_keeps_the_old(study: Make, url: str) -> None:
    """A limit of the system's on the size of files stands for a full disk."""

    def objective(trial: Trial) -> float:
        import resource

        found = read(trial.load_checkpoint())
        if found is not None:
            return float(found)
        keep(trial, "17")
        with tempfile.TemporaryDirectory() as folder:
            for name in "ab":
                Path(folder, name).write_bytes(b"x" * 500_000)
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
            trial.checkpoint(folder)
        return 0.0

    s = study(store=url)
    s.optimize(objective, trials=1, runner="processes", workers=1, retries=1)
    (trial,) = s.trials
    assert (trial.value, trial.attempts) == (17.0, 2)
    (requeued,) = s.store.events_of(s.name, Requeued)
    assert "OSError: [Errno 27] File too large" in requeued.reason
    s.optimize(objective, trials=2, runner="processes", workers=1)
    assert s.trials[1].state is TrialState.FAILED
    assert "File too large" in str(s.trials[1].error)
    assert s.checkpoint(1) is None


# -- what stays ---------------------------------------------------------------------------


@RUNNERS
def test_only_complete_trials_keep_theirs(
    study: Make, url: str, tmp_path: Path, runner: str, options: dict[str, Any]
) -> None:
    def objective(trial: Trial) -> Any:
        for text in ("first", "last"):
            keep(trial, f"{trial.number} {text}")
            trial.load_checkpoint()
        if trial.number % 3 == 1:
            raise TrialPruned
        if trial.number % 3 == 2:
            return float("nan") if trial.number == 2 else "no number"
        return trial.number

    s = study(store=url)
    s.optimize(objective, trials=7, runner=runner, **options)
    assert [t.state.value[0] for t in s.trials] == list("CPFCPFC")
    root = tmp_path / "s.db.checkpoints"
    assert folders(root) == ["0", "3", "6"]
    assert [read(s.checkpoint(n)) for n in (0, 1, 3)] == ["0 last", None, "3 last"]
    assert read(s.checkpoint(s.best)) == "0 last"
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) == 3 * 2, "of each, its last and nothing else"


def test_what_a_killed_driver_left_is_cleared_away(study: Make, url: str, tmp_path: Path) -> None:
    s = study(store=url)
    for state in ("COMPLETE", "FAILED", "PRUNED"):
        s.tell(s.ask(), 0.5, state=state)
    running = s.ask()
    keep(running, "goes on")
    (place,) = (tmp_path / "s.db.checkpoints").iterdir()
    for name in ("0/1", "0/2", "0/new-7", "1/1", "2/1", "9/1", "old-7", "notes"):
        shutil.copytree(place / "3" / "1", place / name)
    s.close()
    study(store=url).counts  # noqa: B018  a reader
    assert len(os.listdir(place)) == 7
    again = study(store=url)
    taken = again.ask()
    assert sorted(os.listdir(place)) == ["0", "3", "notes"], "9 is a trial that is not there"
    assert os.listdir(place / "0") == ["2"]
    assert read(taken.load_checkpoint()) == "goes on"


def test_a_study_in_memory_has_a_temporary_folder(temporary: Path) -> None:
    s = Study({"x": Float(0, 1)}, seed=0)
    trial = s.ask()
    assert os.listdir(temporary) == [], "nothing is created before"
    keep(trial, "1")
    (place,) = next(temporary.iterdir()).iterdir()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700, "the folder around it is public"
    s.tell(trial, 1.0)
    s.close()
    assert read(s.checkpoint(0)) == "1"
    child = os.fork()
    if child == 0:
        try:
            del s
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert read(s.checkpoint(0)) == "1", "a forked child does not remove it"
    del s, trial
    gc.collect()
    assert os.listdir(temporary) == []


# -- where --------------------------------------------------------------------------------


def test_an_earlier_study_of_the_same_name_is_another_one(
    study: Make, url: str, tmp_path: Path
) -> None:
    first = study(store=url)
    keep(first.ask(), "of the first")
    first.close()
    for path in tmp_path.glob("s.db*"):
        path.unlink() if path.is_file() else None
    second = study(store=url)
    trial = second.ask()
    assert trial.load_checkpoint() is second.checkpoint(0) is None
    keep(trial, "of the second")
    assert read(second.checkpoint(0)) == "of the second"
    assert len(os.listdir(tmp_path / "s.db.checkpoints")) == 2


def test_trials_that_an_older_copy_of_the_database_lacks(
    study: Make, url: str, tmp_path: Path
) -> None:
    s = study(store=url)
    s.tell(s.ask(), 0.5)
    s.close()
    shutil.copy(tmp_path / "s.db", tmp_path / "backup")
    s = study(store=url)
    keep(s.ask(), "of a history that is no more")
    s.close()
    shutil.copy(tmp_path / "backup", tmp_path / "s.db")
    trial = study(store=url).ask()
    assert trial.number == 1
    assert trial.load_checkpoint() is None


@pytest.mark.parametrize("name", ["a/b", "../../up", "..", "日本語", "a b\n'\"", "x" * 300, "CON"])
def test_names_that_are_no_file_names(study: Make, url: str, tmp_path: Path, name: str) -> None:
    one, other = study(store=url, name=name), study(store=url, name=name + "_")
    for s in (one, other):
        keep(s.ask(), s.name)
    assert [read(s.checkpoint(0)) for s in (one, other)] == [one.name, other.name]
    root = tmp_path / "s.db.checkpoints"
    assert len(os.listdir(root)) == 2
    assert {path.parent for path in tmp_path.rglob("0")} == set(root.iterdir())


def test_wrong_folders_are_refused(study: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for wrong in (3, b"x", "", ["x"], tmp_path / "file"):
        with pytest.raises(HpoBridgeError, match=r"^checkpoints: .*expected a folder"):
            study(checkpoints=wrong)


@pytest.fixture
def postgres(study: Make, postgres_url: str) -> Make:
    """Makes studies in PostgreSQL."""

    def make(**options: Any) -> Study:
        return study(store=postgres_url, **options)

    return make


@pytest.mark.parametrize(
    ("runner", "error"), [("inline", NoCheckpoints), ("processes", ObjectiveError)]
)
def test_postgresql_needs_to_be_told_where(
    postgres: Make, tmp_path: Path, log: Path, runner: str, error: type[Exception]
) -> None:
    why = (
        r"^nowhere to keep checkpoints: study 'study' is in postgresql://.*, which has no folder "
        r".*'checkpoints: FOLDER' in the study file, StudyConfig\(…, checkpoints=FOLDER\) in "
        r"Python$"
    )
    s = postgres()
    with pytest.raises(error, match=why):
        s.optimize(lambda trial: epochs(trial, log, unlucky=fail), trials=2, runner=runner)
    assert {t.state for t in s.trials} == {TrialState.WAITING}, "no trial is spent on it"
    trial = s.ask()
    assert trial.load_checkpoint() is None
    with pytest.raises(NoCheckpoints, match=why):
        trial.checkpoint(tmp_path)
    with pytest.raises(NoCheckpoints, match=why):
        s.checkpoint(0)
    s.close()
    s = postgres(checkpoints=tmp_path / "ck")
    s.optimize(lambda trial: epochs(trial, log, unlucky=fail), trials=2, runner=runner, retries=1)
    assert [t.state for t in s.trials] == [TrialState.COMPLETE] * 2
    assert read(s.checkpoint(s.best)) == "3"
    assert folders(tmp_path / "ck") == ["0", "1"]


def test_the_key_of_a_study_file(tmp_path: Path) -> None:
    (tmp_path / "objective.py").write_text(
        textwrap.dedent(
            """
            def train(trial):
                kept = trial.load_checkpoint()
                if kept is None:
                    trial.checkpoint("work")
                    raise ValueError("again")
                return float((kept / "value").read_text())
            """
        )
    )
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "value").write_text("0.25")
    (tmp_path / "s.yaml").write_text(
        "objective: objective.py:train\nspace: {x: {type: float, low: 0, high: 1}}\n"
        "budget: {trials: 1}\nrunner: {name: inline, retries: 1}\ncheckpoints: ./kept\n"
    )
    command = [sys.executable, "-m", "hpo_bridge", "run", "s.yaml", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert '"value": 0.25' in done.stdout
    assert folders(tmp_path / "kept") == ["0"]
    assert not (tmp_path / "s.db.checkpoints").exists()


def test_the_folder_can_be_handed_to_another_process(study: Make, url: str) -> None:
    s = study(store=url)
    trial = s.ask()
    keep(trial, "1")
    folder = s._drive().checkpoints
    assert isinstance(folder, CheckpointFolder)
    assert folder.load(trial.number) == trial.load_checkpoint()
