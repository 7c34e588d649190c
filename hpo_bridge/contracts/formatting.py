"""Values, parameters and durations as people read them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from html import escape
from typing import Any

from ..errors import short

COMPONENTS = 3
"""Number of components of a long list that are shown."""
ENTRIES = 20
"""Number of parameters that a ``repr`` shows."""
LONGEST_NAME = 100
"""Number of characters of a name that are shown."""


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
    if isinstance(value, list) and len(value) > COMPONENTS + 1:
        begin = ", ".join(format_value(component, digits) for component in value[:COMPONENTS])
        return f"[{begin}, … {len(value)} in all]"
    if isinstance(value, list) and all(isinstance(component, float) for component in value):
        return f"[{', '.join(format_value(component, digits) for component in value)}]"
    return str(value)


def format_params(params: Mapping[str, Any], digits: int = 6) -> list[str]:
    """Format parameters, one on each line, below each other."""
    width = max(map(len, params), default=0)
    return [f"  {name:<{width}}  {format_value(v, digits)}" for name, v in params.items()]


def params_text(params: Mapping[str, Any], digits: int = 4) -> str:
    """Format parameters on one line.

    >>> params_text({"lr": 0.0123456, "optimizer": "adam"})
    'lr 0.01235, optimizer adam'
    """
    return ", ".join(f"{name} {format_value(v, digits)}" for name, v in params.items())


def constants_in(definition: Mapping[str, Any]) -> set[str]:
    """Return the names of the constants of a study's space, given its definition in a store."""
    space = definition["space"]
    return {name for name, declared in space.items() if not isinstance(declared, Mapping)}


def without_constants(params: Mapping[str, Any], constants: Collection[str]) -> dict[str, Any]:
    """Return parameters without the constants of their space."""
    return {name: value for name, value in params.items() if name not in constants}


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


def listed(parts: Iterable[str]) -> str:
    """Return texts as an enumeration: ``a, b and c``."""
    *others, last = list(parts) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def format_mapping(mapping: Mapping[str, Any]) -> str:
    """Format a mapping for a ``repr``: numbers in full, long lists and many entries abbreviated.

    Example:
        >>> format_mapping({"lr": 0.012345678, "layers": [8] * 40})
        "{'lr': 0.012345678, 'layers': [8, 8, 8, … 40 in all]}"
    """
    shown = list(mapping.items())[:ENTRIES]
    parts = [f"{name!r}: {format_component(value)}" for name, value in shown]
    if len(mapping) > ENTRIES:
        parts.append(f"… {len(mapping)} in all")
    return f"{{{', '.join(parts)}}}"


def format_component(value: Any) -> str:
    """Return the ``repr`` of one parameter's value, that of a long list abbreviated."""
    if isinstance(value, list) and len(value) > COMPONENTS + 1:
        begin = ", ".join(map(repr, value[:COMPONENTS]))
        return f"[{begin}, … {len(value)} in all]"
    return repr(value)


def html_table(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of names and texts for a notebook; everything in it is escaped.

    Example:
        >>> html_table("trial 3", [("error", "<b>")])
        '<table><caption>trial 3</caption><tr><th>error</th><td>&lt;b&gt;</td></tr></table>'
    """
    lines = [f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows]
    return f"<table><caption>{escape(title)}</caption>{''.join(lines)}</table>"


def format_name(name: str) -> str:
    r"""Format a study's name, which may be any text, for one line of a terminal.

    >>> format_name("digits-cnn"), format_name(chr(27))
    ('digits-cnn', "'\\x1b'")
    """
    return name if name.isprintable() and len(name) <= LONGEST_NAME else short(name, LONGEST_NAME)
