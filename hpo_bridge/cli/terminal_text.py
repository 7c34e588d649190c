"""Text of unknown origin, made safe for a terminal."""

from __future__ import annotations

import codecs
import re

_COLOUR = r"\x1b\[[0-9;:]*m"
_TITLE = r"\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # and other strings for the terminal
_CONTROL = r"\x1b\[[0-?]*[ -/]*[@-~]"
_OTHER = r"\x1b[ -/]*[0-~]?|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
_SEQUENCES = re.compile(f"({_COLOUR})|{_TITLE}|{_CONTROL}|{_OTHER}")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\x9c]{0,256}|[ -/]*)\Z")


def harmless(text: str) -> str:
    r"""Return text without control characters and sequences, but for line ends, tabs and colours.

    >>> harmless("\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m\x08")
    '\x1b[31mred\x1b[0m'
    """
    return _SEQUENCES.sub(lambda match: match[1] or "", text)


class OutputDecoder:
    """Decodes bytes that come in pieces, for a terminal or as they are.

    Args:
        terminal: Whether the text is for a terminal, and has to be harmless.
    """

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._coloured = False

    def feed(self, data: bytes) -> str:
        """Return the text that is whole by now."""
        return self._show(self._rest + self._decoder.decode(data), last=False)

    def end(self) -> str:
        """Return the rest, and the terminal's own colours."""
        text = self._show(self._rest + self._decoder.decode(b"", final=True), last=True)
        return f"{text}\x1b[0m" if self._coloured else text

    def _show(self, text: str, *, last: bool) -> str:
        self._rest = ""
        if not self._terminal:
            return text
        unfinished = None if last else _UNFINISHED.search(text)
        if unfinished is not None:
            text, self._rest = text[: unfinished.start()], unfinished[0]
        text = harmless(text)
        self._coloured = self._coloured or "\x1b" in text
        return text
