"""Every plugin ends in one status, and none harms another: real metadata on sys.path."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Float, Problem, Space
from hpo_bridge.contracts.optimizer import Capability
from hpo_bridge.contracts.requirements import install_command, unmet
from hpo_bridge.errors import BackendError, InvalidOptions, UnknownName
from hpo_bridge.plugins import DISABLE, PluginManager, library_of, load_factory

Site = Any
"""The fixture's class, in conftest.py."""
PROBLEM = Problem(Space(x=Float(0, 1)))
UPDATE = "pip install -U hpo-acme may mend it, HPO_BRIDGE_DISABLE=hpo-acme leaves it out"


def assert_the_rest_works(manager: PluginManager) -> None:
    assert fared_core(manager) == "active"
    assert manager.find("backend", "core.random").status == "active"
    assert manager.find("runner", "inline").status == "active"


def fared_core(manager: PluginManager) -> str:
    (core,) = [info for info in manager.plugins if info.name == "core"]
    return core.status


def test_active(site: Site) -> None:
    site("hpo-acme")
    manager = PluginManager()
    assert site.fared("hpo-acme", manager) == ("active", "")
    offer = manager.find("backend", "hpo_acme.walk")
    assert (offer.plugin.origin, library_of(offer)) == ("hpo-acme 1.2", ("hpo-acme", "1.2"))
    assert load_factory("backend", offer).__name__ == "Walk"
    assert_the_rest_works(manager)


def test_several_specs_of_all_kinds(site: Site) -> None:
    site("hpo-acme", """
from hpo_bridge import BackendSpec, ObjectiveSpec, PrunerSpec, RunnerSpec, hookimpl
@hookimpl
def hpo_register_backends():
    for name in "ab":
        yield BackendSpec(name=name, technique="t", factory="m:C")
@hookimpl(specname="hpo_register_runners")
def mine():
    return (RunnerSpec(name="r", factory="m:C"),)
@hookimpl
def hpo_register_pruners():
    return PrunerSpec(name="p", factory="m:C")
@hookimpl
def hpo_register_objectives():
    return ObjectiveSpec(name="o", factory="m:C", direction="maximize")
""")  # fmt: skip
    manager = PluginManager()
    found = {"a": "backend", "b": "backend", "r": "runner", "p": "pruner", "o": "objective"}
    for name, kind in found.items():
        assert manager.find(kind, name).plugin.distribution == "hpo-acme"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("requires", "extras", "reason"),
    [
        ("('nothing-of-that-name>=2',)", (),
         'needs nothing-of-that-name>=2, which is not installed — '
         'pip install "nothing-of-that-name>=2"'),
        ("('nothing-of-that-name>=2',)", ("Nothing.of.that-name>=2; extra == 'walk'",),
         'needs nothing-of-that-name>=2, which is not installed — pip install "hpo-acme[walk]"'),
        ("('nothing-of-that-name',)",
         ("nothing-of-that-name; python_version > '3' and extra == 'w'", "=!broken=",
          "x; extra == 'all'"),
         'needs nothing-of-that-name, which is not installed — pip install "hpo-acme[w]"'),
        ("('pluggy>=99',)", (), f'needs pluggy>=99, found {metadata.version("pluggy")} — '
                                'pip install "pluggy>=99"'),
        ("('pluggy', 'packaging<1')", (), f'needs packaging<1, found '
                                f'{metadata.version("packaging")} — pip install "packaging<1"'),
        ("('not a requirement!',)", (), "its requirement 'not a requirement!' is not valid"),
    ],
)  # fmt: skip
def test_unavailable(site: Site, requires: str, extras: tuple[str, ...], reason: str) -> None:
    site("hpo-acme", site.good.replace("{requires}", requires), requires=extras)
    manager = PluginManager()
    status, found = site.fared("hpo-acme", manager)
    assert status == "unavailable"
    assert found.startswith(reason)
    (offer,) = [o for o in manager.offers("backend") if o.spec.name == "hpo_acme.walk"]
    assert (offer.status, offer.reason) == ("unavailable", found)
    assert library_of(offer)[0]
    with pytest.raises(UnknownName, match=r"^backend 'hpo_acme.walk' is unavailable: ") as caught:
        manager.find("backend", "hpo_acme.walk")
    assert "\n" not in str(caught.value)
    assert found in str(caught.value)
    with pytest.raises(UnknownName, match="found 'walk', expected one of"):
        manager.backend_for("walk")
    assert_the_rest_works(manager)


