"""Rules about the trials of a study that failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from hpo_bridge.contracts.record import TrialRecord, TrialState
from hpo_bridge.contracts.study_history import StudyHistory
from hpo_bridge.objectives import reason_key, short_reason
from hpo_bridge.space import Categorical

from .facts import Facts, unit_values
from .finding import Finding
from .wording import counted, listed, percent, shown

_MOST_CUTS = 40
"""The number of places at which a parameter's range is cut in two, at most."""


def find_failures(facts: Facts) -> Iterator[Finding]:
    """Yield how many trials failed, and for which reasons."""
    failed = facts.in_state(TrialState.FAILED)
    if not failed:
        return
    groups = defaultdict(list)
    for trial in failed:
        groups[reason_key(trial.error, trial.params)].append(trial)
    largest = sorted(groups.values(), key=len, reverse=True)
    reasons = [
        {"trials": len(group), "reason": short_reason(group[0].error, 160),
         "example": group[0].number}
        for group in largest
    ]  # fmt: skip
    shares = listed(f"{len(g)} for “{short_reason(g[0].error, 160)}”" for g in largest[:3])
    rest = sum(len(group) for group in largest[3:])
    ended = sum(trial.state.is_final for trial in facts.trials)
    yield Finding(
        "failures",
        f"{len(failed):,} of {counted(ended, 'trial')} that ended failed "
        f"({percent(len(failed) / ended)}): {shares}"
        f"{f', {rest} for other reasons' if rest else ''}.",
        {"failed": len(failed), "ended": ended, "reasons": reasons[:10]},
    )


@dataclass(frozen=True, slots=True)
class _Region:
    """The part of the space where a parameter is at one side of a value, or is a choice."""

    parameter: str
    text: str
    inside: np.ndarray


def find_failing_region(facts: Facts) -> Iterator[Finding]:
    """Yield the part of the space where trials fail, if they fail elsewhere much less."""
    ended = [trial for trial in facts.trials if trial.state.is_final]
    failed = np.array([trial.state is TrialState.FAILED for trial in ended])
    if failed.sum() < 4 or failed.all():
        return
    space = facts.history.space
    regions = [
        region
        for name in space if name not in space.vectors
        for region in _regions(facts.history, name, ended)
    ]  # fmt: skip
    if not regions:
        return
    sizes = np.array([region.inside.sum() for region in regions])
    failures = np.array([failed[region.inside].sum() for region in regions])
    chances = _log_chances(failures, sizes, int(failed.sum()), len(failed))
    found = regions[int(np.argmin(chances))]
    chance = float(np.exp(chances.min()) * len(regions))
    within, outside = failed[found.inside], failed[~found.inside]
    if chance > 0.001 or within.mean() < 0.5:
        return
    if within.sum() < 4 or outside.mean() > within.mean() / 3:
        return
    yield Finding(
        "failing_region",
        f"Of the {len(within):,} trials with {found.text}, {within.sum():,} failed; of the other "
        f"{len(outside):,}, {outside.sum():,}: leave that part of the space out (a narrower "
        "range, or a constraint), or mend what fails there.",
        {"parameter": found.parameter, "region": found.text, "trials": len(within),
         "failed": int(within.sum()), "others": len(outside),
         "others_failed": int(outside.sum()), "chance": chance},
    )  # fmt: skip


def _log_chances(failures: np.ndarray, sizes: np.ndarray, failed: int, ended: int) -> np.ndarray:
    """Return the logarithms of the chances of so many failures in regions, or more, by chance.

    These are tails of the hypergeometric distribution; :mod:`scipy.stats` takes a second to
    import.

    Args:
        failures: The failed trials in each region.
        sizes: The trials in each region.
        failed: The number of failed trials.
        ended: The number of trials.
    """
    logs = gammaln(np.arange(1.0, ended + 2))

    def ways(among: int, chosen: Any) -> Any:
        return logs[among] - logs[chosen] - logs[among - chosen]

    found = []
    for least, size in zip(failures, sizes, strict=True):
        counts = np.arange(least, min(size, failed) + 1)
        terms = ways(failed, counts) + ways(ended - failed, size - counts) - ways(ended, size)
        found.append(np.logaddexp.reduce(terms))
    return np.array(found)


def _regions(history: StudyHistory, name: str, ended: Sequence[TrialRecord]) -> Iterator[_Region]:
    """Yield the regions that a parameter can make."""
    parameter, units = history.space[name], unit_values(history, name, ended)
    active = ~np.isnan(units)
    values = np.unique(units[active])

    def value_at(unit: float) -> str:
        return shown(ended[int(np.argmax(units == unit))].params[name])

    if not active.all() and active.any():
        yield _Region(name, f"{shown(name)} active", active)
    if isinstance(parameter, Categorical) and not parameter.ordered:
        for unit in values if len(values) > 1 or not active.all() else ():
            yield _Region(name, f"{shown(name)} = {value_at(unit)}", units == unit)
        return
    for unit in values[_cuts(len(values))]:
        at = value_at(unit)
        yield _Region(name, f"{shown(name)} from {at} up", active & (units >= unit))
        yield _Region(name, f"{shown(name)} below {at}", active & (units < unit))


def _cuts(count: int) -> np.ndarray:
    """Return the positions of the values at which a range is cut: some of all but the first."""
    if count < 2:
        return np.array([], dtype=int)
    positions = np.linspace(1, count - 1, min(count - 1, _MOST_CUTS))
    return np.unique(np.round(positions).astype(int))
