"""The output of a notebook's cell that shows a display."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from .screen_lines import DisplayStyle


class NotebookScreen:
    """The display in a notebook: one output, updated in place."""

    interval = 0.5
    """Seconds between two updates."""
    style = DisplayStyle(width=100, height=24)

    def __init__(self) -> None:
        self._handle: Any = None

    def begin(self) -> None:
        """Add the output, empty."""
        from IPython.display import display

        self._handle = display(_content([""]), raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those before."""
        self._handle.update(_content(lines), raw=True)

    def print(self, text: str, *, is_error: bool = False) -> None:
        """Print a text below."""
        print(text)

    def end(self, lines: Sequence[str]) -> None:
        """Leave the last line: it sums up."""
        self.draw(lines[-1:])


def _content(lines: Sequence[str]) -> dict[str, str]:
    text = "\n".join(lines)
    return {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}
