"""Errors of plugins: what, whose, where, and how to see the rest; real distributions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from hpo_bridge import Float, Problem, Space, Study, TrialPruned, TrialState
from hpo_bridge.config import StudyConfig
from hpo_bridge.errors import BackendError, InvalidOptions
from hpo_bridge.plugins import TRACEBACK, PluginManager
from hpo_bridge.study import open_study

Site = Any
PROBLEM = Problem(Space(x=Float(0, 1)))
WALK = """
from hpo_bridge import BackendSpec, Suggestion, hookimpl
import hpo_acme_library

class Walk:
    def __init__(self, problem, *, width=1, mode="ok"):
        if mode == "typo":
            None + 1
        if mode == "deep":
            hpo_acme_library.fail()
        if mode == "type":
            raise TypeError(f"width: found {width!r}, expected an integer")
        if mode == "other":
            raise TypeError("expected str, bytes or os.PathLike object, not int")
    def ask(self, n):
        BODY
        return [Suggestion({"x": 0.5})]
    def tell(self, observations):
        pass

@hookimpl
def hpo_register_backends():
    return BackendSpec(name="acme.walk", technique="walk", factory="hpo_acme:Walk")
"""
SEE = "HPO_BRIDGE_TRACEBACK=1 prints the whole traceback"


def install(site: Site, body: str = "pass", default: str = "ok") -> PluginManager:
    (site.folder / "hpo_acme_library.py").write_text("def fail():\n    raise OSError('no disk')\n")
    site("hpo-acme", WALK.replace("BODY", body).replace('"ok"', repr(default)))
    return PluginManager()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("self.points[0]", "AttributeError: 'Walk' object has no attribute 'points'"),
        ("hpo_acme_library.fail()", "OSError: no disk"),
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_an_ask_that_fails(site: Site, body: str, said: str) -> None:
    plugins = install(site, body)
    study = open_study(StudyConfig(Space(x=Float(0, 1)), backend="acme.walk", plugins=plugins))
    with pytest.raises(BackendError) as caught:
        study.optimize(lambda trial: 1.0, trials=1)
    assert str(caught.value) == (
        f"backend 'acme.walk' (hpo-acme 1.2) failed in ask: {said} (hpo_acme.py:16 in ask) — {SEE}"
    )
    assert caught.value.__cause__ is not None


STOP = """
from hpo_bridge import PrunerSpec, hookimpl

class Stop:
    def __init__(self, *, failing):
        self.failing = failing
    def should_prune(self, number, reports):
        return self.failing != "should_prune" or {}["missing"]
    def finished(self, number, state, loss, reports):
        self.failing != "finished" or {}["missing"]
    def estimate(self, number, reports):
        return None if self.failing != "estimate" else {}["missing"]

@hookimpl
def hpo_register_pruners():
    return PrunerSpec(name="acme.stop", factory="hpo_stop:Stop")
