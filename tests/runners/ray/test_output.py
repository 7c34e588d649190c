"""Runner ``ray``: what trials print is kept on the driver's machine."""

from __future__ import annotations

import asyncio

import pytest
from hpo_bridge_ray.hub import Hub

import hpo_bridge as hpo
from hpo_bridge.contracts.trial_output import KEPT, OutputFolder


def printed(study, trial):
    lines = study.output(trial).splitlines()
    return [line for line in lines if not line.startswith("--- attempt")]


def talks(trial):
    import os
    import subprocess
    import sys

    print("trial", trial.number)
    print("an error", file=sys.stderr)
    subprocess.run(["sh", "-c", "echo from a child"], check=True)
    for step in range(3):
        print("step", step)
        trial.report(float(step), step)
    os.write(1, b"the end")
    return trial["x"]


LINES = ["an error", "from a child", "step 0", "step 1", "step 2", "the end"]


@pytest.fixture
def study(tmp_path):
    with hpo.Study({"x": hpo.Float(0, 1)}, store=f"sqlite:///{tmp_path}/s.db") as study:
        yield study


@pytest.mark.parametrize("mode", ["slots", "trials"])
def test_all_output_comes_to_the_driver(study, ray_here, tmp_path, mode):
    study.optimize(talks, trials=6, runner="ray", workers=2, mode=mode)
    for number in range(6):
        assert printed(study, number) == [f"trial {number}", *LINES]
    assert len(list(tmp_path.glob("s.db.logs/*/*.log"))) == 6


def test_trials_that_tune_stops(ray_here, tmp_path):
    def objective(trial):
        for step in range(9):
            print("step", step)
            trial.report(trial["x"], step)
        return trial["x"]

    pruner = {"name": "ray.asha", "options": {"max_t": 9, "grace_period": 1}}
    store = f"sqlite:///{tmp_path}/s.db"
    with hpo.Study({"x": hpo.Float(0, 1)}, store=store, seed=0, pruner=pruner) as study:
        study.optimize(objective, trials=8, runner="ray", workers=2)
        trials = study.trials
        assert "PRUNED" in {trial.state for trial in trials}
        for trial in trials:
            steps = [f"step {step}" for step, _ in trial.reports]
            assert printed(study, trial)[: len(steps)] == steps


def test_much_output_is_bounded_on_the_way(study, ray_here):
    def objective(trial):
        for line in range(300_000):
            print("line", line)
        return 0.0

    study.optimize(objective, trials=1, runner="ray", workers=1)
    text = study.output(0)
    assert text.endswith("line 299999\n")
    assert KEPT // 2 < len(text) <= 3 * KEPT


def test_a_worker_elsewhere_that_dies(make_work, runner, monkeypatch, tmp_path):
    def objective(trial):
        import os
        import signal

        print("last words")
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr("hpo_bridge_ray.runner.names", lambda: frozenset({"another"}))
    work = make_work(objective, [{}])
    work.logs = OutputFolder(tmp_path)
    runner(workers=1).run(work)
    assert work.logs.read(0).text().endswith(" ---\nlast words\n")
    assert work.errors == ["worker was killed by SIGKILL (out of memory?): last words"]


def test_a_hub_whose_driver_is_busy_keeps_no_more_than_the_end():
    async def talk():
        hub = Hub(None)
        await hub.join("w", "1", "here:1")
        await hub.exchange([], 0.0)
        for _ in range(10):
            await hub.say("w", "1", [("output", 3, b"x" * KEPT, 5)])
        await hub.say("w", "1", [("done", 3, "COMPLETE")])
        return await hub.exchange([], 0.0), await hub.exchange([], 0.0)

    news, later = asyncio.run(talk())
    assert news == [
        ("output", "w/1", 3, b"x" * KEPT, 9 * KEPT + 50),
        ("done", "w/1", 3, "COMPLETE"),
    ]
    assert later == []