def test_requirements_for_other_platforms_do_not_count() -> None:
    assert unmet(("nothing-of-that-name; sys_platform == 'nowhere'",), None) is None
    assert unmet(("pluggy>=1; python_version > '3'",), None) is None
    assert unmet((), "hpo-acme") is None
    assert install_command("nothing-of-that-name", ["x>1"]) == 'pip install "x>1"'


@pytest.mark.parametrize("name", ["hpo_acme", "hpo-acme", " HPO.Acme , other", "short", "x,short"])
def test_disabled_is_never_imported(
    site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    site("hpo-acme", "raise SystemExit('imported!')", entry="short = hpo_acme")
    monkeypatch.setenv(DISABLE, name)
    manager = PluginManager()
    assert site.fared("hpo-acme", manager) == ("disabled", "disabled by HPO_BRIDGE_DISABLE")
    assert "hpo_acme" not in sys.modules
    with pytest.raises(
        UnknownName, match=r"plugin short \(hpo-acme 1.2\) is disabled: disabled by"
    ):
        manager.find("backend", "acme.walk")
    assert_the_rest_works(manager)


def test_nothing_is_disabled_by_an_empty_list(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("hpo-acme")
    for value in ("", ",", " , other"):
        monkeypatch.setenv(DISABLE, value)
        assert site.fared("hpo-acme")[0] == "active"


def hook(body: str, arguments: str = "") -> str:
    return (
        "from hpo_bridge import BackendSpec, RunnerSpec, hookimpl\n"
        f"@hookimpl\ndef hpo_register_backends({arguments}):\n    {body}"
    )


def spec(**changes: object) -> str:
    given = {"name": "a.b", "technique": "t", "factory": "m:C", **changes}
    arguments = ", ".join(f"{key}={value!r}" for key, value in given.items())
    return hook(f"return BackendSpec({arguments})")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_th"),
        ("raise RuntimeError('first\\nsecond')", "RuntimeError: first second"),
        ("raise RuntimeError('x' * 5000)", "RuntimeError: xxx"),
        ("import sys; sys.exit(3)", "SystemExit: 3"), ("def f(:", "SyntaxError: "),
        ("class E(Exception):\n def __str__(self): raise ValueError\nraise E", "E: (its text"),
        ("raise MemoryError", "MemoryError"),
        (None, "ModuleNotFoundError: No module named 'hpo_acme'"),
        ("from hpo_bridge import hookimpl\n@hookimpl\ndef hpo_register_backend(): return []",
         "hpo_register_backend is no hook of hpo-bridge 0.1.0 (did you mean "
         "'hpo_register_backends'?)"),
        ("def hpo_register_backends(): return []",
         "hpo_register_backends is not decorated with @hpo_bridge.hookimpl"),
        (hook("return []", "manager"),
         "hpo_register_backends has no argument 'manager' in hpo-bridge 0.1.0, it has none"),
        ("from hpo_bridge import hookimpl\n@hookimpl\ndef hpo_trial_reported(trial, valeu): pass",
         "hpo_trial_reported has no argument 'valeu' in hpo-bridge 0.1.0, it has study, trial, "
         "step, value, metrics (did you mean 'value'?)"),
        ("def hpo_study_start(study): pass", "hpo_study_start is no hook (did you mean "
         "'hpo_study_started'?), and nothing in it is decorated with @hpo_bridge.hookimpl"),
        ("x = 1", "nothing in it is decorated with @hpo_bridge.hookimpl"),
        (hook("pass"), "hpo_register_backends gave None, expected BackendSpec"),
        (hook("return ['acme.walk']"),
         "hpo_register_backends gave 'acme.walk', expected BackendSpec"),
        (hook("return RunnerSpec(name='r', factory='m:C')"),
         "hpo_register_backends gave RunnerSpec("),
        (hook("raise OSError('no')"), "OSError: no"),
        (spec(name="A b"), "ValueError: name 'A b'"),
        (spec(factory="m.C"), "ValueError: a.b: factory"),
        (spec(requires="optuna"), "ValueError: a.b: requires must be a tuple"),
        (spec(capabilities={"fly"}), "ValueError: a.b: capability 'fly' is not known, expected "
         "one of conditional, multi_objective, inject, pruned, finite, vector, gradient"),
        (spec(capabilities=["injekt"]), "ValueError: a.b: capability 'injekt' is not known, exp"),
        (spec(capabilities="inject"), "ValueError: a.b: capabilities must be a set, found 'in"),
        (spec(capabilities={3}), "ValueError: a.b: capability 3 is not known, expected one "),
        (spec(capabilities=3), "ValueError: a.b: capabilities must be a set, found 3"),
        (hook("from hpo_bridge import Capability\n    return Capability.INJEKT"),
         "AttributeError: Capability has no INJEKT (did you mean 'INJECT'?), it has CONDITIONAL"),
        (spec(speed=3), "TypeError: "),
        (spec(contract=1), "TypeError: "),
        (hook("return 'acme.walk'"), "hpo_register_backends gave 'acme.walk', expected Backend"),
    ],
)  # fmt: skip
def test_broken(site: Site, source: str | None, reason: str) -> None:
    site("hpo-acme", source)
    site("hpo-fine")
    manager = PluginManager()
    status, found = site.fared("hpo-acme", manager)
    assert status == "broken"
    assert found.startswith(reason)
    assert found.endswith(f" — {UPDATE}")
    assert "\n" not in found
    assert len(found) < 400
    assert site.fared("hpo-fine", manager) == ("active", "")
    with pytest.raises(UnknownName, match=r"plugin hpo_acme \(hpo-acme 1.2\) is broken") as caught:
        manager.find("backend", "acme.walk")
    assert "\n" not in str(caught.value)
    assert_the_rest_works(manager)


