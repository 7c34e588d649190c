"""Commands that read a study of a store, without its file."""

from __future__ import annotations

import json

import pytest

import hpo_bridge as hpo
from hpo_bridge.store import open_store

from .conftest import Command

ODD = 'it\'s "two" <b>&nbsp;'


@pytest.fixture(scope="module")
def folder(tmp_path_factory, command_server):
    """A store with two studies, and a file beside it."""
    made = Command(tmp_path_factory.mktemp("store"), command_server)
    made.write(made.text.replace("study: s\n", "study: demo\nstore: sqlite:///all.db\n"))
    assert made("run", "study.yaml").returncode == 0
    space, store = {"x": hpo.Float(0, 1)}, f"sqlite:///{made.folder}/all.db"
    with hpo.Study(space, store=store, name=ODD, seed=0) as study:
        study.optimize(lambda trial: trial["x"], trials=12)
    return made.folder


@pytest.fixture
def call(folder, command_server):
    def run(*words):
        return command_server(*words, cwd=folder)

    return run


@pytest.mark.parametrize("words", [
    ["status"], ["status", "--json"], ["status", "--csv"], ["best"], ["best", "--json"],
    ["best", "--csv"], ["trials"], ["trials", "--json"], ["trials", "--csv"], ["logs"],
    ["logs", "--trial", "3"], ["verify"], ["verify", "--json"],
], ids=" ".join)  # fmt: skip
def test_the_store_says_what_the_file_says(call, folder, words):
    by_file = call(*words, "study.yaml")
    url = f"sqlite:///{folder}/all.db"
    by_store = call(*words, "--store", url, "--study", "demo")
    assert by_file.returncode == 0, by_file.stderr
    assert (by_store.returncode, by_store.stdout) == (0, by_file.stdout), by_store.stderr
    assert by_store.stderr == by_file.stderr


def test_a_store_is_named_as_in_python(call, folder):
    expected = json.loads(call("best", "study.yaml", "--json").stdout)
    for store in ("all.db", "./all.db", str(folder / "all.db"), "sqlite:///all.db"):
        done = call("best", "--store", store, "--study", "demo", "--json")
        assert json.loads(done.stdout) == expected, done.stderr
        assert len(json.loads(call("studies", "--store", store, "--json").stdout)) == 2
    done = call("status", "study.yaml", "--store", "all.db")
    assert done.returncode == 0, done.stderr


def test_export(call, folder):
    done = call("export", "--store", "all.db", "--study", ODD, "odd.csv")
    assert done.returncode == 0, done.stderr
    call("export", "study.yaml", "demo.csv")
    lines = [(folder / name).read_text().splitlines() for name in ("odd.csv", "demo.csv")]
    assert [len(found) for found in lines] == [13, 13]
    target = f"sqlite:///{folder}/optuna.db"
    done = call("export", "--store", "all.db", "--study", "demo", target, "--json")
    assert json.loads(done.stdout)["target"] == target


def test_studies(call):
    rows = json.loads(call("studies", "--store", "all.db", "--json").stdout)
    assert [row["name"] for row in rows] == ["demo", ODD]
    for row in rows:
        assert row["counts"] == {
            "WAITING": 0, "RUNNING": 0, "COMPLETE": 12, "PRUNED": 0, "FAILED": 0
        }  # fmt: skip
        best = call("best", "--store", "all.db", "--study", row["name"], "--json")
        assert row["best"] == json.loads(best.stdout)["best"]
        assert (row["backend"], row["directions"]) == ("core.random", {"value": "minimize"})
        assert row["created"] > 0
        assert row["driver"] is None
    lines = call("studies", "--store", "all.db").stdout.splitlines()
    assert lines[0].split() == ["study", "backend", "trials", "best", "created", "driver"]
    assert ODD in lines[2]
    assert all("12 complete" in line for line in lines[1:])


@pytest.mark.parametrize(("words", "expected"), [
    (["status"], "found no study, expected STUDY.yaml, or --store URL [--study NAME]"),
    (["status", "--study", "demo"], "found no study, expected STUDY.yaml"),
    (["export", "--study", "demo", "demo.csv"], "found no target"),
    (["status", "study.yaml", "--study", "demo"], "found --study demo beside study.yaml"),
    (["status", "--store", "all.db", "--set", "seed=3"], "found --set seed=3 without a study"),
    (["status", "--store", "all.db"], "holds 2 studies"),
    (["best", "--store", "all.db", "--study", "dem"], "(did you mean 'demo'?); studies there:"),
    (["trials", "--store", "al.db", "--study", "demo"], "no store at sqlite:///al.db"),
    (["studies", "--store", "al.db"], "(did you mean 'all.db'?)"),
    (["studies", "--store", "study.yaml"], "not a SQLite database"),
    (["export", "--store", "all.db", "--study", "demo"], "found no TARGET"),
    (["verify", "--store", "mysql://host/db"], "mysql"),
    (["run", "--store", "all.db"], ""),
])  # fmt: skip
def test_wrong_use(call, folder, words, expected):
    before = sorted(path.name for path in folder.iterdir() if path.suffix == ".db")
    done = call(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected.lower() in done.stderr.lower()
    if words[0] != "run":
        assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".db") == before


def test_failures_point_at_the_store(command):
    command.write(command.text.replace("objective.py:train", "objective.py:fails"))
    command("run", "study.yaml")
    done = command("trials", "--store", "s.db")
    assert "hpo-bridge logs --store sqlite:///s.db --study s --trial N" in done.stdout


def test_postgresql(command, postgres_url):
    done = command("run", "study.yaml", "--store", postgres_url, "--json")
    assert done.returncode == 0, done.stderr
    best = json.loads(done.stdout)["best"]
    (row,) = json.loads(command("studies", "--store", postgres_url, "--json").stdout)
    assert (row["name"], row["best"]) == ("s", best)
    done = command("best", "--store", postgres_url, "--json")
    assert json.loads(done.stdout)["best"] == best
    done = command("status", "--store", postgres_url, "--study", "t")
    assert (done.returncode, "no study 't' in postgresql://" in done.stderr) == (2, True)


def test_an_empty_study_and_an_empty_store(command):
    url = f"sqlite:///{command.folder}/empty.db"
    open_store(url).close()
    done = command("studies", "--store", "empty.db")
    assert (done.returncode, done.stdout) == (0, "no study in empty.db: it is empty\n")
    assert command("studies", "--store", "empty.db", "--json").stdout == "[]\n"
    done = command("status", "--store", "empty.db")
    assert (done.returncode, "it is empty" in done.stderr) == (2, True)
    hpo.Study({"x": hpo.Float(0, 1)}, store=url, name="new").close()
    for name in ("status", "trials", "logs", "verify", "studies"):
        done = command(name, "--store", "empty.db")
        assert done.returncode == 0, done.stderr
    assert "not begun" in command("studies", "--store", "empty.db").stdout
    assert command("best", "--store", "empty.db").returncode == 1
