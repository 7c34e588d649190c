"""Collects what is wrong with a study file: one line each, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ConfigError, HpoBridgeError, KeyPath, short

MOST_PROBLEMS = 25
"""How many problems are listed before the rest is only counted."""
LONGEST_LINE = 800
"""Most characters of one line."""


_WORDS = {None: "null", True: "true", False: "false"}


def shown(value: Any) -> str:
    """A value for a message, in YAML's words where Python has others."""
    return _WORDS[value] if value is None or isinstance(value, bool) else short(value)


def one_line(text: str) -> str:
    """``text`` on one line that any terminal can show: control characters are escaped."""
    text = " ".join(text.split())
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1] + "…"


class Problems:
    """The problems of one study file and the command line that goes with it.

    Args:
        file: The file's name, which begins each line.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.data: Any = None
        """The file's data: problems are listed in the order of its keys."""
        self.origins: dict[KeyPath, str] = {}
        """Key path to what begins a line about it, where the command line gave the value."""
        self._found: dict[str, HpoBridgeError] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Sequence[str], text: str) -> None:
        """Notes one problem of the value at ``path``."""
        path = tuple(path)
        start = self._origin(path)
        if start is None:
            start = ": ".join([self.file, *([".".join(path)] if path else [])])
        self._found.setdefault(one_line(f"{start}: {text}"), HpoBridgeError(text, *path))

    def note(self, *lines: str) -> None:
        """Notes whole lines, which come first: they are not about a place in the file."""
        for line in lines:
            self._found.setdefault(one_line(line), HpoBridgeError(line))

    def raise_any(self) -> None:
        """Raises :class:`ConfigError` if anything was noted."""
        if not self._found:
            return
        lines = sorted(self._found, key=lambda line: self._position(self._found[line].path))
        errors = [self._found[line] for line in lines]
        if len(lines) > MOST_PROBLEMS:
            more = len(lines) - MOST_PROBLEMS
            lines = [*lines[:MOST_PROBLEMS], one_line(f"{self.file}: and {more} more problems")]
        raise ConfigError(*lines, errors=errors)

    def _origin(self, path: KeyPath) -> str | None:
        """Return the part that the command line has in ``path``, in words, where it has any."""
        for end in range(len(path), 0, -1):
            origin = self.origins.get(path[:end])
            if origin == "--set":
                return f"--set: {'.'.join(path)}"
            if origin is not None:
                return ": ".join([origin, *([".".join(path[end:])] if path[end:] else [])])
        return None

    def _position(self, path: KeyPath) -> tuple[int, ...]:
        """The ranks of the keys on the path; what the file does not have comes last."""
        data, ranks = self.data, []
        for key in path:
            items = (
                {str(at): each for at, each in enumerate(data)} if isinstance(data, list) else data
            )
            items = items if isinstance(items, dict) else {}
            ranks.append(list(items).index(key) if key in items else len(items))
            data = items.get(key)
        return tuple(ranks)
