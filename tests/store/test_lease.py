"""One driver at a time; that of a dead one is taken over without anybody's help."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hpo_bridge.errors import LeaseLost, StoreError, StudyLocked
from hpo_bridge.store.lock import STALE, STALE_HERE, Holder
from hpo_bridge.store.sql import SqlStore

Spawn = Callable[..., "subprocess.Popen[str]"]

DRIVER = """
import sys, time
from hpo_bridge.store.sql import SqlStore
SqlStore(sys.argv[1]).acquire("s")
print("held", flush=True)
time.sleep(60)
"""

RACER = """
import sys
from hpo_bridge.errors import StudyLocked
from hpo_bridge.store.sql import SqlStore
store = SqlStore(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
try:
    writer = store.acquire("s")
except StudyLocked as error:
    print("locked", flush=True)
else:
    print("won", flush=True)
sys.stdin.readline()
"""


def forge(store: SqlStore, silence: float, **changes: Any) -> None:
    """Makes the lease of ``store`` one of another driver, silent for so many seconds."""
    holder = replace(Holder.here(), **changes)
    with store._writing.begin() as connection:
        connection.execute(
            text(
                "UPDATE hpo_studies SET lease_token = 'other', lease_holder = :holder, "
                f"lease_heartbeat = {store._now} - :silence"
            ),
            {"holder": json.dumps(holder.dump()), "silence": silence},
        )


def free_pid(spawn: Spawn) -> int:
    process = spawn("")
    process.wait()
    return process.pid


def test_a_second_driver_is_told_who_drives(sql_url: str, sql_store: SqlStore) -> None:
    before = time.time()
    writer = sql_store.acquire("s")
    other = SqlStore(sql_url)
    with pytest.raises(StudyLocked) as caught:
        other.acquire("s")
    other.close()
    message = str(caught.value)
    assert message.startswith(f"study 's' in {sql_store.url} is being run by pid {os.getpid()} ")
    assert f" on host {socket.gethostname()} since 20" in message
    assert message.endswith("(this process); stop it first or use another store")
    row = sql_store.study("s")
    assert row is not None
    assert row.driver is not None
    assert row.driver in message
    assert abs(Holder.here().since - before) < 60
    writer.release()
    row = sql_store.study("s")
    assert row is not None
    assert row.driver is None
    sql_store.acquire("s")


def test_a_released_writer_cannot_write(sql_store: SqlStore, make: Any) -> None:
    writer = sql_store.acquire("s")
    writer.release()
    writer.release()
    with pytest.raises(LeaseLost):
        writer.append([make.session()])
    with pytest.raises(LeaseLost):
        writer.save_snapshot({})
    assert list(sql_store.events("s")) == []


def test_a_driver_in_another_process(
    sql_url: str, sql_store: SqlStore, spawn: Spawn, make: Any
) -> None:
    """It is respected while it lives, and replaced as soon as it was killed."""
    driver = spawn(DRIVER, sql_url)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "held\n"
    with pytest.raises(StudyLocked, match=f"pid {driver.pid} on host"):
        sql_store.acquire("s")
    driver.send_signal(signal.SIGSTOP)  # it lives, though its heart does not beat
    with pytest.raises(StudyLocked):
        sql_store.acquire("s")
    driver.kill()
    for _ in range(100):  # a zombie until its parent looks: dead all the same
        row = sql_store.study("s")
        assert row is not None
        if row.driver is None:
            break
        time.sleep(0.02)
    began = time.monotonic()
    sql_store.acquire("s").append([make.session()])
    assert time.monotonic() - began < 2


def test_a_reused_pid_is_another_process(sql_store: SqlStore) -> None:
    forge(sql_store, 0.0, start="1")
    sql_store.acquire("s")


def test_a_dead_pid(sql_store: SqlStore, spawn: Spawn) -> None:
    forge(sql_store, 0.0, pid=free_pid(spawn))
    sql_store.acquire("s")


@pytest.mark.parametrize(
    ("changes", "limit"), [({"host": "far-away"}, STALE), ({"boot": "earlier"}, STALE_HERE)]
)
def test_elsewhere_the_heartbeat_decides(
    sql_store: SqlStore, changes: dict[str, str], limit: float
) -> None:
    forge(sql_store, limit - 5, **changes)
    with pytest.raises(StudyLocked):
        sql_store.acquire("s")
    forge(sql_store, limit + 5, **changes)
    sql_store.acquire("s")


def test_the_heart_beats(
    sql_url: str, sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlStore, "heartbeat", 0.05)
    writer = sql_store.acquire("s")

    def silence() -> float:
        with sql_store._read() as connection:
            value: float = sql_store._row(connection, "s").silence
            return value

    time.sleep(1.0)
    assert silence() < 0.5
    seconds = sql_store.study("s")
    assert seconds is not None
    assert seconds.seconds > 0.4
    writer.release()


def test_a_writer_that_was_taken_over_writes_no_more(sql_store: SqlStore, make: Any) -> None:
    writer = sql_store.acquire("s")
    writer.append([make.session()])
    forge(sql_store, 100.0, host="far-away")
    other = sql_store.acquire("s")
    for _ in range(2):
        with pytest.raises(LeaseLost):
            writer.append([make.session()])
    with pytest.raises(LeaseLost):
        writer.save_snapshot({})
    assert writer.seq == 1
    writer.release()  # must not free what is another's
    other.append([make.asked(0)])
    assert [e.kind for e in sql_store.events("s")] == ["session", "asked"]


def test_the_heartbeat_notices_too(sql_store: SqlStore, make: Any) -> None:
    writer = sql_store.acquire("s")
    forge(sql_store, 0.0, host="far-away")
    writer.beat()
    with pytest.raises(LeaseLost):
        writer.append([make.session()])


def test_of_two_that_take_over_one_wins(sql_url: str, sql_store: SqlStore, spawn: Spawn) -> None:
    pid = free_pid(spawn)
    racers = [spawn(RACER, sql_url) for _ in range(3)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    forge(sql_store, 0.0, pid=pid)
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    results = [racer.stdout.readline().strip() for racer in racers if racer.stdout]
    assert sorted(results) == ["locked", "locked", "won"]


def test_a_forked_child_cannot_write(
    sql_url: str, sql_store: SqlStore, run: Callable[..., str]
) -> None:
    code = """
import os, sys
from hpo_bridge.errors import StoreError
from hpo_bridge.store.study_events import SplitAssigned
from hpo_bridge.store.sql import SqlStore
store = SqlStore(sys.argv[1])
writer = store.acquire("s")
event = lambda: SplitAssigned(split=1, of=2, identity="")
writer.append([event()])
if (child := os.fork()) == 0:
    try:
        writer.append([event()])
    except StoreError as error:
        print(error, flush=True)
    writer.release()
    store.close()
    os._exit(0)
os.waitpid(child, 0)
writer.append([event()])
print(len(list(store.events("s"))))
"""
    first, second = run(code, sql_url).splitlines()
    assert first.startswith("study 's' is held by process ")
    assert second == "2"


def test_a_forgotten_store_stops_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlStore, "heartbeat", 0.05)
    before = set(threading.enumerate())
    store = SqlStore(f"sqlite:///{tmp_path}/s.db")
    store.create("s", {})
    store.acquire("s")
    (heart,) = set(threading.enumerate()) - before
    time.sleep(0.2)
    assert heart.is_alive()
    del store
    gc.collect()
    heart.join(5)
    assert not heart.is_alive()


def test_closing_gives_studies_free(sql_url: str, sql_store: SqlStore) -> None:
    other = SqlStore(sql_url)
    other.acquire("s")
    other.close()
    sql_store.acquire("s").release()
    sql_store.acquire("s")
    assert len(sql_store._writers) == 1


def test_a_damaged_lease_is_said_to_be_one(sql_store: SqlStore) -> None:
    sql_store.acquire("s")
    with sql_store._writing.begin() as connection:
        connection.execute(text("UPDATE hpo_studies SET lease_holder = '[]'"))
    with pytest.raises(StoreError, match="lease of study 's' is damaged"):
        sql_store.acquire("s")
