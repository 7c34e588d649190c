"""Mode ``trials``: each trial is one of Tune's, and Tune's schedulers stop and pause them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hpo_bridge_ray.cluster import RayError
from hpo_bridge_ray.resources import Resources

import hpo_bridge as hpo
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import HpoBridgeError, InvalidOptions

TROUBLE = Path(__file__).parents[1] / "trouble.py"
EPOCHS = 9


def train(trial):
    """A perceptron for the digits, epoch by epoch; goes on from its last checkpoint."""
    import json
    import tempfile

    import numpy as np

    def softmax(z):
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    digits = np.load(trial["digits"])
    x, y = digits["x"] / 16, digits["y"]
    weights, begin = np.zeros((64, 10)), 0
    found = trial.load_checkpoint()
    if found is not None:
        weights = np.load(found / "weights.npy", allow_pickle=False)
        begin = json.loads((found / "epoch").read_text())
    loss = 0.0
    for epoch in range(begin, EPOCHS):
        shares = softmax(x[:1200] @ weights)
        shares[np.arange(1200), y[:1200]] -= 1
        weights = weights - trial["lr"] * x[:1200].T @ shares / 1200
        right = softmax(x[1200:] @ weights)[np.arange(len(y) - 1200), y[1200:]]
        loss = float(-np.log(np.maximum(right, 1e-16)).mean())
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder, "weights.npy"), weights)
            Path(folder, "epoch").write_text(json.dumps(epoch + 1))
            trial.checkpoint(folder)
        with open(trial["log"], "a") as log:
            log.write(f"{trial.number} {epoch}\n")
        trial.report(loss, step=epoch)
        if trial.should_prune():
            raise hpo.TrialPruned
    return loss


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize(
    "pruner",
    [
        {"name": "ray.asha", "options": {"max_t": EPOCHS, "grace_period": 2}},
        {"name": "ray.hyperband", "options": {"max_t": EPOCHS}},
        {"name": "ray.median", "options": {"grace_period": 5}},
    ],
    ids=lambda pruner: pruner["name"],
)
def test_a_scheduler_on_a_real_training(pruner, tmp_path, digits):
    log = str(tmp_path / "log")
    space = hpo.Space(lr=hpo.Float(1e-3, 10.0, log=True), log=log, digits=digits)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    with hpo.Study(space, seed=1, pruner=pruner, store=url) as study:
        study.optimize(train, trials=20, runner="ray", workers=2)
        trials = study.trials
        best = study.best
    states = {state: [t for t in trials if t.state is state] for state in TrialState}
    pruned, complete = states[TrialState.PRUNED], states[TrialState.COMPLETE]
    assert len(pruned) + len(complete) == 20
    assert len(pruned) >= 3
    assert complete
    # The median rule may stop a trial at its last report, before the objective has returned.
    longest = EPOCHS if pruner["name"] == "ray.median" else EPOCHS - 1
    assert all(len(trial.reports) <= longest for trial in pruned)
    assert any(len(trial.reports) < EPOCHS for trial in pruned)
    assert all(len(trial.reports) == EPOCHS for trial in complete)
    assert best.value == min(trial.value for trial in complete) < 2.3
    done = Path(log).read_text().split("\n")[:-1]
    assert len(done) == len(set(done)), "paused trials go on, and begin no epoch again"
    reported = {f"{trial.number} {step}" for trial in trials for step, _ in trial.reports}
    assert reported == set(done)


def test_failures_are_those_of_the_other_runners(make_work, runner):
    names = ["raises", "segfault", "leaves", "hangs", "returns_none", "exits"]
    params = []
    for name in names:
        params += [{"what": name, "code": "3", "x": 0.0}, {"what": "fine", "x": 2.0}]
    work = make_work(f"{TROUBLE}:chosen", params)
    runner(mode="trials", trial_timeout=1).run(work)
    assert not work.running
    assert not work.given_back
    errors = [work.outcomes[number].error or "" for number in range(0, 12, 2)]
    begins = [
        "ValueError: bad", "worker was killed by SIGSEGV", "worker exited with code 3",
        "timed out after 1 s", "the objective returned None", "SystemExit",
    ]  # fmt: skip
    assert [e.startswith(b) for e, b in zip(errors, begins, strict=True)] == [True] * 6, errors
    assert [work.outcomes[number].result for number in range(1, 12, 2)] == [2.0] * 6


def test_the_studys_own_pruner_is_asked(make_work, runner):
    params = [{"what": "reports", "x": 10.0 * (i % 2)} for i in range(6)]
    work = make_work(f"{TROUBLE}:chosen", params, prune=lambda step, value: value >= 11)
    runner(mode="trials").run(work)
    states = [work.outcomes[number].state for number in range(6)]
    assert states == [TrialState.COMPLETE, TrialState.PRUNED] * 3


@pytest.mark.usefixtures("ray_here")
def test_resources_depend_on_the_parameters(tmp_path):
    """Where a trial takes both CPUs, nothing runs beside it."""
    folder = tmp_path / "times"
    folder.mkdir()

    def objective(trial):
        begin = time.time()
        time.sleep(0.2)
        (folder / str(trial.number)).write_text(f"{trial['size']} {begin} {time.time()}")
        return 0.0

    space = hpo.Space(size=hpo.Categorical(["small", "big"]), x=hpo.Float(0, 1))
    with hpo.Study(space, seed=3) as study:
        study.optimize(
            objective, trials=16, runner="ray", cpu="2 if size == 'big' else 1", workers=2
        )
        assert all(trial.state is TrialState.COMPLETE for trial in study.trials)
    times = [file.read_text().split() for file in folder.iterdir()]
    assert len(times) == 16
    spans = sorted((float(begin), float(end), size) for size, begin, end in times)
    overlaps = [(a[2], b[2]) for i, a in enumerate(spans) for b in spans[i + 1 :] if b[0] < a[1]]
    assert overlaps, "two small ones fit"
    assert set(overlaps) == {("small", "small")}


def test_a_killed_worker_gives_its_trial_back(make_work, runner, tmp_path):
    def objective(trial):
        import time

        (tmp_path / f"{trial.number}").touch()
        time.sleep(0.3)
        return 1.0

    def ours(process):
        with suppress(psutil.Error):
            return "TrialActor" in "".join(process.cmdline()[:1])
        return False

    work = make_work(objective, [{}] * 8, again=True)
    killed = []

    def next_trial(real=work.next):
        workers = [child for child in psutil.Process().children(recursive=True) if ours(child)]
        if len(list(tmp_path.iterdir())) >= 3 and workers and not killed:
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)
        return real()

    work.next = next_trial
    runner(mode="trials").run(work)
    assert killed
    assert sorted(work.outcomes) == list(range(8))
    assert all(outcome.result == 1.0 for outcome in work.outcomes.values())


def test_what_does_not_fit_is_refused(ray_here, runner, make_work):
    with pytest.raises(InvalidOptions, match="mode: slots has workers of one size"):
        runner(mode="slots", gpu="1 if x else 0")
    with pytest.raises(InvalidOptions, match="cpu: 'layers >' is not an expression"):
        runner(cpu="layers >")
    with pytest.raises(InvalidOptions, match=r"cpu: .* names 'layer', which is no parameter"):
        runner(cpu="layer * 2").run(make_work(lambda trial: 0.0, [{"layers": 2}]))
    with pytest.raises(RayError, match=r"trial 0: .*\{CPU: 64\}.*room for 0 on 1 node"):
        runner(cpu="32 * layers").run(make_work(lambda trial: 0.0, [{"layers": 2}]))
    study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), pruner="ray.asha")
    with pytest.raises(HpoBridgeError, match=r"'ray.asha' works on runner 'ray' alone"):
        study.optimize(lambda trial: 0.0, trials=1)
    with pytest.raises(InvalidOptions, match="mode: slots has no place for a pruner of Ray's"):
        study.optimize(lambda trial: 0.0, trials=1, runner="ray", mode="slots")


def test_a_study_file_with_a_pruner_of_rays_needs_the_runner(tmp_path):
    (tmp_path / "objective.py").write_text("def f(trial):\n    return 0.0\n")
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: a\nobjective: objective.py:f\nspace: {x: {type: float, low: 0, high: 1}}\n"
        "budget: {trials: 3}\npruner: ray.asha\n"
    )
    command = [sys.executable, "-m", "hpo_bridge", "run", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert ended.returncode == 2
    assert ended.stderr.strip().endswith("pruner: ray.asha works on runner ray alone")
    assert not (tmp_path / "a.db").exists()


def test_amounts():
    assert Resources.of(1, 0, {"tpu": 2}).at({}) == {"CPU": 1.0, "tpu": 2.0}
    assert Resources.of(0, "x / 4", None).at({"x": 2}) == {"GPU": 0.5}
    assert Resources.of(1, 0, {"gpu": "1 if deep else 0"}).at({"deep": False}) == {"CPU": 1.0}
    for wrong in ("'a'", "x - 5", "1 / 0"):
        with pytest.raises(InvalidOptions, match=r"gpu: .* gives no amount for"):
            Resources.of(1, wrong, None).at({"x": 2})
