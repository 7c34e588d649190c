"""The store in memory, read by one thread while another drives a study in it."""

from __future__ import annotations

import sys
import threading

import hpo_bridge as hpo
from hpo_bridge.store import MemoryStore


def test_the_log_is_whole_whenever_it_is_read():
    store = MemoryStore()
    study = hpo.Study({"x": hpo.Float(0, 1)}, seed=0, store=store, name="driven")
    ended, wrong = threading.Event(), []

    def read():
        while not ended.is_set():
            row = store.study("driven")
            after = max(0, row.seq - 20)
            found = [event.seq for event in store.events("driven", after)]
            if found != list(range(after + 1, after + 1 + len(found))) or len(found) < 20:
                wrong.append((row.seq, found))

    study.optimize(lambda trial: trial["x"], trials=10)
    reader = threading.Thread(target=read)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        reader.start()
        study.optimize(lambda trial: trial["x"], trials=3000)
    finally:
        ended.set()
        reader.join()
        sys.setswitchinterval(before)
    assert wrong == []
