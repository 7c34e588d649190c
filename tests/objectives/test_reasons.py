"""The one line of an error that is shown, and what makes two errors one and the same reason."""

from __future__ import annotations

import re
import subprocess
import sys
import traceback

import pytest

from hpo_bridge.objectives.failure import (
    explain,
    reason_key,
    short_reason,
    telling_line,
    with_output,
)

OUTPUTS = {
    "argparse": (
        "usage: train.py [-h] [--rate RATE]\ntrain.py: error: unrecognized arguments: --lr 0.1\n",
        "train.py: error: unrecognized arguments: --lr 0.1",
    ),
    "help after the error": (
        "error: unexpected argument '--lr' found\n\n  tip: try --rate\n\nUsage: train\n\n"
        "For more information, try '--help'.\n",
        "error: unexpected argument '--lr' found",
    ),
    "a box": (
        "Usage: train.py [OPTIONS]\nTry 'train.py --help' for help.\n╭─ Error ─────╮\n"
        "│ No such option: --lr │\n╰──────────────╯\n",
        "No such option: --lr",
    ),
    "a warning after the traceback": (
        'Traceback (most recent call last):\n  File "t.py", line 3, in <module>\n    f()\n'
        "RuntimeError: no device\nhint: is there one?\ncache: 1 object leaked\n",
        "RuntimeError: no device",
    ),
    "an exception of several lines": (
        'Traceback (most recent call last):\n  File "t.py", line 3, in <module>\n'
        "torch.Error: Error(s) in loading Net:\n\tMissing key(s): w.\n\tsize mismatch for b.\n",
        "torch.Error: Error(s) in loading Net:",
    ),
    "a chain": (
        'Traceback (most recent call last):\n  File "t.py", line 1, in f\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "t.py", line 3, in g\nValueError: unknown\n',
        "ValueError: unknown",
    ),
    "ranks": (
        '[rank0]: Traceback (most recent call last):\n[rank0]:   File "t.py", line 1, in f\n'
        "[rank0]: ValueError: bad\n[rank0]: closing\n",
        "ValueError: bad",
    ),
    "a handled traceback": (
        'Traceback (most recent call last):\n  File "t.py", line 1\nImportError: apex\n'
        "usage: t.py [-h]\nt.py: error: no data\n",
        "t.py: error: no data",
    ),
    "a progress bar and colours": (
        "  0%|   | 0/9 [00:00<?, ?it/s]\r 50%|x  | 5/9\r\x1b[31mfatal: no space left\x1b[0m\n",
        "fatal: no space left",
    ),
    "java": (
        'Exception in thread "main" java.lang.RuntimeException: bad\n\tat M.main(M.java:3)\n',
        'Exception in thread "main" java.lang.RuntimeException: bad',
    ),
    "R": ("Error in f(lr) : lr must be positive\nCalls: f\nExecution halted\n",
          "Error in f(lr) : lr must be positive"),
    "a shell": ("/bin/sh: 1: train: not found\n", "/bin/sh: 1: train: not found"),
    "a crash": (
        'Fatal Python error: Segmentation fault\n\nCurrent thread 0x01:\n  File "t.py", line 3\n'
        "Extension modules: numpy.core (total: 13)\n",
        "Fatal Python error: Segmentation fault",
    ),
    "C++": (
        "terminate called after throwing an instance of 'std::runtime_error'\n"
        "  what():  bad rate\nAborted (core dumped)\n",
        "what():  bad rate",
    ),
    "Go": (
        "panic: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/t.go:8 +0x1d\n"
        "exit status 2\n",
        "panic: index out of range",
    ),
    "Julia": (
        "ERROR: BoundsError\nStacktrace:\n [1] getindex\nin expression starting at /t.jl:2\n",
        "ERROR: BoundsError",
    ),
    "an error after a list of calls": (
        "late data\nstack traceback:\n\t[C]: in ?\nt: error: no data\n", "t: error: no data",
    ),
    "a launcher": (
        'Traceback (most recent call last):\n  File "t.py", line 1\nModuleNotFoundError: apex\n'
        'Traceback (most recent call last):\n  File "launch", line 8\n'
        "subprocess.CalledProcessError: Command '['t.py']' returned non-zero exit status 1.\n",
        "ModuleNotFoundError: apex",
    ),
    "a launcher of what writes no traceback": (
        "usage: t.py\nt.py: error: no --lr\nTraceback (most recent call last):\n"
        '  File "run", line 8\ntorch.ChildFailedError: \nt.py FAILED\nRoot Cause:\n',
        "t.py: error: no --lr",
    ),
    "a program without a word of its own": (
        'epoch 3: 0.5\nTraceback (most recent call last):\n  File "t.py", line 1\n'
        "subprocess.CalledProcessError: Command 'tar' returned non-zero exit status 1.\n",
        "subprocess.CalledProcessError: Command 'tar' returned non-zero exit status 1.",
    ),
    "hydra": (
        "Key 'lrr' is not in struct\n    full_key: lrr\n\nSet the environment variable "
        "HYDRA_FULL_ERROR=1 for a complete stack trace.\n",
        "Key 'lrr' is not in struct",
    ),
    "an exception group": (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "t.py", line 1, in <module>\n  | ExceptionGroup: all (2 sub-exceptions)\n'
        "  +-+---------------- 1 ----------------\n    | ValueError: one\n"
        "    +---------------- 2 ----------------\n    | TypeError: two\n"
        "    +------------------------------------\n",
        "TypeError: two",
    ),
    "a traceback in a box": (
        "╭─── Traceback (most recent call last) ───╮\n│ /t.py:1 in <module>   │\n"
        "│ ❱ 1 f()               │\n╰───────────────────────╯\nValueError: bad rate\n",
        "ValueError: bad rate",
    ),
    "the title of a terminal": ("\x1b]0;title\x07fatal: no data\n", "fatal: no data"),
    "no words": ("}\n", ""),
}  # fmt: skip


