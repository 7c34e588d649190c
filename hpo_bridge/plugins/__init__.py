"""Finds plugins, keeps a broken one from harming the rest, and builds what they offer.

A plugin is an entry point of the group ``hpo_bridge`` (our own adapters too), or a file or
module that a study file names. Each ends in one status:

============  ======================================================================
active        loaded, and something that it offers can be used, or it only observes
unavailable   all that it offers, formats of files aside, has a requirement that is not met
disabled      named in ``HPO_BRIDGE_DISABLE``; never imported
broken        its import, a hook or a spec raised; reported once, the rest works
conflict      another plugin offers something of the same name
============  ======================================================================

and each backend, runner, pruner or another that it offers in one of these:

============  ======================================================================
active        can be used
unavailable   a requirement is not installed, or has another version
conflict      two plugins offer the name; using it is an error that names both
============  ======================================================================
"""

from __future__ import annotations

from .call_context import neutral_surroundings
from .error_text import TRACEBACK, fault_text, located_error, one_line
from .manager import PluginManager, manager
from .observer import GuardedObserver, guarded
from .offers import (
    KINDS,
    Kind,
    Offer,
    PluginInfo,
    Spec,
    accepted_options,
    backend_options,
    is_composite,
    library_of,
    load_factory,
)
from .sources import DISABLE

__all__ = [
    "DISABLE",
    "KINDS",
    "TRACEBACK",
    "GuardedObserver",
    "Kind",
    "Offer",
    "PluginInfo",
    "PluginManager",
    "Spec",
    "accepted_options",
    "backend_options",
    "fault_text",
    "guarded",
    "is_composite",
    "library_of",
    "load_factory",
    "located_error",
    "manager",
    "neutral_surroundings",
    "one_line",
]
