"""Runner ``processes``: isolation, limits, and what travels to a worker."""

from __future__ import annotations

import os
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import InvalidOptions, ObjectiveError, StopStudy
from hpo_bridge.runners.inline import Inline
from hpo_bridge.runners.processes import Processes

TROUBLE = Path(__file__).with_name("trouble.py")

REASONS = {
    "raises": r"ValueError: bad \(trouble.py:\d+ in raises\)",
    "returns_none": r"the objective returned None; expected a number or \{name: number\}",
    "returns_text": r"the objective returned '0.3'; expected.*",
    "returns_list": r"the objective returned \[0.3\]; expected.*",
    "returns_lambda": r"the objective returned <function .*; expected.*",
    "wrong_names": r"the objective returned \{1: 0.3\}; expected.*",
    "wrong_number": r"the objective returned \{'loss': None\}; expected.*",
    "empty": r"the objective returned \{\}; expected.*",
    "exits": r"SystemExit: the objective called sys.exit\(3\)",
    "interrupts": r"KeyboardInterrupt \(trouble.py:\d+ in interrupts\)",
    "memory": r"MemoryError \(trouble.py:\d+ in memory\)",
    "recursion": r"RecursionError: maximum .*\(trouble.py:\d+ in recursion\)",
    "unprintable": r"Unprintable: <its text cannot be read: .*RuntimeError> \(trouble.*\)",
    "base_exception": r"BaseException: rare \(trouble.py:\d+ in base_exception\)",
}
DEATHS = {
    "segfault": r"worker was killed by SIGSEGV: .*\nit wrote:\n(?s:.*)to fall(?s:.*)trouble.py",
    "killed": r"worker was killed by SIGKILL \(out of memory\?\)",
    "terminated": r"worker was killed by SIGTERM",
    "leaves 0": r"worker exited with code 0",
    "leaves 3": r"worker exited with code 3",
}


def test_every_failure_that_python_can_tell(make_work):
    work = make_work(f"{TROUBLE}:chosen", [{"what": name, "x": 0} for name in REASONS])
    Processes(workers=2).run(work)
    for (name, reason), outcome in zip(REASONS.items(), sorted_outcomes(work), strict=True):
        assert outcome.state is TrialState.FAILED, name
        assert_matches(reason, outcome.error)
        wrong_answer = name in ("empty",) or name.startswith(("returns", "wrong"))
        assert outcome.retriable is not wrong_answer, name


def test_deaths_of_workers_touch_no_other_trial(make_work):
    params = []
    for name in DEATHS:
        what, _, code = name.partition(" ")
        params += [{"what": what, "code": code}, {"what": "fine", "x": 2.0}]
    work = make_work(f"{TROUBLE}:chosen", params)
    Processes(workers=2).run(work)
    assert not work.running
    for number, reason in zip(range(0, len(params), 2), DEATHS.values(), strict=True):
        assert work.outcomes[number].retriable
        assert_matches(reason, work.outcomes[number].error)
        assert work.outcomes[number + 1].result == 2.0


@pytest.mark.parametrize("what", ["hangs", "hangs_in_c"])
def test_timeout(make_work, what):
    params = [{"what": what}, {"what": "fine", "x": 1.0}, {"what": "fine", "x": 2.0}]
    work = make_work(f"{TROUBLE}:chosen", params)
    begin = time.monotonic()
    Processes(workers=1, trial_timeout=0.3).run(work)
    assert work.errors == ["timed out after 0.3 s", None, None]
    assert time.monotonic() - begin < 30


def test_values_and_seeds_come_back(make_work):
    names = ["several", "nan", "inf", "seeded", "prunes", "closes_streams", "fine"]
    work = make_work(f"{TROUBLE}:chosen", [{"what": name, "x": 1.0} for name in names])
    Processes(workers=1).run(work)
    several, nan, inf, seed, pruned, closed, fine = sorted_outcomes(work)
    assert several.result == {"loss": 1.0, "size": 2.5}
    assert nan.result != nan.result
    assert inf.result == float("inf")
    assert seed.result == 1003
    assert pruned.state is TrialState.PRUNED
    assert closed.result == fine.result == 1.0


def test_worker_is_used_again_and_is_not_the_driver(make_work):
    work = make_work(f"{TROUBLE}:pid", [{}] * 20)
    Processes(workers=2).run(work)
    pids = set(work.results)
    assert len(pids) <= 2
    assert os.getpid() not in pids


def test_no_more_workers_than_trials(make_work):
    work = make_work(f"{TROUBLE}:pid", [{}])
    Processes(workers=8).run(work)
    assert len(set(work.results)) == 1


def test_reports_and_pruning(make_work):
    work = make_work(
        f"{TROUBLE}:reports",
        [{"x": 0.0}, {"x": 10.0}, {"x": 1.0}],
        prune=lambda step, value: value >= 11,
    )
    Processes(workers=2).run(work)
    assert work.reports[0] == [(step, float(step)) for step in range(5)]
    assert work.reports[1] == [(0, 10.0), (1, 11.0)]
    states = [outcome.state.value for outcome in sorted_outcomes(work)]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE"]


