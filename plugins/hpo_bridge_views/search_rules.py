"""Rules about the search: what the backends brought, and whether more trials look worth it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .facts import Facts, unit_values
from .finding import Finding
from .trial_values import improvements
from .wording import counted, listed, percent, shown

_LAST = 20
"""The number of proposals from which it is seen that a backend does not move any more."""


def find_startup(facts: Facts) -> Iterator[Finding]:
    """Yield that the last backend has not begun to use its model."""
    sessions = facts.history.sessions
    if not sessions or not sessions[-1].startup:
        return
    backend, startup = sessions[-1].backend, sessions[-1].startup
    proposed = sum(trial.backend == backend for trial in facts.trials)
    known = sum(trial.state.is_final for trial in facts.trials)
    if proposed > 0 and known <= startup:
        yield Finding(
            "startup",
            f"{backend} has not left its start-up: it draws the first {startup} trials without "
            f"its model, and {counted(known, 'trial')} "
            f"{'has' if known == 1 else 'have'} ended. More trials, or a smaller start-up, let "
            "it search.",
            {"backend": backend, "startup": startup, "ended": known},
        )


def find_stall(facts: Facts) -> Iterator[Finding]:
    """Yield that the last proposals of a backend are nearly one and the same point."""
    proposed = [trial for trial in facts.trials if trial.backend is not None]
    last = proposed[-_LAST:]
    if len(proposed) < 2 * _LAST or len({trial.backend for trial in last}) > 1:
        return
    space = facts.history.space
    if space.cardinality is not None and space.cardinality <= 2 * len(proposed):
        return
    spreads = {
        name: unit_values(facts.history, name, last) for name in space if name not in space.vectors
    }
    if not spreads or space.vectors:
        return
    widest = max(_width(units) for units in spreads.values())
    if widest < 0.01:
        yield Finding(
            "stalled",
            f"The last {_LAST} proposals of {last[-1].backend} are nearly one point: none of its "
            f"parameters moved by more than {percent(widest)} of its range. Another backend, or "
            "another seed, would look elsewhere.",
            {"backend": last[-1].backend, "proposals": _LAST, "widest": widest},
        )


def _width(units: np.ndarray) -> float:
    """Return the width of what a parameter takes; all of it where it is active at times only."""
    inactive = np.isnan(units)
    if inactive.all():
        return 0.0
    return 1.0 if inactive.any() else float(units.max() - units.min())


def find_budget(facts: Facts) -> Iterator[Finding]:
    """Yield whether more trials look worth their time, from the curve of the best so far."""
    count = len(facts.complete)
    if count < 30 or facts.is_flat or len(facts.history.directions) > 1:
        return
    best = np.minimum.accumulate(facts.losses)
    span = float(np.median(facts.losses) - best[-1])
    if not np.isfinite(span) or span <= 0:
        return
    last = int(np.argmin(facts.losses))
    half, third = (
        float(best[count // 2 - 1] - best[-1]),
        float(best[2 * count // 3 - 1] - best[-1]),
    )
    sixth = float(best[5 * count // 6 - 1] - best[-1])
    sign = facts.history.directions[facts.objective].sign
    curve = {str(n): float(sign * best[n - 1]) for n in _points(count)}
    evidence: dict[str, Any] = {
        "best_after": curve, "last_improvement": facts.complete[last].number, "trials": count,
        "gained_in_second_half": half / span, "gained_in_last_third": third / span,
    }  # fmt: skip
    shown_curve = ", ".join(f"{shown(value)} after {n}" for n, value in curve.items())
    if half < 0.01 * span:
        yield Finding(
            "budget_spent",
            f"More trials of the same kind do not look worth it: the best value was "
            f"{shown_curve}; the last half of the trials gained next to nothing.",
            evidence,
        )
    elif third > 0.1 * span and sixth > 0.02 * span:
        yield Finding(
            "budget_worth",
            f"More trials look worth it: the best value was {shown_curve}, and still improved at "
            f"trial {facts.complete[last].number}.",
            evidence,
        )


def _points(count: int) -> list[int]:
    return sorted({max(1, round(count * share)) for share in (0.25, 0.5, 0.75, 1.0)})


def find_contributions(facts: Facts) -> Iterator[Finding]:
    """Yield which of several backends brought what improvement."""
    if len(facts.history.directions) > 1 or not facts.complete:
        return
    names = list(dict.fromkeys(t.backend for t in facts.trials if t.backend is not None))
    if len(names) < 2:
        return
    _, shares = improvements(facts.history, facts.objective)
    parts, evidence = [], {}
    for name in names:
        count = sum(trial.backend == name for trial in facts.trials)
        parts.append(f"{name} {percent(shares[name])} with {counted(count, 'trial')}")
        evidence[name] = {"trials": count, "share_of_improvement": shares[name]}
    brought = facts.best.backend or "an enqueued point"
    yield Finding(
        "handover",
        f"Several backends proposed trials. Of the improvement since the first trial brought "
        f"{listed(parts)}; the best trial is of {brought}.",
        {"backends": evidence, "best": facts.best.backend},
    )
