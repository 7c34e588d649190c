"""Reads YAML safely: plain data only, each key once, bounded in size and depth.

ruamel.yaml splits the text into events; what they build is decided here, so that nothing but
dicts, lists and the scalars of :mod:`.scalars` can come out of a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from ..errors import ConfigError, nearest
from .problems import KeyPath, Problems, shown
from .scalars import plain_scalar

MAX_BYTES = 1_000_000
"""Largest file."""
MAX_NODES = 100_000
"""Most values in a file, with each alias counted as what it stands for."""
MAX_DEPTH = 40
"""Deepest nesting."""
MERGE = "<<"
"""The key that takes over the keys of another mapping."""


def read_text(path: Path, label: str) -> str:
    """The text of a study file.

    Args:
        path: Where it is.
        label: What begins an error's line.

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
    """The data of a YAML text; ``None`` for an empty one.

    Wrong keys are noted in ``problems``, and so is each key's position.

    Raises:
        ConfigError: If the text is not YAML, or has what a study file may not have: tags,
            several documents, recursion, more than :data:`MAX_NODES` values.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.reader import ReaderError

    reader = YAML(typ="safe", pure=True)
    try:
        return _Builder(reader.parse(text), problems).document()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        _fail(problems, line, _syntax(text, line, str(error.problem)))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        _fail(problems, line, f"the character U+{ord(text[error.position]):04X} is not allowed")
    except YAMLError as error:
        _fail(problems, 1, str(error))


def _syntax(text: str, line: int, problem: str) -> str:
    """A syntax error in words: tabs are the most frequent, and ruamel's words for it odd."""
    lines = text.splitlines()
    shown = lines[line - 1] if line <= len(lines) else ""
    if "'\\t'" in problem or re.match(r" *\t", shown):
        return "a tab where YAML allows only spaces: indent with spaces"
    return f"not valid YAML: {problem}"


def _fail(problems: Problems, line: int, text: str) -> NoReturn:
    problems.add((), f"line {line}: {text}")
    problems.raise_any()
    raise AssertionError


class _Builder:
    """Builds plain data from ruamel's events."""

    def __init__(self, events: Iterator[Any], problems: Problems) -> None:
        self._events = events
        self._problems = problems
        self._nodes = 0
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()

    def document(self) -> Any:
        """The one document of the text."""
        next(self._events)  # the stream's start
        if not _is(next(self._events), "DocumentStart"):
            return None
        data = self._value(next(self._events), (), 0)
        next(self._events)  # the document's end
        event = next(self._events)
        if not _is(event, "StreamEnd"):
            self._refuse(event, "a second document begins, expected one in a file")
        return data

    def _value(self, event: Any, path: KeyPath, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self._refuse(event, f"nested more than {MAX_DEPTH} deep")
        if _is(event, "Alias"):
            return self._alias(event)
        if event.tag is not None:
            self._refuse(event, f"the tag {event.tag!r}: tags are not allowed in a study file")
        before = self._count(event, 1) - 1
        if event.anchor is not None:
            self._open.add(event.anchor)
        if _is(event, "MappingStart"):
            value: Any = self._mapping(path, depth)
        elif _is(event, "SequenceStart"):
            value = self._sequence(path, depth)
        else:
            value = self._scalar(event)
        if event.anchor is not None:
            self._open.discard(event.anchor)
            self._anchors[event.anchor] = (value, self._nodes - before)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor in self._open:
            self._refuse(event, f"the alias *{event.anchor} contains itself")
        if event.anchor not in self._anchors:
            hint = nearest(event.anchor, list(self._anchors))
            self._refuse(event, f"no anchor &{event.anchor} before the alias{hint}")
        value, size = self._anchors[event.anchor]
        self._count(event, size)
        return value

    def _sequence(self, path: KeyPath, depth: int) -> list[Any]:
        items: list[Any] = []
        while not _is(event := next(self._events), "SequenceEnd"):
            items.append(self._value(event, (*path, str(len(items))), depth + 1))
        return items

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not _is(event := next(self._events), "MappingEnd"):
            key, line = self._key(event, path, depth), event.start_mark.line + 1
            here = (*path, key)
            self._problems.positions.setdefault(here, len(self._problems.positions))
            value = self._value(next(self._events), here, depth + 1)
            if key in lines:
                text = f"the key is there twice, on lines {lines[key]} and {line}"
                self._problems.add(here, text)
            elif key == MERGE and not getattr(event, "style", None):
                merged = self._merged(event, value)
            else:
                own[key] = value
            lines.setdefault(key, line)
        return {**merged, **own}

    def _key(self, event: Any, path: KeyPath, depth: int) -> str:
        key = self._value(event, path, depth + 1)
        if not isinstance(key, str):
            line = event.start_mark.line + 1
            hint = " (put it in quotes)" if not isinstance(key, (dict, list)) else ""
            text = f"line {line}: found the key {shown(key)}, expected a string{hint}"
            self._problems.add(path, text)
            return event.value or "null" if _is(event, "Scalar") else "?"
        return key

    def _merged(self, event: Any, value: Any) -> dict[str, Any]:
        sources = value if isinstance(value, list) else [value]
        merged: dict[str, Any] = {}
        for source in reversed(sources):  # an earlier one goes before a later one
            if not isinstance(source, dict):
                self._refuse(event, f"the key << takes a mapping, found {shown(source)}")
            merged.update(source)
        return merged

    def _scalar(self, event: Any) -> Any:
        try:
            event.value.encode()  # an escape can name half a character: no store takes that
            # With a style it is in quotes, or a block of text.
            return str(event.value) if event.style else plain_scalar(event.value)
        except UnicodeEncodeError:
            self._refuse(event, "a text that is not valid Unicode")
        except ValueError as error:
            self._refuse(event, str(error))

    def _count(self, event: Any, nodes: int) -> int:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._refuse(event, f"more than {MAX_NODES:,} values, aliases expanded")
        return self._nodes

    def _refuse(self, event: Any, text: str) -> NoReturn:
        _fail(self._problems, event.start_mark.line + 1, text)


def _is(event: Any, kind: str) -> bool:
    return type(event).__name__ == f"{kind}Event"
