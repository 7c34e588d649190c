"""``torch.spsa``: gradient steps for an objective that has no gradient.

Two evaluations per step, whatever the number of parameters (see :mod:`.estimators`); the two
can run at the same time. It takes what the gradient backends take: continuous parameters. The
steps are Adam's, as of ``torch.adam`` with the option ``estimator: spsa``, of which this is
another name: one that asks for no gradients, so that the study needs none. For another rule take
``torch.sgd`` or ``torch.rprop`` with that option.

A difference over a finite distance looks past the roughness of a loss: it works where training is
chaotic and an exact derivative is exact and useless. In return its direction is random: it takes
several times as many trials, and more with every further parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import Range, with_options

from . import rules
from .search import Search, SearchOptions


@dataclass(frozen=True, kw_only=True)
class SpsaOptions(SearchOptions):
    """Options of :class:`Spsa`.

    Attributes:
        step: Length of a step in each coordinate.
        beta1: Decay of the mean of gradients.
        beta2: Decay of the mean of their squares.
    """

    step: Annotated[float, Range(above=0, most=1)] = 0.08
    beta1: Annotated[float, Range(0, below=1)] = 0.5
    beta2: Annotated[float, Range(0, below=1)] = 0.9


@with_options(SpsaOptions)
class Spsa(Search):
    """Adam with gradients from simultaneous perturbation (Spall 1992).

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        options: See :class:`SpsaOptions` and its base.

    Example:
        >>> from hpo_bridge.space import Float, Space
        >>> spsa = Spsa(Problem(Space(x=Float(0, 1))), init={"x": 0.5})
        >>> sorted(round(s.params["x"], 6) for s in spsa.ask(8))
        [0.45, 0.55]
    """

    def __init__(self, problem: Problem, options: SpsaOptions) -> None:
        rule = rules.Adam(options.step, options.beta1, options.beta2)
        super().__init__(problem, rule, options, "spsa")