def test_reports_from_a_thread(make_work):
    work = make_work(f"{TROUBLE}:reports_from_thread", [{}] * 3, prune=lambda *_: True)
    Processes(workers=1).run(work)
    assert work.results == [1.0] * 3


def test_reports_of_a_thread_left_behind_are_ignored(make_work):
    work = make_work(f"{TROUBLE}:late_reporter", [{}, {}])
    Processes(workers=1).run(work)
    assert work.results == [1.0, 1.0]
    assert work.reports == {1: [(99, 99.0)]}


def test_much_output(make_work):
    work = make_work(f"{TROUBLE}:noisy", [{}])
    Processes(workers=1).run(work)
    assert work.results == [1.0]


def test_output_can_be_inherited(make_work, capfd):
    work = make_work(f"{TROUBLE}:chosen", [{"what": "segfault"}])
    Processes(workers=1, output="inherit").run(work)
    out, err = capfd.readouterr()
    assert "about to fall" in err
    assert out == ""
    assert work.errors == ["worker was killed by SIGSEGV"]


def test_working_directory_and_threads_left_behind(make_work):
    work = make_work(f"{TROUBLE}:wanders", [{}, {}])
    Processes(workers=1).run(work)
    assert work.results == [0.0, 0.0]


def test_memory_limit(make_work):
    work = make_work(f"{TROUBLE}:chosen", [{"what": "allocates"}, {"what": "fine", "x": 1.0}])
    Processes(workers=1, memory="2GB").run(work)
    assert work.errors[0].startswith("MemoryError")
    assert work.results[1] == 1.0


def test_lambda_closure_and_nested_function(make_work):
    offset = 5.0

    def closure(trial):
        return trial["x"] + offset

    for function, expected in ((closure, 6.0), (lambda trial: trial["x"] * 3, 3.0)):
        work = make_work(function, [{"x": 1.0}])
        Processes(workers=1).run(work)
        assert work.results == [expected]


def test_function_of_this_module(make_work):
    work = make_work(sorted_outcomes_count, [{"x": 1.0}])
    Processes(workers=1).run(work)
    assert work.results == [7.0]


def test_function_of_a_file_that_was_loaded_here(make_work, tmp_path):
    from hpo_bridge.objectives.objective import objective_from

    (tmp_path / "mine.py").write_text("K = 2\ndef f(trial):\n    return K * trial['x']\n")
    function = objective_from("mine.py:f", tmp_path).load()
    (tmp_path / "mine.py").unlink()  # it travels by value
    work = make_work(function, [{"x": 4.0}])
    Processes(workers=1).run(work)
    assert work.results == [8.0]


def test_function_of_a_notebook_cell(make_work):
    cell = {"__name__": "__main__"}
    exec(  # what a notebook does
        textwrap.dedent(
            """
            import math
            from dataclasses import dataclass
            SCALE = 3
            @dataclass
            class Model:
                x: float
            def helper(x):
                return SCALE * Model(x).x
            def train(trial):
                return helper(trial["x"]) + math.floor(0.5)
            """
        ),
        cell,
    )
    work = make_work(cell["train"], [{"x": 2.0}])
    Processes(workers=1).run(work)
    assert work.results == [6.0]


def test_objective_that_cannot_travel(make_work):
    import threading

    lock = threading.Lock()
    work = make_work(lambda trial: lock.locked(), [{}])
    with pytest.raises(ObjectiveError, match="cannot be sent to a worker: TypeError: cannot"):
        Processes(workers=1).run(work)
    assert not work.outcomes


