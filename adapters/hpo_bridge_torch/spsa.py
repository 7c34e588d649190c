"""``torch.spsa``: gradient steps for an objective that has no gradient.

Two evaluations per step, whatever the number of parameters (see :class:`.seats.Spsa`); the two
can run at the same time. It takes what the gradient backends take: continuous parameters. The
steps are Adam's, as of ``torch.adam`` with the option ``estimator: spsa``, of which this is
another name: one that asks for no gradients, so that the study needs none. For another rule take
``torch.sgd`` or ``torch.rprop`` with that option.

A difference over a finite distance looks past the roughness of a loss: it works where training is
chaotic and an exact derivative is exact and useless. In return its direction is random: it takes
several times as many trials, and more with every further parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.optimizer import Problem

from . import rules
from .search import Search


class Spsa(Search):
    """Adam with gradients from simultaneous perturbation (Spall 1992).

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        perturbation: Distance of the two points from the chain's, in every coordinate.
        step: How far a step goes in each coordinate, in [0, 1].
        beta1: Decay of the mean of gradients.
        beta2: Decay of the mean of their squares.
        n_starts: Number of chains; each has two trials at once.
        start: Where in [0, 1] the first one begins.
        init: Parameter name to where it begins instead.
        explode: How large a gradient may be.
        backtrack: How much worse than the best a loss may be.

    Example:
        >>> from hpo_bridge.space import Float, Space
        >>> spsa = Spsa(Problem(Space(x=Float(0, 1))), init={"x": 0.5})
        >>> sorted(round(s.params["x"], 6) for s in spsa.ask(8))
        [0.45, 0.55]
    """

    def __init__(
        self,
        problem: Problem,
        *,
        perturbation: float = 0.05,
        step: float = 0.08,
        beta1: float = 0.5,
        beta2: float = 0.9,
        n_starts: int = 1,
        start: float = 0.25,
        init: Mapping[str, Any] | None = None,
        explode: float = 30.0,
        backtrack: float = 0.05,
    ) -> None:
        super().__init__(
            problem,
            rules.adam(step, beta1, beta2),
            n_starts=n_starts,
            start=start,
            init=init,
            explode=explode,
            backtrack=backtrack,
            estimator="spsa",
            perturbation=perturbation,
        )
