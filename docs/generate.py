"""Writes the generated parts of the documentation: `python docs/generate.py`.

The parts stand between the lines `<!-- generated: NAME -->` and `<!-- end -->`; a test compares
them with what this script would write.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from hpo_bridge import BackendSpec

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
    lines = [
        "| backend | technique | capabilities | what it is |",
        "|---|---|---|---|",
    ]
    for spec in _backends():
        capabilities = ", ".join(sorted(c.value for c in spec.capabilities))
        lines.append(
            f"| [`{spec.name}`](#{_anchor(spec.name)}) | {spec.technique} | {capabilities} "
            f"| {_cell(spec.summary)} |"
        )
    return "\n".join(lines)


def technique_order() -> str:
    """For each technique its backends, in the order in which they are taken."""
    by_technique: dict[str, list[BackendSpec]] = {}
    for spec in _backends():
        by_technique.setdefault(spec.technique, []).append(spec)
    lines = ["| `technique:` | the first of these that is installed |", "|---|---|"]
    for technique, specs in sorted(by_technique.items()):
        specs.sort(key=lambda spec: (-spec.rank, spec.name))
        lines.append(f"| {technique} | {', '.join(f'`{spec.name}`' for spec in specs)} |")
    return "\n".join(lines)


def backend_pages() -> str:
    """A section for each backend: what it is, when to use it, its limits and options."""
    from hpo_bridge.plugins import is_composite, load_factory, manager

    sections = []
    for spec in _backends():
        offer = manager().find("backend", spec.name)
        options = _options(load_factory("backend", offer), skip=1 + is_composite(offer))
        needs = ", ".join(f"`{text}`" for text in spec.requires)
        lines = [f"### {spec.name}", "", f"{spec.summary}.", ""]
        lines += [f"- **When**: {spec.suits}"] if spec.suits else []
        lines += [f"- **Limits**: {spec.limits}"] if spec.limits else []
        lines += [f"- **Options** (defaults): {options}" if options else "- No options."]
        lines += [f"- **Needs** {needs}"] if needs else []
        lines += [f"- [The library's page]({spec.url})"] if spec.url else []
        sections.append("\n".join(lines))
    return "\n\n".join(sections)


def _backends() -> list[BackendSpec]:
    """The specs of every backend, by name, installed or not."""
    from hpo_bridge.plugins import manager

    return [cast("BackendSpec", offer.spec) for offer in manager().offers("backend")]


def _options(factory: Callable[..., object], skip: int = 0) -> str:
    """The options of a factory with their defaults, but for the first ``skip`` arguments."""
    found = list(inspect.signature(factory).parameters.values())[skip:]
    return ", ".join(
        f"`{p.name}`" + ("" if p.default is p.empty else f" ({p.default!r})") for p in found
    )


def _anchor(heading: str) -> str:
    """The anchor that a heading gets on a rendered page."""
    return re.sub(r"[^\w-]", "", heading.lower())


def option_table() -> str:
    """Every runner and pruner with its options, from the factories' signatures."""
    from hpo_bridge.plugins import KINDS, load_factory, manager

    lines = ["| kind | name | options and defaults | what it is |", "|---|---|---|---|"]
    for kind in KINDS:
        if kind in ("backend", "autodiff"):
            continue
        for offer in manager().offers(kind):
            options = _options(load_factory(kind, offer))
            lines.append(f"| {kind} | `{offer.spec.name}` | {options} | {offer.spec.summary} |")
    return "\n".join(lines)


def conformance_checks() -> str:
    """Every check of the conformance kit: what must hold, and what faults it catches."""
    from hpo_bridge.testing.checks import ENTRIES

    lines = ["| check | what must hold | what it catches |", "|---|---|---|"]
    lines += [
        f"| `{entry.name}` | {_cell(entry.meaning)} | {_cell(entry.catches)} |"
        for entry in ENTRIES
    ]
    return "\n".join(lines)


PARTS: dict[str, Callable[[], str]] = {
    "study-file-keys": study_file_keys,
    "backends": backend_table,
    "techniques": technique_order,
    "backend-pages": backend_pages,
    "options": option_table,
    "conformance-checks": conformance_checks,
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
