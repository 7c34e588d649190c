"""Runner ``ray``: checkpoints of workers that do not see the driver's disks.

All is on one machine here; the driver is told that it is on another one than its workers.
"""

from __future__ import annotations

import errno
import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from hpo_bridge_ray import checkpoint_transfer
from hpo_bridge_ray.locked_folder import LockedFolder

import hpo_bridge as hpo
from hpo_bridge.config import StudyConfig
from hpo_bridge.contracts.checkpoint_folder import CheckpointFolder
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import ObjectiveError
from hpo_bridge.study import open_study


def steps(log, last, breaks):
    """An objective of ``last`` steps, each kept; the first attempt breaks after some.

    Its result is the step that it went on from. It writes down where its checkpoints lie.
    """

    def objective(trial):
        import tempfile
        from pathlib import Path

        found = trial.load_checkpoint()
        begin = int((found / "deep" / "step").read_text()) if found else 0
        for step in range(begin + 1, last + 1):
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "deep").mkdir()
                Path(folder, "deep", "step").write_text(str(step))
                Path(folder, "empty").touch()
                trial.checkpoint(folder)
            trial.report(float(begin), step)
            with open(log, "a") as file:
                file.write(f"{trial.load_checkpoint()}\n")
            if not begin:
                breaks(trial, step)
        return float(begin)

    return objective


@pytest.fixture
def elsewhere(monkeypatch):
    """The driver is on another machine than all workers."""
    monkeypatch.setattr("hpo_bridge_ray.runner.names", lambda: frozenset({"another"}))


@pytest.fixture
def kept(tmp_path):
    return CheckpointFolder(tmp_path / "kept")


@pytest.fixture
def log(tmp_path):
    """Where the trials' checkpoints were on the workers' disks; nothing of it stays."""
    log = tmp_path / "log"
    yield log
    places = [Path(line) for line in log.read_text().splitlines()]
    assert places
    folder = Path(tempfile.gettempdir())
    for place in places:
        assert place.is_relative_to(folder)
        own = folder / place.relative_to(folder).parts[0]
        assert own.name.startswith("hpo-bridge-kept-")
        assert not own.exists()


def test_a_killed_workers_trial_goes_on_elsewhere(make_work, runner, elsewhere, kept, log):
    def breaks(trial, step):
        import os
        import signal
        import time

        if trial.number == 0 and step == 3:
            os.kill(os.getppid(), signal.SIGKILL)  # Ray's worker
            time.sleep(60)

    work = make_work(steps(log, 5, breaks), [{}] * 2, again=True)
    work.checkpoints = kept
    runner().run(work)
    assert work.results == [3.0, 0.0]
    assert work.given_back[0].startswith("its worker on ")
    assert [(kept.find(n) / "deep" / "step").read_text() for n in (0, 1)] == ["5", "5"]
    assert sorted(os.listdir(kept.find(0))) == ["deep", "empty"]
    assert os.listdir(kept.path / "0") == ["5"]


def test_a_retry_goes_on_from_the_last(ray_here, elsewhere, log, tmp_path):
    def breaks(trial, step):
        if step == 2:
            raise ValueError("again")

    space = hpo.Space(x=hpo.Float(0, 1))
    folder = tmp_path / "kept"
    with open_study(StudyConfig(space, backend="core.random", checkpoints=folder)) as study:
        study.optimize(steps(log, 3, breaks), trials=3, runner="ray", workers=2, retries=1)
        assert [t.values for t in study.trials] == [{"value": 2.0}] * 3
        assert [t.attempts for t in study.trials] == [2] * 3
        assert [t.reports for t in study.trials] == [((1, 0.0), (2, 0.0), (3, 2.0))] * 3


def test_a_run_that_was_cut_goes_on_in_the_next(make_work, runner, elsewhere, kept, log):
    def breaks(trial, step):
        import time

        if step == 2:
            time.sleep(60)

    work = make_work(steps(log, 3, breaks), [{}])
    work.checkpoints = kept

    def stop():
        end = time.monotonic() + 150
        while kept.find(0) != kept.path / "0" / "2" and time.monotonic() < end:
            time.sleep(0.05)
        work.stopping = True

    watch = threading.Thread(target=stop)
    watch.start()
    runner(workers=1, grace=0.1).run(work)
    watch.join()
    assert work.given_back == {0: "the study was stopped"}
    work = make_work(work.objective, [{}])
    work.checkpoints = kept
    runner(workers=1).run(work)
    assert work.results == [2.0]


