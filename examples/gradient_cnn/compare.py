"""Twenty gradient trials against as many others, and against as much compute: a table, a picture.

    python compare.py [--seeds 8] [--picture comparison.png]

Takes about ten minutes on one core. Costs are CPU time, so that other work on the machine does not
count.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from statistics import mean, median
from typing import Any

from digits import Digits

import hpo_bridge as hpo

GRADIENT, RANDOM, TPE = "torch.adam", "core.random", "optuna.tpe"
TRIALS = 20
RETRAININGS = 5
FIRST_SEED = 1_000
"""Of those with which a configuration is trained again for its test; no trial has one of them."""


@dataclass
class Search:
    """A study of one backend on one split.

    Args:
        backend: Its name.
        split: Which images are for what; the seed of the study, too.
        retrainings: How often a configuration is trained again for its test.
    """

    backend: str
    split: int
    retrainings: int
    seconds: list[float] = field(default_factory=list)
    """CPU time of each trial."""
    _tests: dict[int, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        space = hpo.Space(
            lr=hpo.Float(1e-4, 1, log=True),
            weight_decay=hpo.Float(1e-6, 0.1, log=True),
            dropout=hpo.Float(0, 0.9),
        )
        self.training = Digits(self.split)
        self.study = hpo.Study(space, backend=self.backend, seed=self.split)

    def run(self, trials: int) -> None:
        """Go on until there are so many trials."""

        def timed(trial: hpo.Trial) -> Any:
            begin = time.process_time()
            try:
                return self.training(trial)  # the same for every backend
            finally:
                self.seconds.append(time.process_time() - begin)

        self.study.optimize(timed, trials=trials)

    @property
    def best(self) -> list[float]:
        """The lowest validation loss so far, after each trial; a trial may have failed."""
        losses = [float("inf") if t.value is None else t.value for t in self.study.trials]
        return list(accumulate(losses, min))

    def chosen(self, after: int) -> hpo.TrialRecord:
        """The trial with the lowest validation loss of so many."""
        return min(self.study.trials[:after], key=lambda t: (t.value is None, t.value or 0.0))

    def tested(self, after: int) -> tuple[float, float]:
        """Test loss and test error of the best configuration after so many trials.

        It is trained again with seeds that no trial had; the mean over these.
        """
        chosen = self.chosen(after)
        if chosen.number not in self._tests:
            seeds = range(FIRST_SEED, FIRST_SEED + self.retrainings)
            found = [self.training.test(chosen.params, seed) for seed in seeds]
            losses, errors = zip(*found, strict=True)
            self._tests[chosen.number] = mean(losses), mean(errors)
        return self._tests[chosen.number]


@dataclass(frozen=True)
class Comparison:
    """All studies, and how many plain trainings a gradient trial costs."""

    searches: dict[str, list[Search]]
    ratio: float

    @property
    def rows(self) -> dict[str, list[int]]:
        """After how many trials each backend is looked at."""
        most = len(self.searches[GRADIENT][0].seconds)
        steps = [max(most // 4, 1), most]
        plain = sorted({*(self.worth(count) for count in steps), most})
        return {GRADIENT: steps, RANDOM: plain, TPE: plain}

    def worth(self, count: int) -> int:
        """So many gradient trials in plain trainings."""
        return round(count * self.ratio)

    def errors(self, backend: str, after: int) -> list[float]:
        """The test error on each split."""
        return [search.tested(after)[1] for search in self.searches[backend]]


def compare(splits: int, trials: int, retrainings: int) -> Comparison:
    """Run as many trials of each; then as many others as the gradient trials are worth."""
    searches = {
        name: [Search(name, split, retrainings) for split in range(splits)]
        for name in (GRADIENT, RANDOM, TPE)
    }
    for split in range(splits):
        for runs in searches.values():
            runs[split].run(trials)
    cost = {n: mean(s for run in runs for s in run.seconds) for n, runs in searches.items()}
    found = Comparison(searches, cost[GRADIENT] / mean((cost[RANDOM], cost[TPE])))
    for name in (RANDOM, TPE):
        for run in searches[name]:
            run.run(max(found.worth(trials), trials))
    return found


def table(found: Comparison) -> None:
    """Print medians over the splits."""
    print(f"a gradient trial costs {found.ratio:.2f} plain trainings")
    titles = ("trials", "plain trainings", "validation loss", "test loss", "test error")
    print(f"{'backend':<12}" + "".join(f"{title:>17}" for title in titles))
    for name, rows in found.rows.items():
        for after in rows:
            runs = found.searches[name]
            worth = found.worth(after) if name == GRADIENT else after
            losses = median(run.best[after - 1] for run in runs)
            tests = [
                median(column) for column in zip(*(r.tested(after) for r in runs), strict=True)
            ]
            numbers = "".join(f"{number:>17.4f}" for number in (losses, *tests))
            print(f"{name:<12}{after:>17}{worth:>17}{numbers}")


def verdicts(found: Comparison) -> None:
    """Print how often gradient trials have the lower test error: for as many, for as much."""
    few, most = found.rows[GRADIENT]
    for count, others in ((most, most), (few, found.worth(few)), (most, found.worth(most))):
        for name in (RANDOM, TPE):
            pairs = zip(found.errors(GRADIENT, count), found.errors(name, others), strict=True)
            wins = [ours < theirs for ours, theirs in pairs]
            print(
                f"{count} of {GRADIENT} have a lower test error than {others} of {name} on "
                f"{sum(wins)} of {len(wins)} splits"
            )


def settings(found: Comparison) -> None:
    """Print what the best configurations are like."""
    for name, runs in found.searches.items():
        chosen = [run.chosen(len(run.seconds)).params for run in runs]
        parts = [f"{key} {median(params[key] for params in chosen):.2g}" for key in chosen[0]]
        print(f"the best of {name}, median: {', '.join(parts)}")


def draw(found: Comparison, path: Path) -> None:
    """The test error of the best so far, by trials and by compute."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(8, 3.6), layout="constrained", sharey=True
    )
    most = found.rows[GRADIENT][-1]
    for name, runs in found.searches.items():
        after = range(1, len(runs[0].seconds) + 1)
        curve = [median(found.errors(name, count)) for count in after]
        left.plot(after[:most], curve[:most], label=name)
        price = found.ratio if name == GRADIENT else 1.0
        right.plot([count * price for count in after], curve, label=name)
    left.set(xlabel="trials", ylabel="test error of the best so far", yscale="log")
    ticks = [0.1, 0.15, 0.2, 0.3, 0.5, 0.8]
    left.set_yticks(ticks, [str(tick) for tick in ticks], minor=False)
    left.minorticks_off()
    right.set(xlabel="compute, in plain trainings")
    left.legend()
    splits = len(found.searches[GRADIENT])
    figure.suptitle(f"Three hyperparameters of a CNN on digits, median of {splits} splits")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=8, metavar="N")
    parser.add_argument("--trials", type=int, default=TRIALS, metavar="N")
    parser.add_argument("--retrainings", type=int, default=RETRAININGS, metavar="N")
    parser.add_argument("--picture", type=Path, default=Path("comparison.png"), metavar="FILE")
    chosen = parser.parse_args(arguments)
    found = compare(chosen.seeds, chosen.trials, chosen.retrainings)
    table(found)
    verdicts(found)
    settings(found)
    draw(found, chosen.picture)
    print(f"picture: {chosen.picture}")


if __name__ == "__main__":
    main()
