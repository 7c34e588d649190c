"""Damaged study files: the space and its constraints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[..., list[str]]


def number(kind: str = "float", **keys: Any) -> dict[str, Any]:
    return {"type": kind, "low": 1, "high": 2} | keys


def choice(choices: Any, **keys: Any) -> dict[str, Any]:
    return {"type": "categorical", "choices": choices} | keys


# What is added to a good file's space, the path below space, a part of the message.
PARAMETERS: list[tuple[dict[str, Any], str, str]] = [
    ({"a": {}}, "a", "the key 'type' is missing, expected one of float, int, categorical"),
    ({"a": {"low": 0, "high": 1}}, "a", "the key 'type' is missing"),
    ({"a": number("flaot")}, "a.type", "(did you mean 'float'?)"),
    ({"a": number("integer")}, "a.type", "found 'integer', expected one of"),
    ({"a": number(3)}, "a.type", "found 3, expected one of"),  # type: ignore[arg-type]
    ({"a": {"type": "float", "low": 0}}, "a", "the key 'high' is missing"),
    ({"a": {"type": "int", "high": 0}}, "a", "the key 'low' is missing"),
    ({"a": {"type": "categorical"}}, "a", "the key 'choices' is missing"),
    ({"a": number(hihg=3)}, "a.hihg", "(did you mean 'high'?)"),
    ({"a": number(choices=[1])}, "a.choices", "unknown key"),
    ({"a": choice([1], low=3)}, "a.low", "unknown key"),
    ({"a": number(low="abc")}, "a.low", "found 'abc', expected a number"),
    ({"a": number(low="1")}, "a.low", "found '1', expected a number"),
    ({"a": number(high=None)}, "a.high", "expected a number"),
    ({"a": number(high=True)}, "a.high", "expected a number"),
    ({"a": number(high=[2])}, "a.high", "found [2], expected a number"),
    ({"a": number(log="yes")}, "a.log", "found 'yes', expected true or false"),
    ({"a": number(log=1)}, "a.log", "found 1, expected true or false"),
    ({"a": number(step="x")}, "a.step", "found 'x', expected a number"),
    ({"a": number("int", low=0.5)}, "a.low", "found 0.5, expected an integer"),
    ({"a": number("int", high="3")}, "a.high", "found '3', expected an integer"),
    ({"a": number("int", step=0.5)}, "a.step", "found 0.5, expected an integer"),
    ({"a": number("int", high=10**60)}, "a.high", "expected at most 2**53"),
    ({"a": number(low=3)}, "a.low", "which is above high"),
    ({"a": number("int", low=3)}, "a.low", "which is above high"),
    ({"a": number(low=0, log=True)}, "a.low", "expected more than 0 on a log scale"),
    ({"a": number(low=-1, log=True)}, "a.low", "expected more than 0 on a log scale"),
    ({"a": number("int", low=0, log=True)}, "a.low", "expected more than 0 on a log scale"),
    ({"a": number(log=True, step=1)}, "a.step", "step and log cannot be combined"),
    ({"a": number(step=0)}, "a.step", "expected more than 0"),
    ({"a": number(step=-1)}, "a.step", "expected more than 0"),
    ({"a": number(low=0, high=1, step=0.3)}, "a.step", "the highest value it reaches is 0.9"),
    ({"a": number("int", high=10, step=4)}, "a.step", "the highest value it reaches is 9"),
    ({"a": number(low=-1e308, high=1e308)}, "a.high", "too far from low"),
    ({"a": choice([])}, "a.choices", "found an empty list"),
    ({"a": choice("adam")}, "a.choices", "found 'adam', expected a list"),
    ({"a": choice(3)}, "a.choices", "found 3, expected a list"),
    ({"a": choice([1, 2, 1])}, "a.choices.2", "1 is there twice"),
    ({"a": choice(["x", ["y"], ["y"]])}, "a.choices.2", "is there twice"),
    ({"a": choice(["x", {"depth": 1}])}, "a.choices.1", "(use a name, and look the mapping"),
    ({"a": choice([1], ordered="no")}, "a.ordered", "expected true or false"),
    ({"a": number(when={"optimizr": "sgd"})}, "a.when.optimizr", "(did you mean 'optimizer'?)"),
    ({"a": number(when={"pooling": "max"})}, "a.when.pooling", "is a constant"),
    ({"a": number(when={"lr": 0.01})}, "a.when.lr", "is continuous"),
    ({"a": number(when={"optimizer": "sdg"})}, "a.when.optimizer", "(did you mean 'sgd'?)"),
    ({"a": number(when={"optimizer": []})}, "a.when.optimizer", "is not one of the choices"),
    ({"a": number(when={"layers": 9})}, "a.when.layers", "9 is outside [1, 3]"),
    ({"a": number(when={})}, "a.when", "expected a mapping"),
    ({"a": number(when="sgd")}, "a.when", "expected a mapping"),
    ({"a": number(when={"a": 1}, step=1)}, "a.when", "form a cycle: a -> a"),
    (
        {"a": number("int", when={"b": 1}), "b": number("int", when={"a": 1})},
        "a.when",
        "form a cycle: a -> b -> a",
    ),
    (
        {
            "a": number("int", when={"optimizer": "adam"}),
            "b": number(when={"a": 1, "optimizer": "sgd"}),
        },
        "b.when",
        "can never be active",
    ),
    ({"": number()}, "", "expected a string"),
]
CONSTRAINTS: list[tuple[str, str, str]] = [
    ("layerz < 3", "constraints.1", "(did you mean 'layers'?)"),
    ("layers <", "constraints.1", "is not an expression"),
    ("", "constraints.1", "expected an expression"),
    ("layers = 3", "constraints.1", "is not an expression"),
    ("__import__('os').system('true')", "constraints.1", "is not allowed"),
    ("eval('1')", "constraints.1", "is not allowed; functions: abs"),
    ("layers.real > 1", "constraints.1", "is not allowed"),
    ("[1, 2][0] < layers", "constraints.1", "is not allowed"),
    ("(lambda: 1)() == 1", "constraints.1", "is not allowed"),
    ("[x for x in [1]] == 1", "constraints.1", "is not allowed"),
    ("layers < 'x'", "constraints.1", "cannot be computed"),
    ("layers > 99", "constraints", "unsatisfiable"),
    ("layers < 9 or " * 100 + "True", "constraints.1", "longer than 1000 characters"),
    ("-" * 200 + "layers < 3", "constraints.1", "nested too deeply"),
    ("9 ** 9 ** 9 > layers", "constraints", "unsatisfiable"),
]


@pytest.mark.parametrize(("added", "path", "fragment"), PARAMETERS)
def test_a_damaged_parameter(
    refused: Refused, good: dict[str, Any], added: dict[str, Any], path: str, fragment: str
) -> None:
    good["space"].update(added)
    (line,) = refused(good)
    start = f"study.yaml: space.{path}: " if path else "study.yaml: space: "
    assert line.startswith(start)
    assert fragment in line


@pytest.mark.parametrize(("text", "path", "fragment"), CONSTRAINTS)
def test_a_damaged_constraint(
    refused: Refused, good: dict[str, Any], text: str, path: str, fragment: str
) -> None:
    good["constraints"].append(text)
    (line,) = refused(good)
    assert line.startswith(f"study.yaml: {path}: ")
    assert fragment in line


def test_every_damaged_parameter_is_found_at_once(refused: Refused, good: dict[str, Any]) -> None:
    good["space"] |= {"a": number(low="x"), "b": choice([]), "c": number("flaot")}
    paths = [line.split(": ")[1] for line in refused(good)]
    assert paths == ["space.a.low", "space.b.choices", "space.c.type"]


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf", "1e999"])
def test_bounds_must_be_finite(refused: Refused, value: str) -> None:
    text = (
        "objective: objective.py:train\n"
        f"space:\n  a: {{type: float, low: 0, high: {value}}}\n"
        "budget: {trials: 3}\n"
    )
    (line,) = refused(text)
    assert line.startswith("study.yaml: space.a.high: found ")
    assert line.endswith("expected a finite number")


def test_a_constant_must_be_plain(refused: Refused, good: dict[str, Any]) -> None:
    good["space"]["epochs"] = {"first": 3}
    (line,) = refused(good)
    assert line.startswith("study.yaml: space.epochs: the key 'type' is missing")
