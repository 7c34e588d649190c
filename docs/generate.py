"""Writes the generated parts of the documentation: `python docs/generate.py`.

The parts stand between the lines `<!-- generated: NAME -->` and `<!-- end -->`; a test compares
them with what this script would write. With `--accept` it also takes the public signatures as they
are now into `docs/signatures.txt`, once the changelog mentions what has changed.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from hpo_bridge import BackendSpec

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

import signatures  # noqa: E402

ACCEPTED = DOCS / "signatures.txt"
CHANGELOG = DOCS.parent / "CHANGELOG.md"


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


def _option_parameters(factory: Callable[..., object], skip: int) -> list[inspect.Parameter]:
    """The options of a factory: what is given by name, but for the first ``skip`` arguments."""
    found = list(inspect.signature(factory).parameters.values())[skip:]
    return [each for each in found if each.kind is not each.POSITIONAL_ONLY]


def _options(factory: Callable[..., object], skip: int = 0) -> str:
    """The options of a factory with their defaults, but for the first ``skip`` arguments."""
    return ", ".join(
        f"`{p.name}`" + ("" if p.default is p.empty else f" ({p.default!r})")
        for p in _option_parameters(factory, skip)
    )


def _anchor(heading: str) -> str:
    """The anchor that a heading gets on a rendered page."""
    return re.sub(r"[^\w-]", "", heading.lower())


def option_table() -> str:
    """Every runner and pruner with its options, from the factories' signatures."""
    from hpo_bridge.plugins import KINDS, load_factory, manager

    lines = ["| kind | name | options and defaults | what it is |", "|---|---|---|---|"]
    for kind in KINDS:
        if kind in ("backend", "autodiff", "format"):
            continue
        for offer in manager().offers(kind):
            options = _options(load_factory(kind, offer), skip=int(kind in ("objective", "view")))
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


def hooks() -> str:
    """Every hook with its arguments and what it is for."""
    from hpo_bridge.contracts import hooks as hookspecs

    found = [(n, v) for n, v in vars(hookspecs).items() if n.startswith("hpo_")]
    return "\n\n".join(signatures.section(*pair) for pair in found)


def pictures() -> str:
    """Every picture with its options, from the installed specs."""
    from hpo_bridge_views import hpo_register_views

    lines = ["| picture | shows | options |", "|---|---|---|"]
    for spec in hpo_register_views():
        module, _, name = spec.factory.partition(":")
        if not name.startswith("draw_"):
            continue
        found = _option_parameters(getattr(import_module(module), name), skip=1)
        options = ", ".join(f"`{each.name}`" for each in found)
        lines.append(f"| `{spec.name}` | {_cell(spec.summary)} | {options} |")
    return "\n".join(lines)


def specs() -> str:
    """Every spec with its fields."""
    from hpo_bridge.plugins import KINDS

    parts = []
    for _, spec in KINDS.values():
        whole = signatures.section(f"hpo_bridge.{spec.__name__}", spec)
        text = re.sub(r"```text\n.*?```\n\n", "", whole, flags=re.DOTALL)
        text = text.partition("**Attributes**")[0].rstrip()
        parts.append(f"{text}\n\n{signatures.field_table(spec)}")
    return "\n\n".join(parts)


def capabilities() -> str:
    """Every capability and what it means."""
    from hpo_bridge import Capability

    return signatures.members(Capability)


def contract_classes() -> str:
    """Every protocol, and the data that goes through it."""
    found = signatures.public()
    return "\n\n".join(signatures.section(name, found[name]) for name in CONTRACT)


def public_names() -> str:
    """Every public signature, by module."""
    found = signatures.everything()
    parts = []
    for module in signatures.MODULES:
        own = [x for x in found if _module_of(x) == module]
        code = "\n".join(line.removeprefix(f"{module}.") for line in own)
        parts.append(f"### {module}\n\n```text\n{code}\n```")
    return "\n\n".join(parts)


def _module_of(line: str) -> str:
    """The public module of a signature: the longest that its name begins with."""
    return max((m for m in signatures.MODULES if line.startswith(f"{m}.")), key=len)


CONTRACT = (
    "hpo_bridge.Optimizer",
    "hpo_bridge.Problem",
    "hpo_bridge.Suggestion",
    "hpo_bridge.Observation",
    "hpo_bridge.Snapshot",
    "hpo_bridge.contracts.optimizer.Explains",
    "hpo_bridge.contracts.optimizer.Translation",
    "hpo_bridge.contracts.optimizer.WantsGradients",
    "hpo_bridge.contracts.optimizer.Remark",
    "hpo_bridge.contracts.optimizer.Remarks",
    "hpo_bridge.contracts.optimizer.Pruner",
    "hpo_bridge.contracts.runner.Runner",
    "hpo_bridge.contracts.runner.Work",
    "hpo_bridge.contracts.objective.Objective",
    "hpo_bridge.contracts.objective.ObjectiveContext",
    "hpo_bridge.contracts.objective.BindsToStudy",
    "hpo_bridge.contracts.objective.UsesProcesses",
    "hpo_bridge.contracts.objective.SupportsTestScore",
    "hpo_bridge.contracts.objective.SupportsNestedCV",
    "hpo_bridge.contracts.objective.OuterLoop",
    "hpo_bridge.contracts.objective.OuterSplit",
    "hpo_bridge.objectives.Reference",
    "hpo_bridge.contracts.hooks.StudyInfo",
    "hpo_bridge.TrialRecord",
    "hpo_bridge.contracts.gradients.Tape",
    "hpo_bridge.contracts.format.HistoryReader",
    "hpo_bridge.contracts.format.HistoryWriter",
    "hpo_bridge.contracts.format.ImportRequest",
    "hpo_bridge.contracts.format.History",
    "hpo_bridge.contracts.format.ImportedTrial",
    "hpo_bridge.contracts.study_history.StudyHistory",
    "hpo_bridge.contracts.study_history.SessionRecord",
    "hpo_bridge.contracts.view.View",
    "hpo_bridge.contracts.view.ReportView",
)
"""What docs/contract.md explains, in its order."""
PARTS: dict[str, Callable[[], str]] = {
    "hooks": hooks,
    "pictures": pictures,
    "specs": specs,
    "capabilities": capabilities,
    "contract-classes": contract_classes,
    "public-names": public_names,
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


def accept() -> list[str]:
    """Takes the public signatures as they are now, if the changelog speaks of what changed.

    Returns:
        Names that have changed, and that the changelog's first version does not mention.
    """
    before = set(ACCEPTED.read_text(encoding="utf-8").splitlines()) if ACCEPTED.exists() else set()
    now = signatures.everything()
    latest = CHANGELOG.read_text(encoding="utf-8").split("\n## ")[1]
    changed = {re.split(r"[(:= \[]", line)[0] for line in before ^ set(now)} if before else set()
    silent = sorted(name for name in changed if name.rpartition(".")[2] not in latest)
    if not silent:
        ACCEPTED.write_text("\n".join(now) + "\n", encoding="utf-8")
    return silent


def main(arguments: list[str]) -> int:
    """Writes the pages; 1 if a change was to be accepted that the changelog keeps quiet about."""
    for path in sorted(DOCS.glob("*.md")):
        path.write_text(rendered(path.read_text(encoding="utf-8")), encoding="utf-8")
    silent = accept() if "--accept" in arguments else []
    for name in silent:
        print(f"{name} has changed: say so in CHANGELOG.md, under 'Plugin contract' if it is one")
    return int(bool(silent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
