"""Good study files, and what the command line changes in them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Study
from hpo_bridge.config import StudyConfig, StudyFile, load_study_file
from hpo_bridge.errors import ConfigError, HpoBridgeError, InvalidOptions
from hpo_bridge.plugins import PluginManager
from hpo_bridge.space import Int, Space
from hpo_bridge.store.connection import parse_url

from .conftest import write

Load = Callable[..., StudyFile]
Refused = Callable[..., list[str]]

SMALL = """\
objective: objective.py:train
space:
  a: {type: float, low: 1e-4, high: 1}
budget: {trials: 3}
"""
FULL = """\
study: digits-cnn
objective: objective.py:train        # FILE.py:FUNCTION relative to this file
direction: minimize                  # or several: directions: {val_loss: minimize, …}
space:
  lr:          {type: float, low: 1.0e-4, high: 1.0e-1, log: true}
  momentum:    {type: float, low: 0.0, high: 0.99, step: 0.01, when: {optimizer: sgd}}
  batch_size:  {type: int, low: 16, high: 256, log: true}
  layers:      {type: int, low: 1, high: 3}
  filter_size: {type: categorical, choices: [3, 5, 7], ordered: true}
  optimizer:   {type: categorical, choices: [adam, sgd]}
  pooling:     max                   # a plain value is a constant
constraints:
  - "batch_size * layers <= 512"     # arithmetic and comparisons over parameters
