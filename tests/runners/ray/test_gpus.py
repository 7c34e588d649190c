"""GPUs that Ray counts, on a machine that need not have any: which of them a trial sees."""

from __future__ import annotations

import json

import pytest

OBJECTIVE = """\
import glob, os, time

def train(trial):
    begin = time.time()
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    with open(f"{trial['name']}-{seen}-{os.getpid()}", "w"):
        pass
    while time.time() < begin + 30:  # until every worker runs a trial
        if len(glob.glob(f"{trial['name']}-*")) >= trial["workers"]:
            break
        time.sleep(0.01)
    time.sleep(0.1)
    with open("log", "a") as log:
        log.write(f"{seen!r}|{begin}|{time.time()}|{trial['x']}\\n")
    return trial["x"]
"""


@pytest.fixture
def attempts(command, started):
    """Runs a study; what each trial saw, from when to when, and its parameter."""
    (command.folder / "objective.py").write_text(OBJECTIVE)

    def run(name, *options, workers=1):
        (command.folder / "log").unlink(missing_ok=True)
        words = [word for option in options for word in ("--set", f"runner.{option}")]
        done = command(
            "run", "study.yaml", "--json", "--set", f"study={name}", "--trials", "24",
            "--set", f"space.name={name}", "--set", f"space.workers={workers}",
            "--set", "runner.cpu=0.25", *words, RAY_ADDRESS=started.address,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["counts"]["COMPLETE"] == 24
        parts = [line.split("|") for line in command.log()]
        return [(seen, float(begin), float(end), float(x)) for seen, begin, end, x in parts]

    return run


def test_each_trial_sees_what_was_given_to_it(attempts):
    whole = attempts("whole", "gpu=1", workers=2)
    assert {seen for seen, *_ in whole} == {"'0'", "'1'"}
    assert most_at_once(whole) == 1
    halves = attempts("halves", "gpu=0.5", "workers=4", workers=4)
    assert {seen for seen, *_ in halves} == {"'0'", "'1'"}
    assert most_at_once(halves) == 2


def test_a_gpu_for_some_trials(attempts):
    mixed = attempts("mixed", "gpu=1 if x > 0 else 0", "workers=3")
    with_one = [attempt for attempt in mixed if attempt[3] > 0]
    assert {seen for seen, *_ in with_one} <= {"'0'", "'1'"}
    assert most_at_once(with_one) == 1
    assert {seen for seen, _, _, x in mixed if x <= 0} <= {"''", "None"}


def test_more_than_there_are(command, started):
    done = command(
        "run", "study.yaml", "--set", "runner.gpu=1", "--set", "runner.workers=3",
        RAY_ADDRESS=started.address,
    )  # fmt: skip
    assert done.returncode == 2
    assert "3 workers of {CPU: 1, GPU: 1} asked for, and there is room for 2 on" in done.stderr


def most_at_once(attempts):
    """How many trials that saw the same GPUs ran at the same time."""
    return max(
        sum(seen == other and b <= begin < e for other, b, e, _ in attempts)
        for seen, begin, _, _ in attempts
    )
