"""Printing for people and for programs, and a place for everything else that is printed."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..plugins import PluginManager, manager

SHOWN = 3
"""Number of components of a long list that are shown."""
WIDE = 10_000
"""Characters in a line where there is no terminal: enough for any row."""


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
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(" ".join(cell.split())) for cell in row))
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def format_value(value: Any, digits: int) -> str:
    """Format a parameter's or an objective's value with some significant digits.

    Example:
        >>> format_value(0.123456, 3), format_value("adam", 3), format_value([3, 5], 3)
        ('0.123', 'adam', '[3, 5]')
        >>> format_value([0.25] * 449, 3)
        '[0.25, 0.25, 0.25, … 449 in all]'
    """
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, list) and len(value) > SHOWN + 1:
        begin = ", ".join(format_value(component, digits) for component in value[:SHOWN])
        return f"[{begin}, … {len(value)} in all]"
    if isinstance(value, list) and all(isinstance(component, float) for component in value):
        return f"[{', '.join(format_value(component, digits) for component in value)}]"
    return str(value)


def format_params(params: dict[str, Any], digits: int = 6) -> list[str]:
    """Format parameters, one on each line, below each other."""
    width = max(map(len, params), default=0)
    return [f"  {name:<{width}}  {format_value(v, digits)}" for name, v in params.items()]


def format_duration(seconds: float) -> str:
    """Format seconds as people write them.

    >>> format_duration(3.21), format_duration(75), format_duration(7260)
    ('3.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
