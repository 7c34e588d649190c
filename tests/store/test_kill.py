"""kill -9 at any moment: what append has returned for is there, and nothing by halves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable

from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.store import Event
from hpo_bridge.store.event_types import Finished
from hpo_bridge.store.sql import SqlStore

# Forks a driver for each line read: importing anew for each would take most of the time.
DRIVERS = """
import os, sys
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.store.event_parts import ProposedPoint
from hpo_bridge.store.event_types import Asked, Finished, Reported, Started
from hpo_bridge.store.sql import SqlStore

def drive(url):
    store = SqlStore(url)
    writer = store.acquire("s")
    number = sum(store.counts("s").values())
    for trial in store.pending("s"):
        writer.append([Finished(trial.number, TrialState.FAILED, error="lost")])
    while True:
        point = ProposedPoint({"x": 1}, {"x": 1}, number=number)
        writer.append([Asked(n=1, backend="b", told=(), rejected=0, trials=(point,)),
                       Started(number, 1)])
        writer.append([Reported(number, s, 0.5) for s in range(3)])
        writer.append([Finished(number, TrialState.COMPLETE, {"v": number})])
        os.write(1, b"done %d %d\\n" % (number, writer.seq))
        number += 1

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            drive(sys.argv[1])
        except BaseException as error:
            os.write(1, f"error {error!r}\\n".encode())
        os._exit(1)
    os.write(1, b"pid %d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


def test_kill_twenty_times(sql_url: str, spawn: Callable[..., subprocess.Popen[str]]) -> None:
    rng = random.Random(0)
    store = SqlStore(sql_url)
    store.create("s", {})
    drivers = spawn(DRIVERS, sql_url)
    assert drivers.stdin is not None
    assert drivers.stdout is not None
    finished: dict[int, int] = {}
    for _ in range(20):
        drivers.stdin.write("\n")
        drivers.stdin.flush()
        pid = 0
        for line in drivers.stdout:
            word, *numbers = line.split()
            assert word != "error", line
            if word == "pid":
                pid = int(numbers[0])
            elif word == "done":
                finished[int(numbers[0])] = int(numbers[1])
                if pid:
                    time.sleep(rng.random() * 0.05)
                    os.kill(pid, signal.SIGKILL)
                    pid = 0
            else:
                break
        check(store, finished)
    assert len(finished) >= 20
    store.close()


def settled(store: SqlStore) -> tuple[list[Event], list[TrialRecord]]:
    """Log and trials of one moment: a server may still commit what a dead client sent."""
    while True:
        events, trials = list(store.events("s")), list(store.trials("s"))
        row = store.study("s")
        assert row is not None
        if row.seq == len(events):
            return events, trials


def check(store: SqlStore, finished: dict[int, int]) -> None:
    events, trials = settled(store)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    at = {e.seq: e for e in events}
    for number, seq in finished.items():
        end = at[seq]
        assert isinstance(end, Finished)
        assert end.trial == number
    assert [t.number for t in trials] == list(range(len(trials)))
    for trial in trials:
        if trial.state is TrialState.COMPLETE:
            assert trial.values == {"v": trial.number}
            assert len(trial.reports) == 3
        else:
            assert trial.number not in finished
    ends = [e.trial for e in events if isinstance(e, Finished)]
    assert sorted(ends) == [t.number for t in trials if t.state.is_final]
