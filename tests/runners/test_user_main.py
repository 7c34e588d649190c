"""What a script or notebook defines, in workers: as it would be in the driver."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import cloudpickle
import pytest

from hpo_bridge.objectives.objective import FunctionObjective
from hpo_bridge.objectives.reference import Reference

SAMPLES = Path(__file__).with_name("user_main.py")
NOTEBOOK = """
import nbformat
from nbclient import NotebookClient
code = open("user_main.py").read()
cells = [nbformat.v4.new_code_cell(text) for text in (code, CALLS)]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
said = [output for output in notebook.cells[-1].outputs if output.get("name") == "stdout"]
print("".join(output["text"] for output in said))  # Ray's advice for notebooks is on stderr
"""
PROCESSES = "main('processes', workers=1)"
EVERY_RUNNER = f"""{PROCESSES}
from hpo_bridge_ray.cluster import connected
with connected(None):  # starts a Ray once, for both
    main('ray', workers=1, mode='slots')
    main('ray', workers=1, mode='trials')
"""


@pytest.fixture
def python(tmp_path):
    """Runs Python in a folder of its own, as a user would; what it has printed."""

    def run(*arguments, text=None, folder=tmp_path):
        environment = dict(os.environ)
        environment.pop("PYTHONUNBUFFERED", None)
        done = subprocess.run(
            (sys.executable, *arguments), cwd=folder, env=environment, input=text,
            capture_output=True, text=True, timeout=340,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
@pytest.mark.parametrize("how", ["script", "guarded", "stdin", "notebook"])
def test_what_main_defines_is_there(python, tmp_path, how):
    """In a trial on every runner; on Ray a script is the same as stdin, but for the name."""
    code, calls = SAMPLES.read_text(), PROCESSES if how == "script" else EVERY_RUNNER
    if how == "stdin":
        printed = python("-", text=f"{code}\n{calls}\n")
    elif how == "notebook":
        pytest.importorskip("nbclient")
        (tmp_path / "user_main.py").write_text(code)
        printed = python("-W", "ignore", "-c", NOTEBOOK.replace("CALLS", repr(calls)))
    else:
        guarded = f"if __name__ == '__main__':\n{textwrap.indent(calls, '    ')}"
        (tmp_path / "script.py").write_text(f"{code}\n{calls if how == 'script' else guarded}\n")
        printed = python("script.py")
    assert printed.split() == ["{}"] * (1 if how == "script" else 3)
    assert (tmp_path / "runs.txt").read_text() == "run\n"


SPAWNS = """
import multiprocessing, pickle, sys
from dataclasses import dataclass
import hpo_bridge as hpo
print("run as", __name__, file=sys.stderr)
@dataclass
class Config:
    x: float
def own(config):
    return Config(config.x * 2)
def objective(trial):
    assert multiprocessing.get_start_method() == "spawn"
    with multiprocessing.Pool(1) as pool:
        (config,) = pool.map(own, [Config(trial["x"])])
    return config.x
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=0)
    study.optimize(objective, trials=1, runner="processes", workers=1)
    print(study.trials[0].error, study.best.value == 2 * study.best.params["x"])
"""


@pytest.mark.parametrize("arguments", [("script.py",), ("-m", "pack.script")])
def test_start_method_that_the_script_has_set(python, tmp_path, arguments):
    (tmp_path / "pack").mkdir()
    for path in ("script.py", "pack/script.py"):
        (tmp_path / path).write_text(SPAWNS)
    assert python(*arguments) == "None True\n"


def test_objective_file_with_classes_and_a_start_method(python, tmp_path):
    (tmp_path / "objective.py").write_text(
        textwrap.dedent(
            """
            import multiprocessing, pickle
            multiprocessing.set_start_method("fork")
            class Net:
                pass
            def own(x):
                return x, Net
            def train(trial):
                with multiprocessing.Pool(1) as pool:
                    assert pool.map(own, [1]) == [(1, Net)]
                with open("net.pkl", "wb") as file:
                    pickle.dump(Net(), file)
                return 0.0
            """
        )
    )
    (tmp_path / "script.py").write_text(
        textwrap.dedent(
            """
            import pickle
            import hpo_bridge as hpo
            study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=0)
            study.optimize("objective.py:train", trials=1, runner="processes", workers=1)
            with open("net.pkl", "rb") as file:
                net = pickle.load(file)
            print(study.trials[0].error, type(net))
            """
        )
    )
    assert python("script.py") == "None <class 'objective.Net'>\n"


def test_large_data_stays_where_no_trial_needs_it(python, tmp_path):
    code = """
import multiprocessing, sys, threading
import hpo_bridge as hpo
data = bytearray(10**8)
lock = threading.Lock()
class Explorer:
    def look(self):
        return data
def explore():
    return data, lock
def fine():
    return 1.0
def objective(trial):
    main = sys.modules["__main__"]
    assert main.fine() == 1.0
    assert main.explore.__globals__ is vars(main) is globals()
    assert not hasattr(main, "data")
    return main.fine()
study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=0)
study.optimize(objective, trials=1, runner="processes", workers=1)
multiprocessing.set_start_method("spawn")  # the run has not settled it
print(study.trials[0].error, fine())
"""
    assert python("-", text=code) == "None 1.0\n"


def test_closures_sent_from_several_threads(tmp_path):
    (tmp_path / "closures.py").write_text(
        "def make(offset):\n    return lambda trial: trial['x'] + offset\n"
    )
    make = Reference.parse("closures.py:make", tmp_path).load()
    problems = []

    def send(offset):
        try:
            for _ in range(100):
                objective = pickle.loads(pickle.dumps(FunctionObjective(make(offset))))
                assert objective.load()({"x": 1}) == 1 + offset
        except Exception as error:
            problems.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=send, args=(offset,)) for offset in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not problems
    assert not cloudpickle.list_registry_pickle_by_value()


def test_studies_with_closures_in_threads(python):
    code = """
import threading
import hpo_bridge as hpo
def run(offset):
    study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=0)
    study.optimize(lambda trial: offset + own(trial["x"]), trials=2, runner="processes", workers=1)
    print([trial.error for trial in study.trials], offset <= study.best.value <= offset + 1)
def own(x):
    return x
threads = [threading.Thread(target=run, args=(offset,)) for offset in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    assert python("-", text=code) == "[None, None] True\n" * 2


@pytest.mark.slow
def test_the_first_run_to_end_leaves_the_others_their_ray(python):
    code = """
import threading
from hpo_bridge_ray.cluster import connected
entered, left = threading.Event(), threading.Event()
def first():
    with connected("local"):
        entered.set()
        left.wait()
thread = threading.Thread(target=first)
thread.start()
entered.wait()
with connected("local") as ray:
    left.set()
    thread.join()
    print(ray.is_initialized())
print(ray.is_initialized())
"""
    assert python("-", text=code) == "True\nFalse\n"
