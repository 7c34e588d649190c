"""Objectives: how they are named, checked, loaded and sent."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import pytest

from hpo_bridge.contracts.objective import Objective
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.contracts.trial import Trial
from hpo_bridge.errors import ObjectiveError, StoreError, TrialPruned
from hpo_bridge.objectives.objective import (
    Cut,
    FunctionObjective,
    evaluate,
    judged,
    objective_from,
)


def refusal(spec, folder="."):
    with pytest.raises(ObjectiveError) as caught:
        objective_from(spec, folder).check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def source(tmp_path):
    def write(text, name="objective.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return tmp_path

    return write


def test_file(source):
    folder = source("def train(trial):\n    return trial['x'] + 1\n")
    objective = objective_from("objective.py:train", folder)
    assert isinstance(objective, Objective)
    assert objective.describe() == "objective.py:train"
    objective.check()
    assert objective.load()({"x": 1}) == 2
    assert pickle.loads(pickle.dumps(objective)) == objective


def test_module(source):
    folder = source("def train(trial):\n    return 1\n", "some_module_of_mine.py")
    objective = objective_from("some_module_of_mine:train", folder)
    objective.check()
    assert objective.load()({}) == 1


def test_check_imports_nothing(source):
    folder = source("raise SystemExit\ndef train(trial): ...\n")
    objective_from("objective.py:train", folder).check()
    source("raise SystemExit\n", "deep_package/__init__.py")
    source("def train(trial): ...\n", "deep_package/inner.py")
    objective_from("deep_package.inner:train", folder).check()
    assert "deep_package" not in sys.modules


def test_wrong_names(source):
    folder = source("import os\ndef train(trial): ...\ndef evaluate(trial): ...\n_x = 3\n")
    message = refusal("objective.py:trian", folder)
    assert message == (
        "objective: objective.py has no function 'trian' (did you mean 'train'?); "
        "it defines train, evaluate"
    )
    assert "there is no file" in refusal("objectives.py:train", folder)
    assert "there is no module 'no_such_module'" in refusal("no_such_module:train", folder)
    assert "there is no module 'json.nothing'" in refusal("json.nothing:train", folder)
    assert "json.decoder has no function 'trian'" in refusal("json.decoder:trian", folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def train(trial:\n    pass\n", "has a syntax error at line 1"),
        ("x = 1\ntrain = 3\n", "is not callable"),
        ("async def train(trial): ...\n", "is async"),
        ("\0", "has a syntax error: source code"),
    ],
)
def test_source_that_cannot_work(source, text, problem):
    assert problem in refusal("objective.py:train", source(text))


@pytest.mark.parametrize(
    "text",
    [
        "from somewhere import *\n",
        "from somewhere import train\n",
        "import somewhere as train\n",
        "try:\n    import torch\nexcept ImportError:\n    train = None.__class__\n",
        "if True:\n    def train(trial): ...\n",
        "train = functools.partial(print)\n",
        "train: object = make()\n",
        "a, train = make()\n",
        "class train: ...\n",
        "with x:\n    train = y\n",
        "def __getattr__(name): ...\n",
    ],
)
def test_source_that_may_work(source, text):
    objective_from("objective.py:train", source(text)).check()


@pytest.mark.parametrize(
    "spec", ["train", "objective.py", "objective.py:", ":train", "a/b:train", "a.py:f()", 3, None]
)
def test_not_an_objective(spec):
    assert "'FILE.py:FUNCTION'" in refusal(spec)


def test_command():
    objective = objective_from({"command": "python train.py --lr {lr}"}, "/")
    assert objective.describe() == "python train.py --lr {lr}"
    assert "did you mean 'command'" in refusal({"comand": "x"})
    assert "found 3" in refusal({"command": 3})


def test_two_files_of_one_name(source):
    for name, number in (("a", 1), ("b", 2), ("c", 3)):
        source(
            "from __future__ import annotations\nimport pickle\n"
            "from dataclasses import dataclass\n"
            f"@dataclass\nclass P:\n    x: int = {number}\n"
            "def same_name(trial):\n    return pickle.loads(pickle.dumps(P())).x\n",
            f"{name}/same_name_everywhere.py",
        )
    folder = source("", "empty.py")
    loaded = [
        objective_from(f"{name}/same_name_everywhere.py:same_name", folder).load()
        for name in "abc"
    ]
    assert [function({}) for function in loaded] == [1, 2, 3]
    again = objective_from("a/same_name_everywhere.py:same_name", folder).load()
    assert again is loaded[0]


def test_file_named_like_a_library(source):
    folder = source("def train(trial):\n    return 5\n", "json.py")
    assert objective_from("json.py:train", folder).load()({}) == 5
    import json

    assert json.loads("3") == 3


def test_neighbours_of_the_file_can_be_imported(source):
    source("VALUE = 9\n", "neighbour_of_it.py")
    folder = source("import neighbour_of_it as n\ndef f(trial):\n    return n.VALUE\n")
    assert objective_from("objective.py:f", folder).load()({}) == 9


def test_processes_of_the_objective_can_import_its_file(source):
    """Where the name is free the module has it: a spawned DataLoader needs that."""
    folder = source(
        "import multiprocessing as mp\n"
        "def twice(x):\n    return 2 * x\n"
        "def f(trial):\n"
        "    with mp.get_context('spawn').Pool(1) as pool:\n"
        "        return pool.map(twice, [4])[0]\n",
        "spawns_itself.py",
    )
    code = (
        "if __name__ == '__main__':\n"
        "    from hpo_bridge.objectives.objective import objective_from\n"
        f"    print(objective_from('spawns_itself.py:f', {str(folder)!r}).load()({{}}))\n"
    )
    script = source(code, "script.py") / "script.py"
    out = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert out.stdout == "8\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import no_such_thing\ndef f(t): ...\n", "ModuleNotFoundError: No module named"),
        ("1 / 0\ndef f(t): ...\n", "ZeroDivisionError: division by zero (objective.py:1)"),
        ("raise SystemExit(2)\ndef f(t): ...\n", "SystemExit: 2"),
        ("def f(): ...\n", "f() must take one argument, the trial"),
        ("f = print.__name__\n", "is not callable"),
        ("from os import *\n", "has no function 'f'"),
    ],
)
def test_load_fails(source, text, problem):
    with pytest.raises(ObjectiveError) as caught:
        objective_from("objective.py:f", source(text)).load()
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_function():
    def f(trial):
        return trial["x"]

    objective = objective_from(f)
    objective.check()
    assert objective.describe().endswith("test_function.<locals>.f")
    assert pickle.loads(pickle.dumps(objective)).load()({"x": 4}) == 4
    assert objective_from(objective) is objective


def test_callable_object_and_partial():
    import functools

    class Callable:
        def __call__(self, trial):
            return 1

    for function in (Callable(), functools.partial(lambda a, trial: a, 1), Callable().__call__):
        objective = objective_from(function)
        objective.check()
        assert pickle.loads(pickle.dumps(objective)).load()({}) == 1


def test_a_class_of_functions_is_made_once_where_it_is_loaded(source):
    class Counted:
        made = 0

        def __init__(self):
            type(self).made += 1

        def __call__(self, trial):
            return trial["x"]

    objective = objective_from(Counted)
    objective.check()
    assert Counted.made == 0
    assert objective.describe().endswith("Counted")
    function = objective.load()
    assert [function({"x": x}) for x in (1, 2)] == [1, 2]
    assert Counted.made == 1
    assert pickle.loads(pickle.dumps(objective)).load()({"x": 4}) == 4
    text = "class Loss:\n    def __call__(self, trial):\n        return trial['x']\n"
    assert objective_from("objective.py:Loss", source(text)).load()({"x": 3}) == 3


def test_a_class_that_cannot_be_made(source):
    text = "class Loss:\n    def __init__(self, a): ...\n    def __call__(self, trial): ...\n"
    with pytest.raises(ObjectiveError, match=r"objective\.py:Loss: the class cannot be made") as e:
        objective_from("objective.py:Loss", source(text)).load()
    assert "missing 1 required positional argument: 'a'" in str(e.value)
    text = "class Loss:\n    def __call__(self): ...\n"
    with pytest.raises(ObjectiveError, match="must take one argument, the trial"):
        objective_from("other.py:Loss", source(text, "other.py")).load()


def test_wrong_functions():
    async def coroutine(trial): ...

    assert "is async" in refusal(coroutine)
    assert "must take one argument" in refusal(lambda: 0)
    assert "must take one argument" in refusal(lambda a, b: 0)


def test_module_imports_no_heavy_library():
    code = (
        "import sys, hpo_bridge.objectives.objective, hpo_bridge.runners.inline, "
        "hpo_bridge.runners.processes\n"
        "print([m for m in ('cloudpickle', 'numpy', 'torch') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


@pytest.fixture
def trial():
    return Trial(3, {"x": 1.0}, 7, channel=None)


def raising(error):
    def function(trial):
        raise error

    return function


def test_evaluate(trial):
    assert evaluate(lambda trial: trial["x"], trial).result == 1.0
    assert evaluate(raising(TrialPruned), trial).state is TrialState.PRUNED
    assert evaluate(raising(TrialPruned("enough")), trial).state is TrialState.PRUNED
    failed = evaluate(raising(ValueError("two\nlines")), trial)
    assert failed.state is TrialState.FAILED
    assert failed.retriable
    assert failed.error.startswith("ValueError: two lines (test_objective.py:")
    assert failed.error.endswith(" in function)")
    assert evaluate(raising(SystemExit), trial).error.endswith("called sys.exit()")
    assert len(evaluate(raising(ValueError("x" * 10**6)), trial).error) < 1200


def test_error_in_a_library_points_to_the_users_line(trial):
    def train(trial):
        import json

        json.loads("{")

    assert " in train)" in evaluate(train, trial).error


@pytest.mark.parametrize("error", [KeyboardInterrupt, Cut, StoreError("gone")])
def test_evaluate_lets_pass(trial, error):
    with pytest.raises(error if isinstance(error, type) else type(error)):
        evaluate(raising(error), trial)


class Broken:
    def __repr__(self):
        raise ValueError

    def __float__(self):
        raise OSError


@pytest.mark.parametrize("result", [None, "1", [1.0], {}, {"a": "b"}, {1: 2}, True, Broken(), 1j])
def test_refused_results(result):
    outcome = judged(result)
    assert outcome.state is TrialState.FAILED
    assert outcome.error.startswith("the objective returned ")
    assert not outcome.retriable


def test_accepted_results():
    numpy = pytest.importorskip("numpy")
    assert judged(3).result == 3.0
    assert judged(Fraction(1, 2)).result == 0.5
    assert judged(numpy.float32(0.5)).result == 0.5
    assert judged({"a": numpy.int64(2)}).result == {"a": 2.0}
    assert type(judged(numpy.array(2.5)).result) is float
    assert judged(10**400).result == float("inf")


def test_function_objective_is_frozen():
    with pytest.raises(AttributeError):
        FunctionObjective(print).function = None


def test_a_file_that_several_threads_load(tmp_path):
    (tmp_path / "loaded_slowly.py").write_text(
        "import time\ntime.sleep(0.3)\ndef train(trial):\n    return 1.0\n"
    )
    objective = objective_from("loaded_slowly.py:train", tmp_path)
    with ThreadPoolExecutor(3) as pool:
        loaded = list(pool.map(lambda _: objective.load(), range(3)))
    assert [function({}) for function in loaded] == [1.0] * 3
    assert len(set(loaded)) == 1
