"""``hpo-bridge check``: the conformance kit on one backend."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError
from ..testing import CHECK_NAMES, Result, backend_checks, run_check
from ..testing.running import check_expected, first_to_fix
from .key_values import key_values, option_values
from .printing import print_table, show_step, stdout_kept_for_json

FAILED = 1


def check_backend(
    name: str,
    options: Sequence[str],
    expected: Sequence[str],
    *,
    startup: int,
    trials: int,
    as_json: bool,
) -> int:
    """Runs every check and prints what became of each.

    Returns:
        0, or 1 if a check failed.

    Raises:
        UnknownName, InvalidOptions: For another backend or option than there is.
        ConfigError: For an argument that cannot be read.
    """
    chosen = option_values(options)
    reasons = dict(key_values("--expect", expected))
    try:
        check_expected(reasons)
    except ValueError as error:
        raise ConfigError(f"--expect: {error}") from None
    results = []
    with stdout_kept_for_json(as_json):
        checks = backend_checks(name, chosen, startup=startup, trials=trials)
        for number, check in enumerate(checks, 1):
            show_step(f"{number}/{len(CHECK_NAMES)} {check.name}")
            results.append(run_check(check, reasons.get(check.name)))
        show_step("")
    _print(name, chosen, results, as_json)
    return 0 if all(result.good for result in results) else FAILED


def _print(name: str, options: Mapping[str, Any], results: list[Result], as_json: bool) -> None:
    if as_json:
        report = {
            "backend": name,
            "options": options,
            "passed": all(result.good for result in results),
            "checks": [result.to_plain() for result in results],
        }
        print(json.dumps(report))
        return
    first, others = first_to_fix(results)
    rows = [(r.name, r.result, r.detail) for r in results if r.name not in others]
    print_table(("check", "result", "detail"), rows)
    if first and others:
        print(
            f"fix {first} first: {len(others)} further checks failed, which may all follow from "
            f"it ({', '.join(others)})"
        )
    counts: dict[str, int] = {}
    for result in results:
        counts[result.result] = counts.get(result.result, 0) + 1
    seconds = sum(result.seconds for result in results)
    print(f"{name}: {', '.join(f'{n} {what}' for what, n in counts.items())}; {seconds:.1f} s")
