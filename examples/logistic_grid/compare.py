"""Gradient steps against a grid of 97 points, for one hyperparameter: a table, and a picture.

    python compare.py [--splits 5] [--picture grid.png]

Takes about half a minute on one core.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from logistic import Penalised

import hpo_bridge as hpo

GRID = [-6.0 + i / 8 for i in range(97)]
TRIALS = 15


@dataclass(frozen=True)
class Found:
    """What the grid and the gradient steps found on one split."""

    grid: list[float]
    steps: list[tuple[float, float]]

    @property
    def best_of_grid(self) -> tuple[float, float]:
        """Alpha and value."""
        value = min(self.grid)
        return GRID[self.grid.index(value)], value

    @property
    def best_of_steps(self) -> tuple[float, float]:
        """Alpha and value."""
        return min(self.steps, key=lambda step: step[1])

    @property
    def apart(self) -> float:
        """How far the two alphas are apart."""
        return abs(self.best_of_grid[0] - self.best_of_steps[0])


def search(split: int, trials: int) -> Found:
    """Evaluate the grid, and run a study of gradient steps."""
    training = Penalised(split)
    grid = [training.value({"alpha": alpha}) for alpha in GRID]
    study = hpo.Study(hpo.Space(alpha=hpo.Float(-6, 6)), backend="torch.sgd", seed=split)
    study.optimize(training, trials=trials)
    return Found(grid, [(t.params["alpha"], t.value) for t in study.trials])


def draw(found: list[Found], path: Path) -> None:
    """The validation loss over alpha, and the trials on it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.8), layout="constrained")
    for split, one in enumerate(found):
        (line,) = axes.plot(GRID, one.grid, linewidth=1, label=f"split {split}")
        axes.plot(*zip(*one.steps, strict=True), "o", color=line.get_color(), markersize=3)
    axes.set(
        xlabel="alpha: the penalty is exp(alpha) / 2 · |w|²",
        ylabel="validation loss",
        title="97 grid points (lines), and the trials of torch.sgd (dots)",
    )
    axes.legend()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--splits", type=int, default=5, metavar="N")
    parser.add_argument("--trials", type=int, default=TRIALS, metavar="N")
    parser.add_argument("--picture", type=Path, default=Path("grid.png"), metavar="FILE")
    chosen = parser.parse_args(arguments)
    found = [search(split, chosen.trials) for split in range(chosen.splits)]
    print(
        f"{'split':<7}{'grid: alpha':>13}{'loss':>10}{'steps: alpha':>15}{'loss':>10}{'apart':>8}"
    )
    for split, one in enumerate(found):
        (grid, lowest), (alpha, value) = one.best_of_grid, one.best_of_steps
        print(
            f"{split:<7}{grid:>13.3f}{lowest:>10.6f}{alpha:>15.3f}{value:>10.6f}{one.apart:>8.3f}"
        )
    print(f"at most {max(one.apart for one in found):.3f} apart, after {chosen.trials} trials")
    draw(found, chosen.picture)
    print(f"picture: {chosen.picture}")


if __name__ == "__main__":
    main()