def test_half_of_a_checkpoint_is_none(make_work, runner, elsewhere, kept, tmp_path, monkeypatch):
    """The worker is killed when a part of its second checkpoint has come."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    os.mkdir(tempfile.gettempdir())

    def objective(trial):
        import os
        import tempfile
        from pathlib import Path

        found = trial.load_checkpoint()
        if found:
            return float((found / "size").read_text())
        Path(trial["pid"]).write_text(str(os.getppid()))
        for size in (1, 40_000_000):
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "size").write_text(str(size))
                Path(folder, "weights").write_bytes(bytes(size))
                trial.checkpoint(folder)
        return -1.0

    parts = []

    def unpack(entries, data, directory, real=checkpoint_transfer.unpack):
        real(entries, data, directory)
        parts.append(len(data))
        if len(parts) == 2:
            assert len(data) == checkpoint_transfer.PART
            os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    monkeypatch.setattr(checkpoint_transfer, "unpack", unpack)
    work = make_work(objective, [{"pid": str(tmp_path / "pid")}], again=True)
    work.checkpoints = kept
    runner().run(work)
    assert work.results == [1.0]
    assert work.given_back
    assert os.listdir(kept.path / "0") == ["1"]
    assert not os.listdir(tempfile.gettempdir())


class Full:
    """A disk that is full after the first checkpoint."""

    def __init__(self, real, error):
        self.real, self.error = real, error

    def save(self, number, directory, keep=None):
        if self.real.find(number) is not None:
            raise self.error
        self.real.save(number, directory, keep)

    def load(self, number):
        return self.real.load(number)


def test_what_the_driver_cannot_save_is_that_trials_error(make_work, runner, elsewhere, kept, log):
    work = make_work(steps(log, 3, lambda trial, step: None), [{}])
    work.checkpoints = Full(kept, OSError(errno.ENOSPC, "No space left on device"))
    runner(workers=1).run(work)
    (error,) = work.errors
    assert error.startswith("OSError: on the driver's machine: [Errno 28] No space left on device")
    assert work.outcomes[0].retriable
    assert (kept.find(0) / "deep" / "step").read_text() == "1"


def test_no_place_ends_the_run_with_the_reason(make_work, runner, elsewhere):
    def objective(trial):
        import tempfile
        from pathlib import Path

        assert trial.load_checkpoint() is None
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "x").touch()
            trial.checkpoint(folder)
        return 0.0

    work = make_work(objective, [{}] * 4)
    with pytest.raises(ObjectiveError, match=r"^nowhere to keep checkpoints$"):
        runner().run(work)
    assert not work.running
    assert not work.outcomes


def test_what_cannot_be_read_is_that_trials_error(make_work, runner, elsewhere):
    class Unread:
        def load(self, number):
            if number:
                raise PermissionError(errno.EACCES, "Permission denied")

    work = make_work(lambda trial: 1.0, [{}] * 2)
    work.checkpoints = Unread()
    runner(workers=1).run(work)
    assert work.outcomes[0].result == 1.0
    assert work.outcomes[1].state is TrialState.FAILED
    assert "its last checkpoint has not come to the worker" in work.errors[1]
    assert "Permission denied" in work.errors[1]


def test_on_one_machine_the_drivers_folder_is_used(ray_here, tmp_path):
    def breaks(trial, step):
        if step == 2:
            raise ValueError("again")

    space = hpo.Space(x=hpo.Float(0, 1))
    log, folder = tmp_path / "places", tmp_path / "kept"
    with open_study(StudyConfig(space, backend="core.random", checkpoints=folder)) as study:
        study.optimize(steps(log, 3, breaks), trials=1, runner="ray", workers=1, retries=1)
        assert [t.values for t in study.trials] == [{"value": 2.0}]
        assert study.trials[0].reports == ((1, 0.0), (2, 0.0), (3, 2.0))
    places = [Path(line) for line in log.read_text().splitlines()]
    assert [place.name for place in places] == ["1", "2", "3"]
    assert {place.parents[2] for place in places} == {folder}


def test_parts_are_the_files_again(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a" / "b").mkdir(parents=True)
    (source / "nothing").mkdir()
    target.mkdir()
    files = {"large": os.urandom(2500), "a/b/small": b"1", "empty": b"", "a/exact": b"2" * 1000}
    for name, data in files.items():
        (source / name).write_bytes(data)
    odd = os.fsdecode(b"name-\xff")
    (source / odd).write_bytes(b"3")
    parts = list(checkpoint_transfer.pack(source, 1000))
    assert {len(data) for _, data in parts[:-1]} == {1000}
    for entries, data in parts:
        checkpoint_transfer.unpack(entries, data, target)
    assert {name: (target / name).read_bytes() for name in files} == files
    assert (target / odd).read_bytes() == b"3"
    assert (target / "nothing").is_dir()
    assert len([p for p in target.rglob("*") if p.is_file()]) == len(files) + 1


@pytest.mark.parametrize("name", [b"../x", b"/tmp/x", b"a/../../x", b"", b"."])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(ValueError, match="leads out of its folder"):
        checkpoint_transfer.unpack([(name, 1)], b"1", inside)
    assert os.listdir(tmp_path) == ["inside"]
    assert not os.listdir(inside)


def test_what_is_left_by_the_killed_is_removed_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / "hpo-bridge-kept-dead"
    (dead / "study").mkdir(parents=True)
    (dead / "lock").touch()
    strange = tmp_path / "hpo-bridge-kept-strange"  # no lock: not ours
    strange.mkdir()
    first = LockedFolder()
    assert not dead.exists()
    second = LockedFolder()
    (first.path / "study").mkdir()
    assert len(os.listdir(tmp_path)) == 3
    second.close()
    second.close()
    assert (first.path / "study").exists()
    first.close()
    assert os.listdir(tmp_path) == [strange.name]
