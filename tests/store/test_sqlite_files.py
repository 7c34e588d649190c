"""What files a SQLite store meets, and what it says about them."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge.errors import StoreError
from hpo_bridge.store import open_store
from hpo_bridge.store.sql import SqlStore
from hpo_bridge.version import __version__

Run = Callable[..., str]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")

# Reads all of a store as the user nobody, whom permissions bind.
AS_NOBODY = """
import os, sys
from hpo_bridge.errors import StoreError
from hpo_bridge.store.study_events import SplitAssigned
from hpo_bridge.store.sql import SqlStore
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    store = SqlStore(sys.argv[1])
    print(len(list(store.trials("s"))), len(list(store.events("s"))))
    SqlStore.patience = 0.5
    store.acquire("s").append([SplitAssigned(split=1, of=2, identity="")])
except StoreError as error:
    print(error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's."""
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="hpo-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def filled(path: Path, make: Any, trials: int = 3) -> None:
    store = SqlStore(f"sqlite:///{path}")
    store.create("s", {"space": {}})
    writer = store.acquire("s")
    for number in range(trials):
        writer.append(make.round(number))
    store.close()


def read_all(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}", create=False)
    for name in store.names():
        store.study(name)
        store.counts(name)
        list(store.trials(name))
        list(store.events(name))
    store.close()


def one_line(error: pytest.ExceptionInfo[StoreError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "url",
    ["mysql://u:secret@h/d", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "x.db",
     "postgresql+asyncpg://u:secret@h/d", "", "u:secret@h"],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(StoreError, match="accepted: sqlite:///relative") as caught:
        SqlStore(url)
    assert "secret" not in one_line(caught)


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    found = metadata.version

    def version(name: str) -> str:
        if name == "psycopg":
            raise metadata.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr("hpo_bridge.store.connection.find_spec", lambda name: None)
    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(StoreError, match=r'pip install "hpo-bridge\[postgresql\]"') as caught:
        SqlStore("postgresql://u:secret@h/d")
    assert "secret" not in one_line(caught)


def test_relative_paths_stay_where_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///a b%?#é.db".replace("?", "_"))
    assert store.url == "sqlite:///a b%_#é.db"
    monkeypatch.chdir("/")
    store.create("s", {})
    store.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a b%_#é.db"]


def test_create_false_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at sqlite:///"):
        SqlStore(f"sqlite:///{tmp_path}/a.db", create=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.db").touch()
    with pytest.raises(StoreError, match="no store at sqlite:///"):
        SqlStore(f"sqlite:///{tmp_path}/empty.db", create=False)
    assert (tmp_path / "empty.db").stat().st_size == 0
    SqlStore(f"sqlite:///{tmp_path}/empty.db").create("s", {})


def test_a_missing_folder_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"the folder .*/no does not exist"):
        SqlStore(f"sqlite:///{tmp_path}/no/a.db")
    with pytest.raises(StoreError, match="is a folder, not a file"):
        SqlStore(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "UPDATE hpo_meta SET value = CASE key WHEN 'written_by' THEN '3.1' ELSE '7' END",
            "written by hpo-bridge 3.1 with schema 7; this one, ",
        ),
        (
            "DELETE FROM hpo_meta WHERE key = 'written_by'",
            "written by an hpo-bridge with schema 1 of before 0.1.0; this one, ",
        ),
        ("DELETE FROM hpo_meta", "not a store of hpo_bridge, or a damaged one"),
    ],
)
def test_a_store_of_another_version(sql_url: str, change: str, said: str) -> None:
    """It is named, with what to do, and left as it is."""
    from sqlalchemy import text

    store = SqlStore(sql_url)
    store.create("s", {})
    with store._writing.begin() as connection:
        connection.execute(text(change))
    with pytest.raises(StoreError) as caught:
        SqlStore(sql_url)
    assert said in one_line(caught)
    if "written" in said:
        assert f"{__version__}, reads schema 1. " in str(caught.value)
        assert "export the study to JSON, and import that here" in str(caught.value)
    assert store.names() == ["s"]
    store.close()


def test_a_foreign_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE albums (x)")
    raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"of another program \(its tables: albums\)"):
        SqlStore(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"hello, world\n" * 100, random.Random(0).randbytes(20_000)])
def test_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a SQLite database") as caught:
        SqlStore(f"sqlite:///{path}")
    one_line(caught)
    assert path.read_bytes() == content


