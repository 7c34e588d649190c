"""Checkpoints on a disk: whole or not at all, and nothing else left."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpo_bridge.contracts.checkpoint_folder import CheckpointFolder
from hpo_bridge.contracts.checkpoints import Contents, Nowhere, contents
from hpo_bridge.errors import NoCheckpoints


@pytest.fixture
def kept(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "kept" / "study")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A directory to be kept."""
    folder = tmp_path / "work"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "model").write_bytes(b"1")
    (folder / "deep" / "er" / "ünï codé\n").write_bytes(b"\0\1")
    return folder


def tree(folder: Path) -> dict[str, bytes | None]:
    """Every file with what is in it, and every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_what_is_kept_is_found_again(kept: CheckpointFolder, work: Path) -> None:
    assert kept.load(3) is kept.find(3) is None
    assert not kept.path.parent.exists(), "nothing is created before the first is kept"
    before = tree(work)
    kept.save(3, work)
    shutil.rmtree(work)
    found = kept.load(3)
    assert found is not None
    assert tree(found) == before
    assert kept.find(3) == found
    assert kept.load(4) is None
    copy = pickle.loads(pickle.dumps(kept))
    assert copy == kept
    assert copy.load(3) == found


def test_each_takes_the_place_of_the_one_before(kept: CheckpointFolder, work: Path) -> None:
    for count in range(12):  # 10 is after 9 in numbers, not in names
        (work / "model").write_text(str(count))
        kept.save(0, work)
        found = kept.find(0)
        assert found is not None
        assert (found / "model").read_text() == str(count)
        assert len(os.listdir(kept.path / "0")) == 1


def test_what_is_being_read_stays_until_the_next_look(kept: CheckpointFolder, work: Path) -> None:
    kept.save(0, work)
    reading = kept.load(0)
    assert reading is not None
    for text in ("2", "3", "4"):
        (work / "model").write_text(text)
        kept.save(0, work, keep=reading)
        assert (reading / "model").read_text() == "1"
        assert len(os.listdir(kept.path / "0")) == 2
    newest = kept.load(0)
    assert newest is not None
    assert (newest / "model").read_text() == "4"
    assert not reading.exists()


def test_a_loaded_directory_can_be_kept_again(kept: CheckpointFolder, work: Path) -> None:
    kept.save(0, work)
    reading = kept.load(0)
    assert reading is not None
    kept.save(0, reading, keep=reading)
    newest = kept.load(0)
    assert newest is not None
    assert newest != reading
    assert (newest / "model").read_text() == "1"


def test_links_to_files_are_kept_as_files(kept: CheckpointFolder, work: Path) -> None:
    (work / "last").symlink_to("model")
    kept.save(0, work)
    found = kept.find(0)
    assert found is not None
    assert not (found / "last").is_symlink()
    assert (found / "last").read_text() == "1"


def test_what_cannot_be_kept(kept: CheckpointFolder, work: Path, tmp_path: Path) -> None:
    kept.save(0, work)

    def refused(directory: Path) -> str:
        with pytest.raises(ValueError, match=r"^checkpoint: ") as caught:
            kept.save(0, directory)
        return str(caught.value)

    assert refused(tmp_path / "absent").endswith("absent does not exist")
    assert refused(work / "model").endswith("model is a file, not a directory")
    assert refused(work / "empty").endswith("empty has no files")
    (work / "empty" / "more").mkdir()
    assert refused(work / "empty").endswith("empty has no files")
    assert "holds the study's checkpoints themselves" in refused(tmp_path)
    assert "holds the study's checkpoints themselves" in refused(kept.path)
    (work / "round").symlink_to(work)
    assert "round is a link to no file" in refused(work)
    (work / "round").unlink()
    (work / "dangling").symlink_to("nothing")
    assert "dangling is a link to no file" in refused(work)
    (work / "dangling").unlink()
    os.mkfifo(work / "pipe")
    assert "pipe is no regular file" in refused(work)
    (work / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listening, pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)  # the name of a socket must be short
        listening.bind("s")
        assert "s is no regular file" in refused(work)
    found = kept.find(0)
    assert found is not None
    assert (found / "model").read_text() == "1"
    assert os.listdir(kept.path / "0") == ["1"]


def test_contents_name_folders_before_what_is_in_them(work: Path) -> None:
    found = contents(work)
    assert isinstance(found, Contents)
    assert sorted(found.files) == ["deep/er/ünï codé\n", "model"]
    assert sorted(found.folders) == ["deep", "deep/er", "empty"]
    assert found.folders.index("deep") < found.folders.index("deep/er")


def test_a_full_disk_leaves_the_old_one(
    kept: CheckpointFolder, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.save(0, work)
    real, copied = shutil.copyfile, []

    def copyfile(source: Path, target: Path) -> None:
        if copied:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        copied.append(real(source, target))

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    (work / "model").write_text("2")
    with pytest.raises(OSError, match="No space left"):
        kept.save(0, work)
    assert os.listdir(kept.path / "0") == ["1"]
    assert tree(kept.path / "0" / "1")["model"] == b"1"


def test_a_place_that_is_a_file(kept: CheckpointFolder, work: Path) -> None:
    kept.path.parent.write_text("in the way")
    with pytest.raises(OSError, match="kept"):
        kept.save(0, work)
    with pytest.raises(OSError, match="kept"):  # not None: it is not known that there is none
        kept.load(0)
    kept.end(0, keep=False)
    assert kept.sweep() == []


@pytest.mark.parametrize("look", ["save", "load"])
def test_leftovers_of_a_killed_process_are_removed(
    kept: CheckpointFolder, work: Path, look: str
) -> None:
    kept.save(0, work)
    place = kept.path / "0"
    for name in ("new-0123", "old-0123"):
        shutil.copytree(work, place / name)
    (place / "stranger").write_text("not ours")
    assert kept.find(0) == place / "1"
    assert len(os.listdir(place)) == 4, "a reader changes nothing"
    kept.save(0, work) if look == "save" else kept.load(0)
    assert sorted(os.listdir(place)) == ["2" if look == "save" else "1", "stranger"]


def test_the_end_of_a_trial(kept: CheckpointFolder, work: Path) -> None:
    for number in range(3):
        kept.save(number, work)
        kept.save(number, work, keep=kept.load(number))
    kept.end(0, keep=True)
    kept.end(1, keep=False)
    kept.end(7, keep=False)
    assert os.listdir(kept.path / "0") == ["2"]
    assert sorted(os.listdir(kept.path)) == ["0", "2"]
    shutil.copytree(kept.path / "2", kept.path / "old-0123")
    assert kept.sweep() == [0, 2]
    assert sorted(os.listdir(kept.path)) == ["0", "2"]


def test_folders_of_studies() -> None:
    def folder(study: str, created: float) -> str:
        return CheckpointFolder.of(Path("/root"), study, created).path.name

    names = ["study", "Study", "a/b", "a_b", "../up", "..", "", "日本", "本日", "a\nb", "a" * 500,
             "a" * 499, "nul\0", "\ud800", "con.", "-rf"]  # fmt: skip
    folders = [folder(name, 1.5) for name in names] + [folder("study", 1.5000001)]
    assert len({name.casefold() for name in folders}) == len(folders)
    for name in folders:
        assert name.isascii()
        assert len(name) < 80
        assert name[0].isalnum()
        assert set(name).isdisjoint("/\\.:\0\n ")
    assert folder("study", 1.5) == folders[0]


def test_nowhere(work: Path) -> None:
    nowhere = pickle.loads(pickle.dumps(Nowhere("set this")))
    assert nowhere.load(0) is None
    for call in (lambda: nowhere.save(0, work), lambda: nowhere.find(0)):
        with pytest.raises(NoCheckpoints, match=r"^set this$"):
            call()


SAVES = """
import pickle, sys
from pathlib import Path
folder, work = pickle.loads(bytes.fromhex(sys.argv[1])), Path(sys.argv[2])
for count in range(int(sys.argv[3]), 10**9):
    for name in ("a", "b", "in/c", "in/d"):
        (work / name).write_text(str(count) * 20000)
    folder.save(5, work)
    print(count, flush=True)
"""


def test_killed_in_the_middle_again_and_again(kept: CheckpointFolder, tmp_path: Path) -> None:
    """What is found is always whole, and never older than what was said to be kept."""
    (tmp_path / "w" / "in").mkdir(parents=True)
    told, found, leftovers = -1, 0, 0
    for life in range(25):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVES, pickle.dumps(kept).hex(), str(tmp_path / "w"),
             str(found + 1)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.0011 * life)  # a save takes a few milliseconds: every part is met
        process.kill()
        lines = process.communicate()[0].split()
        told = max([told, *map(int, lines)])
        last = kept.find(5)
        assert last is not None
        texts = {(last / name).read_text() for name in ("a", "b", "in/c", "in/d")}
        assert len(texts) == 1, "parts of two checkpoints"
        (text,) = texts
        found = int(text[: len(text) // 20000])
        assert text == str(found) * 20000
        assert found >= told
        leftovers += len(os.listdir(kept.path / "5")) > 1
        assert kept.load(5) == last
        assert os.listdir(kept.path / "5") == [last.name]
    assert leftovers >= 5, "the kills have met no save"
