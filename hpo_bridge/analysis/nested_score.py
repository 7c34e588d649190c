"""The scores of a nested study's outer splits, read from their logs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from ..config.selection_rule import SelectionRule
from ..contracts.directions import SINGLE, Objectives
from ..errors import NoCompleteTrial, SelectionError
from ..store import Store
from ..store.study_events import SplitAssigned
from .nested_tuning import current_score, splits_of
from .selection import select_in


@dataclass(frozen=True)
class SplitScore:
    """One outer split that is done.

    Attributes:
        study: The name of its study, in the same store.
        split: Its number, from 1.
        number: The trial that was chosen there.
        params: Its configuration.
        best: The best value there, over the inner folds: what a report without an outer loop
            would have given.
        value: The value of the chosen trial there.
        score: The score of the chosen configuration on the outer test part.
        scores: All that was scored there, by name.
    """

    study: str
    split: int
    number: int
    params: Mapping[str, Any]
    best: float
    value: float
    score: float
    scores: Mapping[str, float | None]


@dataclass(frozen=True)
class NestedScore:
    """The score of a procedure: search, budget, rule and all.

    Attributes:
        of: How many outer splits there are.
        outer: Those that are done, by number.
        objective: The objective's name.
        sign: 1.0 where smaller is better, else -1.0.
    """

    of: int
    outer: tuple[SplitScore, ...]
    objective: str
    sign: float

    @property
    def complete(self) -> bool:
        """True once all splits are done."""
        return len(self.outer) == self.of

    @property
    def mean(self) -> float | None:
        """The mean of the outer scores: unbiased but for the smaller training parts."""
        return fmean(split.score for split in self.outer) if self.outer else None

    @property
    def standard_error(self) -> float | None:
        """Their standard deviation (``ddof=1``) by the root of their number.

        The splits share training data, so that it tends to be too small.
        """
        if len(self.outer) < 2:
            return None
        return stdev(split.score for split in self.outer) / math.sqrt(len(self.outer))

    @property
    def optimism(self) -> float | None:
        """By how much the best inner values are better than the outer scores, on average."""
        if not self.outer:
            return None
        return fmean(self.sign * (split.score - split.best) for split in self.outer)

    @property
    def chosen(self) -> dict[str, list[Any]]:
        """Parameter to what was chosen on each split; ``None`` where it is not active."""
        names = dict.fromkeys(name for split in self.outer for name in split.params)
        return {name: [split.params.get(name) for split in self.outer] for name in names}

    def __str__(self) -> str:
        """One line for people."""
        done = f"{len(self.outer)} of {self.of} outer splits"
        if self.mean is None or self.optimism is None:
            return done
        error = "" if self.standard_error is None else f" ± {self.standard_error:.3g}"
        naive = fmean(split.best for split in self.outer)
        return (
            f"{self.objective} {self.mean:.6g}{error} on {done}; the best of their own trials "
            f"promised {naive:.6g} (optimism {self.optimism:.3g})"
        )


def nested_score(
    store: Store, name: str, objectives: Objectives, rule: SelectionRule
) -> NestedScore:
    """Return the score of a nested study, from the outer splits that are done.

    Args:
        store: Where they are.
        name: The name of the study on all data.
        objectives: Its single objective.
        rule: How each split chooses; a score of another choice does not count.
    """
    ((objective, sign),) = objectives.signs.items()
    found, of = [], 0
    for number, study in splits_of(store.names(), name).items():
        outer = next(store.events_of(study, SplitAssigned), None)
        of = max(of, number if outer is None else outer.of)
        try:
            chosen = select_in(store, study, objectives, rule)
        except (NoCompleteTrial, SelectionError):
            continue
        seen = current_score(store, study, chosen)
        if seen is None:
            continue
        score = score_of(seen.values, objective)
        best, value = chosen.best.value, chosen.trial.value
        assert best is not None
        assert value is not None
        if score is not None:
            found.append(
                SplitScore(
                    study, number, chosen.number, chosen.params, best, value, score, seen.values
                )
            )
    return NestedScore(of, tuple(found), objective, sign)


def score_of(values: Mapping[str, float | None], objective: str) -> float | None:
    """The score that compares with the objective: of its name, or the only one."""
    for name in (objective, SINGLE):
        if name in values:
            return values[name]
    return next(iter(values.values())) if len(values) == 1 else None


def as_plain(found: NestedScore) -> dict[str, Any]:
    """Plain data, as ``best --json`` has it."""
    outer: Sequence[dict[str, Any]] = [
        {
            "study": s.study, "split": s.split, "number": s.number, "params": dict(s.params),
            "best": s.best, "value": s.value, "score": s.score, "scores": dict(s.scores),
        }
        for s in found.outer
    ]  # fmt: skip
    return {
        "splits": found.of, "done": len(found.outer), "objective": found.objective,
        "mean": found.mean, "standard_error": found.standard_error, "optimism": found.optimism,
        "chosen": found.chosen, "outer": outer,
    }  # fmt: skip
