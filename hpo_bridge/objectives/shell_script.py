"""Commands for a shell: the text as it is, but for its placeholders.

A value reaches the shell as a variable that is set before the text begins: ``train --lr {lr}``
becomes ``hpo_lr=0.1; train --lr "${hpo_lr}"``. A shell never reads as code what a variable holds,
in whatever quotes or substitution it stands.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ..errors import ObjectiveError
from .command_line import (
    ABSENT,
    ARITHMETIC,
    HERE_DOCUMENT,
    PRESENT,
    Placeholder,
    Word,
    WordBuilder,
    is_option,
    named_in,
    presence,
)

_EXPANSION = re.compile(r"\$\{[^{}]*\}")
_COMMENT = re.compile(r"#[^\n]*")
_SPACE = " \t\r\n"
_HERE = re.compile(r"""<<(-?)[ \t]*((?:\\.|'[^'\n]*'|"[^"\n]*"|[^\s;|&<>()'"\\])+)""")
_QUOTES = re.compile(r"['\"\\]")

Script = tuple[Word | str, ...]
"""A text for a shell: words, and as strings what stands between them."""


def parse_script(text: str) -> Script:
    """Read a text for a shell.

    Raises:
        ObjectiveError: If it is empty, or a brace has no partner.
    """
    if not text.strip():
        raise ObjectiveError("the command is empty", "objective", "command")
    reader = _Reader(text)
    place = 0
    while place < len(text):
        place = reader.step(place)
    return (*reader.script, *reader.builder.end_word())


class _Reader:
    """The state of reading a text.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.builder = WordBuilder(text)
        self.script: list[Word | str] = []
        self._open: list[str] = []  # the quotes, parentheses and backticks that are open
        self._here: list[re.Match[str]] = []  # here-documents that begin after this line

    def step(self, place: int) -> int:
        """Read what is at ``place``; return the place after it."""
        char, inside = self.text[place], self._open[-1] if self._open else ""
        quote = inside if inside in ("'", '"') else ""
        if expansion := _EXPANSION.match(self.text, place):
            return self.builder.add(expansion[0], expansion.end())
        if braced := self.builder.brace(place, ARITHMETIC if inside == ARITHMETIC else quote):
            return braced
        if quote and char == quote:
            self._open.pop()
        elif quote == "'":
            pass
        elif char == "\\":
            pair = self.text[place : place + 2]
            if pair == "\\\n" and self.builder.is_empty:
                return self._between(pair, place + 2)
            return self.builder.add(pair, place + 2)
        elif char == "`" or self.text.startswith("$(", place):
            return self._substitute(char, place)
        elif not quote:
            return self._unquoted(char, inside, place)
        return self.builder.add(char, place + 1)

    def _unquoted(self, char: str, inside: str, place: int) -> int:
        if char == "#" and self.builder.is_empty and (comment := _COMMENT.match(self.text, place)):
            return self._between(comment[0], comment.end())
        if char in "'\"" and inside != ARITHMETIC:
            self._open.append(char)
            return self.builder.add(char, place + 1)
        if char == "<" and inside != ARITHMETIC:
            here = _HERE.match(self.text, place)
            self._here += [here] if here else []
            string = self.text.startswith("<<<", place)  # of bash
            redirection = here[0] if here else "<<<" if string else "<"
            return self._between(redirection, place + len(redirection))
        if char == "\n" and self._here:
            return self._read_here_documents(self._between(char, place + 1))
        if char == "(":
            self._open.append(inside if inside == ARITHMETIC else char)
        elif char == ")" and inside in ("(", ARITHMETIC):
            self._open.pop()
        elif char not in _SPACE and char not in ";|&<>)":
            return self.builder.add(char, place + 1)
        return self._between(char, place + 1)

    def _substitute(self, char: str, place: int) -> int:
        """Enter a substitution, or leave one in backticks."""
        if char == "`" and "`" in self._open:
            while self._open.pop() != "`":
                pass
            return self._between(char, place + 1)
        opening = "`" if char == "`" else "$((" if self.text.startswith("$((", place) else "$("
        self._open += {"`": ["`"], "$(": ["("], "$((": [ARITHMETIC] * 2}[opening]
        return self._between(opening, place + len(opening))

    def _read_here_documents(self, place: int) -> int:
        """Read the here-documents that begin at ``place``; return the place after them."""
        for here in self._here:
            tabs, delimiter = here.groups()
            end_line = _QUOTES.sub("", delimiter)
            line = None
            while line != end_line and place < len(self.text):
                after = self.text.find("\n", place) + 1 or len(self.text)
                line = self.text[place:after].rstrip("\n").lstrip("\t" if tabs else "")
                if line == end_line:
                    place = self._between(self.text[place:after], after)
                else:
                    place = self._read_line(place, after, is_literal=end_line != delimiter)
        self._here.clear()
        return place

    def _read_line(self, place: int, after: int, *, is_literal: bool) -> int:
        """Read a line of a here-document as one word, so that it is left out as a word is."""
        while place < after:
            if expansion := _EXPANSION.match(self.text, place):
                place = self.builder.add(expansion[0], expansion.end())
            else:
                place = self.builder.brace(place, HERE_DOCUMENT) or self.builder.add(
                    self.text[place], place + 1
                )
        word = self.builder.end()
        if is_literal and (named := named_in(word)):
            raise ObjectiveError(
                f"{{{named[0].name}}} stands in a here-document whose end is "
                "quoted, where a shell puts nothing in",
                "objective",
                "command",
                fix="take the quotes off, <<EOF",
            )
        self.script.append(word)
        return place

    def _between(self, text: str, after: int) -> int:
        self.script += [*self.builder.end_word(), text]
        return after


def filled_script(script: Script, values: Mapping[str, Any]) -> str:
    """Return the text for a trial; what is left out is as in ``arguments``.

    >>> print(filled_script(parse_script("train --lr {lr} > '{tag}.log'"), {"lr": 1, "tag": "x"}))
    hpo_lr=1; hpo_tag=x; train --lr "${hpo_lr}" > ''"${hpo_tag}"'.log'
    """
    variables: dict[str, str] = {}
    pieces: list[str] = []
    option = -1  # the place in ``pieces`` of an option with nothing but space after it
    for part in script:
        if isinstance(part, str):
            pieces.append(part)
            if not part.isspace() and part != "\\\n":
                option = -1
            continue
        bare = tuple(p for p in part if p not in ('"', "'")) or part
        state = presence(bare, values)
        if state is ABSENT and option >= 0:
            pieces[option] = ""
        option = len(pieces) if state is PRESENT and is_option(part) else -1
        if state is PRESENT:
            pieces.append("".join(_written(p, values, variables) for p in part))
    settings = "".join(f"{name}={shlex.quote(value)}; " for name, value in variables.items())
    return settings + "".join(pieces)


def _written(part: str | Placeholder, values: Mapping[str, Any], variables: dict[str, str]) -> str:
    """Return literal text as it is, a placeholder as its variable, which is noted."""
    if isinstance(part, str):
        return part
    plain = part.texts is None and part.name.isascii() and part.name.isidentifier()
    name = f"hpo_{part.name}" if plain else f"hpo_{len(variables)}"
    variables[name] = part.text(values)
    if part.quote in ('"', ARITHMETIC, HERE_DOCUMENT):
        return f"${{{name}}}"
    return f"""'"${{{name}}}"'""" if part.quote else f'"${{{name}}}"'
