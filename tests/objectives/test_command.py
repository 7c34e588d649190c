"""Objectives that are programs."""

from __future__ import annotations

import json
import os
import shlex
import sys
import textwrap
import time

import psutil
import pytest

from hpo_bridge import Float, Space
from hpo_bridge.contracts.checkpoint_folder import CheckpointFolder
from hpo_bridge.contracts.checkpoints import NOWHERE
from hpo_bridge.contracts.gradients import Differentiation
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import NoCheckpoints, ObjectiveError, TrialPruned
from hpo_bridge.objectives.command import CommandObjective
from hpo_bridge.objectives.command_line import arguments, parse_item
from hpo_bridge.objectives.objective import evaluate


class Reports:
    """A channel that keeps what it gets."""

    def __init__(self, limit=float("inf")):
        self.got = []
        self.limit = limit

    def report(self, number, step, value):
        self.got.append((step, value))

    def should_prune(self, number):
        return self.got[-1][1] >= self.limit

    def resumed(self, number):
        self.got.append("resumed")


@pytest.fixture
def run(tmp_path):
    def run(code, params=None, channel=None, words="", seed=5, checkpoints=NOWHERE):
        (tmp_path / "program.py").write_text(textwrap.dedent(code))
        command = f"{shlex.quote(sys.executable)} program.py {words}"
        objective = CommandObjective(command, str(tmp_path))
        objective.check()
        trial = Trial(4, params or {}, seed, channel or Reports(), checkpoints)
        return evaluate(objective.load(), trial)

    return run


def test_derivatives_beside_the_value(run, tmp_path):
    code = """
        import json, os
        print(os.environ["HPO_BRIDGE_GRADIENTS"])
        print(json.dumps({"value": 0.5, "gradients": {"x": 1, "w": [2, 3.5]}}))
        """
    outcome = run(code)
    assert (outcome.result, outcome.gradients) == (0.5, {"x": 1.0, "w": [2.0, 3.5]})
    named = run('print(\'{"loss": 0.5, "step": 3, "gradients": {"x": 1}}\')')
    assert (named.result, named.gradients) == ({"loss": 0.5}, {"x": 1.0})
    wrong = run('print(\'{"value": 0.5, "gradients": {"x": "up"}}\')')
    assert wrong.error == "the gradient of x: expected a number, found 'up'"
    # An objective may have the name: then it is a number.
    named = run('print(\'{"value": 0.5, "gradients": 2}\')')
    assert (named.result, named.gradients) == ({"value": 0.5, "gradients": 2.0}, None)


@pytest.mark.parametrize("wanted", [False, True])
def test_a_program_can_tell_whether_derivatives_are_wanted(tmp_path, wanted):
    program = "import os; print(os.environ['HPO_BRIDGE_GRADIENTS'])"
    (tmp_path / "program.py").write_text(program)
    objective = CommandObjective(f"{shlex.quote(sys.executable)} program.py", str(tmp_path))
    asked = Differentiation(wanted=wanted)
    outcome = evaluate(objective.load(), Trial(0, {}, 0, Reports(), differentiation=asked))
    assert outcome.result == float(wanted)


def test_parameters_and_environment(run):
    outcome = run(
        """
        import json, os, sys
        json.dump([sys.argv[1:], json.loads(os.environ["HPO_PARAMS"]), os.getcwd(),
            os.environ["HPO_BRIDGE_TRIAL"], os.environ["HPO_BRIDGE_SEED"]], open("seen", "w"))
        print(0.25)
        """,
        {"lr": 0.1, "name": "a b; rm -rf /", "on": True, "sizes": [3, 5]},
        words="--lr {lr} --name={name} '{{{on}}}' {sizes} --momentum {momentum} -m={momentum} -v",
    )
    assert outcome.result == 0.25


def test_what_the_program_sees(run, tmp_path):
    params = {"lr": 1e-5, "name": "a b; echo $HOME", "on": True, "sizes": [3, 5]}
    test_parameters_and_environment(lambda code, _, **given: run(code, params, **given))
    words, given, folder, number, seed = json.loads((tmp_path / "seen").read_text())
    assert words == ["--lr", "1e-05", "--name=a b; echo $HOME", "{true}", "[3, 5]", "-v"]
    assert given == params
    assert folder == str(tmp_path)
    assert (number, seed) == ("4", "5")


