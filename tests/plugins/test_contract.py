"""A contract that can grow: fewer arguments, versions, and deprecation that no user sees."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import BackendSpec, Float, Space, Study, hookspecs
from hpo_bridge.errors import ContractDeprecation, UnknownName
from hpo_bridge.plugins import KINDS, PluginManager
from hpo_bridge.specs import deprecated
from hpo_bridge.testing import BackendConformance, backend_checks, run_check

Site = Any
NOTIFICATIONS = {
    name: list(inspect.signature(hook).parameters)
    for name, hook in vars(hookspecs).items()
    if hasattr(hook, "hpo_bridge_spec") and not name.startswith("hpo_register_")
}


# -- arguments ----------------------------------------------------------------------------------


def test_hooks_that_register_have_no_arguments_yet() -> None:
    for hook, _ in KINDS.values():
        assert not inspect.signature(getattr(hookspecs, hook)).parameters
    assert len(NOTIFICATIONS) >= 5


@pytest.mark.parametrize("hook", NOTIFICATIONS)
def test_any_argument_may_be_left_out(site: Site, hook: str) -> None:
    offered = NOTIFICATIONS[hook]
    for kept in [[], *([name] for name in offered), offered, offered[::-1], [*offered, "own=3"]]:
        name = f"hpo-takes-{'-'.join(kept).replace('=', '') or 'none'}"
        source = (
            "from hpo_bridge import hookimpl\nseen = []\n"
            f"@hookimpl\ndef {hook}({', '.join(kept)}):\n    seen.append(sorted(locals()))"
        )
        site(name, source)
    manager = PluginManager()
    ours = [info for info in manager.plugins if "takes" in info.name]
    assert {(info.status, info.reason) for info in ours} == {("active", "")}
    watchers = [w for w in manager.watchers() if "takes" in w.who]
    assert len(watchers) == len(ours) > len(offered)
    for watcher in watchers:
        watcher.call(hook, dict.fromkeys(offered), ours=True)
    for info in ours:
        (seen,) = sys.modules[info.name].seen
        assert set(seen) <= {*offered, "own"}
    assert sys.modules["hpo_takes_none"].seen == [[]]


def test_a_hook_of_a_later_version_may_be_optional(site: Site) -> None:
    later = "\n@hookimpl(optionalhook=True)\ndef hpo_register_schedulers(space): return []\n"
    site("hpo-acme", site.good + later)
    site("hpo-zeta", site.good + later.replace("(optionalhook=True)", ""))
    manager = PluginManager()
    assert site.fared("hpo-acme", manager) == ("active", "")
    assert site.fared("hpo-zeta", manager)[1].startswith("hpo_register_schedulers is no hook of")


# -- versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_spec_names_its_contract(kind: str) -> None:
    spec = KINDS[kind][1]  # type: ignore[index]
    more = {"technique": "t"} if spec is BackendSpec else {}
    assert spec(name="a", factory="m:C", **more).contract == 1
    assert spec(name="a", factory="m:C", contract=7, **more).contract == 7
    for wrong in (0, -1, True, "1", 1.0, None):
        with pytest.raises(ValueError, match=r"a: contract .* is not 1 or more"):
            spec(name="a", factory="m:C", contract=wrong, **more)


def versions(site: Site) -> PluginManager:
    for version in (1, 2, 3, 4):
        site(f"hpo-v{version}", site.good.replace("rank=", f"contract={version}, rank="))
    return PluginManager()


def test_a_contract_that_is_too_new(site: Site) -> None:
    manager = versions(site)
    assert site.fared("hpo-v1", manager) == ("active", "")
    reason = "written for contract 2, this hpo-bridge 0.1.0 has 1 — pip install -U hpo-bridge"
    assert site.fared("hpo-v2", manager) == ("unavailable", reason)
    with pytest.raises(UnknownName, match=r"'hpo_v2.walk' is unavailable: written for contract 2"):
        manager.find("backend", "hpo_v2.walk")
    assert "hpo_v2.walk" in [offer.spec.name for offer in manager.offers("backend")]


def test_older_contracts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo_bridge.requirements.CONTRACT_VERSION", 3)
    monkeypatch.setattr("hpo_bridge.requirements.OLDEST_CONTRACT", 2)
    monkeypatch.setattr("hpo_bridge.testing.checks.spec.CONTRACT_VERSION", 3)
    manager = versions(site)
    assert [site.fared(f"hpo-v{v}", manager)[0] for v in (1, 2, 3, 4)] == [
        "unavailable", "active", "active", "unavailable",
    ]  # fmt: skip
    assert site.fared("hpo-v1", manager)[1] == (
        "written for contract 1, hpo-bridge 0.1.0 knows none before 2 — pip install -U hpo-v1"
    )
    (old,) = [c for c in backend_checks("hpo_v2.walk", plugins=manager) if "contract" in c.name]
    assert run_check(old).detail.startswith("written for contract 2, the current one is 3: see")


# -- deprecation --------------------------------------------------------------------------------


def mark_hook(monkeypatch: pytest.MonkeyPatch) -> str:
    warning = ContractDeprecation.of(
        "hook hpo_trial_reported", since="0.4", until="0.6", instead="use hpo_trial_finished"
    )
    options = hookspecs.hpo_trial_reported.hpo_bridge_spec  # type: ignore[attr-defined]
    monkeypatch.setitem(options, "warn_on_impl", warning)
    return str(warning)


def mark_argument(monkeypatch: pytest.MonkeyPatch) -> str:
    warning = ContractDeprecation.of(
        "argument value of hpo_trial_reported", since="0.4", until="0.6", instead="use trial"
    )
    options = hookspecs.hpo_trial_reported.hpo_bridge_spec  # type: ignore[attr-defined]
    monkeypatch.setitem(options, "warn_on_impl_args", {"value": warning})
    return str(warning)


def mark_field(monkeypatch: pytest.MonkeyPatch) -> str:
    field = BackendSpec.__dataclass_fields__["suits"]
    monkeypatch.setattr(
        field, "metadata", deprecated(since="0.4", until="0.6", instead="use summary")
    )
    return (
        "field BackendSpec.suits, set by hpo_acme.walk is deprecated since 0.4 and goes in 0.6: "
        "use summary"
    )


OLD = "\n@hookimpl\ndef hpo_trial_reported(value): pass\n"
OTHER = "\n@hookimpl\ndef hpo_trial_reported(step): pass\n"
Mark = Callable[[pytest.MonkeyPatch], str]


def install(site: Site) -> None:
    site("hpo-acme", site.good.replace("rank=", "suits='you', rank=") + OLD)
    site("hpo-fine", site.good)


@pytest.mark.parametrize("mark", [mark_hook, mark_argument, mark_field])
@pytest.mark.parametrize("action", ["error", "always", "default"])
def test_the_manager_keeps_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, mark: Mark, action: str
) -> None:
    text = mark(monkeypatch)
    install(site)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter(action)  # type: ignore[arg-type]
        manager = PluginManager()
        study = Study(Space(x=Float(0, 1)), backend="core.random")
        study.optimize(lambda trial: trial["x"], trials=2)
    assert [w for w in shown if issubclass(w.category, ContractDeprecation)] == []
    found = {info.name: info for info in manager.plugins}
    assert (found["hpo_acme"].status, found["hpo_acme"].deprecated) == ("active", (text,))
    assert found["hpo_fine"].deprecated == ()
    checks = {c.name: c for c in backend_checks("hpo_acme.walk", plugins=manager)}
    result = run_check(checks["spec[contract]"])
    assert (result.result, result.detail, result.good) == ("deprecated", text, True)


def test_only_who_takes_the_argument_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mark_argument(monkeypatch)
    site("hpo-acme", site.good + OTHER)
    (info,) = [info for info in PluginManager().plugins if info.name == "hpo_acme"]
    assert info.deprecated == ()


def test_other_warnings_are_shown_as_ever(site: Site) -> None:
    site("hpo-acme", site.good + "\nimport warnings\nwarnings.warn('mine', UserWarning)\n")
    with pytest.warns(UserWarning, match="mine"):
        assert site.fared("hpo-acme") == ("active", "")
    del sys.modules["hpo_acme"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert site.fared("hpo-acme")[1].startswith("UserWarning: mine")


def test_the_authors_tests_warn(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    text = mark_field(monkeypatch)
    install(site)

    class TestAcme(BackendConformance):
        backend = "hpo_acme.walk"
        plugins = PluginManager()

    with pytest.warns(ContractDeprecation, match=r"^hpo_acme.walk: field BackendSpec.suits") as w:
        TestAcme().test_conformance("spec[contract]")
    assert text in str(w[0].message)


DRIVER = """
import sys
from hpo_bridge import BackendSpec
from hpo_bridge.specs import deprecated
field = BackendSpec.__dataclass_fields__["suits"]
field.metadata = deprecated(since="0.4", until="0.6", instead="use summary")
from hpo_bridge.cli import main
sys.argv = ["hpo-bridge", *sys.argv[1:]]
main()
"""


def test_what_the_user_and_the_author_see(site: Site) -> None:
    install(site)
    (site.folder / "objective.py").write_text("def train(trial): return trial['x']\n")
    study = site.folder / "study.yaml"
    study.write_text(
        "objective: objective.py:train\nspace: {x: {type: float, low: 0.0, high: 1.0}}\n"
        "backend: hpo_acme.walk\nbudget: {trials: 2}\n"
    )

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "always", "-c", DRIVER, *words],
            capture_output=True, text=True, timeout=100, env=dict(os.environ),
        )  # fmt: skip

    done = command("run", str(study))
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr + done.stdout
    done = command("check", "hpo_acme.walk", "--json", "--trials", "4", "--startup", "1")
    (row,) = [c for c in json.loads(done.stdout)["checks"] if c["name"] == "spec[contract]"]
    assert row["result"] == "deprecated"
    assert "use summary" in row["detail"]
