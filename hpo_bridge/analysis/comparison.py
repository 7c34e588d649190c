"""The answer of a comparison: who is better, and how sure that is."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from statistics import median
from typing import Any

from ..contracts.view import View
from ..history.view_building import build_view
from ..plugins import manager
from ..store import Store
from .compared_run import RunBudget, RunResult
from .comparison_text import aligned, sentences, table
from .paired_tests import PairedTest, mean_ranks, paired_tests, probability_of_better

SHARES = (0.25, 0.5, 1.0)
"""The shares of the budget whose best values are shown."""
RANDOM = "core.random"


@dataclass(frozen=True)
class ComparedVariant:
    """One variant with its runs.

    Attributes:
        label: Its name.
        backend: Its backend, or schedule, in words.
        lines: The keys of a study file that make a study like its runs.
        runs: Its runs by block, from 1.
        studies: The names of their studies, likewise.
    """

    label: str
    backend: str
    lines: Mapping[str, Any]
    runs: Mapping[int, RunResult]
    studies: Mapping[int, str] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """The number of failed trials."""
        return sum(run.failed for run in self.runs.values())

    @property
    def optimizer_seconds(self) -> float:
        """The mean seconds of the optimizer in a run."""
        return sum(run.optimizer_seconds for run in self.runs.values()) / max(1, len(self.runs))


@dataclass(frozen=True)
class Comparison:
    """Variants of a study on one problem, run with the same seeds and budget.

    Attributes:
        study: The name of the study whose variants they are.
        sign: The factor that makes a value a loss.
        budget: The budget of each run.
        blocks: The number of runs of each variant that was not dropped.
        variants: The variants, in the order of the mean rank at the end.
        dropped: With a race, the label of each variant that was dropped, and after which block.
        store: The store of the runs.
        note: What is to be said of the problem before all else, such as that it is a surrogate.
    """

    study: str
    sign: float
    budget: RunBudget
    blocks: int
    variants: tuple[ComparedVariant, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    store: Store | None = field(default=None, repr=False)
    note: str = ""

    def losses(self, label: str, share: float = 1.0) -> list[float]:
        """Return a variant's best loss of each block after a share of the budget."""
        runs = next(each.runs for each in self.variants if each.label == label)
        return [runs[block].best(share, self.budget) for block in sorted(runs)]

    @property
    def finalists(self) -> list[str]:
        """The labels of the variants with all blocks, in order."""
        return [each.label for each in self.variants if each.label not in self.dropped]

    @cached_property
    def pairs(self) -> tuple[PairedTest, ...]:
        """Each pair of finalists, the better one by mean rank first, with Holm's correction."""
        return paired_tests({label: self.losses(label) for label in self.finalists})

    @property
    def winners(self) -> list[str]:
        """The labels of the first variant, and of those that cannot be told apart from it."""
        first, *others = self.finalists
        worse = {each.other for each in self.pairs if each.one == first and each.is_different}
        return [first, *(label for label in others if label not in worse)]

    @property
    def verdict(self) -> list[str]:
        """The answer in sentences."""
        return sentences(self.figures)

    @property
    def study_file(self) -> str:
        """The lines of a study file that use the first variant."""
        (best,) = (each for each in self.variants if each.label == self.winners[0])
        return "\n".join(f"{key}: {json.dumps(value)}" for key, value in best.lines.items())

    @cached_property
    def figures(self) -> dict[str, Any]:
        """The figures of the answer as plain data."""
        ranks = mean_ranks({label: self.losses(label) for label in self.finalists})
        return {
            "study": self.study, "note": self.note, "trials": self.budget.trials,
            "seconds": self.budget.seconds, "seeds": self.blocks, "winners": self.winners,
            "variants": [self._row(each, ranks) for each in self.variants],
            "pairs": [
                {
                    "one": each.one, "other": each.other, "wins": each.wins,
                    "losses": each.losses, "ties": each.blocks - each.wins - each.losses,
                    "difference": each.difference, "interval": each.interval, "p": each.p,
                    "corrected": each.corrected, "different": each.is_different,
                }
                for each in self.pairs
            ],
        }  # fmt: skip

    def plot(self) -> View:
        """Return a picture of the best so far: medians and quartiles of each variant's runs.

        Raises:
            UnknownName: If what draws it is not installed (``hpo-bridge[views]``).
        """
        assert self.store is not None
        runs = [(each.label, name) for each in self.variants for name in each.studies.values()]
        options = {"labels": [label for label, _ in runs]}
        return build_view(manager(), "runs", [(self.store, name) for _, name in runs], options)

    def to_json(self) -> dict[str, Any]:
        """Return the answer and its figures as plain data."""
        return {**self.figures, "verdict": self.verdict, "study_file": self.study_file}

    def _row(self, variant: ComparedVariant, ranks: Mapping[str, float]) -> dict[str, Any]:
        random = [each.label for each in self.variants if each.backend == RANDOM]
        better = None
        if random and variant.label != random[0]:
            better = probability_of_better(self.losses(variant.label), self.losses(random[0]))
        return {
            "label": variant.label, "backend": variant.backend, "rank": ranks.get(variant.label),
            "seeds": len(variant.runs), "best": [self.median_best(variant, x) for x in SHARES],
            "better_than_random": better, "optimizer_seconds": variant.optimizer_seconds,
            "failed": variant.failed, "dropped_after": self.dropped.get(variant.label),
            "studies": list(variant.studies.values()),
        }  # fmt: skip

    def median_best(self, variant: ComparedVariant, share: float) -> float | None:
        """Return the median over blocks of the best value after a share of the budget."""
        loss = median(self.losses(variant.label, share))
        return self.sign * loss if math.isfinite(loss) else None

    def __str__(self) -> str:
        use = [f"  {line}" for line in self.study_file.splitlines()]
        return "\n".join([
            *self.verdict, "", *aligned(table(self.figures)), "", "In the study file:", *use,
        ])  # fmt: skip

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"
