"""``hpo-bridge backends`` and ``plugins``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from ..contracts.optimizer import BackendSpec
from ..plugins import Offer, PluginManager, library_of
from .printing import load_plugins, print_table


def backend_rows(plugins: PluginManager) -> list[dict[str, Any]]:
    """Every backend, by name."""
    rows = []
    libraries: dict[tuple[Any, ...], tuple[str, str]] = {}
    for offer in plugins.offers("backend"):
        spec = offer.spec
        assert isinstance(spec, BackendSpec)
        key = (spec.requires[:1], offer.plugin)
        if key not in libraries:
            libraries[key] = library_of(offer)
        library, version = libraries[key]
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
    """Print the backends that can be used, and a line for each library that is missing."""
    plugins = load_plugins()
    rows = backend_rows(plugins)
    if as_json:
        print(json.dumps(rows))
        return
    missing = _missing_libraries(plugins.offers("backend"))
    left_out = {name for names in missing.values() for name in names}
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
        if row["name"] not in left_out
    ]
    print_table(columns, table)
    if missing:
        print()
    for lacking, names in missing.items():
        print(f"{', '.join(names)}: {lacking}")
    for info in plugins.plugins:
        if info.status == "broken":
            print(f"plugin {info.label} is broken: {info.reason}")


def _missing_libraries(offers: Iterable[Offer]) -> dict[str, list[str]]:
    """Map each missing library, with the command that installs it, to the names that need it."""
    missing: dict[tuple[str, str | None], tuple[str, list[str]]] = {}
    for offer in offers:
        if offer.unmet is None or not offer.unmet.fix:
            continue
        first = offer.unmet.first(offer.plugin.distribution, offer.spec.requires)
        key = (first.library, offer.plugin.distribution)
        missing.setdefault(key, (str(first), []))[1].append(offer.spec.name)
    return dict(missing.values())


def show_plugins(*, as_json: bool) -> None:
    """Print every plugin and how it fared."""
    plugins = load_plugins()
    rows = [
        {
            "name": info.name,
            "distribution": info.distribution,
            "version": info.version,
            "status": info.status,
            "reason": info.reason,
        }
        for info in plugins.plugins
    ]
    if plugins.idle_names:
        print(plugins.idle_names, file=sys.stderr)
    if as_json:
        print(json.dumps(rows))
        return
    columns = ("name", "distribution", "version", "status", "reason")
    print_table(columns, [[str(row[column] or "") for column in columns] for row in rows])
