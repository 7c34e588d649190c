"""The results of a comparison so far, and the race for its seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .compared_run import ComparedRun, RunBudget, RunResult, run_result
from .paired_tests import hopeless, mean_ranks

FIRST_LOOK = 3
"""The number of seeds after which a race drops variants for the first time."""

Told = Callable[[str], None]
"""Called with each thing that has happened, in words."""


class Standings:
    """The results of a comparison so far.

    Args:
        labels: The labels of the variants.
        seeds: The number of runs of each.
        budget: The budget of each run.
        race: Whether variants are dropped that are clearly behind.
        told: Called with what happens.

    Attributes:
        results: The result of each run that is over, by label and block.
        names: The name of its study, likewise.
        dropped: The label of each variant that was dropped, and after which block.
        last: The last block that is needed.
    """

    def __init__(
        self, labels: Sequence[str], seeds: int, budget: RunBudget, *, race: bool, told: Told
    ) -> None:
        self._labels, self._seeds, self._budget = labels, seeds, budget
        self._race, self._told = race, told
        self.results: dict[tuple[str, int], RunResult] = {}
        self.names: dict[tuple[str, int], str] = {}
        self.dropped: dict[str, int] = {}
        self.last = seeds
        self._looked = 0

    @property
    def alive(self) -> list[str]:
        """The labels of the variants that were not dropped."""
        return [label for label in self._labels if label not in self.dropped]

    @property
    def missing(self) -> int:
        """The number of runs that are needed and not over."""
        blocks = range(1, self.last + 1)
        return sum((label, block) not in self.results for label in self.alive for block in blocks)

    def is_dropped(self, run: ComparedRun) -> bool:
        """Return whether a run is not needed."""
        return run.block > min(self.dropped.get(run.variant.label, self.last), self.last)

    def add(self, run: ComparedRun, sign: float) -> None:
        """Add a run that is over, unless it is not needed, and decide what is needed now."""
        if self.is_dropped(run):
            return
        key = run.variant.label, run.block
        self.results[key] = result = run_result(run.store, run.name)
        self.names[key] = run.name
        best = result.best(1.0, self._budget)
        value = f"{sign * best:.6g}" if math.isfinite(best) else "no value"
        self._told(f"seed {run.block} of {self._seeds}, {run.variant.label}: {value}")
        while self._race and self._look():
            pass

    def _look(self) -> bool:
        """Look at the next seed that all variants in the race have; ``False`` if there is none.

        Seeds are looked at in order, whatever the order in which runs end.
        """
        block, alive = self._looked + 1, self.alive
        if block >= self.last or any((label, block) not in self.results for label in alive):
            return False
        self._looked = block
        if block < FIRST_LOOK:
            return True
        losses = {label: self.losses(label, block) for label in alive}
        for label in sorted(hopeless(losses, self._seeds - FIRST_LOOK)):
            self.dropped[label] = block
            self._told(f"{label} is dropped after seed {block}: it is clearly behind")
        if len(self.alive) == 1:
            self.last = block
            self._told(f"{self.alive[0]} is clearly ahead of all others after seed {block}")
        return True

    def losses(self, label: str, blocks: int) -> list[float]:
        """Return a variant's best losses of the first so many blocks."""
        return [
            self.results[label, block].best(1.0, self._budget) for block in range(1, blocks + 1)
        ]

    def order(self) -> list[str]:
        """Return the labels, the best mean rank first, and those that were dropped last."""
        shared = min([self.last, *self.dropped.values()])
        ranks = mean_ranks({label: self.losses(label, shared) for label in self._labels})
        if len(self.alive) > 1:
            ranks |= mean_ranks({label: self.losses(label, self.last) for label in self.alive})
        last = {label: self.dropped.get(label, self.last + 1) for label in self._labels}
        return sorted(self._labels, key=lambda label: (-last[label], ranks[label]))