def test_inactive_parameters():
    def given(*items):
        return arguments(map(parse_item, items), {"a": 1})

    assert given("x", "--b", "{b}", "{a}") == ["x", "1"]
    assert given("x", "b", "{b}", "{a}") == ["x", "b", "1"]
    assert given("x", "--flag", "--b={b}", "{a}{b}") == ["x", "--flag"]
    assert given("--b", "{b}", "{b}", "--a", "{a}") == ["--a", "1"]


@pytest.mark.parametrize(
    ("printed", "result"),
    [
        ("0.3", 0.3),
        ("7", 7.0),
        ('{"value": 0.3}', 0.3),
        ('{"loss": 1, "latency": 2}', {"loss": 1.0, "latency": 2.0}),
        ('{"loss": 1, "epoch": 2}', {"loss": 1.0}),
        ('{"step": 9, "value": 0.5, "lr": 0.1}', 0.5),
        ('{"step": 9, "loss": 0.5}', {"loss": 0.5}),
        ('1.5\\nbye\\n[1]\\n"text"\\ntrue\\n{not json', 1.5),
        ("Infinity", float("inf")),
    ],
)
def test_last_line_of_json(run, printed, result):
    outcome = run(f"print('''start\n{printed}\n\nend''', end='')")
    assert outcome.result == result, outcome.error


def test_reports(run):
    channel = Reports()
    outcome = run(
        """
        import json
        for step in range(3):
            print(json.dumps({"step": step, "value": step / 2}))
        print(json.dumps({"value": 7}))
        """,
        channel=channel,
    )
    assert channel.got == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert outcome.result == 7.0


def test_pruned_program_is_killed_with_its_children(run, tmp_path):
    outcome = run(
        """
        import json, os, subprocess, time
        child = subprocess.Popen(["sleep", "300"])
        open("pids", "w").write(f"{os.getpid()} {child.pid}")
        for step in range(100):
            print(json.dumps({"step": step, "value": step}), flush=True)
            time.sleep(0.05)
        """,
        channel=Reports(limit=2),
    )
    assert outcome.state is TrialState.PRUNED
    pids = (tmp_path / "pids").read_text().split()
    time.sleep(0.05)
    for pid in map(int, pids):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


@pytest.mark.parametrize(
    ("code", "reason", "retriable"),
    [
        ("import sys; sys.exit('no luck')", "exited with code 1: no luck", True),
        ("import sys; print(1); sys.exit(3)", "exited with code 3: 1", True),
        ("import os; os.kill(os.getpid(), 11)", "was killed by SIGSEGV", True),
        ("print('hello')", "printed no line of JSON: hello", False),
        ("pass", "printed no line of JSON", False),
        ("""print('{"step": 1.5, "value": 3}')""", "reported {'step': 1.5, 'value': 3}: ", True),
        ("""print('{"step": 1, "value": "a"}')""", "reported {'step': 1, 'value': 'a'}: ", True),
        ("""print('{"loss": "low"}')""", "returned {'loss': 'low'}; expected", False),
        ("""print('{}')""", "returned {}; expected", False),
    ],
)
def test_failures(run, code, reason, retriable):
    outcome = run(code)
    assert outcome.state is TrialState.FAILED
    assert reason in outcome.error
    assert outcome.retriable is retriable


def test_much_output_is_bounded(run):
    before = psutil.Process().memory_info().rss
    outcome = run(
        """
        import os
        for stream in (1, 2):
            for _ in range(400):
                os.write(stream, b"x" * (1 << 17))  # lines without an end
                os.write(stream, (b"y" * 127 + b"\\n") * 64)
        os.write(1, b"z" * (1 << 22) + b"\\n 3 \\n")
        """
    )
    assert outcome.result == 3.0
    assert psutil.Process().memory_info().rss - before < 64 << 20


def test_background_process_that_keeps_the_pipe(run):
    begin = time.monotonic()
    outcome = run(
        """
        import subprocess
        subprocess.Popen(["sleep", "300"])
        subprocess.Popen(["sleep", "60"], start_new_session=True)
        print(2)
        """
    )
    assert outcome.result == 2.0
    assert time.monotonic() - begin < 30


