"""Damaged study files: keys, types, bounds and names, one at a time in a good file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]
GONE = object()
LONG = "x" * 2000


def damaged(good: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """``good`` with one value set, or deleted."""
    holder: Any = good
    *above, last = path.split("/")
    for name in above:
        holder = holder[int(name)] if isinstance(holder, list) else holder[name]
    key = int(last) if isinstance(holder, list) else last
    if value is GONE:
        del holder[key]
    else:
        holder[key] = value
    return good


# Where the damage is done, the value, the path in the message, a part of the message.
TYPES: list[tuple[str, Any, str, str]] = [
    ("study", 3, "study", "found 3, expected a name of"),
    ("study", True, "study", "found true, expected a name of"),
    ("study", ["a"], "study", "found ['a']"),
    ("objective", 3, "objective", "found 3, expected 'FILE.py:FUNCTION'"),
    ("objective", None, "objective", "found null, expected 'FILE.py:FUNCTION'"),
    ("objective", ["objective.py:train"], "objective", "found ['objective.py:train']"),
    ("direction", 1, "direction", "found 1, expected minimize or maximize"),
    ("direction", True, "direction", "found true, expected"),
    ("direction", "minimise", "direction", "(did you mean 'minimize'?)"),
    ("direction", "MINIMIZE", "direction", "found 'MINIMIZE'"),
    ("space", 3, "space", "found 3, expected a mapping of parameters"),
    ("space", None, "space", "found null, expected a mapping"),
    ("space", [], "space", "found [], expected a mapping"),
    ("space", "lr", "space", "found 'lr', expected a mapping"),
    ("space", {}, "space", "the space is empty"),
    ("constraints", 3, "constraints", "found 3, expected a list"),
    ("constraints", "layers < 3", "constraints", "found 'layers < 3', expected a list"),
    ("constraints", {"a": 1}, "constraints", "expected a list of expressions"),
    ("constraints", [True], "constraints.0", "found true, expected an expression"),
    ("constraints", ["layers < 9", 3], "constraints.1", "found 3, expected an expression"),
    ("backend", 3, "backend", "found 3, expected a name such as core.random"),
    ("backend", [], "backend", "found [], expected a name"),
    ("backend", "", "backend.name", "expected a name"),
    ("backend/name", 3, "backend.name", "found 3, expected a name"),
    ("backend/name", GONE, "backend.name", "is missing, expected a name"),
    ("backend/options", 3, "backend.options", "found 3, expected a mapping"),
    ("backend/options", ["pace"], "backend.options", "expected a mapping"),
    ("technique", 3, "technique", "found 3, expected a technique"),
    ("seed", "0", "seed", "found '0', expected a whole number from 0"),
    ("seed", 1.5, "seed", "found 1.5, expected a whole number"),
    ("seed", 1.0, "seed", "found 1.0, expected a whole number"),
    ("seed", True, "seed", "found true, expected a whole number"),
    ("seed", -1, "seed", "found -1, expected a whole number from 0"),
    ("seed", 2**31, "seed", "found 2147483648, expected a whole number from 0 to 2147483647"),
    ("seed", 10**300, "seed", "expected a whole number"),
    ("seed", [0], "seed", "found [0], expected a whole number"),
    ("budget", 60, "budget", "found 60, expected a mapping such as"),
    ("budget", "20m", "budget", "found '20m', expected a mapping"),
    ("budget/trials", 0, "budget.trials", "found 0, expected a whole number from 1"),
    ("budget/trials", -5, "budget.trials", "found -5, expected a whole number from 1"),
    ("budget/trials", "60", "budget.trials", "found '60', expected a whole number"),
    ("budget/trials", 1.5, "budget.trials", "found 1.5, expected a whole number"),
    ("budget/trials", True, "budget.trials", "found true, expected a whole number"),
    ("budget/trials", 10**30, "budget.trials", "expected a whole number from 1 to 1000000000"),
    ("budget/time", 0, "budget.time", "found 0, expected a duration"),
    ("budget/time", -3.5, "budget.time", "found -3.5, expected a duration"),
    ("budget/time", "soon", "budget.time", "found 'soon', expected a duration such as 90s"),
    ("budget/time", "", "budget.time", "found '', expected a duration"),
    ("budget/time", "-5m", "budget.time", "found '-5m', expected a duration"),
    ("budget/time", "0s", "budget.time", "found '0s', expected a duration"),
    ("budget/time", "5 weeks", "budget.time", "found '5 weeks', expected a duration"),
    ("budget/time", "30m1h", "budget.time", "found '30m1h', expected a duration"),
    ("budget/time", "1h1h", "budget.time", "found '1h1h', expected a duration"),
    ("budget/time", True, "budget.time", "found true, expected a duration"),
    ("budget/time", 10**350, "budget.time", "expected a duration"),
    ("budget/time", {"minutes": 5}, "budget.time", "expected a duration"),
    ("budget/time", "99999999d", "budget.time", "expected a duration"),
    ("runner", 3, "runner", "found 3, expected a name such as inline"),
    ("runner/name", None, "runner.name", "found null, expected a name"),
    ("runner/name", GONE, "runner.name", "is missing, expected a name"),
    ("runner/options", 3, "runner.options", "found 3, expected a mapping"),
    ("pruner", 3, "pruner", "found 3, expected a name"),
    ("pruner", ["acme-halving"], "pruner", "expected a name"),
    ("pruner/name", GONE, "pruner.name", "is missing, expected a name"),
    ("selection", 3, "selection", "found 3, expected a mapping such as {rule:"),
    ("selection/rule", "best of all", "selection.rule", "expected best or one_standard_error"),
    ("selection/rule", "one_standard_eror", "selection.rule", "did you mean 'one_standard_error'"),
    ("selection/simplest", "layers", "selection.simplest", "expected a list of expressions"),
    ("selection/simplest", [], "selection.simplest", "found [], expected a list"),
    ("selection/simplest", ["layers", 3], "selection.simplest.1", "found 3, expected an expre"),
    ("selection/errors", "2", "selection.errors", "found '2', expected a number from 0 on"),
    ("selection/errors", True, "selection.errors", "found true, expected a number"),
    ("selection/errors", -0.5, "selection.errors", "found -0.5, expected a number from 0 on"),
    ("selection/paired", 1, "selection.paired", "found 1, expected true or false"),
    ("selection/test", 3, "selection.test", "found 3, expected 'FILE.py:FUNCTION'"),
    ("selection/nested", 1, "selection.nested", "found 1, expected a whole number from 2 on"),
    ("selection/nested", True, "selection.nested", "found true, expected a whole number"),
    ("selection/nested", {}, "selection.nested", "found {}, expected a whole number"),
    ("observers", "acme-diary", "observers", "found 'acme-diary', expected a list such as"),
    ("observers", {"name": "acme-diary"}, "observers", "expected a list such as [mlflow]"),
    ("observers/0", 3, "observers.0", "found 3, expected a name, or {name: …"),
    ("observers/0", None, "observers.0", "found null, expected a name, or"),
    ("observers/0", "", "observers.0.name", "expected a name"),
    ("observers/1/name", GONE, "observers.1.name", "is missing, expected a name"),
    ("observers/1/options", 3, "observers.1.options", "found 3, expected a mapping"),
    ("store", 3, "store", "found 3, expected a URL"),
    ("store", {"url": "x"}, "store", "expected a URL"),
    ("checkpoints", 3, "checkpoints", "found 3, expected a folder"),
    ("checkpoints", "", "checkpoints", "found '', expected a folder"),
    ("checkpoints", ["ck"], "checkpoints", "found ['ck'], expected a folder"),
    ("plugins", "./acme.py", "plugins", "found './acme.py', expected a list of files"),
    ("plugins", [3], "plugins.0", "found 3, expected a file"),
    ("requires", "pydantic", "requires", "found 'pydantic', expected a list"),
    ("requires", [None], "requires.0", "found null, expected a requirement"),
]
NAMES: list[tuple[str, Any, str, str]] = [
    ("studdy", "x", "studdy", "unknown key, accepted: study, objective"),
    ("seeds", 1, "seeds", "(did you mean 'seed'?)"),
    ("objectiv", "x", "objectiv", "(did you mean 'objective'?)"),
    ("Space", {}, "Space", "(did you mean 'space'?)"),
    ("a\nb\x1b[31m", 1, "a b\\x1b[31m", "unknown key"),
    ("budget/trails", 1, "budget.trails", "(did you mean 'trials'?)"),
    ("budget/epochs", 1, "budget.epochs", "unknown key, accepted: trials, time"),
    ("objective", GONE, "objective", "is missing, expected 'FILE.py:FUNCTION'"),
    ("space", GONE, "space", "is missing, expected a mapping of parameters"),
    ("budget", GONE, "budget", "is missing, expected trials, time or both: acme.walk does not"),
    ("budget", {}, "budget", "is missing, expected trials, time or both"),
    ("budget", None, "budget", "is missing, expected trials, time or both"),
    ("study", "a/b", "study", "found 'a/b', expected a name of up to 100 letters"),
    ("study", "../up", "study", "found '../up', expected a name"),
    ("study", "", "study", "found '', expected a name"),
    ("study", "a b", "study", "found 'a b', expected a name"),
    ("study", "a\n", "study", "expected a name"),
    ("study", ".hidden", "study", "found '.hidden', expected a name"),
    ("study", "été", "study", "found 'été', expected a name"),
    ("study", LONG, "study", "expected a name"),
    ("directions", {}, "directions", "found {}, expected a mapping such as"),
    ("directions", ["loss"], "directions", "found ['loss'], expected a mapping"),
    ("directions", {"loss": "down"}, "directions.loss", "found 'down', expected minimize or"),
    ("directions", {"loss": None}, "directions.loss", "found null, expected minimize or"),
    ("directions", {"loss": "maximise"}, "directions.loss", "(did you mean 'maximize'?)"),
    ("directions", {"loss": "minimize"}, "directions", "cannot stand beside direction"),
    ("technique", "random", "technique", "cannot stand beside backend"),
    ("backend", "acme.wolk", "backend", "found 'acme.wolk', expected one of acme.walk, auto,"),
    ("backend", "core.rando", "backend", "(did you mean 'core.random'?)"),
    ("backend/name", "acme.wolk", "backend.name", "(did you mean 'acme.walk'?)"),
    ("backend", "acme.absent", "backend", "needs acme-absent>=2, which is not installed"),
    ("backend/options/pase", 1, "backend.options.pase", "(did you mean 'pace'?)"),
    ("backend/optoins", {}, "backend.optoins", "(did you mean 'options'?)"),
    ("backend/options/pace", -1, "backend.options.pace", "found -1; expected a number above 0"),
    ("backend/pace", 0.25, "backend.pace", "is there twice, also in options"),
    ("backend", {"name": "core.random", "native_space": True}, "backend.native_space",
     "unknown option of backend 'core.random'"),
    ("runner", "inlin", "runner", "(did you mean 'inline'?)"),
    ("runner/name", "proceses", "runner.name", "(did you mean 'processes'?)"),
    ("runner/worker", 2, "runner.worker", "(did you mean 'workers'?)"),
    ("runner/workers", 0, "runner.workers", "found 0; expected a whole number of at least 1"),
    ("runner/workers", "2", "runner.workers", "found '2'; expected a whole number"),
    ("runner/retries", -1, "runner.retries", "found -1; expected a whole number"),
    ("runner/order", "fixed", "runner.order", "expected free or deterministic"),
    ("runner/trial_timeout", "soon", "runner.trial_timeout", "found 'soon', expected a duration"),
    ("runner/trial_timeout", 0, "runner.trial_timeout", "found 0, expected a duration"),
    ("runner/trial_timeout", False, "runner.trial_timeout", "found false, expected a duration"),
    ("runner/order", "deterministic", "pruner", "cannot be combined with order: deterministic"),
    ("pruner", "acme-halvin", "pruner", "(did you mean 'acme-halving'?)"),
    ("pruner/options/facto", 3, "pruner.options.facto", "(did you mean 'factor'?)"),
    ("pruner/options/factor", 1, "pruner.name", "ValueError: factor must be an integer above"),
    ("selection/rule", "best", "selection.simplest", "is for rule one_standard_error alone"),
    ("selection/simplest", GONE, "selection.simplest", "found none, expected what makes"),
    ("selection/simplest", ["laiers"], "selection.simplest.0", "(did you mean 'layers'?)"),
    ("selection/simplest", ["layers +"], "selection.simplest.0", "is not an expression"),
    ("selection/simplest", ["open('x')"], "selection.simplest.0", "is not allowed; functions:"),
    ("selection/simplest", ["optimizer"], "selection.simplest.0", "expected a number, or true"),
    ("selection/simplest", ["layers", "1 / (layers - 2)"], "selection.simplest.1", "by zero"),
    ("selection/test", "objective.py:trian", "selection.test", "(did you mean 'train'?)"),
    ("selection/test", "absent.py:train", "selection.test", "there is no file"),
    ("selection/test", {"command": "no-such-one"}, "selection.test.command", "there is no"),
    ("selection/test", {"command": "true {lrr}"}, "selection.test.command", "did you mean 'lr'?"),
    ("selection/test", {"command": "true", "shell": 1}, "selection.test.shell", "expected true"),
    ("selection/test", {"data": "objective.py:train"}, "selection.test", "no test of its own"),
    ("selection/nested", 5, "selection.nested", "cannot be split once more"),
    ("selection/rul", "best", "selection.rul", "(did you mean 'rule'?)"),
    ("observers/0", "acme-dairy", "observers.0", "(did you mean 'acme-diary'?)"),
    ("observers/1/name", "mflow", "observers.1.name", "found 'mflow', expected one of acme-diary"),
    ("observers/1/options/page", 3, "observers.1.options.page", "(did you mean 'pages'?)"),
    ("observers/1/options/pages", 0, "observers.1.options.pages", "found 0; expected a number"),
    ("observers/1/pages", 3, "observers.1.pages", "is there twice, also in options"),
    ("observers/0", {"name": "acme-diary", "pages": 3}, "observers.1.name", "is there twice"),
    ("objective", "objective.py", "objective", "expected 'FILE.py:FUNCTION'"),
    ("objective", "", "objective", "expected 'FILE.py:FUNCTION'"),
    ("objective", "objective.py:trian", "objective", "(did you mean 'train'?)"),
    ("objective", "objective.py:later", "objective", "is async"),
    ("objective", "objective.py:constant", "objective", "is not callable"),
    ("objective", "objectiv.py:train", "objective", "there is no file"),
    ("objective", "no_such_module_here:train", "objective", "there is no module"),
    ("objective", "a\x00.py:train", "objective", ""),
    ("objective", {"comand": "x"}, "objective", "(did you mean 'command'?)"),
    ("objective", {"command": 3}, "objective.command", "found 3; expected a text"),
    ("objective", {"command": ""}, "objective.command", "the command is empty"),
    ("objective", {"command": "true {lrr}"}, "objective.command", "(did you mean 'lr'?)"),
    ("objective", {"command": "no-such-program-here"}, "objective.command", "no program"),
    ("objective", {"command": "true | true"}, "objective.command", "add shell: true"),
    ("objective", {"command": ["true", None]}, "objective.command.1", "expected a text or a num"),
    ("objective", {"command": "true", "shell": 1}, "objective.shell", "expected true or false"),
    ("objective", {"command": "true", "metric": "("}, "objective.metric", "no regular exp"),
    ("objective", {"command": "true", "metric": {"x": "(a)"}}, "objective.metric", "no objectiv"),
    ("objective", {"command": "true", "metrics_file": "a"}, "objective.metrics_file", "ends in"),
    ("checkpoints", "objective.py", "checkpoints", "found 'objective.py', expected a folder"),
    ("checkpoints", "a\0b", "checkpoints", "expected a folder"),
    ("store", "demo.db", "store", "not the URL of a store: 'demo.db'; accepted: sqlite"),
    ("store", "", "store", "not the URL of a store"),
    ("store", "sqlite:///", "store", "not the URL of a SQLite file"),
    ("store", "sqlite://demo.db", "store", "not the URL of a SQLite file"),
    ("store", "sqlite:///a?b.db", "store", "has no options, found '?'"),
    ("store", "mysql://host/x", "store", "not a kind of store"),
    ("plugins", ["./absent.py"], "plugins.0", "no file"),
    ("plugins", ["no_such_module_here"], "plugins.0", "ModuleNotFoundError"),
    ("plugins", ["./objective.py"], "plugins.0", "must not import"),
    ("requires", ["hpo-absent>=0.3"], "requires.0", "hpo-absent>=0.3, which is not installed"),
    ("requires", ["pydantic<1"], "requires.0", "needs pydantic<1, found"),
    ("requires", ["not a requirement"], "requires.0", "expected one such as 'hpo-acme>=0.3'"),
]  # fmt: skip


def _id(damage: tuple[str, Any, str, str]) -> str:
    value = "gone" if damage[1] is GONE else repr(damage[1])[:30]
    return f"{damage[0]}={value}".encode("unicode_escape").decode()


@pytest.mark.parametrize(
    ("where", "value", "path", "fragment"), TYPES + NAMES, ids=map(_id, TYPES + NAMES)
)
def test_one_damage_gives_its_key_path_and_what_is_accepted(
    refused: Refused, good: dict[str, Any], where: str, value: Any, path: str, fragment: str
) -> None:
    lines = refused(damaged(good, where, value))
    assert [line for line in lines if line.startswith(f"study.yaml: {path}: ")] == lines
    assert fragment in lines[0]


def test_a_pruner_needs_a_single_objective(refused: Refused, good: dict[str, Any]) -> None:
    del good["direction"], good["selection"]
    good["directions"] = {"a": "minimize", "b": "maximize"}
    lines = refused(good | {"backend": "core.random"})
    assert lines == ["study.yaml: pruner: needs a single objective, the study has 2"]


def test_a_backend_for_one_objective_is_refused_several(
    refused: Refused, good: dict[str, Any]
) -> None:
    del good["direction"], good["pruner"], good["selection"]
    (line,) = refused(good | {"directions": {"a": "minimize", "b": "maximize"}})
    assert line.startswith("study.yaml: backend")
    assert "takes one objective, the study has 2" in line


def test_an_unknown_technique(refused: Refused, good: dict[str, Any]) -> None:
    del good["backend"]
    (line,) = refused(good | {"technique": "anealing"})
    assert line == (
        "study.yaml: technique: found 'anealing', expected one of annealing, auto, grid, "
        "hybrid, portfolio, random (did you mean 'annealing'?)"
    )


def test_a_technique_for_one_objective_is_refused_several(
    refused: Refused, good: dict[str, Any]
) -> None:
    del good["direction"], good["pruner"], good["backend"], good["selection"]
    directions = {"a": "minimize", "b": "maximize"}
    (line,) = refused(good | {"directions": directions, "technique": "annealing"})
    assert line == (
        "study.yaml: technique: no backend of the technique 'annealing' (acme.walk) has "
        "multi_objective"
    )


def test_an_objective_without_a_name(refused: Refused, good: dict[str, Any]) -> None:
    del good["direction"]
    lines = refused(good | {"directions": {" ": "minimize"}})
    assert lines == ["study.yaml: directions: found the name ' ', expected a word"]


def test_a_problem_that_the_backend_refuses(refused: Refused, good: dict[str, Any]) -> None:
    (line,) = refused(good | {"backend": "core.grid"})
    assert line.startswith("study.yaml: backend: parameter 'lr': is continuous")
    good["space"]["layers"]["high"] = 1
    assert refused(good) == ["study.yaml: backend: parameter 'layers': has a single value"]
    del good["backend"]
    good["technique"] = "annealing"
    assert refused(good) == ["study.yaml: technique: parameter 'layers': has a single value"]


def test_several_problems_come_in_the_order_of_the_file(
    refused: Refused, good: dict[str, Any]
) -> None:
    good["space"]["lr"]["low"] = "abc"
    good["space"]["layers"]["hihg"] = 3
    good["budget"]["time"] = "soon"
    good["seed"] = -1
    lines = refused(good)
    paths = [line.split(": ")[1] for line in lines]
    assert paths == ["space.lr.low", "space.layers.hihg", "seed", "budget.time"]
    assert lines[0] == "study.yaml: space.lr.low: found 'abc', expected a number"


def test_plugins_problems_come_together(refused: Refused, good: dict[str, Any]) -> None:
    good["backend"]["name"] = "acme.wolk"
    good["runner"]["workers"] = 0
    good["pruner"]["name"] = "none"
    good["objective"] = "absent.py:train"
    good["store"] = "demo.db"
    paths = [line.split(": ")[1] for line in refused(good)]
    assert paths == ["objective", "backend.name", "runner.workers", "pruner.name", "store"]


def test_many_problems_are_cut(refused: Refused, good: dict[str, Any]) -> None:
    lines = refused(good | {f"key{n}": 1 for n in range(40)})
    assert len(lines) == 26
    assert lines[-1] == "study.yaml: and 15 more problems"


def test_a_file_name_that_cannot_name_a_study(refused: Refused, good: dict[str, Any]) -> None:
    del good["study"]
    (line,) = refused(good, "my study.yaml")
    assert line.startswith("my study.yaml: study: is missing, expected a name of up to 100")
