"""Tables in Markdown, and the parts of `docs/comparison.md` that scripts write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "comparison.md"


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table; all columns but the first are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, rule, *lines])


def replaced(text: str, name: str, part: str) -> str:
    """``text`` with another part between ``<!-- measured: name -->`` and ``<!-- end -->``.

    Raises:
        LookupError: If ``text`` has no such lines.
    """
    found, count = re.subn(
        rf"(<!-- measured: {name} -->\n).*?(<!-- end -->)",
        lambda match: f"{match[1]}\n{part}\n\n{match[2]}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise LookupError(f"found {count} parts {name!r}, expected 1")
    return found


def write(name: str, part: str, page: Path = PAGE) -> None:
    """Puts a table into the page."""
    page.write_text(replaced(page.read_text(encoding="utf-8"), name, part), encoding="utf-8")
