"""Several Ray nodes on this machine: what is lost, and what is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections import Counter

import psutil
import pytest

import hpo_bridge as hpo

OBJECTIVE = """
import json, os, time
import psutil
def train(trial):
    begin = time.time()
    time.sleep(trial["nap"])
    with open(trial["log"], "a") as file:
        file.write(json.dumps({
            "trial": trial.number, "begin": begin, "end": time.time(), "pid": os.getpid(),
            "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "node": psutil.Process(os.getppid()).ppid(),  # Ray's worker was started by it
        }) + "\\n")
    return trial["x"] ** 2
"""


@pytest.fixture
def cluster(monkeypatch):
    """A head without CPUs; nodes are added by the tests."""
    monkeypatch.setenv("RAY_worker_niceness", "0")  # the tests beside are not to starve it
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_health_check_timeout_ms", "3000")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False}  # which needs as much as a trial
        made = Cluster(initialize_head=True, head_node_args=head)
        yield made
        made.shutdown()


@pytest.fixture
def driver(cluster, tmp_path):
    """Starts the command on the cluster."""
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    (tmp_path / "study.yaml").write_text(
        textwrap.dedent(f"""
            study: lost
            objective: objective.py:train
            direction: minimize
            space:
              x: {{type: float, low: -1, high: 1}}
              nap: 0.15
              log: {tmp_path}/log
            backend: core.random
            budget: {{trials: 40}}
            runner: {{name: ray, workers: 2}}
        """)
    )
    started = []

    def start(*more):
        argv = [sys.executable, "-m", "hpo_bridge", "run", "study.yaml", "--json", *more]
        env = {**os.environ, "RAY_ADDRESS": cluster.address}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(argv, cwd=tmp_path, env=env, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines(tmp_path):
    log = tmp_path / "log"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def wait_for(condition, seconds=150):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def trials(tmp_path):
    space = hpo.Space(x=hpo.Float(-1, 1), nap=0.15, log=f"{tmp_path}/log")
    url = f"sqlite:///{tmp_path}/lost.db"
    with hpo.Study(space, backend="core.random", name="lost", store=url) as study:
        return study.trials


def actors(cluster, name):
    """The processes of a class on this cluster: other tests may have a Ray of their own."""
    raylets = {raylet(node) for node in cluster.list_all_nodes()}
    return [
        process
        for process in psutil.process_iter(["cmdline", "ppid"])
        if process.info["ppid"] in raylets
        and (process.info["cmdline"] or [""])[0].startswith(f"ray::{name}")
    ]


def raylet(node):
    """The process that a node's workers are children of."""
    return node.all_processes["raylet"][0].process.pid


def test_a_killed_worker_and_a_lost_node_lose_no_trial(cluster, driver, tmp_path):
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    process = driver()
    wait_for(lambda: len(lines(tmp_path)) >= 6)
    actors(cluster, "SlotActor")[0].send_signal(signal.SIGKILL)
    before = len(lines(tmp_path))
    wait_for(lambda: len(lines(tmp_path)) >= before + 4)
    # All are on one machine, and any of them may be the driver's own: that one it needs.
    (hub,), (placement,) = actors(cluster, "Hub"), actors(cluster, "Placement")
    assert hub.ppid() == placement.ppid()
    lost = next(node for node in nodes if raylet(node) != hub.ppid())
    cluster.remove_node(lost, allow_graceful=False)
    cluster.add_node(num_cpus=1)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    counts = json.loads(out)["counts"]
    assert counts == {"WAITING": 0, "RUNNING": 0, "COMPLETE": 40, "PRUNED": 0, "FAILED": 0}
    assert [t.number for t in trials(tmp_path)] == list(range(40))
    # What was lost was run again; all the rest once.
    runs = Counter(line["trial"] for line in lines(tmp_path))
    assert set(runs) == set(range(40))
    assert sum(t.attempts - 1 for t in trials(tmp_path)) <= 4


def test_more_than_there_is_and_a_killed_driver_goes_on_from_the_store(cluster, driver, tmp_path):
    cluster.add_node(num_cpus=2)
    process = driver("--set", "runner.gpu=1")
    _, err = process.communicate(timeout=150)
    assert process.returncode == 2
    (line,) = err.splitlines()
    assert "2 workers of {CPU: 1, GPU: 1} asked for, and there is room for 0 on 2 nodes" in line
    process = driver()
    wait_for(lambda: len(lines(tmp_path)) >= 8)
    process.kill()
    process.communicate()
    finished = {t.number: t for t in trials(tmp_path) if t.state.value == "COMPLETE"}
    assert len(finished) >= 6
    wait_for(lambda: not actors(cluster, "SlotActor"))
    out, err = driver().communicate(timeout=150)
    assert json.loads(out)["counts"]["COMPLETE"] == 40, err
    assert {n: t for n, t in enumerate(trials(tmp_path)) if n in finished} == finished


def test_halves_of_gpus_on_four_nodes(cluster, driver, tmp_path):
    for _ in range(4):
        cluster.add_node(num_cpus=2, num_gpus=1)
    process = driver(
        "--set", "runner.workers=8", "--set", "runner.gpu=0.5", "--set", "runner.cpu=0.5"
    )
    _, err = process.communicate(timeout=150)
    assert process.returncode == 0, err
    seen = lines(tmp_path)
    assert len(seen) == 40
    assert {line["gpu"] for line in seen} == {"0"}
    assert len({line["node"] for line in seen}) == 4
    for line in seen:
        beside = [
            other
            for other in seen
            if other["node"] == line["node"] and other["begin"] <= line["begin"] < other["end"]
        ]
        assert len(beside) <= 2
