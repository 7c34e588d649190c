"""Kinds of objectives that plugins offer: ``objective: {acme: {…}}``."""

from __future__ import annotations

import pickle
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Space, Study
from hpo_bridge.config import load_study_file
from hpo_bridge.errors import ConfigError, ObjectiveError
from hpo_bridge.objectives import Reference
from hpo_bridge.plugins import PluginManager

from .conftest import write

KINDS = '''
from dataclasses import dataclass, replace

from hpo_bridge import ObjectiveSpec, hookimpl
from hpo_bridge.errors import InvalidOptions, ObjectiveError
from hpo_bridge.objectives import Reference


@hookimpl
def hpo_register_objectives():
    yield ObjectiveSpec(name="curve", factory="acme_kinds:curve")
    yield ObjectiveSpec(name="score", factory="acme_kinds:Score", direction="maximize")
    yield ObjectiveSpec(name="far", factory="acme_kinds:curve", requires=("acme-absent>=2",))


def curve(context, *, power=2, shift=None):
    """A function is enough."""
    if not isinstance(power, int):
        raise InvalidOptions(f"found {power!r}, expected a whole number", "power")
    if shift is not None and not isinstance(shift.get("by"), float):
        raise ObjectiveError(f"found {shift.get('by')!r}, expected a number", "shift", "by")
    return lambda trial: trial["x"] ** power


@dataclass(frozen=True)
class Score:
    """An objective that looks at its study, and names something of the user's."""

    context: object
    of: str = ""
    names: tuple = ()

    def bind(self, space, directions):
        if "x" not in space:
            raise ObjectiveError("is missing, expected a number to be scored", "space", "x")
        if list(map(str.lower, directions.values())) != ["maximize"]:
            raise ObjectiveError("found minimize, expected maximize", "direction")
        return replace(self, names=tuple(space))

    def _reference(self):
        return Reference.parse(self.of, self.context.folder, "of", "name")

    def check(self):
        self._reference().check()

    def load(self):
        scale = self._reference().load()
        return lambda trial: scale * sum(trial[name] for name in self.names)

    def describe(self):
        return f"score({self.of})"
'''
ALL = "command, curve, far, score"
SPACE = {"x": {"type": "float", "low": 0, "high": 1}}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> PluginManager:
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "acme_kinds.py").write_text(KINDS)
    manager = PluginManager([EntryPoint("core", "hpo_bridge.builtin", "hpo_bridge")])
    manager.add("./acme_kinds.py", folder)
    return manager


def content(objective: Any, **more: Any) -> dict[str, Any]:
    return {"objective": objective, "space": SPACE, "budget": {"trials": 3}, "seed": 0, **more}


def test_a_function_is_enough(folder: Path, kinds: PluginManager) -> None:
    path = write(folder / "study.yaml", content({"curve": {"power": 3}}))
    file = load_study_file(path, plugins=kinds)
    assert file.directions == {"value": "minimize"}
    study = Study(file.space, directions=file.directions, seed=0)
    study.optimize(file.objective, trials=2)
    assert [t.value for t in study.trials] == [t.params["x"] ** 3 for t in study.trials]
    path = write(folder / "plain.yaml", content({"curve": None}))  # no options
    assert load_study_file(path, plugins=kinds).objective.describe()


def test_an_objective_that_looks_at_its_study(folder: Path, kinds: PluginManager) -> None:
    (folder / "mine.py").write_text("scale = 10\n")
    file = load_study_file(
        write(folder / "study.yaml", content({"score": {"of": "mine.py:scale"}})), plugins=kinds
    )
    assert file.directions == {"value": "maximize"}  # the kind's, where the file gives none
    study = Study(file.space, directions=file.directions, seed=0)
    study.optimize(file.objective, trials=1)
    assert study.best.value == 10 * study.best.params["x"]
    assert pickle.loads(pickle.dumps(file.objective)).describe() == "score(mine.py:scale)"


