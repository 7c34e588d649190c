"""Checks of what a backend says of itself, and of its options."""

from __future__ import annotations

import json
from functools import cache
from importlib import metadata
from typing import Any

from ...contracts.hooks import PROJECT
from ...contracts.optimizer import Explains
from ...errors import InvalidOptions, UnsupportedProblem
from ...plugins import backend_options
from ..process import in_new_process
from ..spaces import MIXED, describe
from ..subject import Subject
from ..verdicts import Fault, NotApplicable, require
from .check_spec import check_spec

HEAVY = ("numpy", "scipy", "pandas", "sklearn", "torch", "tensorflow", "jax")
"""What no hook module may import, whatever it declares."""


def declared(subject: Subject) -> str:
    """Name, technique and a summary of one line are there, and its requirements are met.

    Catches specs that `hpo-bridge backends` cannot show.
    """
    spec = subject.spec
    require(bool(spec.technique.strip()), "the spec has no technique")
    require(
        bool(spec.summary.strip()) and "\n" not in spec.summary,
        f"the summary must be one line, found {spec.summary!r}",
    )
    require(subject.offer.status == "active", subject.offer.reason)
    return f"{spec.technique}; {', '.join(sorted(c.value for c in spec.capabilities)) or 'plain'}"


def light(subject: Subject) -> str:
    """Importing the module with the hooks imports none of the libraries it is for.

    Catches a second of waiting at each start of the command, for a backend that is not used.
    """
    libraries = {*HEAVY, *_modules(subject.spec.requires)}
    task: dict[str, Any] = {"do": "imports", "module": None, "file": None}
    task.update(_hook_module(subject))
    found = in_new_process(task)
    heavy = sorted(libraries & set(found))
    require(not heavy, f"importing the hooks imports {', '.join(heavy)}: import it in the factory")
    return f"imports none of {', '.join(sorted(_modules(subject.spec.requires)) or HEAVY)}"


@cache  # it looks through all that is installed
def _modules(requires: tuple[str, ...]) -> frozenset[str]:
    """Names to import of what a spec requires."""
    if not requires:
        return frozenset()
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = {canonicalize_name(Requirement(text).name) for text in requires}
    return frozenset(
        module
        for module, distributions in metadata.packages_distributions().items()
        if any(canonicalize_name(name) in wanted for name in distributions)
    )


def _hook_module(subject: Subject) -> dict[str, Any]:
    plugin = subject.offer.plugin
    for point in metadata.entry_points(group=PROJECT, name=plugin.name):
        if (point.dist.name if point.dist else None) == plugin.distribution:
            return {"module": point.module}
    if plugin.name.endswith(".py"):
        return {"file": plugin.name}
    return {"module": plugin.name}


def explained(subject: Subject) -> str:
    """`explain()` has one row for each parameter, native or encoded.

    Catches translations that `hpo-bridge explain` leaves out.
    """
    space = subject.taken(MIXED)
    optimizer = subject.build(space)
    if not isinstance(optimizer, Explains):
        raise NotApplicable("it has no explain(): every parameter is shown as native")
    rows = list(optimizer.explain())
    require(
        sorted(row.parameter for row in rows) == sorted(space),
        f"has rows for {describe([row.parameter for row in rows])}, the space has "
        f"{describe(list(space))}",
    )
    for row in rows:
        require(row.how in ("native", "encoded"), f"{row.parameter}: how is {row.how!r}")
        require(bool(row.detail.strip()), f"{row.parameter}: no detail")
    return f"{len(rows)} rows"


def unknown_refused(subject: Subject) -> str:
    """An option that it does not know is an error.

    Catches typing errors in a study file that nobody would ever notice.
    """
    try:
        subject.plugins.build(
            "backend",
            subject.name,
            {**subject.options, "no_such_option": 1},
            _problem(subject),
        )
    except InvalidOptions:
        return "no_such_option is refused"
    except UnsupportedProblem as error:
        raise Fault(f"looks at the problem before its options: {error}") from error
    raise Fault("takes the option 'no_such_option'")


def explicit(subject: Subject) -> str:
    """Its options are named in the factory's signature, with defaults.

    Catches `**kwargs` that are passed on blind, and options that nobody can list.
    """
    accepted = backend_options(subject.offer)
    if accepted is None:
        raise Fault("the factory's signature has **kwargs, or cannot be read: name the options")
    try:
        json.dumps(subject.options)
    except (TypeError, ValueError) as error:
        raise Fault(f"the options are not plain JSON data, as in a study file: {error}") from error
    return ", ".join(accepted) or "no options"


def _problem(subject: Subject) -> Any:
    from ...contracts.optimizer import Problem

    return Problem(subject.seen(subject.taken(MIXED)), 1, 0)


CHECKS = (
    check_spec("spec[declared]", declared),
    check_spec("spec[light]", light),
    check_spec("explain", explained),
    check_spec("options[unknown]", unknown_refused),
    check_spec("options[explicit]", explicit),
)
