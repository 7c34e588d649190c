"""Command lines with placeholders: read once, filled in for each trial.

Without a shell the text is split into words as a shell would, and each word is one argument;
what only a shell can do (a pipe, a variable) is an error. With a shell the text stays as it is,
and each placeholder becomes a variable of the shell, so that no value is ever read as code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import KeyPath, ObjectiveError

COMMAND = ("objective", "command")
ARITHMETIC, HERE_DOCUMENT = "((", "<<"
"""Parts of a shell's text where a placeholder needs no quotes."""
_BRACE = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")
_SPECIAL = re.compile(r"[|&;<>]+|\n+|`|\$(?:\{\w+\}?|\w+|[({?$!#@*-])|[*?]")
_OPEN_END = re.compile(r"\\\n\s*\Z")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A name in braces.

    Attributes:
        name: A parameter, ``python`` or ``trial``.
        texts: For a flag, what stands for true and for false; either may be empty.
        quote: In the text of a shell, the quote that it stands in, if any; or ``ARITHMETIC`` or
            ``HERE_DOCUMENT``.
    """

    name: str
    texts: tuple[str, str] | None = None
    quote: str = ""

    @classmethod
    def parse(cls, inner: str, path: KeyPath = COMMAND) -> Placeholder:
        """Read what stands between the braces; ``path`` begins an error.

        >>> Placeholder.parse("bn:--bn|--no-bn").texts
        ('--bn', '--no-bn')
        """
        name, is_flag, rest = inner.partition(":")
        if not is_flag:
            return cls(name)
        true, _, false = rest.partition("|")
        if not rest.strip("|") or re.search(r"[\s|]", true + false):
            raise ObjectiveError(
                f"found {{{inner}}}; expected {{{name}:--flag}} or "
                f"{{{name}:--flag|--no-flag}}, each one word; {{{{ and }}}} stand for braces",
                *path,
            )
        return cls(name, (true, false))

    def text(self, values: Mapping[str, Any]) -> str:
        """Return what stands in its place: a string as it is, all else as JSON."""
        value = values[self.name]
        if self.texts is not None:
            return self.texts[0] if value is True else self.texts[1]
        return value if isinstance(value, str) else json.dumps(value)


Word = tuple[str | Placeholder, ...]
"""One argument: literal text and placeholders."""


def placeholders_of(words: Iterable[Word | str]) -> list[Placeholder]:
    """Return the placeholders of words, in order."""
    return [p for word in words if not isinstance(word, str) for p in named_in(word)]


def named_in(word: Word) -> list[Placeholder]:
    """Return the placeholders of one word, in order."""
    return [part for part in word if isinstance(part, Placeholder)]


def parse_item(text: str, path: KeyPath = COMMAND) -> Word:
    """Read one argument of a command that is a list: nothing but braces is special.

    Args:
        text: The argument.
        path: The key path of errors.
    """
    builder = WordBuilder(text, path)
    place = 0
    while place < len(text):
        place = builder.brace(place) or builder.add(text[place], place + 1)
    return builder.end() or ("",)


def split_command(command: str) -> tuple[Word, ...]:
    """Split a command as a shell would, without doing anything else that a shell does.

    Raises:
        ObjectiveError: If it is empty, a quote or brace has no partner, or it has something that
            only a shell understands.

    Example:
        >>> split_command("a --x={x} 'b c'")
        (('a',), ('--x=', Placeholder(name='x', texts=None, quote='')), ('b c',))
    """
    text = _OPEN_END.sub("", command).strip()
    builder = WordBuilder(text)
    words: list[Word] = []
    quote, place = "", 0
    while place < len(text):
        char, following = text[place], text[place + 1 : place + 2]
        if braced := builder.brace(place):
            place = braced
        elif quote == char or (not quote and char in "'\""):
            quote = "" if quote else char
            place = builder.add("", place + 1)
        elif char == "\\" and quote != "'":
            if not following:
                raise ObjectiveError(f"a backslash ends {command!r}", "objective", "command")
            kept = "" if not quote or following in '"\\$`\n' else "\\"
            place = builder.add(kept + following, place + 2) if following != "\n" else place + 2
        elif not quote and char in " \t\r":
            words += builder.end_word()
            place += 1
        else:
            _refuse_shell(text, place, quote, at_start=builder.is_empty)
            place = builder.add(char, place + 1)
    if quote:
        raise ObjectiveError(f"no closing quotation: {command!r}", "objective", "command")
    words += builder.end_word()
    if not words:
        raise ObjectiveError("the command is empty", "objective", "command")
    return tuple(words)


def _refuse_shell(text: str, place: int, quote: str, *, at_start: bool) -> None:
    """Raise ObjectiveError for what a shell would not pass on as it is."""
    char = text[place]
    if quote and (quote == "'" or char not in "$`"):
        return
    match = _SPECIAL.match(text, place)
    found = match[0] if match else ""
    if not quote and char == "#" and at_start:
        found = "#"
    if not quote and char == "~" and (at_start or text[place - 1] in "=:"):
        found = "~"
    if not found:
        return
    if found[0] == "\n":
        raise ObjectiveError(
            "a line end begins another command in a shell, and none runs this one",
            "objective",
            "command",
            fix="put a backslash before it, or add shell: true",
        )
    raise ObjectiveError(
        f"{found!r} is for a shell, and none runs the command",
        "objective",
        "command",
        fix="put it in single quotes to pass it on as it is, or add shell: true",
    )


class WordBuilder:
    """The word that is being read.

    Args:
        text: The text that it is read from.
        path: The key path of errors.
    """

    def __init__(self, text: str, path: KeyPath = COMMAND) -> None:
        self._text = text
        self._path = path
        self._parts: list[str | Placeholder] = []
        self.is_empty = True

    def add(self, part: str | Placeholder, after: int) -> int:
        """Add a part; ``after`` is given back."""
        self.is_empty = False
        if part:
            joins = isinstance(part, str) and self._parts and isinstance(self._parts[-1], str)
            if joins:
                self._parts[-1] += part  # type: ignore[operator]
            else:
                self._parts.append(part)
        return after

    def brace(self, place: int, quote: str = "") -> int:
        """Add the brace or placeholder at ``place``; return the place after it, or 0."""
        match = _BRACE.match(self._text, place)
        if match is None:
            return 0
        if match[1] is not None:
            return self.add(
                replace(Placeholder.parse(match[1], self._path), quote=quote), match.end()
            )
        if len(match[0]) == 1:
            raise ObjectiveError(
                f"a single {match[0]!r} in {self._text!r}",
                *self._path,
                fix=f"write {match[0] * 2!r} for the character, '{{name}}' for a parameter",
            )
        return self.add(match[0][0], match.end())

    def end(self) -> Word:
        """Return the word, and begin another."""
        parts, self._parts, self.is_empty = tuple(self._parts), [], True
        return parts

    def end_word(self) -> list[Word]:
        """Return the word in a list, and begin another; an empty list between words."""
        return [] if self.is_empty else [self.end() or ("",)]


def arguments(words: Iterable[Word], values: Mapping[str, Any]) -> list[str]:
    """Return the words of a command with a trial's values put in.

    A word with an inactive parameter is left out, and so is the option before it where the word
    is nothing but the placeholder; so is a flag that stands for nothing.

    >>> words = split_command("train --lr {lr} --momentum {momentum} {bn:--bn}")
    >>> arguments(words, {"lr": 0.1, "bn": True})
    ['train', '--lr', '0.1', '--bn']
    """
    given: list[str] = []
    option = False  # whether the word before is an option that was given
    for word in words:
        state = presence(word, values)
        if state is ABSENT and option:
            given.pop()
        if state is PRESENT:
            texts = (part if isinstance(part, str) else part.text(values) for part in word)
            given.append("".join(texts))
        option = state is PRESENT and is_option(word)
    return given


PRESENT, LEFT_OUT, ABSENT = "present", "left out", "absent"


def presence(word: Word, values: Mapping[str, Any]) -> str:
    """Return ``PRESENT``, ``LEFT_OUT``, or ``ABSENT`` where the option before it goes, too."""
    named = named_in(word)
    alone = len(word) == 1 and len(named) == 1
    if any(placeholder.name not in values for placeholder in named):
        return ABSENT if alone and named[0].texts is None else LEFT_OUT
    return LEFT_OUT if alone and named[0].texts and not named[0].text(values) else PRESENT


def is_option(word: Word) -> bool:
    """Return whether a word is literally an option such as ``--lr``."""
    return not named_in(word) and str(word[0]).startswith("-")