def test_program_that_closes_its_output_early(run):
    outcome = run(
        """
        import os, time
        os.write(1, b"4\\n")
        os.close(1); os.close(2)
        time.sleep(0.3)
        open("done", "w").close()
        """
    )
    assert outcome.result == 4.0


def test_descriptors_do_not_leak(run):
    run("print(1)")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        run("print(1)")
    assert len(os.listdir("/proc/self/fd")) == before


def test_placeholders():
    objective = CommandObjective("a --x={x} {y}{x} '{{no}}' {a.b}")
    assert [p.name for p in objective.placeholders] == ["x", "y", "x", "a.b"]
    CommandObjective("a {x}").check_space(Space(x=Float(0, 1), y=Float(0, 1)))
    with pytest.raises(
        ObjectiveError, match=r"'lrr' \(did you mean 'lr'\?\); the space has lr, x"
    ):
        CommandObjective("a {lrr}").check_space(Space(lr=Float(0, 1), x=Float(0, 1)))


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("", "empty"),
        ("python 'x", "no closing quotation"),
        ("python {x", "a single '{'"),
        ("python x}", "a single '}'"),
        ("no-such-program-anywhere x", "there is no program 'no-such-program-anywhere'"),
        ("./missing.sh", "there is no program './missing.sh'"),
    ],
)
def test_commands_that_cannot_work(command, problem, tmp_path):
    with pytest.raises(ObjectiveError, match=problem):
        CommandObjective(command, str(tmp_path)).check()


def test_interrupted_program_is_killed(run):
    class Stops(Reports):
        def should_prune(self, number):
            raise KeyboardInterrupt

    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(KeyboardInterrupt):
        run("""import time; print('{"step": 0, "value": 1}', flush=True); time.sleep(300)""",
            channel=Stops())  # fmt: skip
    assert set(psutil.Process().children(recursive=True)) <= before


def test_pruned_is_an_exception_of_the_function(tmp_path):
    objective = CommandObjective("""echo '{{"step": 0, "value": 1}}'""", str(tmp_path))
    with pytest.raises(TrialPruned):
        objective.load()(Trial(0, {}, 0, Reports(limit=0)))


TRAINS = """
    import json, os, pathlib, shutil
    kept = os.environ.get("HPO_BRIDGE_CHECKPOINT")
    begin = int(pathlib.Path(kept, "epoch").read_text()) + 1 if kept else 0
    for epoch in range(begin, 4):
        folder = pathlib.Path(f"work{epoch}")
        folder.mkdir()
        (folder / "epoch").write_text(str(epoch))
        print(json.dumps({"checkpoint": str(folder)}), flush=True)
        if epoch == begin + 1:
            raise SystemExit(7)
    print(begin)
"""


def test_checkpoints_of_a_program(run, tmp_path, monkeypatch):
    kept = CheckpointFolder(tmp_path / "kept")
    monkeypatch.setenv("HPO_BRIDGE_CHECKPOINT", "of a study in whose trial this one runs")
    for epoch in (1, 3):
        outcome = run(TRAINS, checkpoints=kept)
        assert outcome.error is not None
        assert outcome.error.startswith("the command exited with code 7")
        assert (kept.find(4) / "epoch").read_text() == str(epoch)
    assert run(TRAINS, checkpoints=kept).result == 4.0


@pytest.mark.parametrize(
    ("printed", "why"),
    [
        ('{"checkpoint": "absent"}', "DIR/absent does not exist"),
        ('{"checkpoint": "program.py"}', "DIR/program.py is a file, not a directory"),
    ],
)
def test_checkpoints_that_a_program_cannot_have(run, tmp_path, printed, why):
    kept = CheckpointFolder(tmp_path / "kept")
    outcome = run(f"print({printed!r}); print(1)", checkpoints=kept)
    reason = f"the command's checkpoint was not kept: {why.replace('DIR', str(tmp_path))}"
    assert outcome.error == reason
    assert outcome.retriable


def test_a_programs_value_may_be_called_checkpoint(run, tmp_path):
    kept = CheckpointFolder(tmp_path / "kept")
    assert run("""print('{"checkpoint": 0.5}')""", checkpoints=kept).result == {"checkpoint": 0.5}


def test_a_program_without_a_place_for_checkpoints_ends_the_run(run):
    with pytest.raises(NoCheckpoints):
        run("""print('{"checkpoint": "."}')""")