backend: acme.walk
seed: 0
budget: {trials: 60, time: 20m}
runner: {name: acme-pool, workers: 2, trial_timeout: 5m, retries: 1}
pruner: {name: acme-halving, options: {factor: 3}}
observers: [acme-diary, {name: acme-diary, pages: 3}]
store: sqlite:///digits-cnn.db
plugins: [./own.py]
requires: ["pydantic>=2", pluggy]
"""


def test_a_full_file(load: Load, folder: Path) -> None:
    (folder / "own.py").write_text(
        "from hpo_bridge import hookimpl\n@hookimpl\ndef hpo_study_finished(): ...\n"
    )
    file = load(FULL)
    assert (file.path, file.folder, file.name) == (folder / "study.yaml", folder, "digits-cnn")
    assert file.objective.describe() == "objective.py:train"
    assert list(file.space) == [
        "lr", "optimizer", "momentum", "batch_size", "layers", "filter_size",
    ]  # fmt: skip
    assert file.space["lr"].to_plain() == {"type": "float", "low": 1e-4, "high": 0.1, "log": True}
    assert file.space.constants == {"pooling": "max"}
    assert [c.text for c in file.space.constraints] == ["batch_size * layers <= 512"]
    assert file.directions == {"value": "minimize"}
    assert (file.backend, file.backend_options, file.seed) == ("acme.walk", {}, 0)
    assert (file.trials, file.seconds) == (60, 1200.0)
    assert file.runner == "acme-pool"
    assert file.runner_options == {"workers": 2, "trial_timeout": 300.0, "retries": 1}
    assert (file.pruner, file.pruner_options) == ("acme-halving", {"factor": 3})
    assert [seen["options"] for seen in file.config.observers] == [{}, {"pages": 3}]
    assert {seen["name"] for seen in file.config.observers} == {"acme-diary"}
    assert file.store == f"sqlite:///{folder}/digits-cnn.db"


def test_defaults(load: Load, folder: Path) -> None:
    file = load(SMALL, "my_study.v2.yaml")
    assert file.name == "my_study.v2"
    assert file.store == f"sqlite:///{folder}/my_study.v2.db"
    assert (file.backend, file.backend_options) == ("core.random", {})
    assert (file.runner, file.runner_options) == ("inline", {})
    assert file.directions == {"value": "minimize"}
    assert (file.seed, file.seconds, file.pruner, file.pruner_options) == (None, None, None, {})
    assert file.config.observers == ()


def test_checkpoints_are_relative_to_the_file(load: Load, folder: Path) -> None:
    assert load(SMALL).config.checkpoints is None
    assert load(SMALL + "checkpoints: kept/here\n").config.checkpoints == folder / "kept" / "here"
    assert load(SMALL + "checkpoints: /kept\n").config.checkpoints == Path("/kept")
    assert not (folder / "kept").exists()


def test_loading_creates_nothing(load: Load, folder: Path) -> None:
    load(SMALL)
    assert sorted(path.name for path in folder.iterdir()) == ["objective.py", "study.yaml"]


def test_json_and_null(load: Load, good: dict[str, Any]) -> None:
    optional = (
        "study", "direction", "constraints", "seed", "pruner", "observers", "store", "requires",
    )  # fmt: skip
    file = load(good | dict.fromkeys(optional), "study.json")
    assert (file.name, file.seed, file.pruner) == ("study", None, None)


def test_several_objectives_keep_their_order(load: Load) -> None:
    file = load(SMALL + "directions: {loss: minimize, accuracy: maximize}\n")
    assert list(file.directions.items()) == [("loss", "minimize"), ("accuracy", "maximize")]


@pytest.mark.parametrize(
    "backend",
    [
        {"name": "acme.walk", "options": {"pace": 0.5}, "native_space": True},
        {"name": "acme.walk", "pace": 0.5, "native_space": True},
        {"name": "acme.walk", "options": {"pace": 0.5, "native_space": True}},
    ],
)
def test_options_stand_below_options_or_beside_the_name(
    load: Load, good: dict[str, Any], backend: dict[str, Any]
) -> None:
    assert load(good | {"backend": backend}).backend_options == {"pace": 0.5, "native_space": True}


def test_a_technique_takes_the_backend_of_the_highest_rank(load: Load) -> None:
    assert load(SMALL + "technique: annealing\n").backend == "acme.walk"
    assert load(SMALL + "technique: random\n").backend == "core.random"


def test_a_backend_that_ends_by_itself_needs_no_budget(load: Load) -> None:
    text = SMALL.replace("budget: {trials: 3}", "backend: core.grid").replace("float", "int")
    file = load(text.replace("1e-4", "0"))
    assert (file.trials, file.seconds) == (None, None)


def test_anchors_and_merges(load: Load) -> None:
    text = SMALL.replace("  a: {", "  a: &a {") + "constraints: &c [a < b]\n"
    file = load(text.replace("budget", "  b: {<<: *a, high: 2}\n  c: *a\nbudget"))
    plain = file.space.to_plain()["space"]
    assert [(p["low"], p["high"]) for p in plain.values()] == [(1e-4, 1), (1e-4, 2), (1e-4, 1)]


def test_a_command_as_objective(load: Load) -> None:
    text = SMALL.replace("objective.py:train", '{command: "true --a {a} --b {{}}"}')
    assert load(text).objective.describe() == "true --a {a} --b {{}}"


def test_stores(load: Load, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def url(written: str, **arguments: Any) -> str:
        return load(SMALL + f"store: {written}\n", **arguments).store

    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert url("sqlite:///sub/a.db") == f"sqlite:///{folder}/sub/a.db"
    assert url("sqlite:////tmp/a.db") == "sqlite:////tmp/a.db"
    assert url("memory://") == "memory://"
    assert url("sqlite:///a.db", store="sqlite:///b.db") == f"sqlite:///{elsewhere}/b.db"
    assert url("a.db", store="sqlite:///b.db", reading=True) == f"sqlite:///{elsewhere}/b.db"


@pytest.mark.parametrize("name", ["a b", "a?b", "a%20b", "a#b", "a@b:c", "é", "?x=y", "%"])
def test_the_default_store_is_beside_the_file_whatever_the_folder(
    folder: Path, plugins: PluginManager, name: str
) -> None:
    inner = folder / name
    inner.mkdir()
    (folder / "objective.py").rename(inner / "objective.py")
    (inner / "study.yaml").write_text(SMALL)
    url = load_study_file(inner / "study.yaml", plugins=plugins).store
    assert parse_url(url).path == inner / "study.db"
    (inner / "study.yaml").write_text(SMALL + f"store: {url}\n")
    assert load_study_file(inner / "study.yaml", plugins=plugins).store == url


def test_a_relative_path_is_relative_to_the_file(
    folder: Path, plugins: PluginManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "study.yaml").write_text(SMALL)
    monkeypatch.chdir(folder.parent)
    file = load_study_file(f"{folder.name}/study.yaml", plugins=plugins)
    assert file.folder == folder
    assert file.store == f"sqlite:///{folder}/study.db"


def test_reading_needs_nothing_but_the_file(load: Load, good: dict[str, Any]) -> None:
    good["objective"] = "absent.py:train"
    good["runner"] = {"name": "absent", "colour": "red", "trial_timeout": "5m"}
    good |= {"observers": ["absent"]}
    good |= {"pruner": "absent", "plugins": ["./absent.py"], "requires": ["hpo-absent"]}
    file = load(good | {"backend": "absent.walk", "budget": None}, reading=True)
    assert (file.backend, file.runner, file.pruner) == ("absent.walk", "absent", "absent")
    assert file.runner_options == {"colour": "red", "trial_timeout": 300.0}
    del good["backend"]
    assert load(good | {"technique": "clairvoyance"}, reading=True).backend == "clairvoyance"


def test_reading_finds_wrong_keys(refused: Refused, good: dict[str, Any]) -> None:
    assert refused(good | {"sede": 1}, reading=True)[0].startswith("study.yaml: sede: unknown")


def test_a_backend_is_built_only_where_asked(load: Load, good: dict[str, Any]) -> None:
    assert load(good | {"backend": "core.grid"}, check_backend=False).backend == "core.grid"


# -- what the command line changes -----------------------------------------------------


def test_flags_go_before_the_file(load: Load, good: dict[str, Any]) -> None:
    file = load(good, backend="core.random", runner="inline", trials=7, seed=3)
    assert (file.backend, file.backend_options) == ("core.random", {})
    assert (file.runner, file.runner_options) == ("inline", {"trial_timeout": 300.0})
    assert (file.trials, file.seconds, file.seed) == (7, 1200.0, 3)


def test_the_same_name_keeps_its_options(load: Load, good: dict[str, Any]) -> None:
    file = load(good, backend="acme.walk", runner="acme-pool")
    assert file.backend_options == {"pace": 0.5}
    assert file.runner_options == {"workers": 2, "trial_timeout": 300.0}


def test_another_runner_keeps_what_means_the_same(load: Load, good: dict[str, Any]) -> None:
    good["runner"] = {"name": "inline", "retries": 2, "options": {"trial_timeout": "5m"}}
    file = load(good, runner="acme-pool")
    assert file.runner_options == {"trial_timeout": 300.0, "retries": 2}
    good["runner"] = {"name": "acme-pool", "colour": "blue", "retries": 2}
    file = load(good, runner="inline")
    assert file.runner_options == {"retries": 2}


def test_a_backend_flag_replaces_a_technique(load: Load) -> None:
    assert load(SMALL + "technique: random\n", backend="acme.walk").backend == "acme.walk"


def test_a_trials_flag_needs_no_budget_in_the_file(load: Load, good: dict[str, Any]) -> None:
    del good["budget"]
    assert load(good, trials=4).trials == 4


def test_problems_of_flags_name_them(refused: Refused, good: dict[str, Any]) -> None:
    lines = refused(good, trials=0, seed=-1)
    assert lines == [
        "--seed: found -1, expected a whole number from 0 to 2147483647",
        "--trials: found 0, expected a whole number from 1 to 1000000000",
    ]
    lines = refused(good, backend="acme.wlak", runner="inlien", store="x.db")
    assert [line.split(": ")[0] for line in lines] == ["--store", "--backend", "--runner"]
    (line,) = refused(good, backend="core.grid")
    assert line.startswith("--backend: parameter 'lr': is continuous")


@pytest.mark.parametrize(
    ("assignment", "get", "value"),
    [
        ("space.epochs=3", lambda f: f.space.constants["epochs"], 3),
        ("space.epochs=1e-3", lambda f: f.space.constants["epochs"], 0.001),
        ("space.epochs=no", lambda f: f.space.constants["epochs"], "no"),
        ("space.epochs='3'", lambda f: f.space.constants["epochs"], "3"),
        ("space.epochs=a=b", lambda f: f.space.constants["epochs"], "a=b"),
        ("space.epochs={constant: [1, 2]}", lambda f: f.space.constants["epochs"], [1, 2]),
        ("space.lr.high=0.5", lambda f: f.space["lr"].high, 0.5),
        ("space.new={type: int, low: 1, high: 2}", lambda f: f.space["new"], Int(1, 2)),
        ("constraints.0=layers < 2", lambda f: f.space.constraints[0].text, "layers < 2"),
        ("space.optimizer.choices.0=lion", lambda f: f.space["optimizer"].choices[0], "lion"),
        ("seed=5", lambda f: f.seed, 5),
        ("seed=", lambda f: f.seed, None),
        ("budget.trials=5", lambda f: f.trials, 5),
        ("budget={time: 1m}", lambda f: (f.trials, f.seconds), (None, 60.0)),
        ("backend.pace=2.5", lambda f: f.backend_options["pace"], 2.5),
        ("backend.options.pace=2.5", lambda f: f.backend_options["pace"], 2.5),
        ("runner.colour=blue", lambda f: f.runner_options["colour"], "blue"),
        ("runner=inline", lambda f: (f.runner, f.runner_options), ("inline", {})),
        ("technique=random", lambda f: f.backend, "core.random"),
        ("directions={a: maximize}", lambda f: f.directions, {"a": "maximize"}),
        ("observers=[]", lambda f: f.config.observers, ()),
        ("observers.0.pages=7", lambda f: f.config.observers[0]["options"], {"pages": 7}),
        ("observers.1.options.title=a", lambda f: f.config.observers[1]["options"]["title"], "a"),
        (" study = other ", lambda f: f.name, "other"),
    ],
)
def test_set(
    load: Load,
    good: dict[str, Any],
    assignment: str,
    get: Callable[[StudyFile], Any],
    value: Any,
) -> None:
    if assignment.startswith("backend.pace"):
        good["backend"] = "acme.walk"  # the short form unfolds
    assert get(load(good, overrides=[assignment])) == value


def test_set_creates_mappings_and_comes_after_flags(load: Load, good: dict[str, Any]) -> None:
    del good["budget"], good["runner"]
    overrides = ["budget.time=1m", "runner.retries=2", "budget.time=2m", "backend.pace=0.25"]
    file = load(good | {"backend": "core.random"}, backend="acme.walk", overrides=overrides)
    assert (file.seconds, file.runner_options) == (120.0, {"retries": 2})
    assert file.backend_options == {"pace": 0.25}


def test_set_finds_a_name_with_dots(load: Load, good: dict[str, Any]) -> None:
    good["space"]["net.depth"] = {"type": "int", "low": 1, "high": 5}
    assert load(good, overrides=["space.net.depth.high=9"]).space["net.depth"] == Int(1, 9)


def test_set_changes_one_of_two_aliases(load: Load) -> None:
    text = SMALL.replace("  a: {", "  a: &a {").replace("budget", "  b: *a\nbudget")
    space: Space = load(text, overrides=["space.b.high=2"]).space
    assert [parameter.high for parameter in space.values()] == [1, 2]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("foo", "--set: 'foo' is not of the form a.b=value"),
        ("=3", "--set: '=3' is not of the form a.b=value"),
        ("seed=\udcff", "--set: 'seed=\\udcff' is not of the form a.b=value"),
        ("a..b=3", "--set: 'a..b=3' is not of the form a.b=value"),
        ("seed=[", "--set: seed: line 1: not valid YAML"),
        ("seed=!!python/name:os.system", "--set: seed: line 1: the tag"),
        ("seed=abc", "--set: seed: found 'abc', expected a whole number"),
        ("sede=1", "--set: sede: unknown key, accepted: study"),
        ("space.lr.low=abc", "--set: space.lr.low: found 'abc', expected a number"),
        ("space.epochs.low=3", "--set: space.epochs is 5, which has no key 'low'"),
        ("constraints.7=a", "--set: constraints.7: the list has 1 items, counted from 0"),
        ("constraints.x=a", "--set: constraints.x: the list has 1 items, counted from 0"),
        ("backend.options.pase=1", "--set: backend.options.pase: unknown option of backend"),
        ("runner.trial_timeout=soon", "--set: runner.trial_timeout: found 'soon', expected a"),
        ("observers=mlflow", "--set: observers: found 'mlflow', expected a list such as"),
        ("observers=[acme-dairy]", "--set: observers.0: found 'acme-dairy'"),
        ("observers.0.page=1", "--set: observers.0.page: unknown option of observer"),
        ("seed=1\nseed", "--set: seed: found"),
    ],
)
def test_a_wrong_set(refused: Refused, good: dict[str, Any], assignment: str, line: str) -> None:
    before = copy.deepcopy(good)
    assert refused(good, overrides=[assignment])[0].startswith(line)
    assert good == before


def test_a_study_of_a_file(folder: Path, plugins: PluginManager, good: dict[str, Any]) -> None:
    good |= {"warm_start": [], "defaults": {}, "duplicates": "reuse", "name": "x"}
    del good["name"]
    path = write(folder / "study.yaml", good)
    study = Study.from_file(path, plugins=plugins, store=None, seed=5)
    assert (study.name, study.seed, study.config.schedule[0].name) == ("demo", 5, "acme.walk")
    assert study.space == load_study_file(path, plugins=plugins).space
    assert {p.name for p in folder.iterdir()} == {"study.yaml", "objective.py"}
    kept = Study.from_file(str(path), plugins=plugins, backend="core.random", pruner=None)
    kept.optimize(lambda trial: trial["lr"], trials=2)
    kept.close()
    assert (folder / "demo.db").exists()
    again = Study.from_file(path, plugins=plugins, directions={"loss": "maximize"}, store=None)
    assert again.objectives.names == ("loss",)


def test_arguments_over_a_file_are_checked(folder: Path, plugins: PluginManager) -> None:
    path = write(folder / "study.yaml", SMALL)
    with pytest.raises(InvalidOptions, match="did you mean 'seed'") as caught:
        Study.from_file(path, plugins=plugins, sed=3)
    assert caught.value.path == ("sed",)
    with pytest.raises(HpoBridgeError) as caught:
        Study.from_file(path, plugins=plugins, seed=-3)
    assert caught.value.path == ("seed",)
    with pytest.raises(ConfigError, match="no such file"):
        Study.from_file(folder / "none.yaml", plugins=plugins)


def test_a_file_and_arguments_make_the_same_settings(load: Load, plugins: PluginManager) -> None:
    file = load(SMALL + "backend: {name: acme.walk, pace: 0.5}\npruner: acme-halving\nseed: 3\n")
    made = StudyConfig(
        file.space, backend={"name": "acme.walk", "options": {"pace": 0.5}}, seed=3,
        directions={"value": "minimize"}, name=file.name, pruner="acme-halving", plugins=plugins,
    )  # fmt: skip
    assert made.objectives.directions == file.config.objectives.directions
    for key in ("schedule", "seed", "pruner", "duplicates", "sources", "name"):
        assert getattr(made, key) == getattr(file.config, key), key
