"""Runner ``ray``: the contract of trials, as on the local runners."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import InvalidOptions, ObjectiveError

TROUBLE = Path(__file__).parents[1] / "trouble.py"

TROUBLES = {
    "raises": (r"ValueError: bad \(trouble.py:\d+ in raises\)", True),
    "returns_none": (r"the objective returned None; expected a number or .*", False),
    "returns_lambda": (r"the objective returned <function .*; expected.*", False),
    "exits": (r"SystemExit: the objective called sys.exit\(3\)", True),
    "memory": (r"MemoryError \(trouble.py:\d+ in memory\)", True),
    "allocates": (r"MemoryError \(trouble.py:\d+ in allocates\)", True),
    "unprintable": (r"Unprintable: <its text cannot be read: .*", True),
    "segfault": (
        r"worker was killed by SIGSEGV: .*\nit wrote:\n(?s:.*)about to fall(?s:.*)",
        True,
    ),
    "killed": (r"worker was killed by SIGKILL \(out of memory\?\)", True),
    "leaves": (r"worker exited with code 3", True),
    "hangs": (r"timed out after 1 s", True),
    "hangs_in_c": (r"timed out after 1 s", True),
}


def test_every_failure_is_that_trials_alone(make_work, runner):
    params = []
    for name in TROUBLES:
        params += [{"what": name, "code": "3", "x": 0.0}, {"what": "fine", "x": 2.0}]
    work = make_work(f"{TROUBLE}:chosen", params)
    runner(trial_timeout=1, memory="2GB").run(work)
    assert not work.running
    assert not work.given_back
    for number, (reason, retriable) in zip(range(0, 24, 2), TROUBLES.values(), strict=True):
        outcome = work.outcomes[number]
        assert outcome.state is TrialState.FAILED
        assert re.fullmatch(reason, outcome.error), outcome.error
        assert outcome.retriable is retriable
        assert work.outcomes[number + 1].result == 2.0


def test_what_comes_back(make_work, runner):
    names = ["several", "inf", "seeded", "prunes", "closes_streams", "reports", "reports"]
    params = [{"what": name, "x": 10.0 * (i == 6)} for i, name in enumerate(names)]
    work = make_work(f"{TROUBLE}:chosen", params, prune=lambda step, value: value >= 11)
    runner().run(work)
    several, inf, seed, pruned, closed, whole, stopped = (
        work.outcomes[number] for number in range(7)
    )
    assert several.result == {"loss": 1.0, "size": 2.5}
    assert inf.result == float("inf")
    assert seed.result == 1002
    assert pruned.state is stopped.state is TrialState.PRUNED
    assert closed.result == 1.0
    assert whole.state is TrialState.COMPLETE
    assert work.reports[5] == [(step, float(step)) for step in range(5)]
    assert work.reports[6] == [(0, 10.0), (1, 11.0)]


def test_a_function_of_this_test_and_its_process(make_work, runner):
    offset = 5.0
    work = make_work(lambda trial: trial["x"] + offset, [{"x": float(i)} for i in range(8)])
    runner().run(work)
    assert work.results == [5.0 + i for i in range(8)]
    work = make_work(f"{TROUBLE}:pid", [{}] * 12)
    runner().run(work)
    assert 1 <= len(set(work.results)) <= 2
    assert os.getpid() not in work.results
    assert not any(psutil.pid_exists(int(pid)) for pid in work.results)


def test_an_objective_that_cannot_be_loaded_ends_the_run_once(make_work, runner, tmp_path):
    (tmp_path / "broken.py").write_text("import no_such_module\ndef train(trial): return 0.0\n")
    work = make_work(f"{tmp_path}/broken.py:train", [{}] * 3)
    with pytest.raises(ObjectiveError, match="no_such_module"):
        runner().run(work)
    assert not work.running
    assert not work.outcomes


def test_the_time_budget_cuts_after_the_grace(make_work, runner):
    work = make_work(f"{TROUBLE}:chosen", [{"what": "hangs"}] * 3, seconds=12.0)
    begin = time.monotonic()
    runner(grace=0.2).run(work)
    assert time.monotonic() - begin < 20
    assert not work.running
    assert set(work.given_back.values()) <= {"the time budget ended"}


def test_a_study_is_the_same_as_on_processes(runner):
    space = hpo.Space(x=hpo.Float(-1, 1), k=hpo.Int(1, 9))

    def loss(trial):
        return trial["x"] ** 2 + trial["k"]

    found = []
    for name in ("processes", "ray"):
        with hpo.Study(space, backend="optuna.tpe", seed=3) as study:
            study.optimize(loss, trials=25, runner=name, workers=2, order="deterministic")
            found.append([(t.params, t.values) for t in study.trials])
    assert found[0] == found[1]
    assert len(found[0]) == 25


def test_trials_in_order_do_not_depend_on_timing(restless, ray_here):
    """Failures, retries, killed workers and infeasible points among them."""
    expected = restless("processes", 0, workers=2)
    assert [restless("ray", nap, workers=2) for nap in (1, 2)] == [expected, expected]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"workers": 0}, "workers: found 0"),
        ({"cpu": -1}, "cpu: found -1"),
        ({"cpu": "one +"}, r"cpu: 'one \+' is not an expression"),
        ({"cpu": [1]}, r"cpu: found \[1\]"),
        ({"cpu": 0}, "cpu: a worker needs something"),
        ({"resources": {"GPU": 1}}, "resources: give GPU by the option gpu"),
        ({"resources": {"tpu": None}}, r"resources\.tpu: found None"),
        ({"resources": 3}, "resources: found 3; expected a mapping"),
        ({"address": 3}, "address: found 3; expected a text"),
        ({"order": "deterministic"}, "order: deterministic needs workers"),
        ({"trial_timeout": "soon"}, "trial_timeout: found 'soon'"),
    ],
)
def test_wrong_options(options, problem):
    with pytest.raises((InvalidOptions, TypeError, ValueError), match=problem):
        hpo.Study(hpo.Space(x=hpo.Float(0, 1))).optimize(len, trials=1, runner="ray", **options)


@pytest.mark.parametrize("mode", ["slots", "trials"])
def test_a_worker_starts_with_nothing_it_does_without(make_work, runner, mode):
    """Tune, pyarrow, or a runtime environment take longer than all else that a worker does."""

    def found(trial):
        maps = Path(f"/proc/{os.getppid()}/maps").read_text()
        environment = Path(f"/proc/{os.getppid()}/environ").read_bytes()
        return {
            "ray": float("_raylet" in maps),
            "tune": float("pandas" in maps),
            "pyarrow": float("pyarrow" in maps),
            "environment": float(b"PL_DISABLE_FORK" in environment),  # which Tune would give it
        }

    work = make_work(found, [{}] * 4)
    runner(mode=mode).run(work)
    expected = {"ray": 1.0, "tune": 0.0, "pyarrow": 0.0, "environment": 0.0}
    assert [work.outcomes[n].result for n in range(4)] == [expected] * 4


COUNTS = """\
from hpo_bridge_ray.tune_trainables import patch_tune
from ray.tune import tune
patch_tune()
assert tune.air_usage.tag_callbacks([object()]) is False
"""


def test_tune_imports_no_tracker_to_count_its_callbacks():
    """In a process of its own: Tune is no good for anything else afterwards."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", COUNTS], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def folded(trial, fold):
    loss = 0.0 if trial.number < 2 else 5.0
    return hpo.FoldScore(loss + fold + trial["x"] * (-1) ** fold, {"fold": fold})


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize("mode", ["slots", "trials"])
def test_folds_and_their_metrics(mode):
    """A hopeless trial stops after its first fold; every fold comes with its metrics."""
    with hpo.Study({"x": hpo.Float(0, 0.01)}, seed=0, pruner="folds") as study:
        study.optimize(hpo.Folded(folded, 3), trials=3, runner="ray", workers=1, mode=mode)
        *complete, stopped = study.trials
    for trial in complete:
        assert trial.error is None
        assert trial.metrics == ({"fold": 0.0}, {"fold": 1.0}, {"fold": 2.0})
        assert trial.standard_errors["value"] > 0
    assert (stopped.state, stopped.metrics) == (TrialState.PRUNED, ({"fold": 0.0},))
    assert stopped.estimate == pytest.approx(complete[0].value + 5, abs=0.1)
