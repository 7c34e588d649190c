"""Find the wrong labels by the gradient of the validation loss by 449 weights.

    python clean.py [--seeds 5] [--picture weights.png]

Takes about two minutes on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from cleaning import EXAMPLES, Cleaning
from torch import Tensor

import hpo_bridge as hpo

HALF = 0.5
"""Where all weights begin; what ends below counts as wrong."""
TRIALS = 30
RANDOM_TRIALS = 120  # trainings, about what 30 of them cost that are differentiated


@dataclass(frozen=True)
class Cleaned:
    """One seed: what was found, and what it is worth."""

    weights: Tensor
    wrong: Tensor
    values: list[float]
    detection: float
    random: float
    baseline: float
    cleaned: float
    oracle: float

    @property
    def closed(self) -> float:
        """The share of the gap between baseline and oracle that is closed."""
        return (self.cleaned - self.baseline) / (self.oracle - self.baseline)


def search(training: Cleaning, backend: str, trials: int, seed: int) -> tuple[Tensor, list[float]]:
    """The best weights of a study, and the values of its trials."""
    space = hpo.Space(weights=hpo.Float(0, 1, shape=(EXAMPLES,)))
    options = {"start": HALF} if backend == "torch.adam" else {}
    study = hpo.Study(space, backend={"name": backend, "options": options}, seed=seed)
    study.optimize(training, trials=trials)
    return torch.tensor(study.best.params["weights"]), [trial.value for trial in study.trials]


def clean(seed: int, trials: int, random_trials: int) -> Cleaned:
    """Run one seed."""
    training = Cleaning(seed)
    weights, values = search(training, "torch.adam", trials, seed)
    by_luck, _ = search(training, "core.random", random_trials, seed)
    return Cleaned(
        weights,
        training.wrong,
        values,
        training.detection(weights >= HALF),
        training.detection(by_luck >= HALF),
        training.accuracy(torch.ones(EXAMPLES, dtype=torch.bool)),
        training.accuracy(weights >= HALF),
        training.accuracy(~training.wrong),
    )


def table(found: list[Cleaned]) -> None:
    """Print each seed and the medians."""
    titles = ("seed", "F1", "random F1", "baseline", "cleaned", "oracle", "gap closed")
    print("".join(f"{title:>12}" for title in titles))
    rows = [
        (one.detection, one.random, one.baseline, one.cleaned, one.oracle, one.closed)
        for one in found
    ]
    for seed, row in enumerate(rows):
        print(f"{seed:>12}" + "".join(f"{number:>12.3f}" for number in row))
    medians = [median(column) for column in zip(*rows, strict=True)]
    print(f"{'median':>12}" + "".join(f"{number:>12.3f}" for number in medians))


def draw(found: list[Cleaned], path: Path) -> None:
    """The weights of right and wrong labels, and the way there."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3.4), layout="constrained")
    weights = torch.cat([one.weights for one in found])
    wrong = torch.cat([one.wrong for one in found])
    parts = [weights[~wrong].tolist(), weights[wrong].tolist()]
    left.hist(parts, bins=20, range=(0, 1), label=["right label", "wrong label"])
    left.axvline(HALF, color="black", linewidth=0.8, linestyle="--")
    left.set(xlabel="weight after the last trial", ylabel="training examples", yscale="log")
    left.legend(loc="upper center")
    for seed, one in enumerate(found):
        right.plot(range(1, len(one.values) + 1), one.values, label=f"seed {seed}")
    right.set(xlabel="trial", ylabel="validation loss")
    right.legend()
    figure.suptitle("449 weights by their gradient: half of the labels are wrong")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> None:
    """Run the example."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument("--trials", type=int, default=TRIALS, metavar="N")
    parser.add_argument("--picture", type=Path, default=Path("weights.png"), metavar="FILE")
    chosen = parser.parse_args(arguments)
    random_trials = RANDOM_TRIALS * chosen.trials // TRIALS
    found = [clean(seed, chosen.trials, random_trials) for seed in range(chosen.seeds)]
    table(found)
    draw(found, chosen.picture)
    print(f"picture: {chosen.picture}")


if __name__ == "__main__":
    main()