def test_objective_that_cannot_be_loaded_ends_the_run_once(make_work, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import no_such_module\ndef f(trial):\n    return 0\n")
    work = make_work(f"{path}:f", [{}] * 10)
    with pytest.raises(ObjectiveError, match=r"cannot be imported: ModuleNotFoundError: No") as e:
        Processes(workers=2).run(work)
    assert "broken.py:1" in str(e.value)
    assert "\n" not in str(e.value)
    assert not work.outcomes
    assert not work.running
    assert work.given_back


def test_an_objective_may_stop_the_study(make_work):
    def stops(trial):
        if trial["x"]:
            raise StopStudy("the data are gone")
        return 0.0

    work = make_work(stops, [{"x": 0.0}, {"x": 1.0}, {"x": 0.0}])
    with pytest.raises(ObjectiveError, match=r"^the data are gone$"):
        Processes(workers=1).run(work)
    assert list(work.outcomes) == [0]
    assert not work.running
    assert list(work.given_back) == [1]


def test_objective_whose_import_kills_the_worker(make_work, tmp_path):
    path = tmp_path / "deadly.py"
    path.write_text("import os\nos._exit(7)\ndef f(trial):\n    return 0\n")
    work = make_work(f"{path}:f", [{}] * 10)
    with pytest.raises(ObjectiveError, match=r"3 workers in a row .* worker exited with code 7$"):
        Processes(workers=1).run(work)
    assert not work.outcomes
    assert not work.running


def test_idle_worker_that_dies_is_replaced(make_work, tmp_path):
    path = tmp_path / "dies_later.py"
    path.write_text(
        "import os, threading, time\n"
        "def f(trial):\n"
        "    if trial.number == 0:\n"
        "        threading.Timer(0.1, lambda: os._exit(9)).start()\n"
        "    else:\n"
        "        time.sleep(0.5)\n"
        "    return trial.number\n"
    )
    work = make_work(f"{path}:f", [{}])

    def finish(number, outcome):
        type(work).finish(work, number, outcome)
        if number == 0:
            time.sleep(0.3)  # the backend thinks, and the worker dies meanwhile
            work.waiting.append((1, {}))

    work.finish = finish
    Processes(workers=1).run(work)
    assert work.results == [0.0, 1.0]


def test_children_of_the_objective_may_be_processes_of_pythons(make_work):
    work = make_work(f"{TROUBLE}:starts_a_process", [{}])
    Processes(workers=1).run(work)
    assert work.results == [0.0]


def test_command(make_work):
    report = """'{{"step": 0, "value": {x}}}'"""
    work = make_work({"command": f"echo {report}"}, [{"x": 1.0}, {"x": 10.0}])
    work.prune = lambda step, value: value > 5
    Processes(workers=2).run(work)
    assert work.results == [1.0, None]
    assert work.outcomes[1].state is TrialState.PRUNED


@pytest.mark.parametrize("runner", [Inline, Processes])
def test_command_that_hangs(make_work, runner, tmp_path):
    pid = tmp_path / "pid"
    work = make_work({"command": f"sh -c 'echo $$ > {pid}; sleep 300'"}, [{}])
    runner(trial_timeout=0.3).run(work)
    assert work.errors == ["timed out after 0.3 s"]
    end = time.monotonic() + 150
    while psutil.pid_exists(int(pid.read_text())):
        if psutil.Process(int(pid.read_text())).status() == psutil.STATUS_ZOMBIE:
            break
        assert time.monotonic() < end


def test_a_trial_costs_little(make_work):
    work = make_work(f"{TROUBLE}:naps", [{}] * 100)
    times = []
    finish = work.finish
    work.finish = lambda *given: (times.append(time.perf_counter()), finish(*given))
    Processes(workers=2).run(work)
    each = (times[-1] - times[9]) / (len(times) - 10) * 2
    assert each < 0.020 + 0.050  # 1.5 ms on an idle machine


def test_time_budget_cuts_after_the_grace(make_work):
    work = make_work(f"{TROUBLE}:hangs", [{}] * 4, seconds=2.0)
    begin = time.monotonic()
    Processes(workers=2, grace=0.2).run(work)
    assert time.monotonic() - begin < 30
    assert work.given_back == {0: "the time budget ended", 1: "the time budget ended"}
    assert not work.outcomes


def test_stopping_lets_running_trials_end(make_work):
    work = make_work(lambda trial: __import__("time").sleep(0.3) or 1.0, [{}] * 9)
    finish = work.finish

    def stop(number, outcome):
        finish(number, outcome)
        work.stopping = True

    work.finish = stop
    Processes(workers=2).run(work)
    assert 1 <= len(work.outcomes) <= 2
    assert not work.running
    assert len(work.waiting) >= 7


def test_trouble_of_the_study_ends_all(make_work):
    work = make_work(f"{TROUBLE}:chosen", [{"what": "fine", "x": 1.0}, {"what": "hangs"}])

    def finish(number, outcome):
        del work.running[number]
        raise RuntimeError("the store is gone")

    work.finish = finish
    with pytest.raises(RuntimeError, match="the store is gone"):
        Processes(workers=2).run(work)
    assert not work.running
    assert work.given_back == {1: "the run ended with an error"}


def test_waiting_backend_is_asked_again_after_each_end(make_work):
    work = make_work(f"{TROUBLE}:pid", [{}] * 6)
    original = work.next
    work.next = lambda: None if work.running else original()
    Processes(workers=3).run(work)
    assert len(work.outcomes) == 6


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"workers": 0}, "workers: found 0"),
        ({"workers": 1.5}, "workers: found 1.5"),
        ({"trial_timeout": "5x"}, "trial_timeout: found '5x'"),
        ({"trial_timeout": -1}, "trial_timeout: found -1"),
        ({"retries": -1}, "retries"),
        ({"output": "none"}, "capture or inherit"),
        ({"order": "any"}, "free or deterministic"),
        ({"memory": "lots"}, "memory: found 'lots'"),
    ],
)
def test_wrong_options(options, problem):
    with pytest.raises(InvalidOptions, match=problem):
        Processes(**options)


def test_options_as_a_study_file_has_them():
    runner = Processes(trial_timeout="5m", memory="2GiB", retries=2, order="deterministic")
    assert (runner.trial_timeout, runner.memory) == (300.0, 2 << 30)
    assert (runner.retries, runner.order) == (2, "deterministic")
    assert runner.workers >= 1


def sorted_outcomes(work):
    return [work.outcomes[number] for number in sorted(work.outcomes)]


def sorted_outcomes_count(trial):
    return 7.0 * trial["x"]


def assert_matches(pattern, text):
    import re

    assert text is not None
    assert re.search(f"^{pattern}", text), text