"""


def stopped(trial: Any) -> float:
    try:
        trial.report(1.0, step=0)
    except Exception:  # nor does swallowing it make it the trial's fault
        return 1.0
    if trial.should_prune():
        raise TrialPruned
    return 1.0


def drive(study: Study, runner: str) -> None:
    if runner != "ask":
        study.optimize(stopped, trials=2, runner=runner)
    trial = study.ask()
    trial.report(1.0, step=0)
    study.tell(trial, state=TrialState.PRUNED)


@pytest.mark.parametrize("runner", ["inline", "processes", "ask"])
@pytest.mark.parametrize(
    ("failing", "line"), [("should_prune", 8), ("finished", 10), ("estimate", 12)]
)
def test_a_pruner_that_fails_ends_the_run(
    site: Site, runner: str, failing: str, line: int
) -> None:
    site("hpo-stop", STOP)
    config = StudyConfig(
        Space(x=Float(0, 1)), plugins=PluginManager(),
        pruner={"name": "acme.stop", "failing": failing},
    )  # fmt: skip
    study = open_study(config)
    with pytest.raises(BackendError) as caught:
        drive(study, runner)
    assert str(caught.value) == (
        f"pruner 'acme.stop' (hpo-stop 1.2) failed in {failing}: KeyError: 'missing' "
        f"(hpo_stop.py:{line} in {failing}) — {SEE}"
    )
    assert not any(trial.error for trial in study.trials)


def test_a_point_outside_of_the_space_names_the_distribution(site: Site) -> None:
    plugins = install(site, "return [Suggestion({'x': 7})]")
    study = open_study(StudyConfig(Space(x=Float(0, 1)), backend="acme.walk", plugins=plugins))
    with pytest.raises(BackendError, match=r"^backend 'acme.walk' \(hpo-acme 1.2\) proposed a po"):
        study.optimize(lambda trial: 1.0, trials=1)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("typo", "TypeError: unsupported operand type(s) for +: 'NoneType' and 'int' "
                 "(hpo_acme.py:8 in __init__)"),
        ("deep", "OSError: no disk (hpo_acme.py:10 in __init__)"),
        ("type", "TypeError: width: found 1, expected an integer (hpo_acme.py:12 in __init__)"),
    ],
)  # fmt: skip
def test_a_constructor_that_fails_without_options(site: Site, mode: str, said: str) -> None:
    manager = install(site, default=mode)
    with pytest.raises(BackendError) as caught:
        manager.build("backend", "acme.walk", {}, PROBLEM)
    assert str(caught.value) == (
        f"backend 'acme.walk' (hpo-acme 1.2) cannot be built: {said} — {SEE}"
    )


@pytest.mark.parametrize(
    ("mode", "error", "said"),
    [
        ("typo", BackendError, r"cannot be built: TypeError: unsup.*, built with width=2, mo"),
        ("deep", BackendError, r"cannot be built: OSError: no disk"),
        ("other", BackendError, r"cannot be built: TypeError: expected str, bytes or os.PathLike"),
        ("type", InvalidOptions, r"refused its options \(width=2, .*TypeError: width: found 2, .*"
         r"\(hpo_acme.py:12 in __init__\)$"),
    ],
)  # fmt: skip
def test_a_constructor_that_fails_with_options(
    site: Site, mode: str, error: type[Exception], said: str
) -> None:
    manager = install(site)
    with pytest.raises(error, match=rf"^backend 'acme.walk' \(hpo-acme 1.2\) {said}") as caught:
        manager.build("backend", "acme.walk", {"width": 2, "mode": mode}, PROBLEM)
    assert isinstance(caught.value, InvalidOptions) == (error is InvalidOptions)


@pytest.mark.parametrize(
    ("signature", "error", "said"),
    [
        ("problem, *, width", InvalidOptions, "needs the option 'width', accepted: width"),
        ("problem, width", InvalidOptions, "needs the option 'width', accepted: width"),
        ("", BackendError, "cannot be built: too many positional arguments: it is called with 1 "),
    ],
)
def test_a_signature_that_does_not_fit(
    site: Site, signature: str, error: type[Exception], said: str
) -> None:
    source = site.good.replace("{module}:Walk", "{module}:make")
    site("hpo-acme", f"{source}\ndef make({signature}): raise AssertionError")
    with pytest.raises(error, match=rf"^backend 'hpo_acme.walk' \(hpo-acme 1.2\) {said}"):
        PluginManager().build("backend", "hpo_acme.walk", {}, PROBLEM)


def test_the_place_in_a_package(site: Site) -> None:
    package = site.folder / "hpo_pack"
    package.mkdir()
    (package / "__init__.py").write_text("1 / 0\n")
    (package / "walk.py").write_text("")
    site("hpo-acme", site.good.replace("{module}:Walk", "hpo_pack.walk:Walk"))
    with pytest.raises(BackendError) as caught:
        PluginManager().build("backend", "hpo_acme.walk", {}, PROBLEM)
    assert str(caught.value) == (
        "backend 'hpo_acme.walk' (hpo-acme 1.2) cannot be imported: ZeroDivisionError: division "
        f"by zero (hpo_pack/__init__.py:1) — {SEE}"
    )


def test_a_broken_plugin_says_where(site: Site) -> None:
    site("hpo-acme", "import sys\n\ndef start():\n    sys.argv.nothing\nstart()\n")
    reason = site.fared("hpo-acme")[1]
    assert "object has no attribute 'nothing' (hpo_acme.py:4 in start) — pip install" in reason


def test_the_whole_traceback(site: Site) -> None:
    install(site, "hpo_acme_library.fail()")
    (site.folder / "o.py").write_text("def train(trial): return trial['x']\n")
    study = site.folder / "s.yaml"
    study.write_text(
        "objective: o.py:train\nspace: {x: {type: float, low: 0.0, high: 1.0}}\n"
        "backend: acme.walk\nbudget: {trials: 1}\n"
    )
    done = site.command("run", str(study))
    assert SEE in done.stderr
    assert "Traceback" not in done.stderr
    done = site.command("run", str(study), **{TRACEBACK: "1"})
    assert "Traceback (most recent call last):" in done.stderr
    assert 'hpo_acme_library.py", line 2, in fail' in done.stderr


def test_the_traceback_of_a_plugin_that_cannot_be_imported(site: Site) -> None:
    site("hpo-acme", "def start():\n    raise RuntimeError('no')\nstart()\n")
    done = subprocess.run(
        [sys.executable, "-c", "from hpo_bridge.plugins import manager; manager()"],
        capture_output=True, text=True, timeout=150,
        env={"PYTHONPATH": str(site.folder), "PATH": "/usr/bin:/bin", TRACEBACK: "1"},
    )  # fmt: skip
    assert 'hpo_acme.py", line 2, in start' in done.stderr
