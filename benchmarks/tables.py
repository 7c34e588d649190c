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


def merged(text: str, name: str, part: str, keys: int) -> str:
    """A table with the lines of the one that ``text`` has there, but for those of ``part``.

    Args:
        text: A page.
        name: The part of it.
        part: A table with the same header.
        keys: How many of the first cells tell lines apart.
    """
    found = re.search(rf"<!-- measured: {name} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    header, rule, *lines = part.splitlines()
    before = found[1].strip().splitlines() if found else []
    known = {tuple(line.split("|")[1 : keys + 1]): line for line in lines}
    if before[:2] == [header, rule]:
        kept = {tuple(line.split("|")[1 : keys + 1]): line for line in before[2:]}
        known = {**kept, **known}
    return "\n".join([header, rule, *sorted(known.values())])


def write(name: str, part: str, page: Path = PAGE, *, keys: int = 0) -> None:
    """Puts a table into the page; with ``keys`` into the table that is there."""
    text = page.read_text(encoding="utf-8")
    part = merged(text, name, part, keys) if keys else part
    page.write_text(replaced(text, name, part), encoding="utf-8")
