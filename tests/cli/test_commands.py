"""What the command prints, and how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hpo_bridge.cli.app import app
from hpo_bridge.habits import FLAGS

STATES = {"WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAILED"}


def test_run_prints_one_line_of_json_whatever_the_trials_print(command):
    done = command("run", "study.yaml", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert set(result) == {"study", "backend", "best", "counts", "duplicates", "seconds"}
    assert set(result["best"]) == {"number", "params", "values", "standard_errors", "backend"}
    assert set(result["counts"]) == STATES
    assert result["counts"]["COMPLETE"] == 12
    assert "noise from a trial" in done.stderr


def test_a_second_run_goes_on_and_meets_the_budget_exactly(command):
    command("run", "study.yaml", "--trials", "5")
    first = json.loads(command("trials", "study.yaml", "--json").stdout)
    done = command("run", "study.yaml")
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert done.returncode == 0
    assert "continued after 5 trials" in done.stderr
    assert [t["number"] for t in trials] == list(range(12))
    assert trials[:5] == first


def test_a_finished_study_ends_at_once_with_zero(command):
    command("run", "study.yaml")
    assert command("run", "study.yaml").returncode == 0


def test_trials_as_json_have_the_promised_fields_and_only_active_parameters(command):
    command("run", "study.yaml", "--set", "space.fixed=7")
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert len(trials) == 12
    for trial in trials:
        assert {
            "number", "state", "params", "values", "backend", "started", "finished", "error",
        } <= set(trial)  # fmt: skip
        assert trial["state"] in STATES
        assert ("n" in trial["params"]) == (trial["params"]["kind"] == "b")
        assert trial["params"]["fixed"] == 7
        assert set(trial["values"]) == {"value"}


def test_trials_as_csv_can_be_read(command):
    command("run", "study.yaml")
    rows = list(csv.DictReader(io.StringIO(command("trials", "study.yaml", "--csv").stdout)))
    assert [int(row["number"]) for row in rows] == list(range(12))
    assert all(-1 <= float(row["params.x"]) <= 1 for row in rows)
    best = json.loads(command("best", "study.yaml", "--json").stdout)["best"]
    (row,) = csv.DictReader(io.StringIO(command("best", "study.yaml", "--csv").stdout))
    assert int(row["number"]) == best["number"]
    counts = dict(csv.reader(io.StringIO(command("status", "study.yaml", "--csv").stdout)))
    assert counts["COMPLETE"] == "12"


def test_status_and_best_for_people_and_programs(command):
    command("run", "study.yaml")
    status = json.loads(command("status", "study.yaml", "--json").stdout)
    best = json.loads(command("best", "study.yaml", "--json").stdout)
    assert status["counts"]["COMPLETE"] == 12
    assert status["driver"] is None
    assert best["best"] == status["best"]
    assert "12 complete" in command("status", "study.yaml").stdout
    assert "best" in command("best", "study.yaml").stdout


def test_a_grid_that_is_done_says_so(command):
    command.write(command.text.replace("low: -1.0, high: 1.0", "low: 0.0, high: 1.0, step: 0.5"))
    done = command("run", "study.yaml", "--backend", "core.grid", "--trials", "99", "--json")
    assert done.returncode == 0
    assert "core.grid has nothing left: all 12 points" in done.stderr
    assert json.loads(done.stdout)["counts"]["COMPLETE"] == 12


def test_the_time_left_is_that_of_the_budget_spent_first(command):
    command.write(command.text.replace(":train", ":slow"))
    done = command("run", "study.yaml", "--set", "budget={time: 2s}")
    assert done.returncode == 0, done.stderr
    assert re.search(r"1 trial .* [01]\.\d s left", done.stderr)


def test_several_objectives_give_a_front(command):
    command.write(
        command.text.replace(":train", ":two") + "directions: {loss: minimize, size: maximize}\n"
    )
    result = json.loads(command("run", "study.yaml", "--json").stdout)
    assert "best" not in result
    assert all(set(t["values"]) == {"loss", "size"} for t in result["front"])
    assert json.loads(command("best", "study.yaml", "--json").stdout)["front"] == result["front"]


FRONT = """
def two(trial):
    return {"loss": -float(trial.number), "size": -float(trial.number)}
