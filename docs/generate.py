"""Writes the generated parts of the documentation: `python docs/generate.py`.

The parts stand between the lines `<!-- generated: NAME -->` and `<!-- end -->`; a test compares
them with what this script would write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parent


def study_file_keys() -> str:
    """Every key of a study file, from the models that check it."""
    from hpo_bridge.config import reference_rows

    lines = ["| key | accepts | default | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{row.key}` | {_cell(row.type)} | {_cell(row.default)} | {_cell(row.meaning)} |"
        for row in reference_rows()
    ]
    return "\n".join(lines)


def backend_table() -> str:
    """Every backend, from the installed specs."""
    from hpo_bridge.cli.listing import backend_rows
    from hpo_bridge.plugins import manager

    lines = [
        "| backend | technique | library | capabilities | what it is |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row['name']}` | {row['technique']} | {row['library']} "
        f"| {', '.join(row['capabilities'])} | {_cell(row['summary'])} |"
        for row in backend_rows(manager())
    ]
    return "\n".join(lines)


def option_table() -> str:
    """Every runner and pruner with its options, from the factories' signatures."""
    import inspect

    from hpo_bridge.plugins import KINDS, load_factory, manager

    lines = ["| kind | name | options and defaults | what it is |", "|---|---|---|---|"]
    for kind in KINDS:
        if kind == "backend":
            continue
        for offer in manager().offers(kind):
            signature = inspect.signature(load_factory(kind, offer))
            options = ", ".join(
                f"`{p.name}`" + ("" if p.default is p.empty else f" ({p.default!r})")
                for p in signature.parameters.values()
            )
            lines.append(f"| {kind} | `{offer.spec.name}` | {options} | {offer.spec.summary} |")
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "study-file-keys": study_file_keys,
    "backends": backend_table,
    "options": option_table,
}
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rendered(text: str) -> str:
    """``text`` with its generated parts made anew."""
    return _PART.sub(lambda part: f"{part[1]}{PARTS[part[2]]()}\n{part[3]}", text)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    for path in sorted(DOCS.glob("*.md")):
        path.write_text(rendered(path.read_text(encoding="utf-8")), encoding="utf-8")