def test_ctrl_c_is_nobodys_fault(site: Site) -> None:
    site("hpo-acme", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        PluginManager()


def test_broken_metadata_of_others_does_no_harm(site: Site) -> None:
    site("hpo-acme", requires=("???",), version="not-a-version")
    site("hpo-fine", site.good.replace("{requires}", "('hpo-acme>=1',)"), requires=("=!",))
    manager = PluginManager()
    assert site.fared("hpo-acme", manager)[0] == "active"
    status, reason = site.fared("hpo-fine", manager)
    assert status == "unavailable"
    assert reason.startswith("needs hpo-acme>=1, found not-a-version")


def test_conflict(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site("hpo-acme", name="shared")
    site("hpo-zeta", name="shared")
    manager = PluginManager()
    for distribution in ("hpo-acme", "hpo-zeta"):
        status, reason = site.fared(distribution, manager)
        assert status == "conflict"
        assert "'shared.walk' is offered by hpo-acme 1.2 and hpo-zeta 1.2; disable one" in reason
    (offer,) = [o for o in manager.offers("backend") if o.spec.name == "shared.walk"]
    assert offer.status == "conflict"
    with pytest.raises(UnknownName, match=r"is conflict: .*hpo-acme 1.2 and hpo-zeta 1.2"):
        manager.find("backend", "shared.walk")
    with pytest.raises(UnknownName):
        manager.backend_for("walk")
    assert_the_rest_works(manager)
    monkeypatch.setenv(DISABLE, "hpo-zeta")
    offer = PluginManager().find("backend", "shared.walk")
    assert offer.plugin.distribution == "hpo-acme"


def test_a_conflict_with_the_core(site: Site) -> None:
    site("hpo-acme", site.good.replace("{name}.walk", "core.grid"))
    manager = PluginManager()
    with pytest.raises(UnknownName, match=r"hpo-acme 1.2 and hpo-bridge"):
        manager.find("backend", "core.grid")
    assert manager.find("backend", "core.random").status == "active"


def test_the_order_is_always_the_same(site: Site) -> None:
    for name in ("hpo-c", "hpo-a", "hpo-b"):
        site(name, technique="same", rank=1 if name == "hpo-b" else 0)
    points = list(metadata.entry_points(group="hpo_bridge"))
    orders = {
        tuple(p.name for p in PluginManager(some).plugins)
        for some in (points, points[::-1], points[1:] + points[:1], points + points)
    }
    assert len(orders) == 1
    (order,) = orders
    assert [name for name in order if name.startswith("hpo_")] == ["hpo_a", "hpo_b", "hpo_c"]
    manager = PluginManager()
    assert manager.backend_for("same").name == "hpo_b.walk"  # by rank
    names = [offer.spec.name for offer in manager.offers("backend")]
    assert names == sorted(names)


def test_of_equal_rank_the_first_name(site: Site) -> None:
    for name in ("hpo-b", "hpo-a"):
        site(name, technique="same")
    assert PluginManager().backend_for("same").name == "hpo_a.walk"


def test_of_those_that_can(site: Site) -> None:
    several = frozenset({Capability.MULTI_OBJECTIVE})
    site("hpo-b", technique="same", rank=9)
    manager = PluginManager()
    with pytest.raises(UnknownName, match=r"technique 'same' \(hpo_b.walk\) has multi_objective"):
        manager.backend_for("same", several)
    assert manager.backend_for("random", several).name == "core.random"


# -- names and options ------------------------------------------------------------------------


def test_unknown_names() -> None:
    manager = PluginManager()
    for kind, name, hint in [
        ("backend", "core.randon", "'core.random'"),
        ("backend", "grid", "'core.grid' or 'optuna.grid'"),
        ("runner", "in-line", "'inline'"), ("runner", "process", "'processes'"),
    ]:  # fmt: skip
        with pytest.raises(UnknownName, match="expected one of") as caught:
            manager.find(kind, name)  # type: ignore[arg-type]
        assert f"found {name!r}" in str(caught.value)
        assert f"(did you mean {hint}?)" in str(caught.value)
    with pytest.raises(UnknownName, match="did you mean 'random'"):
        manager.backend_for("randon")


def test_options(site: Site) -> None:
    site("hpo-acme")
    manager = PluginManager()
    assert manager.build("backend", "hpo_acme.walk", {"width": 2}, PROBLEM) is not None
    with pytest.raises(InvalidOptions, match=r"^widht: unknown option of backend 'hpo_acme.walk', "
                       r"accepted: width \(did you mean 'width'\?\)$"):  # fmt: skip
        manager.build("backend", "hpo_acme.walk", {"widht": 2}, object())
    with pytest.raises(InvalidOptions, match=r"\(hpo-acme 1.2\) refused its options .width=-1.: "
                       "ValueError: width: must be positive"):  # fmt: skip
        manager.build("backend", "hpo_acme.walk", {"width": -1}, PROBLEM)
    with pytest.raises(InvalidOptions, match=r"seed: unknown option .* accepted: none"):
        manager.build("backend", "core.random", {"seed": 1}, object())
    with pytest.raises(InvalidOptions, match="problem: unknown option"):
        manager.build("backend", "core.random", {"problem": 1}, object())


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("", "cannot be imported: AttributeError"), ("Walk = 3", "is not callable"),
        ("raise SystemExit(2)", "cannot be imported: SystemExit: 2"),
        ("import nothing_of_that_name", "cannot be imported: ModuleNotFoundError"),
        ("def Walk(problem): raise OSError('no licence')", "cannot be built: OSError: no licence"),
    ],
)  # fmt: skip
def test_factories_that_fail(site: Site, tmp_path: Path, source: str, match: str) -> None:
    site("hpo-acme", site.good.replace("{module}:Walk", "acme_heavy:Walk"))
    (tmp_path / "acme_heavy.py").write_text(source)
    manager = PluginManager()
    assert site.fared("hpo-acme", manager)[0] == "active"
    with pytest.raises(BackendError, match=match) as caught:
        manager.build("backend", "hpo_acme.walk", {}, object())
    assert "hpo-acme 1.2" in str(caught.value)