@pytest.mark.parametrize(
    ("objective", "more", "line"),
    [
        ({"curv": {}}, {},
         f"objective: unknown key 'curv' (did you mean 'curve'?); expected one of {ALL}"),
        ({"curve": {}, "score": {}}, {},
         f"objective: found the keys 'curve', 'score', expected one of {ALL}"),
        ({}, {}, f"objective: found the keys none, expected one of {ALL}"),
        ({"curve": 3}, {}, "objective.curve: found 3, expected a mapping of options"),
        ({"curve": {"powr": 3}}, {}, "objective.curve.powr: unknown option of objective 'curve', "
         "accepted: power, shift (did you mean 'power'?)"),
        ({"curve": {"power": "x"}}, {},
         "objective.curve.power: found 'x', expected a whole number"),
        ({"curve": {"shift": {"by": 1}}}, {},
         "objective.curve.shift.by: found 1, expected a number"),
        ({"far": {}}, {}, "objective.far: objective 'far' is unavailable: needs acme-absent>=2, "
         'which is not installed — pip install "acme-absent>=2"'),
        ({"score": {"of": "objective.py:x"}}, {"direction": "minimize"},
         "direction: found minimize, expected maximize"),
        ({"score": {"of": "objective.py:x"}}, {"space": {"y": SPACE["x"]}},
         "space.x: is missing, expected a number to be scored"),
        ({"score": {"of": "objective.py:trian"}}, {},
         "objective.score.of: objective.py has no name 'trian' (did you mean 'train'?); it "
         "defines train"),
        ({"score": {"of": "absent.py:x"}}, {}, "objective.score.of: there is no file "),
        ({"score": {"of": "x"}}, {}, "objective.score.of: found 'x'; expected 'FILE.py:NAME' or"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(
    folder: Path, kinds: PluginManager, objective: Any, more: dict[str, Any], line: str
) -> None:
    path = write(folder / "study.yaml", content(objective, **more))
    before = sorted(folder.iterdir())
    with pytest.raises(ConfigError) as caught:
        load_study_file(path, plugins=kinds)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"study.yaml: {line}")
    assert sorted(folder.iterdir()) == before  # the objective's own file raises if imported


def test_a_study_is_read_without_its_plugin(folder: Path) -> None:
    path = write(folder / "study.yaml", content({"gone": {"power": 3}}))
    bare = PluginManager([EntryPoint("core", "hpo_bridge.builtin", "hpo_bridge")])
    file = load_study_file(path, plugins=bare, reading=True)
    assert file.objective.describe() == "gone"
    with pytest.raises(ObjectiveError, match="opened for reading only"):
        file.objective.load()
    with pytest.raises(ConfigError, match=r"unknown key 'gone'; expected one of command$"):
        load_study_file(path, plugins=bare)


def test_the_command_line_changes_options(folder: Path, kinds: PluginManager) -> None:
    path = write(folder / "study.yaml", content({"curve": {"power": 3}}))
    file = load_study_file(path, plugins=kinds, overrides=["objective.curve.power=1"])
    study = Study(file.space, seed=0)
    study.optimize(file.objective, trials=1)
    assert study.best.value == study.best.params["x"]


def test_python_users_give_the_objective_itself() -> None:
    class Picky:
        def __init__(self) -> None:
            self.seen: Any = None

        def bind(self, space: Space, directions: Any) -> Any:
            self.seen = (list(space), {name: d.value for name, d in directions.items()})
            return self

        def check(self) -> None: ...

        def load(self) -> Any:
            return lambda trial: trial["x"]

        def describe(self) -> str:
            return "picky"

    objective, study = Picky(), Study(Space.from_plain(SPACE), direction="maximize", seed=0)
    study.optimize(objective, trials=1)
    assert objective.seen == (["x"], {"value": "maximize"})


def test_references_outside_of_objectives(tmp_path: Path) -> None:
    (tmp_path / "things.py").write_text("number = 3\n")
    reference = Reference.parse("things.py:number", tmp_path, "thing", "name")
    reference.check()
    assert reference.load() == 3
    with pytest.raises(ObjectiveError, match=r"^thing: things.py has no name 'nomber'"):
        Reference.parse("things.py:nomber", tmp_path, "thing", "name").check()
