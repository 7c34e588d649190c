"""Findings of a study, in sentences with their evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hpo_bridge.contracts.study_history import StudyHistory

from .cost_rules import (
    find_doubtful_pruning,
    find_idle_workers,
    find_lost_attempts,
    find_pruning,
)
from .facts import Facts
from .failure_rules import find_failing_region, find_failures
from .finding import Finding
from .parameter_rules import find_bounds, find_importance, find_inert
from .result_rules import (
    find_agreement,
    find_flatness,
    find_repeats,
    find_result,
    find_running,
    find_uncertainty,
)
from .search_rules import find_budget, find_contributions, find_stall, find_startup
from .threads import single_threaded

Rule = Callable[[Facts], Iterable[Finding]]

_OF_OBJECTIVES: tuple[Rule, ...] = (
    find_uncertainty, find_flatness, find_repeats, find_importance, find_bounds, find_inert,
)  # fmt: skip
"""Rules about each objective."""
_OF_STUDIES: tuple[Rule, ...] = (
    find_failures, find_failing_region, find_budget, find_startup, find_stall,
    find_contributions, find_agreement, find_pruning, find_doubtful_pruning, find_idle_workers,
    find_lost_attempts,
)  # fmt: skip
"""Rules about a study as a whole."""


@single_threaded
def all_findings(history: StudyHistory) -> list[Finding]:
    """Return the findings of a study, the result first.

    Args:
        history: The study; its trials are a tuple.
    """
    first, *others = history.directions
    facts = [Facts(history, first)]
    facts += [facts[0].about(objective) for objective in others]
    found = [*find_result(facts[0]), *find_running(facts[0])]
    for each in facts:
        found += [finding for rule in _OF_OBJECTIVES for finding in rule(each)]
    found += [finding for rule in _OF_STUDIES for finding in rule(facts[0])]
    return found
