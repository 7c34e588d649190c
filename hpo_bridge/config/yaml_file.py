"""YAML files, read by ruamel's safe loader: plain data only, each key once, bounded in size."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from ..errors import ConfigError, KeyPath, nearest
from .problems import Problems, shown

MAX_BYTES = 1_000_000
"""Largest file."""
MAX_NODES = 10_000
"""Most values in a file, with each alias counted as what it stands for."""
MAX_DEPTH = 40
"""Deepest nesting."""
TOO_MANY = f"more than {MAX_NODES:,} values, aliases expanded"
LONGEST_NUMBER = 400
"""Most characters of a number; beyond them it is a text."""
MERGE = "tag:yaml.org,2002:merge"

_CORE = {
    "null": re.compile(r"~|null|Null|NULL|"),
    "bool": re.compile("true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    "float": re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    ),
    "merge": re.compile("<<"),
}
"""YAML 1.2's core schema and merges; ruamel's own also has dates, ``1_000`` and ``0b1``.

See https://yaml.org/spec/1.2.2/#103-core-schema.
"""


def read_text(path: Path, label: str) -> str:
    """Return the text of a study file.

    Args:
        path: Its path.
        label: The beginning of an error's line.

    Raises:
        ConfigError: If there is no such file, or it is no text, or too large.
    """
    try:
        if path.is_dir():
            raise ConfigError(f"{label}: is a folder, expected a study file")
        if path.exists() and not path.is_file():
            raise ConfigError(f"{label}: is not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(f"{label}: {_absent(path)}") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{label}: cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{label}: is larger than {MAX_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{label}: line {line}: is not UTF-8 text") from None


def _absent(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    names = sorted(p.name for p in path.parent.iterdir() if p.suffix in (".yaml", ".yml", ".json"))
    return f"there is no such file{nearest(path.name, names)}"


def parse_yaml(text: str, problems: Problems) -> Any:
    """Return the data of a YAML text; ``None`` for an empty one.

    Raises:
        ConfigError: If the text is not YAML, or has what a study file may not have: tags, a key
            twice, a key that is no text, several documents, recursion, too many values.
    """
    reader = YAML(typ="safe", pure=True)
    reader.Resolver = _CoreSchema
    try:
        node = reader.compose(text)
        data = None if node is None else _Builder(reader.constructor, problems).build(node, ())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.add((), f"line {line}: {_syntax(text, line, str(error.problem))}")
    except ReaderError as error:
        line, character = text.count("\n", 0, error.position) + 1, ord(text[error.position])
        problems.add((), f"line {line}: the character U+{character:04X} is not allowed")
    except RecursionError:
        problems.add((), f"nested more than {MAX_DEPTH} deep")
    except YAMLError as error:
        problems.add((), str(error))
    problems.raise_any()
    problems.data = data
    return data


def _syntax(text: str, line: int, problem: str) -> str:
    """Describe a syntax error; tabs are the most frequent, and ruamel's words for them odd."""
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    if "'\\t'" in problem or re.match(r" *\t", shown):
        return "a tab where YAML allows only spaces: indent with spaces"
    return f"not valid YAML: {problem.removeprefix('but ')}"


class _CoreSchema(VersionedResolver):
    """The types of plain scalars: those of YAML 1.2's core schema, and no more."""

    nodes = 0

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise YAMLError(TOO_MANY)
        if kind is ScalarNode:
            names = _CORE if implicit[0] and len(value) <= LONGEST_NUMBER else {}
            found = (name for name, pattern in names.items() if pattern.fullmatch(value))
            return Tag(suffix=f"tag:yaml.org,2002:{next(found, 'str')}")
        return super().resolve(kind, value, implicit)


class _Builder:
    """Makes plain data of ruamel's nodes, with each alias as a copy of what it stands for."""

    def __init__(self, constructor: Any, problems: Problems) -> None:
        self._constructor, self._problems, self._nodes = constructor, problems, 0

    def build(self, node: Node, path: KeyPath) -> Any:
        """Return the data of a node.

        Raises:
            ConfigError: If it is nested too deep, has too many values or a tag.
        """
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(node, path, TOO_MANY)
        if len(path) > MAX_DEPTH:
            self._refuse(node, path[:3], f"nested more than {MAX_DEPTH} deep")
        if node.ctag.handle:
            self._refuse(node, path, f"the tag {node.ctag}: tags are not allowed in a study file")
        if isinstance(node, SequenceNode):
            return [self.build(each, (*path, str(at))) for at, each in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        try:
            plain = str(node.tag) == MERGE  # it merges where it is a key
            value = node.value if plain else self._constructor.construct_object(node)
            node.value.encode()  # an escape can name half a character: no store takes that
        except UnicodeEncodeError:
            self._refuse(node, path, "a text that is not valid Unicode")
        return value

    def _mapping(self, node: Node, path: KeyPath) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if str(key_node.tag) == MERGE:
                merged = self._merged(value_node, path)
                continue
            key = self.build(key_node, (*path, "?"))
            if not isinstance(key, str):
                text = f"line {line}: found the key {shown(key)}, expected a string"
                self._problems.add(path, text)
            elif key in lines:
                text = f"the key is there twice, on lines {lines[key]} and {line}"
                self._problems.add((*path, key), text)
            else:
                own[key], lines[key] = self.build(value_node, (*path, key)), line
        return {**merged, **own}

    def _merged(self, node: Node, path: KeyPath) -> dict[str, Any]:
        """Return what ``<<`` takes over; an earlier mapping goes before a later one."""
        found = self.build(node, (*path, "<<"))
        merged: dict[str, Any] = {}
        for source in reversed(found if isinstance(found, list) else [found]):
            if not isinstance(source, dict):
                self._refuse(node, path, f"the key << takes a mapping, found {shown(source)}")
            merged.update(source)
        return merged

    def _refuse(self, node: Node, path: KeyPath, text: str) -> NoReturn:
        self._problems.add(path, f"line {node.start_mark.line + 1}: {text}")
        self._problems.raise_any()
        raise AssertionError
