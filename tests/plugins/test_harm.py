"""Plugins that do harm when they are imported, beside one that is fine: the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

Site = Any
HOOKS = "\nfrom hpo_bridge import hookimpl\n@hookimpl\ndef hpo_register_backends(): return []\n"
HARMS = {
    "hpo-absent": ("import nothing_of_that_name", "ModuleNotFoundError: No module named"),
    "hpo-exits": ("import sys; sys.exit(0)", "SystemExit: 0"),
    "hpo-hook": (HOOKS.replace("return []", "raise OSError('no licence')"), "OSError: no licence"),
    "hpo-newer": (HOOKS.replace("return []", "return BackendSpec(shape=3)")
                  + "from hpo_bridge import BackendSpec", "TypeError: "),
    "hpo-prints": ("print('Welcome!')\nimport os\nos.system('echo from a program')\n"
                   "print('Error', file=__import__('sys').stderr)" + HOOKS, ""),
    "hpo-type": (HOOKS.replace("return []", "return 'x'"), "hpo_register_backends gave 'x'"),
    "hpo-typo": (HOOKS.replace("backends", "backend"), "hpo_register_backend is no hook of"),
}  # fmt: skip


@pytest.fixture
def harmed(site: Site) -> Site:
    """Everything that goes wrong at once, and one that is fine."""
    for distribution, (source, _) in HARMS.items():
        wants = ("hpo-bridge>=9",) if distribution == "hpo-newer" else ()
        site(distribution, source, requires=wants)
    site("hpo-fine")
    site("hpo-twin-a", name="twin")
    site("hpo-twin-b", name="twin")
    site("hpo-lacks", site.good.replace("{requires}", "('none-such>=2',)"))
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
    for distribution in ("hpo-fine", "hpo-prints", "hpo-bridge"):
        assert rows[distribution]["status"] == "active"
    assert {"Welcome!", "from a program", "Error"} <= set(done.stderr.splitlines())


def test_a_study_runs_beside_them(harmed: Site) -> None:
    study = str(harmed.folder / "study.yaml")
    done = harmed.command("run", study, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["COMPLETE"] == 3
    for name, reason in [
        ("hpo_exits.walk", "plugin hpo_exits (hpo-exits 1.2) is broken: SystemExit: 0"),
        ("twin.walk", "'twin.walk' is offered by hpo-twin-a 1.2 and hpo-twin-b 1.2; disable one "
         "of them — HPO_BRIDGE_DISABLE=hpo-twin-a or HPO_BRIDGE_DISABLE=hpo-twin-b"),
    ]:  # fmt: skip
        done = harmed.command("run", study, "--backend", name)
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


def test_a_plugin_that_prints_breaks_no_output_for_programs(site: Site) -> None:
    site("hpo-prints", "print('Welcome!')\nimport os\nos.system('echo from a program')" + HOOKS)
    (site.folder / "o.py").write_text("def train(trial): return trial['x']\n")
    study = site.folder / "s.yaml"
    study.write_text(
        "objective: o.py:train\nspace: {x: {type: float, low: 0.0, high: 1.0}}\n"
        "budget: {trials: 1}\n"
    )
    assert site.command("run", str(study)).returncode == 0
    for words in (
        ["plugins", "--json"], ["backends", "--json"], ["best", str(study), "--json"],
        ["best", str(study), "--csv"], ["trials", str(study), "--csv"],
        ["status", str(study), "--csv"],
    ):  # fmt: skip
        done = site.command(*words)
        assert done.returncode == 0, done.stderr
        assert "Welcome!" not in done.stdout
        assert "from a program" not in done.stdout
        assert {"Welcome!", "from a program"} <= set(done.stderr.splitlines())
        if "--json" in words:
            assert json.loads(done.stdout)


def test_a_plugin_that_prints_breaks_no_completion(site: Site) -> None:
    site("hpo-prints", "print('Welcome!')" + HOOKS)
    done = subprocess.run(
        ["hpo-bridge"], capture_output=True, text=True, timeout=150,
        env={**os.environ, "_HPO_BRIDGE_COMPLETE": "complete_bash", "COMP_WORDS": "hpo-bridge plu",
             "COMP_CWORD": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.stdout.split() == ["plugins"], done.stderr


def test_from_python_what_a_plugin_prints_goes_where_prints_go(site: Site) -> None:
    site("hpo-prints", "print('Welcome!')" + HOOKS)
    code = "from hpo_bridge.plugins import manager\nmanager()\nprint('mine')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=150, check=True
    )
    assert done.stdout.split() == ["Welcome!", "mine"]
