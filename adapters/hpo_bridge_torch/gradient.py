"""``torch.adam``, ``torch.sgd`` and ``torch.rprop``: steps along the gradient of the loss.

They are ordinary backends: what is special is that a trial must give derivatives
(``Observation.gradients``), from torch, from another framework, or by hand. Everything happens in
the unit cube (:mod:`hpo_bridge_torch.cube`), in chains (:mod:`hpo_bridge_torch.chains`), by rules
(:mod:`hpo_bridge_torch.rules`). Their defaults are measured ones, see ``docs/gradient.md``.

The options that all three take:

* ``n_starts``: how many chains run side by side. A chain waits for its trial before it goes on;
  so this is how many trials can run at once. More chains find more, later: with a given number of
  trials one chain is best where its start is good.
* ``start``: where in [0, 1] the first chain begins. A quarter, low: a learning rate that is too
  small costs a few steps, one that is too large gives gradients without meaning.
* ``init``: name to value: where it begins for parameters of which you know better.
* ``explode``, ``backtrack``: when a point counts as bad; see :mod:`hpo_bridge_torch.chains`.
* ``estimator``: ``gradient``, or ``spsa`` for an objective that has none: see
  :mod:`hpo_bridge_torch.spsa`; ``perturbation`` is of the latter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.optimizer import Problem

from . import rules
from .search import Search


class Adam(Search):
    """Adam in the unit cube: every coordinate moves by about ``step`` while its sign stays.

    The decays are shorter than torch's 0.9 and 0.999, which are for thousands of steps: after ten
    trials of an 11-dimensional problem the loss was lower by 0.02 to 0.08, after twenty of a
    network's training about the same.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        step: How far a step goes in each coordinate, in [0, 1].
        beta1: Decay of the mean of gradients.
        beta2: Decay of the mean of their squares.
        n_starts: Number of chains.
        start: Where in [0, 1] the first one begins.
        init: Parameter name to where it begins instead.
        explode: How large a gradient may be.
        backtrack: How much worse than the best a loss may be.
        estimator: ``gradient`` or ``spsa``.
        perturbation: Of ``spsa``.

    Example:
        >>> from hpo_bridge.contracts.optimizer import Observation
        >>> from hpo_bridge.space import Float, Space
        >>> adam = Adam(Problem(Space(x=Float(0, 1))), init={"x": 0.5}, step=0.1)
        >>> (first,) = adam.ask(1)
        >>> adam.tell([Observation(first.params, (1.0,), first.token, gradients={"x": -3.0})])
        >>> round(adam.ask(1)[0].params["x"], 6)
        0.6
    """

    def __init__(
        self,
        problem: Problem,
        *,
        step: float = 0.08,
        beta1: float = 0.5,
        beta2: float = 0.9,
        n_starts: int = 1,
        start: float = 0.25,
        init: Mapping[str, Any] | None = None,
        explode: float = 30.0,
        backtrack: float = 0.05,
        estimator: str = "gradient",
        perturbation: float = 0.05,
    ) -> None:
        super().__init__(
            problem,
            rules.adam(step, beta1, beta2),
            n_starts=n_starts,
            start=start,
            init=init,
            explode=explode,
            backtrack=backtrack,
            estimator=estimator,
            perturbation=perturbation,
        )


class Sgd(Search):
    """Gradient descent with momentum in the unit cube.

    The rate is set by the first gradient, so that the first step goes ``step`` far; later ones
    are as long as the gradient says. Good where the loss is smooth and well scaled: there it
    comes to rest at the minimum, which Adam's steps go past.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        step: How far the first step goes, in [0, 1].
        momentum: Share of the last step that is made again.
        longest: How far any step goes at most.
        n_starts: Number of chains.
        start: Where in [0, 1] the first one begins.
        init: Parameter name to where it begins instead.
        explode: How large a gradient may be.
        backtrack: How much worse than the best a loss may be.
        estimator: ``gradient`` or ``spsa``.
        perturbation: Of ``spsa``.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        step: float = 0.08,
        momentum: float = 0.5,
        longest: float = 0.2,
        n_starts: int = 1,
        start: float = 0.25,
        init: Mapping[str, Any] | None = None,
        explode: float = 30.0,
        backtrack: float = 0.05,
        estimator: str = "gradient",
        perturbation: float = 0.05,
    ) -> None:
        super().__init__(
            problem,
            rules.sgd(step, momentum, longest),
            n_starts=n_starts,
            start=start,
            init=init,
            explode=explode,
            backtrack=backtrack,
            estimator=estimator,
            perturbation=perturbation,
        )


class Rprop(Search):
    """Rprop in the unit cube: steps by the signs of the derivatives alone.

    Robust to gradients whose size says nothing: each coordinate has a step of its own, longer
    while the sign stays, shorter where it flips. ``grow: 1`` is the rule of Micaelli and Storkey.

    Args:
        problem: A problem with one objective, all of whose parameters are continuous.
        step: First step of every coordinate, in [0, 1].
        grow: Factor of a coordinate's step where the sign stays.
        shrink: Factor where it flips.
        longest: How far any step goes at most.
        n_starts: Number of chains.
        start: Where in [0, 1] the first one begins.
        init: Parameter name to where it begins instead.
        explode: How large a gradient may be.
        backtrack: How much worse than the best a loss may be.
        estimator: ``gradient`` or ``spsa``.
        perturbation: Of ``spsa``.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        step: float = 0.08,
        grow: float = 1.2,
        shrink: float = 0.5,
        longest: float = 0.2,
        n_starts: int = 1,
        start: float = 0.25,
        init: Mapping[str, Any] | None = None,
        explode: float = 30.0,
        backtrack: float = 0.05,
        estimator: str = "gradient",
        perturbation: float = 0.05,
    ) -> None:
        super().__init__(
            problem,
            rules.rprop(step, grow, shrink, longest),
            n_starts=n_starts,
            start=start,
            init=init,
            explode=explode,
            backtrack=backtrack,
            estimator=estimator,
            perturbation=perturbation,
        )
