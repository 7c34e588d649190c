"""Plugins that do harm when they are imported, beside one that is fine: the real command."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import hpo_bridge
from hpo_bridge import Float, Problem, Space, Study
from hpo_bridge.errors import BackendError
from hpo_bridge.plugins import PluginManager
from hpo_bridge.plugins.limits import LIMIT, PATIENCE, TooSlow, limited, reminded

Site = Any
PROBLEM = Problem(Space(x=Float(0, 1)))
HOOKS = "\nfrom hpo_bridge import hookimpl\n@hookimpl\ndef hpo_register_backends(): return []\n"
HANG = "while True: pass"
HARMS = {
    "hpo-absent": ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
    "hpo-exits": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "hpo-hangs": (HANG, "its import took more than the 0.7 s that HPO_BRIDGE_IMPORT_LIMIT allows"),
    "hpo-hook": (HOOKS.replace("return []", "raise OSError('no licence')"), "OSError: no licence"),
    "hpo-newer": (HOOKS.replace("return []", "return BackendSpec(shape=3)")
                  + "from hpo_bridge import BackendSpec", "TypeError: "),
    "hpo-patch": ("import hpo_bridge\nhpo_bridge.Study.optimize = print" + HOOKS,
                  "replaced hpo_bridge.study.study.Study.optimize at its import, which was"),
    "hpo-prints": ("print('Welcome!')\nimport os\nos.system('echo from a program')\n"
                   "print('Error', file=__import__('sys').stderr)" + HOOKS, ""),
    "hpo-type": (HOOKS.replace("return []", "return 'x'"), "hpo_register_backends gave 'x'"),
    "hpo-typo": (HOOKS.replace("backends", "backend"), "hpo_register_backend is no hook of"),
}  # fmt: skip


@pytest.fixture
def harmed(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Everything that goes wrong at once, and one that is fine."""
    for distribution, (source, _) in HARMS.items():
        wants = ("hpo-bridge>=9",) if distribution == "hpo-newer" else ()
        site(distribution, source, requires=wants)
    site("hpo-fine")
    site("hpo-twin-a", name="twin")
    site("hpo-twin-b", name="twin")
    site("hpo-future", site.good.replace("rank=", "contract=2, rank="))
    site("hpo-lacks", site.good.replace("{requires}", "('none-such>=2',)"))
    monkeypatch.setenv(LIMIT, "0.7")
    (site.folder / "objective.py").write_text("def train(trial): return trial['x']\n")
    (site.folder / "study.yaml").write_text(
        "objective: objective.py:train\nspace: {x: {type: float, low: 0.0, high: 1.0}}\n"
        "backend: hpo_fine.walk\nbudget: {trials: 3}\n"
    )
    return site


def test_the_command_lives_on(harmed: Site) -> None:
    done = harmed.command("plugins", "--json")
    assert done.returncode == 0
    rows = {row["distribution"]: row for row in json.loads(done.stdout)}
    for distribution, (_, reason) in HARMS.items():
        row = rows[distribution]
        assert row["version"] == "1.2"
        assert row["reason"].startswith(reason), row
        if distribution != "hpo-prints":
            assert row["status"] == "broken"
            assert " — pip install -U " in row["reason"]
    assert rows["hpo-newer"]["reason"].endswith(
        "; it needs hpo-bridge>=9, found 0.1.0 — pip install -U hpo-bridge"
    )
    assert [rows[f"hpo-twin-{x}"]["status"] for x in "ab"] == ["conflict"] * 2
    assert rows["hpo-lacks"]["reason"].endswith('— pip install "none-such>=2"')
    assert rows["hpo-future"] == {
        "name": "hpo_future", "distribution": "hpo-future", "version": "1.2",
        "status": "unavailable", "reason": "written for contract 2, this hpo-bridge 0.1.0 has 1 "
        "— pip install -U hpo-bridge",
    }  # fmt: skip
    for distribution in ("hpo-fine", "hpo-prints", "hpo-bridge"):
        assert rows[distribution]["status"] == "active"
    said = "plugin hpo_prints (hpo-prints 1.2) printed while it was imported: Welcome! from a pro"
    assert said in done.stderr
    assert "Error" in done.stderr  # what is written there stays there


def test_a_study_runs_beside_them(harmed: Site) -> None:
    study = str(harmed.folder / "study.yaml")
    done = harmed.command("run", study, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["COMPLETE"] == 3
    for name, reason in [
        ("hpo_patch.walk", "plugin hpo_patch (hpo-patch 1.2) is broken: replaced hpo_bridge.stu"),
        ("twin.walk", "'twin.walk' is offered by hpo-twin-a 1.2 and hpo-twin-b 1.2; disable one "
         "of them — HPO_BRIDGE_DISABLE=hpo-twin-a or HPO_BRIDGE_DISABLE=hpo-twin-b"),
        ("hpo_future.walk", "is unavailable: written for contract 2"),
    ]:  # fmt: skip
        done = harmed.command("run", study, "--backend", name, HPO_BRIDGE_DISABLE="hpo-hangs")
        assert done.returncode == 2
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("study.yaml")
                   or line.startswith("--backend")]  # fmt: skip
        assert reason in line


