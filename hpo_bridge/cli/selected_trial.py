"""The choice in the commands' words: the selected trial, the test set, the outer splits."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from ..analysis.recorded_scores import (
    TestScore,
    count_ended,
    test_scores,
    trials_since_test,
)
from ..analysis.selection import select_in
from ..config.selection import SelectionFile
from ..config.selection_rule import BEST, SelectionRule
from ..contracts.directions import Objectives
from ..contracts.formatting import format_params, format_value, without_constants
from ..contracts.record import TrialRecord
from ..errors import NoCompleteTrial, SelectionError
from ..store import Store


def short_trial(trial: TrialRecord) -> dict[str, Any]:
    """``number params values standard_errors backend`` of a trial."""
    values = None if trial.values is None else dict(trial.values)
    errors = None if trial.standard_errors is None else dict(trial.standard_errors)
    return {
        "number": trial.number, "params": dict(trial.params), "values": values,
        "standard_errors": errors, "backend": trial.backend,
    }  # fmt: skip


def warn_of_test(store: Store, name: str, trials: int | None) -> None:
    """Says on standard error that the test set was scored, before more trials are run."""
    before = test_scores(store, name)
    if before and (trials is None or count_ended(store, name) < trials):
        print(
            f"study {name!r}: its test set was scored before ({before[-1].line}): for what is "
            "chosen among trials that are run now it is no fresh test set",
            file=sys.stderr,
        )


def add_choice(
    result: dict[str, Any],
    store: Store,
    name: str,
    selection: SelectionFile,
    *,
    selected: bool = True,
) -> None:
    """Adds ``selected``, ``nested``, ``tested`` and ``warning`` where there is something to say.

    Args:
        result: What :func:`~hpo_bridge.cli.summary.summary` gave.
        store: Where the study is.
        name: Its name.
        selection: What the study file says of it.
        selected: Whether to follow the rule.
    """
    row = store.study(name)
    assert row is not None
    objectives = Objectives(row.definition["directions"])
    rule = selection.rule
    if selected and rule.name != BEST:
        _add_selected(result, store, name, objectives, rule)
    if selection.nested:
        from ..analysis.nested_score import as_plain, nested_score

        result["nested"] = as_plain(found := nested_score(store, name, objectives, rule))
        result["nested"]["text"] = str(found)
    tested = test_scores(store, name)
    if tested:
        result["tested"] = [asdict(score) for score in tested]
        result["trials_since_test"] = count_ended(store, name) - tested[0].trials
        text = trials_since_test(store, name, tested)
        if text is not None:
            result["warning"] = text


def _add_selected(
    result: dict[str, Any], store: Store, name: str, objectives: Objectives, rule: SelectionRule
) -> None:
    result["selected"] = None
    try:
        chosen = select_in(store, name, objectives, rule)
    except NoCompleteTrial:
        return
    except SelectionError as error:
        result["not_selected"] = str(error)
        return
    result["selected"] = {
        **short_trial(chosen.trial), "rule": chosen.rule, "errors": rule.errors,
        "paired": rule.paired, "threshold": chosen.threshold,
        "within": list(chosen.within), "explanation": chosen.explanation,
    }  # fmt: skip


def driver_of_split(store: Store, name: str) -> str | None:
    """Return the driver of a study of one of its outer splits, with the split's number."""
    from ..analysis.nested_tuning import splits_of

    for number, study in splits_of(store.names(), name).items():
        row = store.study(study)
        if row is not None and row.driver is not None:
            return f"{row.driver}, on outer split {number}"
    return None


def choice_lines(result: dict[str, Any], constants: Collection[str]) -> list[str]:
    """Return the same for people, without the constants of the space."""
    lines = []
    if "not_selected" in result:
        lines.append(f"selected none: {result['not_selected']}")
    elif result.get("selected"):
        lines.append(f"selected {result['selected']['explanation']}")
        lines += format_params(without_constants(result["selected"]["params"], constants))
    if "nested" in result:
        lines.append(f"nested   {result['nested']['text']}")
        chosen = result["nested"]["chosen"]
        width = max(map(len, chosen), default=0)
        for name, values in chosen.items():
            shown = ", ".join("-" if v is None else format_value(v, 4) for v in values)
            lines.append(f"  {name:<{width}}  {shown}")
    for score in result.get("tested", ()):
        lines.append(f"tested   {TestScore(**score).line}")
    if "warning" in result:
        lines.append(f"  {result['warning']}")
    return lines
