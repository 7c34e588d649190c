"""Printing for people and for programs, and a place for everything else that is printed."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..plugins import PluginManager, manager

WIDE = 10_000
"""Characters in a line where there is no terminal: enough for any row."""
INDENT = 2
"""Spaces before a table that is part of a summary."""


@contextmanager
def stdout_kept_for_json(as_json: bool) -> Iterator[None]:
    """Send everything printed in the body to standard error, if ``as_json``."""
    if not as_json:
        yield
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def load_plugins() -> PluginManager:
    """Return the plugin manager; plugins that print while they load do so on standard error."""
    with stdout_kept_for_json(True):
        return manager()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep log lines and warnings of libraries off the terminal in its body; errors are shown."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def print_result(data: object, text: str, as_json: bool) -> None:
    """Print the data as one line of JSON, or the text."""
    print(json.dumps(data) if as_json else text)


def show_step(text: str) -> None:
    """Replace a line of the terminal, which is not part of the output; clear it if empty."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print cells below their headings.

    Cells are folded to fit a terminal; into a file or a pipe every row is one line.
    """
    from rich.console import Console

    Console(width=_width()).print(_table(columns, rows))


def table_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str] | None:
    """Return cells below their headings, as indented lines; ``None`` if they do not fit."""
    from rich.console import Console
    from rich.padding import Padding

    console, table = Console(width=_width(), color_system=None), _table(columns, rows)
    room = console.options.update_width(WIDE)
    if console.measure(table, options=room).maximum > console.width - INDENT:
        return None
    with console.capture() as captured:
        console.print(Padding.indent(table, INDENT))
    return [line.rstrip() for line in captured.get().splitlines()]


def _width() -> int | None:
    return None if sys.stdout.isatty() else WIDE


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text(" ".join(cell.split())) for cell in row))
    return table


def more_of(words: str | Path, number: int | str) -> str:
    """Name the commands that show a whole error and what its trial printed.

    Args:
        words: The study's file, or what else names it on a command line.
        number: The trial's number.
    """
    return (
        f"the whole error: hpo-bridge trials {words} --json; what the trial printed: "
        f"hpo-bridge logs {words} --trial {number}"
    )
