"""From a backend's name to checks, and from a check to its result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import nearest
from ..plugins import PluginManager, one_line
from .checks import ENTRIES, CheckSpec
from .subject import Subject
from .verdicts import Check, Fault, NotApplicable, Refused, Result, Verdict

CHECK_NAMES: tuple[str, ...] = tuple(check_spec.name for check_spec in ENTRIES)
"""The names of all checks; the same for every backend."""
SPACE = "space["
"""How the names of the checks begin on which all others build."""


def backend_checks(
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    plugins: PluginManager | None = None,
    startup: int = 20,
    trials: int = 60,
) -> Iterator[Check]:
    """Every check of a backend.

    Args:
        name: The backend's name.
        options: Its options.
        plugins: Where to find it; the installed plugins by default.
        startup: How many results it takes until its model, or its second generation, is in
            use.
        trials: How many suggestions past that a check asks for; about 8 keeps a backend
            that thinks for a long time within half a minute.

    Raises:
        UnknownName: If no active backend has that name.
        InvalidOptions: If it does not take the options.

    Example:
        >>> checks = backend_checks("core.random")
        >>> next(checks).name
        'spec[declared]'
    """
    subject = Subject(name, options, plugins=plugins, startup=startup, trials=trials)
    yield from checks_of(subject)


def checks_of(subject: Subject) -> Iterator[Check]:
    """Every check of a backend that was found."""
    for check_spec in ENTRIES:
        yield Check(check_spec.name, partial(check_spec.check, subject))


def run_check(check: Check, expected: str | None = None) -> Result:
    """Runs a check; never raises, but for an interrupt.

    Args:
        check: The check.
        expected: Why it is expected to fail, if it is; then it must.

    Example:
        >>> checks = {check.name: check for check in backend_checks("core.random")}
        >>> run_check(checks["finite"]).result
        'not applicable'
    """
    begin = time.perf_counter()
    result, detail = _outcome(check)
    if expected is not None:
        if result == "failed":
            result, detail = "expected", f"{expected} ({detail})"
        else:
            detail = f"expected to fail ({expected}), but {result}: {detail}"
            result = "failed"
    return Result(check.name, result, detail, round(time.perf_counter() - begin, 3))


def _outcome(check: Check) -> tuple[Verdict, str]:
    try:
        return "passed", check.run()
    except NotApplicable as reason:
        return "not applicable", str(reason)
    except Refused as reason:
        return "refused", str(reason)
    except Fault as fault:
        return "failed", str(fault)
    except Exception as error:  # whatever a backend raises
        return "failed", f"raised {one_line(error)}"


def first_to_fix(results: Sequence[Result]) -> tuple[str | None, list[str]]:
    """Return the first failed ``space[…]`` check, and the failures that may follow from it.

    A suggestion that is no point of the space fails wherever it is looked at again.
    """
    failed = [result.name for result in results if not result.good]
    spaces = [name for name in failed if name.startswith(SPACE)]
    return (spaces[0], [n for n in failed if n not in spaces]) if spaces else (None, [])


def check_expected(expected: Mapping[str, str]) -> None:
    """Makes sure that expected failures name checks, and give reasons.

    Raises:
        ValueError: Naming what is wrong.
    """
    for name, reason in expected.items():
        if name not in CHECK_NAMES:
            raise ValueError(
                f"expected_failures: {name!r} is no check{nearest(name, CHECK_NAMES)}; see "
                "hpo_bridge.testing.CHECK_NAMES"
            )
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"expected_failures: {name!r} has no reason")


__all__ = [
    "CHECK_NAMES",
    "CheckSpec",
    "backend_checks",
    "check_expected",
    "checks_of",
    "run_check",
]