@pytest.mark.parametrize(("output", "line"), OUTPUTS.values(), ids=OUTPUTS)
def test_the_line_that_tells_most(output, line):
    assert telling_line(output) == line
    first = with_output("the command exited with code 2", output).splitlines()[0]
    assert first == (f"the command exited with code 2: {line}")
    assert output.strip() in with_output("it ended", output)


def test_an_exception_group_and_a_real_traceback():
    code = "raise ExceptionGroup('all', [ValueError('one'), TypeError('two')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert telling_line(done.stderr) == "TypeError: two"
    try:
        {}["lr"]
    except KeyError:
        assert telling_line(traceback.format_exc()) == "KeyError: 'lr'"


def test_exceptions_that_stand_for_others():
    def explained(function):
        try:
            function()
        except BaseException as error:
            return explain(error)
        raise AssertionError

    def chained():
        try:
            raise KeyError("lr")
        except KeyError as error:
            raise RuntimeError("the trial failed") from error

    def group():
        raise ExceptionGroup("all", [ValueError("one"), TypeError("two")])

    def program():
        code = "import sys; print('usage: x'); sys.exit('x: error: no --lr')"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    def worker():
        text = 'Caught E in worker 0.\nOriginal Traceback (most recent call last):\n  File "d"\n'
        raise ValueError(text + "ValueError: bad row\n")

    here = r" \(test_reasons.py:\d+ in {}\)"
    pattern = f"RuntimeError: the trial failed{here}; caused by KeyError: 'lr'{here}"
    assert re.fullmatch(pattern.format("chained", "chained"), explained(chained))
    assert explained(group).endswith("; caused by ValueError: one")
    assert explained(program).endswith("; it wrote: x: error: no --lr")
    assert explained(worker).startswith("ValueError: Caught E in worker 0.: ValueError: bad row (")
    loop = ValueError("a")
    loop.__cause__ = other = TypeError("b")
    other.__cause__ = loop
    assert explain(loop).startswith("ValueError: a")


def test_one_line_of_any_error():
    assert short_reason(None) == short_reason(" \n") == ""
    old = "the command exited with code 2; it wrote:\nusage: t\nt: error: no --lr"
    assert short_reason(old) == "the command exited with code 2: t: error: no --lr"
    new = with_output("the command exited with code 2", "usage: t\nt: error: no --lr")
    assert short_reason(new) == short_reason(old)
    told = 'training failed\nTraceback (most recent call last):\n  File "t"\nValueError: bad'
    assert short_reason(told) == "training failed: ValueError: bad"
    assert short_reason(told.partition("\n")[2]) == "ValueError: bad"
    long = short_reason(f"ValueError: {'x' * 3000} (train.py:3 in f)")
    assert len(long) <= 240
    assert long.startswith("ValueError: xx")
    assert long.endswith("(train.py:3 in f)")


SAME = [
    ("ValueError: lr 0.1 with adam (t.py:3 in f)", "ValueError: lr 1e-9 with sgd (t.py:3 in f)"),
    ("fold 1: E: x 1 (t.py:3 in f)", "fold 2: E: x (2) (t.py:3 in f)"),
    ("the objective returned nan, expected a finite number",
     "the objective returned -inf, expected a finite number"),
    ("the objective returned <F object at 0x7f>; expected", "the objective returned <F object at "
     "0x1e>; expected"),
    ("the command exited with code 1: t: cannot open /tmp/run-1/a.csv",
     "the command exited with code 1: t: cannot open /tmp/run-27/b.csv"),
    ("the command exited with code 1: no 'adam' here", "the command exited with code 1: no 'sgd' "
     "here"),
]  # fmt: skip
OTHER = [
    ("ValueError: bad (t.py:3 in f)", "TypeError: bad (t.py:3 in f)"),
    ("ValueError: bad (t.py:3 in f)", "ValueError: bad (t.py:4 in f)"),
    ("the command exited with code 1", "the command exited with code 2"),
    ("worker was killed by SIGSEGV", "worker was killed by SIGKILL (out of memory?)"),
    ("the command exited with code 1: KeyError: 1", "the command exited with code 1: E: 1"),
    ("timed out after 5 s", "the objective returned nan, expected a finite number"),
]


def test_one_and_the_same_reason():
    for one, two in SAME:
        assert reason_key(one, {}) == reason_key(two, {}), one
    for one, two in OTHER:
        assert reason_key(one, {}) != reason_key(two, {}), one
    how = "the command exited with code 1: cannot use {}"
    one, two = (reason_key(how.format(name), {"opt": name}) for name in ("adam", "sgd"))
    assert one == two
