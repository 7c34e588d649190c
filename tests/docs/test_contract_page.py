"""The contract's page has every public name, and no signature changes unnoticed."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pluggy
import pytest

from hpo_bridge import Capability
from hpo_bridge.contracts import hooks as hookspecs
from hpo_bridge.contracts.hooks import PROJECT
from hpo_bridge.plugins import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_signatures_are_the_accepted_ones(generate: ModuleType) -> None:
    accepted = (ROOT / "docs" / "signatures.txt").read_text(encoding="utf-8").splitlines()
    now = generate.signatures.everything()
    assert sorted(set(now) - set(accepted)) == sorted(set(accepted) - set(now)), (
        "the public signatures have changed: say so in CHANGELOG.md, then run "
        "`python docs/generate.py --accept`"
    )
    assert now == accepted


def test_every_public_signature_is_on_the_page(generate: ModuleType) -> None:
    below = PAGE.partition("## Public names")[2].splitlines()
    for line in generate.signatures.everything():
        (module,) = {generate._module_of(line)}
        assert line.removeprefix(f"{module}.") in below


@pytest.mark.parametrize(
    "module",
    ["hpo_bridge", "hpo_bridge.contracts.optimizer", "hpo_bridge.testing"],
)
def test_no_name_of_all_is_missing(module: str) -> None:
    names = importlib.import_module(module).__all__
    assert {name for name in names if not re.search(rf"\b{name}\b", PAGE)} == set()


@pytest.mark.parametrize(
    "module", ["contracts.hooks", "contracts.random_state", "contracts.options", "errors"]
)
def test_no_function_or_class_is_missing(module: str) -> None:
    loaded = importlib.import_module(f"hpo_bridge.{module}")
    own = [
        name
        for name, value in vars(loaded).items()
        if getattr(value, "__module__", "") == loaded.__name__ and not name.startswith("_")
    ]
    assert len(own) > 1
    assert {name for name in own if not re.search(rf"\b{name}\b", PAGE)} == set()


def test_every_hook_has_a_section_with_its_arguments() -> None:
    registry = pluggy.PluginManager(PROJECT)
    registry.add_hookspecs(hookspecs)
    hooks = [caller for caller in vars(registry.hook).values() if caller.has_spec()]
    assert {hook for hook, _ in KINDS.values()} <= {caller.name for caller in hooks}
    for caller in hooks:
        section = PAGE.partition(f"### {caller.name}\n")[2].partition("\n### ")[0]
        call = re.search(rf"^{caller.name}\((.*)\) -> ", section, re.MULTILINE)
        assert call is not None, caller.name
        assert tuple(re.findall(r"(\w+): ", call[1])) == caller.spec.argnames
        assert len(section.rpartition("```")[2].split()) > 3  # and says what it is for


def test_every_field_and_capability_is_explained() -> None:
    for _, spec in KINDS.values():
        section = PAGE.partition(f"### {spec.__name__}\n")[2].partition("\n### ")[0]
        rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", section, re.MULTILINE))
        assert set(rows) == set(spec.__dataclass_fields__)
    for capability in Capability:
        assert f"| `{capability.value}` (`{capability.name}`) | " in PAGE


def test_a_change_is_accepted_only_with_a_word_in_the_changelog(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "ACCEPTED", tmp_path / "signatures.txt")
    monkeypatch.setattr(generate, "CHANGELOG", tmp_path / "CHANGELOG.md")
    before = [
        x
        for x in generate.signatures.everything()
        if not x.startswith("hpo_bridge.contracts.options.one_of(")
    ]
    before.append("hpo_bridge.contracts.options.gone(name: str) -> str")
    generate.ACCEPTED.write_text("\n".join(before) + "\n")
    generate.CHANGELOG.write_text("# Log\n\n## 2\n\n- `gone` is gone.\n\n## 1\n\n- `one_of`.\n")
    assert generate.accept() == ["hpo_bridge.contracts.options.one_of"]
    assert generate.ACCEPTED.read_text().splitlines() == before
    generate.CHANGELOG.write_text("# Log\n\n## 2\n\n- `gone` is gone, `one_of` is new.\n")
    assert generate.accept() == []
    assert generate.ACCEPTED.read_text().splitlines() == generate.signatures.everything()