def test_a_truncated_file(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "a.db"
    filled(path, make, 300)
    whole = path.read_bytes()
    for part in (0.95, 0.5, 0.1):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(StoreError) as caught:
            read_all(path)
        assert "damaged" in one_line(caught)


def test_garbage_in_the_middle(tmp_path: Path, make: Any) -> None:
    """Never anything but a result or a StoreError."""
    path = tmp_path / "a.db"
    filled(path, make, 300)
    whole = path.read_bytes()
    seen = 0
    for page in range(1, len(whole) // 4096):
        garbage = random.Random(page).randbytes(4096)
        path.write_bytes(whole[: page * 4096] + garbage + whole[(page + 1) * 4096 :])
        with suppress(StoreError):
            read_all(path)
            continue
        seen += 1
    assert seen > 10


def test_a_cell_that_is_no_json(sql_store: SqlStore, make: Any) -> None:
    from sqlalchemy import text

    sql_store.acquire("s").append(make.round(0))
    with sql_store._writing.begin() as connection:
        connection.execute(text("UPDATE hpo_trials SET params = '{' "))
        connection.execute(text("UPDATE hpo_events SET data = '3' WHERE seq = 2"))
    with pytest.raises(StoreError, match="damaged"):
        list(sql_store.trials("s"))


@needs_root
def test_a_read_only_folder(open_folder: Path, make: Any, run: Run) -> None:
    path = open_folder / "a.db"
    filled(path, make)
    open_folder.chmod(0o555)
    first, second = run(AS_NOBODY, f"sqlite:///{path}").splitlines()
    assert first == "3 9"
    assert second == f"sqlite:///{path}: read-only for this user"
    assert run(AS_NOBODY, f"sqlite:///{open_folder}/b.db") == (
        f"sqlite:///{open_folder}/b.db: this user may not write to the folder {open_folder}"
    )
    path.chmod(0o600)
    assert run(AS_NOBODY, f"sqlite:///{path}") == (
        f"sqlite:///{path}: this user may not read the file"
    )


@needs_root
def test_a_read_only_folder_while_it_is_driven(open_folder: Path, make: Any, run: Run) -> None:
    path = open_folder / "a.db"
    filled(path, make)
    store = SqlStore(f"sqlite:///{path}")
    store.acquire("s").append(make.round(3))
    assert path.with_name("a.db-wal").stat().st_size
    first, *_ = run(AS_NOBODY, f"sqlite:///{path}").splitlines()
    assert first == "4 12"
    # What was left by a kill, without the -shm file that could not be made here.
    left = open_folder / "left"
    left.mkdir()
    for name in ("a.db", "a.db-wal"):
        shutil.copy(open_folder / name, left / name)
    left.chmod(0o555)
    assert "and a.db-wal holds changes; copy both" in run(AS_NOBODY, f"sqlite:///{left}/a.db")
    store.close()


@needs_root
@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_a_file_of_another_user_in_a_writable_folder(
    open_folder: Path, make: Any, run: Run, mode: int
) -> None:
    path = open_folder / "a.db"
    filled(path, make)
    path.chmod(mode)
    open_folder.chmod(0o777)
    first, second = run(AS_NOBODY, f"sqlite:///{path}").splitlines()
    assert first == "3 9"
    assert second == f"sqlite:///{path}: read-only for this user"


FULL_DISK = """
import resource, sys
from hpo_bridge.errors import StoreError
from hpo_bridge.store.study_events import SplitAssigned
from hpo_bridge.store.sql import SqlStore
store = SqlStore(sys.argv[1])
store.create("s", {})
writer = store.acquire("s")
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
try:
    for n in range(100_000):
        batch = [SplitAssigned(split=1, of=2, identity="x" * 900)] * 3
        writer.append(batch)
except StoreError as error:
    print(error)
for _ in range(2):
    print(writer.seq, len(list(store.events("s"))))
if sys.argv[2] == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    writer.append(batch)
    print(writer.seq, len(list(store.events("s"))))
"""


def test_a_file_that_may_not_grow(tmp_path: Path, run: Run) -> None:
    error, before, again, after = run(
        FULL_DISK, f"sqlite:///{tmp_path}/a.db", "limit"
    ).splitlines()
    assert error.startswith(f"sqlite:///{tmp_path}/a.db: the ")
    seq, stored = map(int, before.split())
    assert seq == stored > 0
    assert seq % 3 == 0
    assert again == before
    assert after == f"{seq + 3} {seq + 3}"  # and when there is room again, it goes on


@needs_root
def test_a_full_disk(tmp_path: Path, run: Run) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no mounting here")
    try:
        error, before, again = run(FULL_DISK, f"sqlite:///{disk}/a.db", "disk").splitlines()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert error == f"sqlite:///{disk}/a.db: the disk is full"
    seq, stored = map(int, before.split())
    assert seq == stored > 0
    assert seq % 3 == 0
    assert again == before


def test_a_lock_of_another_program(
    tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    monkeypatch.setattr(SqlStore, "busy", 0.2)
    store = SqlStore(f"sqlite:///{path}")
    store.create("s", {})
    writer = store.acquire("s")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(1.0, other.execute, ["COMMIT"])
    release.start()
    began = time.monotonic()
    writer.append([make.session()])
    assert 0.8 < time.monotonic() - began < 30
    release.join()
    other.execute("BEGIN EXCLUSIVE")
    writer.patience = 0.5
    with pytest.raises(StoreError, match=r"a\.db: locked by another program$"):
        writer.append([make.asked(0)])
    assert writer.seq == 1
    assert len(list(store.events("s"))) == 1  # WAL: readers are not held up
    other.execute("COMMIT")
    writer.append([make.asked(0)])
    assert [e.seq for e in store.events("s")] == [1, 2]
    other.close()
    store.close()


def test_two_that_create_at_once(sql_url: str, spawn: Callable[..., Any]) -> None:
    code = """
import sys
from hpo_bridge.store.sql import SqlStore
print("ready", flush=True)
sys.stdin.readline()
store = SqlStore(sys.argv[1])
store.create("s", {})
print(store.names(), flush=True)
"""
    racers = [spawn(code, sql_url) for _ in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    for racer in racers:
        out, err = racer.communicate(timeout=150)
        assert out == "['s']\n", err


def test_a_folder_where_no_file_can_be_made() -> None:
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        SqlStore("sqlite:////proc/study.db")
    assert "\n" not in str(caught.value)


def test_a_question_mark_is_not_half_of_a_name() -> None:
    with pytest.raises(StoreError, match="has no options"):
        SqlStore("sqlite:///a?b.db")
