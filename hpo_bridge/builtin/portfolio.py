"""``portfolio``: several optimizers on one history.

Optimizers are complementary by problem: what one of them finds helps the others, since each is
told of every trial. See :mod:`hpo_bridge.builtin.member_rotation` for the rules of their turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..contracts.optimizer import Problem
from ..plugins import PluginManager
from .member_rotation import MemberRotation
from .portfolio_members import MemberChoice, named_members, suitable_members

DEFAULT = (
    MemberChoice(("optuna.tpe", "hyperopt.tpe", "skopt.forest"), 4.0),
    MemberChoice(("optuna.gp", "skopt.gp", "skopt.extra_trees")),
)
"""The members by default.

A tree estimator copes with categories, conditions and many parameters; a Gaussian process, of
which each point is dear, learns more from few trials of numbers. The shares are measured, see
docs/which-backend.md.
"""


class Portfolio(MemberRotation):
    """Backends by name that take turns, each told everything.

    Args:
        problem: Any problem that the members take.
        plugins: Where to find them.
        members: Names, or mappings with ``name``, ``options`` and ``share``: the share of the
            trials relative to the others', 1 if it is not there. By default a tree estimator
            and, for every fifth trial, a Gaussian process, of the libraries that are installed.

    Raises:
        InvalidOptions: If a member cannot be found, or refuses its options.
        UnsupportedProblem: If a member refuses the problem; by default if all do.
    """

    def __init__(
        self,
        problem: Problem,
        plugins: PluginManager,
        *,
        members: Sequence[Any] | None = None,
    ) -> None:
        if members is not None:
            super().__init__(problem.space, named_members(members, problem, plugins))
        else:
            super().__init__(problem.space, *suitable_members(DEFAULT, problem, plugins))
