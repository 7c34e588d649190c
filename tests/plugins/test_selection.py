"""Which plugins are loaded: environment variables, and metadata of all sorts."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge.errors import UnknownName
from hpo_bridge.plugins import DISABLE, PluginManager
from hpo_bridge.plugins.sources import ONLY

Site = Any


def active(manager: PluginManager) -> list[str]:
    return [info.name for info in manager.plugins if info.status == "active"]


# -- HPO_BRIDGE_ONLY ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ["core"]), (" , ", ["core"]), ("core", ["core"]),
        ("hpo_acme", ["core", "hpo_acme"]), ("HPO.Acme", ["core", "hpo_acme"]),
        ("hpo-zeta, hpo-acme", ["core", "hpo_acme", "hpo_zeta"]),
    ],
)  # fmt: skip
def test_only(
    site: Site, monkeypatch: pytest.MonkeyPatch, value: str, expected: list[str]
) -> None:
    for name in ("hpo-acme", "hpo-zeta"):
        site(name)
    monkeypatch.setenv(ONLY, value)
    manager = PluginManager()
    assert sorted(active(manager)) == expected
    for name in ("hpo_acme", "hpo_zeta"):
        assert (name in sys.modules) == (name in expected)
    if "hpo_zeta" not in expected:
        assert site.fared("hpo-zeta", manager) == ("disabled", f"not named in {ONLY}")
        with pytest.raises(
            UnknownName, match=r"plugin hpo_zeta \(hpo-zeta 1.2\) is disabled: not"
        ):
            manager.find("backend", "hpo_zeta.walk")
    assert manager.find("runner", "inline").status == "active"


def test_an_unknown_name_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site("hpo-acme")
    monkeypatch.setenv(ONLY, "hpo-acne, elsewhere, hpo-acme")
    with caplog.at_level(logging.WARNING, "hpo_bridge"):
        assert active(PluginManager()) == ["hpo_acme", "core"]
    assert caplog.messages == [
        f"{ONLY}: no plugin 'hpo-acne' (did you mean 'hpo-acme'?), 'elsewhere' is installed"
    ]


def test_disabled_goes_before_only(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("hpo-acme")
    monkeypatch.setenv(ONLY, "hpo-acme")
    monkeypatch.setenv(DISABLE, "hpo-acme,core,hpo-bridge")
    assert active(PluginManager()) == ["core"]  # without it nothing works


def test_the_command_says_which_names_it_does_not_know(site: Site) -> None:
    site("hpo-acme")
    done = site.command(
        "plugins", "--json", HPO_BRIDGE_ONLY="hpo-acme,optna", HPO_BRIDGE_DISABLE="nobody"
    )
    names = [row["name"] for row in json.loads(done.stdout) if row["status"] == "active"]
    assert names == ["hpo_acme", "core"]
    assert "HPO_BRIDGE_ONLY: no plugin 'optna' (did you mean 'optuna'?) is inst" in done.stderr
    assert "HPO_BRIDGE_DISABLE: no plugin 'nobody' is installed" in done.stderr


def test_a_plugin_that_only_looks_like_the_core_can_be_disabled(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site("hpo-acme", entry="core = hpo_acme")
    monkeypatch.setenv(DISABLE, "hpo-acme")
    assert site.fared("hpo-acme") == ("disabled", "disabled by HPO_BRIDGE_DISABLE")


# -- what is installed --------------------------------------------------------------------------


def test_two_plugins_of_one_name(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hpo-acme", "hpo-zeta"):
        site(name, entry=f"walk = {name.replace('-', '_')}")
    manager = PluginManager()
    assert [site.fared(name, manager) for name in ("hpo-acme", "hpo-zeta")] == [("active", "")] * 2
    for name in ("hpo_acme", "hpo_zeta"):
        assert manager.find("backend", f"{name}.walk").status == "active"
    monkeypatch.setenv(DISABLE, "hpo-zeta")
    assert site.fared("hpo-acme") == ("active", "")
    assert site.fared("hpo-zeta")[0] == "disabled"


def test_one_distribution_found_twice(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    site("hpo-acme", version="1.3")
    site("hpo-acme", version="1.2", folder=other)
    for paths in ([tmp_path, other], [tmp_path, tmp_path, other]):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
        done = site.command("plugins", "--json")
        rows = [r for r in json.loads(done.stdout) if r["distribution"] == "hpo-acme"]
        assert [(r["version"], r["status"]) for r in rows] == [("1.3", "active")]


def test_one_module_in_two_distributions(site: Site) -> None:
    site("hpo-acme")
    site("hpo-fork", None, entry="fork = hpo_acme")
    manager = PluginManager()
    assert site.fared("hpo-acme", manager) == ("active", "")
    assert site.fared("hpo-fork", manager) == (
        "conflict",
        "its module is already there as plugin hpo_acme (hpo-acme 1.2) — uninstall one of the two",
    )
    assert manager.find("backend", "hpo_acme.walk").status == "active"


def test_one_name_offered_twice_by_one_plugin(site: Site) -> None:
    site("hpo-acme", site.good.replace("return BackendSpec(", "return 2 * [BackendSpec(")
         .replace("rank={rank})", "rank={rank})]"))  # fmt: skip
    status, reason = site.fared("hpo-acme")
    assert status == "conflict"
    assert reason == "'hpo_acme.walk' is offered twice by hpo-acme 1.2 — tell its author"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("no equals sign", "TypeError"),
        ("caf\xe9 = hpo_torn", "UnicodeDecodeError"),
    ],
)
def test_entry_points_that_cannot_be_read(site: Site, entry: str, why: str) -> None:
    site("hpo-fine")
    site("hpo-torn")
    (info,) = site.folder.glob("hpo_torn-*.dist-info")
    (info / "entry_points.txt").write_bytes(f"[hpo_bridge]\n{entry}\n".encode("latin-1"))
    site("other-torn", None)  # not a plugin of ours: nobody's business
    (info,) = site.folder.glob("other_torn-*.dist-info")
    (info / "entry_points.txt").write_bytes(f"[console_scripts]\n{entry}\n".encode("latin-1"))
    manager = PluginManager()
    assert site.fared("hpo-torn", manager)[1].startswith(
        f"ImportError: its entry_points.txt cannot be read: {why} — pip install -U hpo-torn"
    )
    assert site.fared("hpo-fine", manager) == ("active", "")
    assert not [i for i in manager.plugins if i.distribution == "other-torn"]
    assert "core" in active(manager)
    assert len(active(manager)) == len(set(active(manager)))


@pytest.mark.parametrize("damage", ["gone", "empty", "bytes"])
def test_metadata_that_cannot_be_read(
    site: Site, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site("hpo-fine")
    site("hpo-torn")
    (info,) = site.folder.glob("hpo_torn-*.dist-info")
    if damage == "gone":
        (info / "METADATA").unlink()
    else:
        (info / "METADATA").write_bytes(b"" if damage == "empty" else b"\xff\xfe")
    manager = PluginManager()
    assert site.fared("hpo-fine", manager) == ("active", "")
    assert site.fared("hpo_torn", manager) == ("active", "")
    assert manager.find("backend", "hpo_torn.walk").plugin.origin == "hpo_torn 1.2"
    monkeypatch.setenv(DISABLE, "hpo-torn")
    assert site.fared("hpo_torn")[0] == "disabled"
