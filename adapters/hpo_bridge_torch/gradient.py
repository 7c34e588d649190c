"""``torch.adam``, ``torch.sgd`` and ``torch.rprop``: steps along the gradient of the loss.

They are ordinary backends: what is special is that a trial must give derivatives
(``Observation.gradients``), from torch, from another framework, or by hand. Everything happens in
the unit cube (:mod:`hpo_bridge_torch.cube`), in chains (:mod:`hpo_bridge_torch.chains`), by rules
(:mod:`hpo_bridge_torch.rules`). Their defaults are measured ones, see ``docs/gradient.md``.

The options that all three take are :class:`GradientOptions`. By default the first chain begins at
a quarter of each range: a learning rate that is too small costs a few steps, one that is too large
gives gradients without meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.options import Range, with_options

from . import rules
from .search import Search, SearchOptions


@dataclass(frozen=True, kw_only=True)
class GradientOptions(SearchOptions):
    """Options of the gradient backends.

    Attributes:
        step: Length of the first step in each coordinate (with ``torch.sgd`` in the largest one).
        estimator: ``gradient``, or ``spsa`` for an objective that has none: see
            :mod:`hpo_bridge_torch.spsa`.
    """

    step: Annotated[float, Range(above=0, most=1)] = 0.08
    estimator: Literal["gradient", "spsa"] = "gradient"


@dataclass(frozen=True, kw_only=True)
class AdamOptions(GradientOptions):
    """Options of :class:`Adam`.

    Attributes:
        beta1: Decay of the mean of gradients.
        beta2: Decay of the mean of their squares.
    """

    beta1: Annotated[float, Range(0, below=1)] = 0.5
    beta2: Annotated[float, Range(0, below=1)] = 0.9


@with_options(AdamOptions)
class Adam(Search):
    """Adam in the unit cube: every coordinate moves by about ``step`` while its sign stays.

    The decays are shorter than torch's 0.9 and 0.999, which are for thousands of steps: after ten
    trials of an 11-dimensional problem the loss was lower by 0.02 to 0.08, after twenty of a
    network's training about the same.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        options: See :class:`AdamOptions` and its bases.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Observation
        >>> from hpo_bridge.space import Float, Space
        >>> adam = Adam(Problem(Space(x=Float(0, 1))), init={"x": 0.5}, step=0.1)
        >>> (first,) = adam.ask(1)
        >>> adam.tell([Observation(first.params, (1.0,), first.token, gradients={"x": -3.0})])
        >>> round(adam.ask(1)[0].params["x"], 6)
        0.6
    """

    def __init__(self, problem: Problem, options: AdamOptions) -> None:
        rule = rules.Adam(options.step, options.beta1, options.beta2)
        super().__init__(problem, rule, options, options.estimator)


@dataclass(frozen=True, kw_only=True)
class SgdOptions(GradientOptions):
    """Options of :class:`Sgd`.

    Attributes:
        momentum: Share of the last step that is made again.
        longest: Length of the longest step.
    """

    momentum: Annotated[float, Range(0, below=1)] = 0.5
    longest: Annotated[float, Range(above=0, most=1)] = 0.2


@with_options(SgdOptions)
class Sgd(Search):
    """Gradient descent with momentum in the unit cube.

    The rate is set by the first gradient, so that the first step goes ``step`` far; later ones
    are as long as the gradient says. Good where the loss is smooth and well scaled: there it
    comes to rest at the minimum, which Adam's steps go past.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        options: See :class:`SgdOptions` and its bases.
    """

    def __init__(self, problem: Problem, options: SgdOptions) -> None:
        rule = rules.Sgd(options.step, options.momentum, options.longest)
        super().__init__(problem, rule, options, options.estimator)


@dataclass(frozen=True, kw_only=True)
class RpropOptions(GradientOptions):
    """Options of :class:`Rprop`.

    Attributes:
        grow: Factor of a coordinate's step where the sign stays.
        shrink: Factor where it flips.
        longest: Length of the longest step.
    """

    grow: Annotated[float, Range(1, 2)] = 1.2
    shrink: Annotated[float, Range(above=0, most=1)] = 0.5
    longest: Annotated[float, Range(above=0, most=1)] = 0.2


@with_options(RpropOptions)
class Rprop(Search):
    """Rprop in the unit cube: steps by the signs of the derivatives alone.

    Robust to gradients whose size says nothing: each coordinate has a step of its own, longer
    while the sign stays, shorter where it flips. ``grow: 1`` is the rule of Micaelli and Storkey.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        options: See :class:`RpropOptions` and its bases.
    """

    def __init__(self, problem: Problem, options: RpropOptions) -> None:
        rule = rules.Rprop(options.step, options.grow, options.shrink, options.longest)
        super().__init__(problem, rule, options, options.estimator)
