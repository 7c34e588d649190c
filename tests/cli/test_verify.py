"""`hpo-bridge verify`: exit codes, what it prints, and what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[1] / "study" / "acme_plugin.py"


def install(folder: Path, version: str) -> None:
    """Makes ``acme-search`` of that version the one that the command finds."""
    for old in folder.glob("acme_search-*.dist-info"):
        shutil.rmtree(old)
    info = folder / f"acme_search-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: acme-search\nVersion: {version}\n"
    )


@pytest.fixture
def acme(command, monkeypatch):
    """A study file whose backend's library can be exchanged."""
    lib = command.folder / "lib"
    lib.mkdir()
    shutil.copy(PLUGIN, command.folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(lib), os.environ.get("PYTHONPATH", "")]))
    text = command.text.replace("core.random", "acme.search") + "plugins: [./acme_plugin.py]\n"
    command.write(text)
    return lambda version: install(lib, version)


def test_a_reproducible_study(command):
    command("run", "study.yaml", "--trials", "5")
    command("run", "study.yaml", "--backend", "optuna.tpe")
    for name in ("objective.py", "study.yaml"):  # it runs nothing, it needs no objective
        before = (command.folder / name).read_text()
        (command.folder / name).write_text(before.replace("def train", "raise SystemExit #"))
    before = (command.folder / "s.db").read_bytes()
    done = command("verify", "study.yaml", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["study"], found["reproducible"]) == ("s", True)
    assert [(s["backend"], s["trials"], s["checked"]) for s in found["streaks"]] == [
        ("core.random", 5, 5), ("optuna.tpe", 7, 7),
    ]  # fmt: skip
    assert (command.folder / "s.db").read_bytes() == before
    done = command("verify", "study.yaml")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "study s: reproducible here"


def test_a_new_version_of_the_library_differs_and_goes_on(command, acme):
    acme("1.0")
    assert command("run", "study.yaml").returncode == 0
    assert command("verify", "study.yaml").returncode == 0
    acme("2.3")
    done = command("verify", "study.yaml")
    assert done.returncode == 1
    row = done.stdout.splitlines()[1]
    assert "acme-search 1.0" in row
    assert "acme-search 2.3" in row
    assert "differs at trial 10 (log: x " in row
    assert done.stdout.splitlines()[-1] == "study s: not reproducible here"
    done = command("verify", "study.yaml", "--json")
    (streak,) = json.loads(done.stdout)["streaks"]
    assert (streak["verdict"], streak["trial"], streak["checked"]) == ("differs", 10, 10)
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert streak["log"] == trials[10]["params"] != streak["now"]
    done = command("run", "study.yaml", "--trials", "15")
    (warning,) = [line for line in done.stderr.splitlines() if "cannot be continued" in line]
    assert "(acme-search 1.0 then, acme-search 2.3 now)" in warning
    assert "trial 10 " in warning
    streaks = json.loads(command("verify", "study.yaml", "--json").stdout)["streaks"]
    assert [s["verdict"] for s in streaks] == ["differs", "reproducible"]
    assert [(s["logged"], s["trials"]) for s in streaks] == [
        (["acme-search 1.0"], 12), (["acme-search 2.3"], 3),
    ]  # fmt: skip


def test_a_backend_that_is_not_here(command, acme):
    acme("1.0")
    command("run", "study.yaml")
    command.write(command.text)
    done = command("verify", "study.yaml")
    assert done.returncode == 1
    assert "not here" in done.stdout
    assert "cannot be checked (found 'acme.search'" in done.stdout


def test_a_study_that_is_run_just_now(command):
    """A reader takes no lease, and finds what is there."""
    command.write(command.text.replace(":train", ":hangs_at_five"))
    driver = command.start("run", "study.yaml")
    try:
        while len(json.loads(command("trials", "study.yaml", "--json").stdout or "[]")) < 6:
            assert driver.poll() is None
        done = command("verify", "study.yaml", "--json")
        assert driver.poll() is None
    finally:
        driver.kill()
        driver.communicate()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["streaks"][0]["checked"] == 6


def test_wrong_use(command):
    done = command("verify", "study.yaml")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (command.folder / "s.db").exists()
    assert command("verify", "nothing.yaml").returncode == 2
    command("run", "study.yaml")
    done = command("verify", "study.yaml", "--set", "study=other", "--store", "sqlite:///s.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no study 'other' in sqlite:///" in done.stderr
