"""A PostgreSQL server that goes away, at every bad moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import event as sqlalchemy_event

from hpo_bridge.errors import StoreError
from hpo_bridge.store.sql import SqlStore


@pytest.fixture
def store(postgres_url: str) -> Iterator[SqlStore]:
    store = SqlStore(postgres_url)
    store.create("s", {})
    yield store
    store.close()


def cut(url: str) -> int:
    """Ends every other connection to the database, as an administrator would."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).rowcount


def check(store: SqlStore, trials: int) -> None:
    assert [e.seq for e in store.events("s")] == list(range(1, 3 * trials + 1))
    assert [t.value for t in store.trials("s")] == list(range(trials))


def test_a_connection_cut_between_appends(store: SqlStore, postgres_url: str, make: Any) -> None:
    writer = store.acquire("s")
    for number in range(5):
        writer.append(make.round(number))
        assert cut(postgres_url) >= 1
        writer.beat()
    check(store, 5)


@pytest.mark.parametrize("moment", ["advance", "event", "trial", "value"])
def test_a_connection_cut_within_an_append(
    store: SqlStore, postgres_url: str, make: Any, moment: str
) -> None:
    writer = store.acquire("s")
    writer.append(make.round(0))
    wanted = {
        "advance": "UPDATE hpo_studies SET seq", "event": "INSERT INTO hpo_events",
        "trial": "INSERT INTO hpo_trials", "value": "INSERT INTO hpo_values",
    }[moment]  # fmt: skip
    cuts: list[int] = []

    def interfere(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith(wanted) and not cuts:
            cuts.append(cut(postgres_url))

    sqlalchemy_event.listen(store._engine, "before_cursor_execute", interfere)
    writer.append(make.round(1))
    assert cuts == [1] or cuts == [2]
    check(store, 2)


@pytest.mark.parametrize("done", [True, False])
def test_a_connection_cut_at_the_commit(
    store: SqlStore, postgres_url: str, make: Any, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    """Committed or not, the client cannot know; the events are stored once in any case."""
    writer = store.acquire("s")
    writer.append(make.round(0))
    commit = store._engine.dialect.do_commit
    cuts: list[int] = []

    def interrupted(connection: Any) -> None:
        if cuts:
            commit(connection)
            return
        if done:
            commit(connection)
        cuts.append(cut(postgres_url))
        connection.driver_connection.execute("SELECT 1")  # fails

    monkeypatch.setattr(store._engine.dialect, "do_commit", interrupted)
    writer.append(make.round(1))
    assert cuts
    check(store, 2)
    writer.append(make.round(2))
    check(store, 3)


def test_giving_up_at_the_commit_leaves_the_position_right(
    store: SqlStore, postgres_url: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = store.acquire("s")
    writer.patience = 0.0
    commit = store._engine.dialect.do_commit

    def interrupted(connection: Any) -> None:
        commit(connection)
        cut(postgres_url)
        connection.driver_connection.execute("SELECT 1")

    with monkeypatch.context() as patch:
        patch.setattr(store._engine.dialect, "do_commit", interrupted)
        with pytest.raises(StoreError):
            writer.append(make.round(0))
    writer.patience = 5.0
    writer.append(make.round(1))
    assert writer.seq == 6
    check(store, 2)


def test_a_server_that_restarts(
    store: SqlStore, postgres_server: Any, postgres_url: str, make: Any
) -> None:
    writer = store.acquire("s")
    numbers: list[int] = []
    over = threading.Event()

    def drive() -> None:
        while not over.is_set():
            number = len(numbers)
            writer.append(make.round(number))
            numbers.append(number)

    driver = threading.Thread(target=drive)
    driver.start()
    for _ in range(2):
        time.sleep(0.4)
        postgres_server.stop()
        before = len(numbers)
        time.sleep(0.4)
        assert len(numbers) <= before + 1
        postgres_server.ensure_postgres_running()
        for _ in range(200):
            time.sleep(0.05)
            if len(numbers) > before + 5:
                break
        assert len(numbers) > before + 5
    over.set()
    driver.join()
    check(store, len(numbers))


def test_a_server_that_is_gone_for_good(store: SqlStore, postgres_server: Any, make: Any) -> None:
    writer = store.acquire("s")
    writer.append(make.round(0))
    writer.patience = 0.5
    postgres_server.stop()
    try:
        began = time.monotonic()
        for _ in range(2):
            with pytest.raises(StoreError, match="connection") as caught:
                writer.append(make.round(1))
            assert "\n" not in str(caught.value)
        assert time.monotonic() - began < 60
        with pytest.raises(StoreError, match="connection"):
            store.counts("s")
    finally:
        postgres_server.ensure_postgres_running()
    check(store, 1)  # reading goes on by itself
    writer.append(make.round(1))
    check(store, 2)


def test_a_lock_of_another_program(
    store: SqlStore, postgres_url: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqlStore, "busy", 0.2)
    other_store = SqlStore(postgres_url)
    writer = other_store.acquire("s")
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE hpo_events IN ACCESS EXCLUSIVE MODE")
        writer.patience = 0.5
        with pytest.raises(StoreError, match="lock"):
            writer.append(make.round(0))
    writer.append(make.round(0))
    other_store.close()
    check(store, 1)


def test_what_cannot_be_connected_to(postgres_url: str) -> None:
    began = time.monotonic()
    for url, word in (
        ("postgresql://me:secret@127.0.0.1:1/d", "refused"),
        (postgres_url.replace("/test_", "/no_"), "does not exist"),
        ("postgresql://me:secret@/d?host=/nowhere&password=secret", "No such file"),
    ):
        with pytest.raises(StoreError, match=word) as caught:
            SqlStore(url)
        message = str(caught.value)
        assert "secret" not in message
        assert "\n" not in message
    assert time.monotonic() - began < 60


def test_create_false(postgres_url: str) -> None:
    with pytest.raises(StoreError, match="no store at postgresql://"):
        SqlStore(postgres_url, create=False)
    with psycopg.connect(postgres_url) as connection:  # others' tables do not disturb
        connection.execute("CREATE TABLE albums (x int)")
    with pytest.raises(StoreError, match="no store at postgresql://"):
        SqlStore(postgres_url, create=False)
    SqlStore(postgres_url).close()
    SqlStore(postgres_url, create=False).close()


def test_the_url_hides_the_password(postgres_url: str) -> None:
    store = SqlStore(postgres_url.replace("postgres:@", "postgres:geheim@"))
    assert store.url.startswith("postgresql://postgres:***@/test_")
    store.close()
