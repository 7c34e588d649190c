"""A schedule of backends, and another backend on a stored study, on the command line."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

SCHEDULE = (
    "backend: [{name: core.random, trials: 4}, {name: hyperopt.anneal, trials: 5}, core.random]"
)


@pytest.fixture
def command(command: Any, command_servers: Any) -> Any:
    """Hyperopt is imported once for all commands: that takes longer than they do."""
    server = command_servers(HPO_TESTS_PRELOADED="hyperopt")
    command.server = partial(server, before=["hyperopt"])
    return command


def scheduled(command: Any) -> None:
    text = (command.folder / "study.yaml").read_text()
    command.write(text.replace("backend: core.random", SCHEDULE))


def test_a_schedule_runs_and_shows_which_is_at_work(command: Any) -> None:
    scheduled(command)
    done = command("run", "study.yaml", "--trials", "7", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["backend"] == "hyperopt.anneal"
    assert result["schedule"] == {"entry": 2, "of": 3}
    status = command("status", "study.yaml")
    assert "s  (hyperopt.anneal, 2 of 3 in its schedule)" in status.stdout
    done = command("run", "study.yaml")
    assert (
        "s: core.random (4 trials), then hyperopt.anneal (5 trials), then core.random"
        in done.stderr
    )
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    names = ["core.random"] * 4 + ["hyperopt.anneal"] * 5 + ["core.random"] * 3
    assert [trial["backend"] for trial in trials] == names
    assert command("verify", "study.yaml").returncode == 0


def test_explain_goes_through_the_schedule(command: Any) -> None:
    scheduled(command)
    table = json.loads(command("explain", "study.yaml", "--json").stdout)
    assert table["backend"] == "core.random"
    entries = [(t["backend"], t["trials"], t["handover"]) for t in table["schedule"]]
    assert entries == [
        ("core.random", 4, "tell"), ("hyperopt.anneal", 5, "tell"), ("core.random", None, "tell"),
    ]  # fmt: skip
    assert all(len(t["rows"]) == 4 for t in table["schedule"])
    shown = command("explain", "study.yaml").stdout
    assert "hyperopt.anneal, 5 trials:" in shown


def test_a_stored_study_gets_another_backend(command: Any) -> None:
    command.write((command.folder / "study.yaml").read_text().replace("when: {kind: b}", ""))
    command.write((command.folder / "study.yaml").read_text().replace(", }", "}"))
    assert command("run", "study.yaml", "--trials", "6").returncode == 0
    refused = command("run", "study.yaml", "--backend", "deap.cmaes", "--trials", "9")
    assert refused.returncode == 2
    (line,) = refused.stderr.strip().splitlines()
    assert "'deap.cmaes' learns from its own trials alone" in line
    assert "deap.ga" in line
    assert "handover: ignore" in line
    done = command(
        "run", "study.yaml", "--backend", "deap.cmaes", "--set", "backend.handover=ignore",
        "--trials", "9",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert command("run", "study.yaml", "--backend", "deap.ga").returncode == 0
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    names = ["core.random"] * 6 + ["deap.cmaes"] * 3 + ["deap.ga"] * 3
    assert [trial["backend"] for trial in trials] == names


def test_duplicates_are_counted(command: Any) -> None:
    text = (command.folder / "study.yaml").read_text()
    x = "x: {type: float, low: -1.0, high: 1.0}"
    command.write(text.replace(x, "x: {type: int, low: 0, high: 1}"))
    done = command("run", "study.yaml", "--set", "duplicates=reuse", "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["duplicates"]
    assert counts["trials"] == counts["reused"] >= 12 - 8
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    again = [trial for trial in trials if trial["reused"] is not None]
    assert len(again) == counts["reused"]
    assert all(trial["values"] == trials[trial["reused"]]["values"] for trial in again)
    shown = command("status", "study.yaml").stdout
    assert f"repeats  {counts['trials']} trials with the parameters of an earlier one" in shown
    wrong = command("run", "study.yaml", "--set", "duplicates=reus")
    assert wrong.returncode == 2
    assert "duplicates: found 'reus', expected evaluate, reuse or resample" in wrong.stderr


def test_a_study_begins_with_another_ones_trials(command: Any) -> None:
    text = (command.folder / "study.yaml").read_text()
    assert command("run", "study.yaml", "--json").returncode == 0
    new = text.replace("study: s", "study: t").replace("x: {", "y: {").replace("[a, b]", "[b, c]")
    new = new.replace("objective.py:train", "objective.py:other")
    new += "backend: optuna.tpe\nwarm_start: [{store: sqlite:///s.db, study: s, map: {y: x}}]\n"
    command.write(new.replace("backend: core.random\n", ""))
    with (command.folder / "objective.py").open("a") as file:
        file.write("def other(trial):\n    return trial['y'] ** 2\n")
    done = command("run", "study.yaml", "--trials", "3", "--json")
    assert done.returncode == 0, done.stderr
    adopted = json.loads(done.stdout)["adopted"]
    assert adopted["trials"] + adopted["left"]["kind: not one of the choices"] == 12
    (command.folder / "s.db").unlink()
    assert command("run", "study.yaml", "--trials", "5").returncode == 0
    shown = command("status", "study.yaml").stdout
    assert f"adopted  {adopted['trials']} trials of s in sqlite:///" in shown
    assert "besides, not trials of this study" in command("trials", "study.yaml").stdout
    assert len(json.loads(command("trials", "study.yaml", "--json").stdout)) == 5


def test_the_space_changes_only_where_asked(command: Any) -> None:
    text = (command.folder / "study.yaml").read_text()
    assert command("run", "study.yaml", "--trials", "4").returncode == 0
    wider = text.replace("low: -1.0", "low: -2.0").replace(
        "backend:", "  z: {type: int, low: 0, high: 9}\ndefaults: {z: 3}\nbackend:"
    )
    command.write(wider.replace("backend: core.random", "backend: hyperopt.anneal"))
    refused = command("run", "study.yaml")
    assert refused.returncode == 2
    (line,) = refused.stderr.strip().splitlines()
    assert "x: low is -1.0 there, -2.0 here; z is new" in line
    assert "--change-space" in line
    done = command("run", "study.yaml", "--trials", "6", "--change-space", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["space_version"] == 2
    assert command("run", "study.yaml", "--trials", "8").returncode == 0
    assert "space    version 2" in command("status", "study.yaml").stdout
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert ["z" in trial["params"] for trial in trials] == [False] * 4 + [True] * 4
    assert command("verify", "study.yaml").returncode == 0
    command.write(text)
    narrowed = command("run", "study.yaml", "--change-space")
    assert narrowed.returncode == 2
    assert "parameter 'z' is gone; use another study name, with warm_start" in narrowed.stderr
