"""``hpo-bridge backends`` and ``plugins``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ..optimizer import BackendSpec
from ..plugins import PluginManager, library_of, manager


def backend_rows(plugins: PluginManager) -> list[dict[str, Any]]:
    """Every backend, by name."""
    rows = []
    for offer in plugins.offers("backend"):
        spec = offer.spec
        assert isinstance(spec, BackendSpec)
        library, version = library_of(offer)
        rows.append(
            {
                "name": spec.name,
                "technique": spec.technique,
                "library": library,
                "version": version or None,
                "status": offer.status,
                "reason": offer.reason,
                "capabilities": sorted(c.value for c in spec.capabilities),
                "summary": spec.summary,
            }
        )
    return rows


def show_backends(*, as_json: bool) -> None:
    """Prints every backend, active or not."""
    rows = backend_rows(manager())
    if as_json:
        print(json.dumps(rows))
        return
    columns = ("name", "technique", "library", "status", "capabilities")
    table = [
        (
            row["name"],
            row["technique"],
            f"{row['library']} {row['version'] or ''}".strip(),
            row["status"] + (f": {row['reason']}" if row["reason"] else ""),
            ", ".join(row["capabilities"]),
        )
        for row in rows
    ]
    print_table(columns, table)
    broken = [info for info in manager().plugins if info.status == "broken"]
    for info in broken:
        print(f"plugin {info.name} ({info.origin}) is broken: {info.reason}")


def show_plugins(*, as_json: bool) -> None:
    """Prints every plugin and how it fared."""
    rows = [
        {
            "name": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "status": info.status,
            "reason": info.reason,
        }
        for info in manager().plugins
    ]
    if as_json:
        print(json.dumps(rows))
        return
    columns = ("name", "distribution", "version", "status", "reason")
    print_table(columns, [[str(row[column] or "") for column in columns] for row in rows])


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints cells below their headings; long ones are folded on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    # Into a file or a pipe nothing is folded, so that programs can read lines.
    console.print(table, soft_wrap=not console.is_terminal, crop=False)
