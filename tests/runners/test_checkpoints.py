"""How runners hand on checkpoints: as they are, and from disks that the driver does not see."""

from __future__ import annotations

import os
import pickle
import tempfile
import time
from pathlib import Path

import pytest

from hpo_bridge.contracts.checkpoint_folder import CheckpointFolder
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import NoCheckpoints, ObjectiveError
from hpo_bridge.objectives.main_module import MainModule
from hpo_bridge.objectives.objective import FunctionObjective
from hpo_bridge.runners.inline import Inline
from hpo_bridge.runners.processes import Processes
from hpo_bridge.runners.worker import WorkerSettings
from hpo_bridge.runners.worker_handle import WorkerHandle


def keep(trial, text):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "text").write_text(text)
        trial.checkpoint(folder)


@pytest.fixture
def kept(tmp_path):
    return CheckpointFolder(tmp_path / "kept")


def test_a_timeout_in_the_middle_of_a_save_leaves_the_old(make_work, kept, tmp_path):
    """Inline, the alarm cuts the copying; in workers, the whole process."""
    big = tmp_path / "big"
    big.mkdir()
    (big / "text").write_text("new")
    (big / "large").write_bytes(b"x")

    def objective(trial):
        import shutil
        import time

        keep(trial, "old")
        real = shutil.copyfile

        def slow(source, target):
            time.sleep(10 if "large" in str(source) else 0)
            return real(source, target)

        shutil.copyfile = slow
        try:
            trial.checkpoint(big)
        finally:
            shutil.copyfile = real
        return 0.0

    for runner in (Inline(trial_timeout=0.3), Processes(workers=1, trial_timeout=0.3)):
        work = make_work(objective, [{}])
        work.checkpoints = kept
        runner.run(work)
        assert work.errors == ["timed out after 0.3 s"]
        assert (kept.find(0) / "text").read_text() == "old"
        found = kept.load(0)
        assert os.listdir(kept.path / "0") == [found.name]
        assert os.listdir(found) == ["text"]


@pytest.mark.parametrize(
    ("runner", "error"), [(Inline(), NoCheckpoints), (Processes(workers=2), ObjectiveError)]
)
def test_no_place_ends_the_run_with_the_reason(make_work, runner, error):
    def objective(trial):
        assert trial.load_checkpoint() is None
        keep(trial, "x")
        return 0.0

    work = make_work(objective, [{}] * 4)
    with pytest.raises(error, match=r"^nowhere to keep checkpoints$"):
        runner.run(work)
    assert not work.outcomes
    assert not work.running
    assert len(work.given_back) >= 1


def test_threads_of_one_trial_keep_one_after_another(make_work, kept):
    def objective(trial):
        import threading

        threads = [threading.Thread(target=keep, args=(trial, str(n))) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return float((trial.load_checkpoint() / "text").read_text())

    work = make_work(objective, [{}])
    work.checkpoints = kept
    Inline().run(work)
    assert work.results[0] in range(8)
    assert os.listdir(kept.path / "0") == ["8"], "each of the eight was kept"


class Distant:
    """A runner whose one worker sees other disks: what it keeps there is carried here."""

    def __init__(self, objective, there, here):
        self.there, self.here = there, here
        self.carried = []
        self.problem = None
        packed = pickle.dumps(FunctionObjective(objective))
        self.worker = WorkerHandle(
            WorkerSettings(
                packed,
                MainModule.here(),
                None,
                None,
                True,
                checkpoints=there,
                confirms_checkpoints=True,
            )
        )

    def run(self, number):
        last = self.here.load(number)
        if last is not None:
            self.there.save(number, last)
        self.worker.submit(Trial(number, {}, 0, channel=None))
        end = time.monotonic() + 150
        while True:
            assert time.monotonic() < end
            self.worker.line.poll(0.05)
            kind, *fields = self.worker.receive() or [None]
            if kind == "checkpoint":
                self.carry(*fields)
            elif kind == "done":
                break
        self.there.end(number, keep=False)
        return tuple(fields)

    def carry(self, number):
        if self.problem is None:
            self.here.save(number, self.there.find(number))
            self.carried.append(number)
        self.worker.answer(self.problem)

    def close(self):
        self.worker.close()


def test_a_worker_without_the_drivers_disks(tmp_path):
    there, here = CheckpointFolder(tmp_path / "there"), CheckpointFolder(tmp_path / "here")

    def objective(trial):
        found = trial.load_checkpoint()
        if found is not None:
            return float((found / "text").read_text())
        for text in ("1", "2"):
            keep(trial, text)
            # By now it is safe, on the driver's side.
            assert [p.read_text() for p in tmp_path.glob("here/5/*/text")] == [text]
        raise ValueError("again")

    distant = Distant(objective, there, here)
    try:
        assert distant.run(5)[2].startswith("ValueError: again")
        assert distant.carried == [5, 5]
        assert not (there.path / "5").exists(), "another worker may be given the next attempt"
        assert distant.run(5)[:2] == ("COMPLETE", 2.0)
        distant.problem = "the driver's disk is full"
        assert distant.run(6)[2].startswith("OSError: the driver's disk is full")
    finally:
        distant.close()
