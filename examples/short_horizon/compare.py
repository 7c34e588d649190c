"""Schedules of learning rates by how far they look ahead: a table, and a picture.

    python compare.py [--trials 40] [--picture schedules.png]

Takes about a quarter of a minute on one core; nothing is random.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from quadratic import STEPS, State, begin, greedy, loss, step

import hpo_bridge as hpo

if TYPE_CHECKING:
    from torch import Tensor

    from hpo_bridge import Trial

HORIZONS = (1, 10, 50, STEPS)
LOW, HIGH = 0.005, 1.9  # at 2 the coordinate of the largest curvature diverges
TRIALS = 40


@dataclass(frozen=True)
class Schedule:
    """Learning rates, and the loss after each."""

    name: str
    rates: list[float]

    @property
    def losses(self) -> list[float]:
        """The expected loss after each step."""
        state, found = begin(), []
        for rate in self.rates:
            state = step(state, rate)
            found.append(float(loss(state)))
        return found


def best_fixed() -> Schedule:
    """The best of 200 learning rates that stay the same for all steps."""
    rates = [LOW * (HIGH / LOW) ** (i / 199) for i in range(200)]
    found = [Schedule("best fixed rate", [rate] * STEPS) for rate in rates]
    return min(found, key=lambda one: one.losses[-1])


def looking_ahead(horizon: int, trials: int) -> Schedule:
    """The rates of so many steps at a time, chosen for the loss at their end.

    By a study of gradient steps for each part; one step ahead there is a closed form.
    """
    state, rates = begin(), list[float]()
    while len(rates) < STEPS:
        length = min(horizon, STEPS - len(rates))
        part = [float(greedy(state))] if length == 1 else searched(state, length, trials)
        for rate in part:
            state = step(state, rate)
        rates += part
    name = f"{horizon} step{'s' * (horizon > 1)} ahead"
    return Schedule(name, rates)


def searched(start: State, length: int, trials: int) -> list[float]:
    """The best rates that a study finds for the steps that come next."""

    def ends(trial: Trial) -> Tensor:
        state = start
        for rate in trial.tensors["rates"]:
            state = step(state, rate)
        return loss(state)

    space = hpo.Space(rates=hpo.Float(LOW, HIGH, log=True, shape=(length,)))
    study = hpo.Study(space, backend={"name": "torch.adam", "options": {"start": 0.5}}, seed=0)
    study.optimize(ends, trials=trials)
    return [float(rate) for rate in study.best.params["rates"]]


def draw(found: list[Schedule], path: Path) -> None:
    """The schedules, and the losses under them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    for one in found:
        left.plot(range(1, STEPS + 1), one.rates, label=one.name, linewidth=1)
        right.plot(range(1, STEPS + 1), one.losses, label=one.name, linewidth=1)
    left.set(xlabel="step", ylabel="learning rate", yscale="log")
    right.set(xlabel="step", ylabel="expected loss", yscale="log")
    left.legend(fontsize="small")
    figure.suptitle("Noisy quadratic: who looks one step ahead lowers the learning rate too early")
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def slope_at_greedy() -> float:
    """The derivative of the next loss at the closed-form greedy rate, which should be 0."""
    rate = greedy(begin()).requires_grad_()
    (slope,) = torch.autograd.grad(loss(step(begin(), rate)), rate)
    return abs(float(slope))


def main(arguments: list[str] | None = None) -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=TRIALS, metavar="N")
    parser.add_argument("--picture", type=Path, default=Path("schedules.png"), metavar="FILE")
    chosen = parser.parse_args(arguments)
    found = [best_fixed(), *(looking_ahead(horizon, chosen.trials) for horizon in HORIZONS)]
    print(f"{'schedule':<18}{'final loss':>12}{'first rate':>12}{'middle':>9}{'last':>9}")
    for one in found:
        rates = (one.rates[0], one.rates[STEPS // 2], one.rates[-1])
        shown = f"{rates[0]:>12.3f}{rates[1]:>9.3f}{rates[2]:>9.3f}"
        print(f"{one.name:<18}{one.losses[-1]:>12.5f}{shown}")
    print(f"slope of the next loss at the closed-form greedy rate: {slope_at_greedy():.1e}")
    draw(found, chosen.picture)
    print(f"picture: {chosen.picture}")


if __name__ == "__main__":
    main()
