"""A contract that can grow: hooks may take fewer arguments, and come later."""

from __future__ import annotations

import inspect
import sys
import warnings
from typing import Any

import pytest

from hpo_bridge.contracts import hooks as hookspecs
from hpo_bridge.plugins import KINDS, PluginManager

Site = Any
NOTIFICATIONS = {
    name: list(inspect.signature(hook).parameters)
    for name, hook in vars(hookspecs).items()
    if hasattr(hook, "hpo_bridge_spec") and not name.startswith("hpo_register_")
}


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
    observers = [w for w in manager.observers() if "takes" in w.who]
    assert len(observers) == len(ours) > len(offered)
    for observer in observers:
        observer.call(hook, dict.fromkeys(offered), ours=True)
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


def test_warnings_are_shown_as_ever(site: Site) -> None:
    site("hpo-acme", site.good + "\nimport warnings\nwarnings.warn('mine', UserWarning)\n")
    with pytest.warns(UserWarning, match="mine"):
        assert site.fared("hpo-acme") == ("active", "")
    del sys.modules["hpo_acme"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert site.fared("hpo-acme")[1].startswith("UserWarning: mine (hpo_acme.py:")