def test_a_library_that_prints_leaves_json_alone(site: Site) -> None:
    site("hpo-acme", site.good.replace("{module}:Walk", "acme_heavy:Walk"))
    heavy = site.good.replace("@hookimpl", "") + "\nprint('a banner')\n"
    (site.folder / "acme_heavy.py").write_text(site.filled(heavy, "acme_heavy"))
    (site.folder / "o.py").write_text("def train(trial): return trial['x']\n")
    study = site.folder / "s.yaml"
    study.write_text(
        "objective: o.py:train\nspace: {x: {type: float, low: 0.0, high: 1.0}}\n"
        "backend: hpo_acme.walk\nbudget: {trials: 1}\n"
    )
    for words in (["run", str(study)], ["explain", str(study)], ["check", "hpo_acme.walk"]):
        done = site.command(*words, "--json")
        assert json.loads(done.stdout), done.stderr
        assert "a banner" in done.stderr


# -- what hangs ---------------------------------------------------------------------------------


def test_one_that_hangs_is_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("hpo-fine")
    site("hpo-hangs", HANG)
    monkeypatch.setenv(LIMIT, "0.2")
    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    begin = time.monotonic()
    manager = PluginManager()
    assert time.monotonic() - begin < 30
    assert site.fared("hpo-hangs", manager)[0] == "broken"
    assert site.fared("hpo-fine", manager) == ("active", "")
    assert "hpo_hangs" not in sys.modules
    assert signal.getsignal(signal.SIGALRM) is handler
    assert (signal.getitimer(signal.ITIMER_REAL)[0] > 0) == (timer[0] > 0)


def test_one_that_catches_everything_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("hpo-hangs", "import time\ntry: time.sleep(60)\nexcept: time.sleep(60)")
    monkeypatch.setenv(LIMIT, "0.2")
    assert site.fared("hpo-hangs")[1].startswith("its import took more than the 0.2 s")


def test_no_limit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("hpo-slow", "import time; time.sleep(0.3)" + HOOKS)
    for value in ("0", "-1", "20"):
        monkeypatch.setenv(LIMIT, value)
        assert site.fared("hpo-slow") == ("active", "")


def test_it_is_named_while_it_hangs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hpo_bridge.plugins.limits.PATIENCE", 0.1)
    for seconds in (0.0, 20.0):
        with limited(seconds, "still at it"):
            time.sleep(0.3)
        assert capsys.readouterr().err == "still at it\n"
    with pytest.raises(TooSlow), limited(0.4, "still at it"):
        time.sleep(60)
    assert capsys.readouterr().err == "still at it\n"
    assert PATIENCE >= 1


def test_outside_of_the_main_thread_it_is_only_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("hpo_bridge.plugins.limits.PATIENCE", 0.05)
    done = threading.Event()

    def slow() -> None:
        with limited(0.1, "still at it"):
            time.sleep(0.4)
        with reminded(20, "never said"):
            done.set()

    thread = threading.Thread(target=slow)
    thread.start()
    thread.join()
    assert done.is_set()
    assert capsys.readouterr().err == "still at it\n"


def test_the_alarm_of_others_is_not_lost() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    left = signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with limited(20, ""):
            time.sleep(0.3)
        assert rung == []
        time.sleep(0.1)
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, *left)
        signal.signal(signal.SIGALRM, before)


# -- what replaces something of ours ------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hpo_bridge.Study = None", "hpo_bridge.Study"),
        ("del hpo_bridge.Float", "hpo_bridge.Float"),
        ("hpo_bridge.errors.nearest = lambda *a: ''", "hpo_bridge.errors.nearest"),
        ("hpo_bridge.Study.__init__ = print", "hpo_bridge.study.study.Study.__init__"),
        ("import sys; sys.modules['hpo_bridge.space'] = sys", "hpo_bridge.space"),
        ("hpo_bridge.Space = 1; raise OSError", "OSError"),
    ],
)
def test_what_is_replaced_is_put_back(site: Site, source: str, name: str) -> None:
    site("hpo-patch", f"import hpo_bridge\n{source}" + HOOKS)
    site("hpo-zeta")
    held = dict(vars(hpo_bridge))
    build = vars(Study)["__init__"]
    manager = PluginManager()
    status, reason = site.fared("hpo-patch", manager)
    assert status == "broken"
    assert name in reason
    assert site.fared("hpo-zeta", manager) == ("active", "")
    assert {key: vars(hpo_bridge)[key] for key in held} == held
    assert vars(Study)["__init__"] is build
    assert sys.modules["hpo_bridge.space"] is hpo_bridge.space


def test_what_only_adds_is_left_alone(site: Site) -> None:
    site("hpo-adds", "import hpo_bridge\nimport hpo_bridge.testing\nhpo_bridge.mine = 1" + HOOKS)
    assert site.fared("hpo-adds") == ("active", "")
    del hpo_bridge.mine  # type: ignore[attr-defined]


def test_an_implementation_that_replaces(site: Site, tmp_path: Path) -> None:
    site("hpo-acme", site.good.replace("{module}:Walk", "acme_heavy:Walk"))
    heavy = "import hpo_bridge\nhpo_bridge.Study = None\ndef Walk(problem): pass"
    (tmp_path / "acme_heavy.py").write_text(heavy)
    manager, study = PluginManager(), hpo_bridge.Study
    for _ in range(2):
        with pytest.raises(BackendError, match=r"hpo-acme 1.2 .*replaced hpo_bridge.Study, which"):
            manager.build("backend", "hpo_acme.walk", {}, PROBLEM)
    assert hpo_bridge.Study is study
