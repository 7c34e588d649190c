"""Plugins are loaded once, whoever asks first, and the program's output stays its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

Site = Any
PROGRAM = """
import json, os, sys, threading
import hpo_bridge as hpo

THREADS = 8


def check():
    begin = threading.Barrier(THREADS)
    found, failed = [], []

    def work(number):
        begin.wait()
        try:
            study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=number)
            study.optimize(lambda trial: trial["x"], trials=2)
            from hpo_bridge.plugins import manager
            found.append((id(manager()), len(study.trials)))
        except BaseException as error:
            failed.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loads = sys.modules["hpo_counts"].loads
    print(json.dumps({"managers": len({i for i, _ in found}), "trials": [n for _, n in found],
                      "failed": failed, "loads": loads}), flush=True)


for _ in range(10):  # nothing but the package is imported yet, and no plugin looked for
    if not (child := os.fork()):
        check()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
"""
COUNTS = """
import builtins
from hpo_bridge import hookimpl
loads = builtins.__dict__.setdefault("hpo_loads", [0])
loads[0] += 1
@hookimpl
def hpo_register_backends():
    loads.append("registered")
    return []
"""


def test_eight_threads_at_once_before_anything_is_loaded(site: Site) -> None:
    site("hpo-counts", COUNTS)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stderr
    once = {"managers": 1, "trials": [2] * 8, "failed": [], "loads": [1, "registered"]}
    assert [json.loads(line) for line in done.stdout.splitlines()] == [once] * 10


ADDS = """
import sys, threading
from pathlib import Path
from hpo_bridge.plugins import manager

plugins, begin, failed = manager(), threading.Barrier(8), []


def work(number):
    begin.wait()
    try:
        for _ in range(20):
            plugins.add(f"walk_{number % 4}.py", Path(sys.argv[1]))
            plugins.offers("backend"), plugins.plugins
    except BaseException as error:
        failed.append(repr(error))


threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
names = [offer.spec.name for offer in plugins.offers("backend") if "walk" in offer.spec.name]
print(*failed, *names)
"""


def test_threads_that_add_plugins_of_studies(site: Site) -> None:
    for number in range(4):
        (site.folder / f"walk_{number}.py").write_text(site.filled(site.good, f"walk_{number}"))
    done = subprocess.run(
        [sys.executable, "-c", ADDS, str(site.folder)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == [f"walk_{number}.walk" for number in range(4)], done.stderr
