"""``auto``: the backend that suits a problem, by a table of rules.

The first rule that holds is taken, and of each of its choices the first backend that is
installed. The measurements behind the table are in docs/which-backend.md. No clock and no network
decides: the same problem and the same libraries give the same backend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..contracts.optimizer import Problem, Remark
from ..plugins import PluginManager
from .member_rotation import MemberRotation
from .portfolio_members import MemberChoice, suitable_members

RANDOM = "core.random"
_TREES = MemberChoice(("optuna.tpe", "hyperopt.tpe", "skopt.forest", "deap.ga"))
_FRONTS = MemberChoice(("optuna.tpe", "deap.nsga2"))


@dataclass(frozen=True)
class Rule:
    """A kind of problem, and what it is given.

    Attributes:
        when: The kind, in words.
        holds: Return whether a problem is of this kind.
        choices: The members.
    """

    when: str
    holds: Callable[[Problem], bool]
    choices: tuple[MemberChoice, ...]


def _has_vectors(problem: Problem) -> bool:
    return bool(problem.space.vectors)


def _has_several_objectives(problem: Problem) -> bool:
    return problem.n_objectives > 1


def _is_any(problem: Problem) -> bool:
    return True


RULES = (
    Rule("it has vectors, which only gradients learn from", _has_vectors, ()),
    Rule("it has several objectives", _has_several_objectives, (_FRONTS,)),
    Rule("it has one objective", _is_any, (_TREES,)),
)
"""The rules in order: the first that holds is taken."""


class Auto(MemberRotation):
    """The backend that the first rule gives which holds of a problem.

    Args:
        problem: Any problem; where no backend that learns takes it, random search does.
        plugins: Where to find backends.
    """

    def __init__(self, problem: Problem, plugins: PluginManager) -> None:
        place, rule = next((n, r) for n, r in enumerate(RULES, 1) if r.holds(problem))
        members, remarks = suitable_members(rule.choices, problem, plugins, RANDOM)
        text = f"{' and '.join(each.name for each in members)} by rule {place}: {rule.when}"
        lacking = bool(rule.choices) and members[0].name == RANDOM
        if lacking:
            text += '; nothing that learns from it is installed: pip install "hpo-bridge[optuna]"'
        super().__init__(problem.space, members, [Remark(text, is_fault=lacking), *remarks])
