"""Damaged study files: what is wrong before there are any keys."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo_bridge.config import load_study_file
from hpo_bridge.errors import ConfigError
from hpo_bridge.plugins import PluginManager

Refused = Callable[..., list[str]]
HEAD = "objective: objective.py:train\nbudget: {trials: 3}\n"
SPACE = "space:\n  a: {type: float, low: 0, high: 1}\n"
LAUGHS = "\n".join(
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)),
    ]
)

# Label, content, what the only line is or begins with.
TEXTS: list[tuple[str, str | bytes, str]] = [
    ("empty", "", "found an empty file, expected the keys study, objective, space"),
    ("blank", " \n\n", "found an empty file"),
    ("comment", "# nothing\n", "found an empty file"),
    ("null", "~\n", "found an empty file"),
    ("only a marker", "---\n", "found an empty file"),
    ("list", "- study\n", "found ['study'], expected the keys"),
    ("scalar", "study\n", "found 'study', expected the keys"),
    ("number", "3\n", "found 3, expected the keys"),
    ("boolean", "true\n", "found true, expected the keys"),
    ("tab", "space:\n\ta: 1\n", "line 2: a tab where YAML allows only spaces"),
    ("tab after spaces", "space:\n  a: 1\n  \tb: 1\n", "line 3: a tab where YAML allows only"),
    ("two colons", "study: a: b\n", "line 1: not valid YAML: mapping values are not allowed"),
    ("open bracket", "plugins: [\n", "line 2: not valid YAML"),
    ("open quote", "study: 'demo\n", "line 2: not valid YAML"),
    ("bad indent", "a:\n  b: 1\n c: 2\n", "line 3: not valid YAML"),
    ("reserved", "study: @demo\n", "line 1: not valid YAML"),
    (
        "two documents",
        HEAD + SPACE + "---\nstudy: b\n",
        "line 5: not valid YAML: found another document",
    ),
    ("latin-1", "study: été\n".encode("latin-1"), "line 1: is not UTF-8 text"),
    ("utf-16", "study: a\n".encode("utf-16"), "line 1: is not UTF-8 text"),
    ("binary", bytes(range(256)), "line 2: is not UTF-8 text"),
    ("null byte", "study: a\n# \x00\n", "line 2: the character U+0000 is not allowed"),
    ("escape", "study: a\nb: \x1b[31m\n", "line 2: the character U+001B is not allowed"),
    ("half a character", 'study: "\\ud800"\n', "study: line 1: a text that is not valid Unicode"),
    ("python tag", "study: !!python/object/apply:os.system [ls]\n", "study: line 1: the tag"),
    ("python name", "objective: !!python/name:os.system\n", "objective: line 1: the tag"),
    ("own tag", "study: !mine a\n", "study: line 1: the tag !mine: tags are not allowed"),
    ("standard tag", "seed: !!int 3\n", "seed: line 1: the tag"),
    ("set tag", "space: !!set {a}\n", "space: line 1: the tag"),
    ("binary tag", "study: !!binary aGVsbG8=\n", "study: line 1: the tag"),
    ("no anchor", "study: *name\n", "line 1: not valid YAML: found undefined alias 'name'"),
    (
        "anchor typo",
        "study: &name a\nstore: *nam\n",
        "line 2: not valid YAML: found undefined alias 'nam'",
    ),
    ("recursive list", "plugins: &a [*a]\n", "plugins.0.0: line 1: nested more than 40 deep"),
    (
        "recursive mapping",
        "space: &a\n  b: {c: *a}\n",
        "space.b.c: line 2: nested more than 40 deep",
    ),
    ("recursive merge", "space: &a\n  <<: *a\n", "space.<<.<<: line 1: nested more than 40 deep"),
    ("bomb", LAUGHS, "a3.7.8.8.5: line 1: more than 10,000 values, aliases expanded"),
    ("many values", "plugins: [" + "1, " * 110_000 + "1]", "more than 10,000 values"),
    ("deep lists", "plugins: " + "[" * 500, "nested more than 40 deep"),
    (
        "deep closed",
        "plugins: " + "[" * 60 + "]" * 60,
        "plugins.0.0: line 1: nested more than 40 deep",
    ),
    ("deep mappings", "{a: " * 3000, "nested more than 40 deep"),
    (
        "deep blocks",
        "\n".join(" " * n + "a:" for n in range(60)),
        "a.a.a: line 41: nested more than 40 deep",
    ),
    (
        "deep key",
        "? " + "[" * 60 + "]" * 60 + "\n: 1\n",
        "?.0.0: line 1: nested more than 40 deep",
    ),
    ("huge number", f"{HEAD}{SPACE}seed: {'9' * 5000}\n", "seed: found '999"),
    ("huge float", f"{HEAD}{SPACE}seed: 0.{'9' * 5000}\n", "seed: found '0."),
    ("huge hexadecimal", f"{HEAD}{SPACE}seed: 0x{'f' * 5000}\n", "seed: found '0x"),
    ("merged scalar", "space:\n  <<: 3\n", "space: line 2: the key << takes a mapping, found 3"),
    ("number as key", "space:\n  3: 1\n", "space: line 2: found the key 3, expected a string"),
    ("true as key", HEAD + SPACE + "true: 1\n", "line 5: found the key true"),
    ("null as key", HEAD + SPACE + "~: 1\n", "line 5: found the key null"),
    ("list as key", "? [a, b]\n: 1\n", "line 1: found the key ['a', 'b'], expected a string"),
    (
        "key twice",
        "seed: 1\nstudy: a\nseed: 2\n",
        "seed: the key is there twice, on lines 1 and 3",
    ),
    (
        "key twice below",
        "space:\n  a: {type: float, low: 1, low: 2}\n",
        "space.a.low: the key is there twice, on lines 2 and 2",
    ),
    ("too large", "study: a\n# " + "x" * 1_000_000, "is larger than 1,000,000 bytes"),
]


@pytest.mark.parametrize(("content", "start"), [t[1:] for t in TEXTS], ids=[t[0] for t in TEXTS])
def test_a_damaged_text(refused: Refused, content: str | bytes, start: str) -> None:
    began = time.monotonic()
    (line,) = refused(content)
    assert f"study.yaml: {start}" in line
    assert time.monotonic() - began < 30


def test_every_key_that_is_there_twice_is_found(refused: Refused) -> None:
    lines = refused("seed: 1\nseed: 2\nspace:\n  a: 1\n  a: 2\n")
    assert [line.split(": ")[1] for line in lines] == ["seed", "space.a"]


def refusal(path: Path, plugins: PluginManager) -> str:
    with pytest.raises(ConfigError) as caught:
        load_study_file(path, plugins=plugins)
    (line,) = caught.value.problems
    assert "\n" not in line
    return line


def test_no_such_file(folder: Path, plugins: PluginManager) -> None:
    (folder / "study.yaml").touch()
    line = refusal(folder / "stduy.yaml", plugins)
    assert line.endswith("stduy.yaml: there is no such file (did you mean 'study.yaml'?)")
    assert "there is no folder" in refusal(folder / "no" / "study.yaml", plugins)
    assert "null" in refusal(folder / "a\x00b.yaml", plugins)


def test_what_is_no_file(folder: Path, plugins: PluginManager) -> None:
    assert refusal(folder, plugins).endswith("is a folder, expected a study file")
    os.mkfifo(folder / "pipe.yaml")
    assert refusal(folder / "pipe.yaml", plugins).endswith("is not a regular file")
    line = refusal(folder / "objective.py" / "study.yaml", plugins)
    assert "objective.py" in line


def test_a_file_that_may_not_be_read(plugins: PluginManager) -> None:
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        path = Path(name) / "study.yaml"
        path.touch(mode=0)
        user = os.geteuid()
        if user == 0:  # root reads all, so be nobody for a moment
            os.seteuid(65534)
        try:
            line = refusal(path, plugins)
        finally:
            os.seteuid(user)
    assert line.endswith("cannot be read: Permission denied")