"""


def test_a_front_is_sorted_and_shows_parameters(command):
    (command.folder / "objective.py").write_text(FRONT)
    text = (
        command.text.replace(":train", ":two") + "directions: {loss: minimize, size: maximize}\n"
    )
    text = text.replace("kind: b}}\n", "kind: b}}\n  pooling: max\n").replace("12", "4")
    command.write(text)
    command("run", "study.yaml")
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert {trial["params"]["pooling"] for trial in trials} == {"max"}
    shown = command("best", "study.yaml").stdout
    heading, *rows = [line.split() for line in shown.splitlines() if line.startswith("  ")]
    assert heading == ["trial", "loss", "size", "x", "kind", "n", "backend"]
    assert [row[0] for row in rows] == ["3", "2", "1", "0"]  # the best loss first
    assert [row[3] for row in rows] == [f"{t['params']['x']:.4g}" for t in reversed(trials)]
    assert "max" not in shown + command("trials", "study.yaml").stdout


@pytest.mark.parametrize("width", [30, 200])
def test_a_front_within_the_width_of_the_terminal(command, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))  # which pytest sets
    command.write(
        command.text.replace(":train", ":two") + "directions: {loss: minimize, size: maximize}\n"
    )
    command("run", "study.yaml")
    main, end = pty.openpty()
    termios.tcsetwinsize(end, (24, width))
    shown = subprocess.run(command.argv("best", "study.yaml"), cwd=command.folder, stdout=end)
    os.close(end)
    lines = os.read(main, 100_000).decode().splitlines()
    os.close(main)
    assert shown.returncode == 0
    is_table = any("trial" in line and "kind" in line for line in lines)
    assert is_table == (width == 200)
    assert sum(line.startswith("    x ") for line in lines) == (0 if is_table else 7)


def test_a_constant_takes_no_room(command):
    command.write(command.text.replace("kind: b}}\n", "kind: b}}\n  pooling: max\n"))
    shown = command("run", "study.yaml").stdout
    for name in ("best", "status", "trials"):
        shown += command(name, "study.yaml").stdout
    assert "pooling" not in shown
    assert '"pooling": "max"' in command("best", "study.yaml", "--json").stdout
    assert "pooling" in command("trials", "study.yaml", "--csv").stdout


def test_a_study_without_one_complete_trial_ends_with_one(command):
    command.write(command.text.replace(":train", ":fails"))
    done = command("run", "study.yaml", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["best"] is None
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert all("ValueError: no luck" in t["error"] for t in trials)
    assert command("best", "study.yaml").returncode == 1


def test_another_backend_takes_the_history_over(command):
    command("run", "study.yaml")
    done = command("run", "study.yaml", "--backend", "optuna.tpe", "--trials", "20", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backend"] == "optuna.tpe"
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert [t["backend"] for t in trials] == ["core.random"] * 12 + ["optuna.tpe"] * 8


def test_runners_give_the_same_trials(command):
    def params(runner):
        store = f"sqlite:///{runner}.db"
        command("run", "study.yaml", "--runner", runner, "--store", store)
        listed = command("trials", "study.yaml", "--store", store, "--json").stdout
        return [(t["params"], t["values"]) for t in json.loads(listed)]

    assert params("inline") == params("processes")


def test_an_objective_can_be_a_command_line(command):
    (command.folder / "train.py").write_text(
        "import json, sys\n"
        "x = float(sys.argv[sys.argv.index('--x') + 1])\n"
        "print(json.dumps({'step': 1, 'value': x * x + 1}))\n"
        "print(json.dumps({'value': x * x}))\n"
    )
    command.write(
        command.text.replace(
            "objective: objective.py:train",
            'objective: {command: "python train.py --x {x} --n {n}"}',
        )
    )
    done = command("run", "study.yaml", "--json")
    assert done.returncode == 0, done.stderr
    trials = json.loads(command("trials", "study.yaml", "--json").stdout)
    assert all(t["values"]["value"] == t["params"]["x"] ** 2 for t in trials)
    assert all(len(t["reports"]) >= 1 for t in trials)


def test_explain_says_how_everything_reaches_the_backend(command):
    command.write(command.text + "constraints: ['x * 2 <= 1.9']\n")
    done = command("explain", "study.yaml", "--backend", "optuna.tpe", "--json")
    rows = {row["what"]: row["how"] for row in json.loads(done.stdout)["rows"]}
    assert rows["x"] == "native"
    assert rows["x * 2 <= 1.9"] == "encoded"
    assert any(what.startswith("n when kind") for what in rows)


def test_explain_says_what_is_refused(command):
    done = command("explain", "study.yaml", "--backend", "core.grid", "--json")
    assert done.returncode == 2
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["what"], row["how"]) == ("x", "refused")
    assert "resolution" in row["detail"]


def test_backends_and_plugins_are_listed_with_every_field(command):
    backends = json.loads(command("backends", "--json").stdout)
    fields = {"name", "technique", "library", "version", "status", "reason", "capabilities"}
    assert all(fields <= set(row) for row in backends)
    assert {"core.random", "core.grid", "optuna.tpe"} <= {row["name"] for row in backends}
    plugins = json.loads(command("plugins", "--json").stdout)
    assert {row["name"]: row["status"] for row in plugins}["core"] == "active"
    assert "optuna.tpe" in command("backends").stdout


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("low: -1.0", "low: 3"), "space.x.low"),
        (("backend: core.random", "backend: core.randm"), "core.random"),
        (("objective.py:train", "objective.py:trian"), "train"),
        (("objective.py:train", "nothing.py:train"), "nothing.py"),
        (("budget: {trials: 12}", "budget: {trails: 12}"), "budget.trails"),
        (("seed: 1", "seed: one"), "seed"),
        (("study: s", "study: s\n\tx: 1"), "line 2"),
    ],
)
def test_a_wrong_study_file_is_one_line_and_exit_code_2(command, change, expected):
    assert change[0] in command.text
    command.write(command.text.replace(*change))
    done = command("run", "study.yaml")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert expected in line
    assert done.stdout == ""
    assert sorted(p.name for p in command.folder.iterdir()) == ["objective.py", "study.yaml"]


@pytest.mark.parametrize("verb", ["status", "best", "trials"])
def test_reading_a_study_that_is_not_there_creates_nothing(command, verb):
    done = command(verb, "study.yaml")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (command.folder / "s.db").exists()


def test_a_changed_space_is_refused_in_one_line(command):
    command("run", "study.yaml")
    done = command("run", "study.yaml", "--set", "space.x.high=2")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "space" in line
    assert "x" in line


def test_init_does_not_overwrite(command):
    done = command("init", ".")
    assert done.returncode == 2
    assert "is there already" in done.stderr


def test_wrong_use_ends_with_two(command):
    assert command("run").returncode == 2
    assert command("rnu", "study.yaml").returncode == 2
    assert command("run", "study.yaml", "--trials", "many").returncode == 2


@pytest.mark.parametrize(
    ("words", "here"),
    [
        ("run s.yaml --n-trials 30", "--trials N"), ("run s.yaml --max-evals=3", "--trials N"),
        ("run s.yaml -n 3", "--trials N"), ("status s.yaml --trials 3", "of hpo-bridge run"),
        ("run s.yaml --timeout 60", "budget.time=20m"), ("run s.yaml -j 2", "runner.workers=N"),
        ("run s.yaml --n_jobs 2", "--runner processes --set runner.workers=N"),
        ("run s.yaml --sampler x", "--backend NAME"), ("run s.yaml --pruner x", "pruner=NAME"),
        ("run s.yaml --direction maximize", "--set direction=maximize"),
        ("best s.yaml --storage x", "--store URL"), ("--study-name x run s.yaml", "study=NAME"),
        ("run s.yaml --resume", "goes on"), ("best-trial s.yaml", "hpo-bridge best"),
        ("study-optimize s.yaml", "hpo-bridge run"), ("run s.yaml --trails 3", "--trials"),
    ],
)  # fmt: skip
def test_an_option_of_another_tool_is_named_as_it_is_here(words: str, here: str) -> None:
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 2
    assert here in " ".join(done.output.split())


def test_the_options_that_hints_name_are_there(command) -> None:
    known = CliRunner().invoke(app, ["run", "-h"]).output
    known += CliRunner().invoke(app, ["best", "-h"]).output
    for text in FLAGS.values():
        for flag in re.findall(r"--[a-z]+", text):
            assert flag in known, text
    done = command(
        "run", "study.yaml", "--runner", "processes", "--set", "runner.workers=2",
        "--set", "budget.time=20m", "--set", "runner.trial_timeout=5m", "--set", "seed=3",
        "--set", "runner.retries=1", "--set", "direction=maximize", "--set", "study=other",
        "--set", "budget.trials=1", "--set", "space.x.low=0",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_explain_names_the_key_of_an_option(command) -> None:
    done = command(
        "explain", "study.yaml",
        "--set", "backend=[{name: core.random, trials: 2}, {name: core.grid, options: {foo: 1}}]",
    )  # fmt: skip
    assert done.returncode == 2
    assert "backend.1.options.foo: unknown option" in done.stderr


def test_the_version_is_told(command):
    import hpo_bridge

    assert command("--version").stdout.strip() == f"hpo-bridge {hpo_bridge.__version__}"


def test_the_summaries_of_commands_are_whole_on_80_columns(command):
    shown = command("--help", COLUMNS="80").stdout
    assert "backends" in shown
    assert "..." not in shown.split("Commands:")[1]
    assert "--install-completion" in shown


def test_shells_complete_commands():
    asked = {
        "_HPO_BRIDGE_COMPLETE": "complete_bash",
        "COMP_WORDS": "hpo-bridge ex",
        "COMP_CWORD": "1",
    }
    program = Path(sys.executable).with_name("hpo-bridge")
    shown = subprocess.run(
        [program], env=os.environ | asked, capture_output=True, text=True, timeout=120
    )
    assert shown.stdout.split() == ["export", "explain"]


def test_one_trial_is_not_called_trials(command):
    first = command("run", "study.yaml", "--trials", "1")
    more = command("run", "study.yaml", "--trials", "2")
    assert "continued after 1 trial\n" in more.stderr
    assert "1 trials" not in first.stdout + first.stderr + more.stdout + more.stderr
