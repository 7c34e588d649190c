"""The members of a portfolio: those that the user names, or those that suit the problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..contracts.argument_checks import Choice, split_choice
from ..contracts.optimizer import Observation, Problem, Remark, Suggestion
from ..contracts.options import number
from ..contracts.trial import trial_seed
from ..engine.checked_optimizer import CheckedOptimizer, Proposal
from ..errors import (
    BackendError,
    HpoBridgeError,
    InvalidOptions,
    UnknownName,
    UnsupportedProblem,
    short,
)
from ..plugins import PluginManager
from .sub_backend import Part


class MemberChoice(NamedTuple):
    """The backends that can be a member, the first choice first, and its share."""

    names: tuple[str, ...]
    share: float = 1.0


@dataclass(eq=False)
class Member:
    """One optimizer of a portfolio.

    Attributes:
        name: Its name in the record: that of the backend, with a number if it comes again.
        part: The backend.
        optimizer: Asked and told in terms of the portfolio's space.
        share: Its share of the trials, relative to those of the others.
        turns: The trials that it has proposed by turns.
        gone: The reason why it is asked no more; empty while it is.
        failed: Whether that is an error of its own.
    """

    name: str
    part: Part
    optimizer: CheckedOptimizer
    share: float = 1.0
    turns: int = 0
    gone: str = ""
    failed: bool = False

    @property
    def startup(self) -> int | None:
        """The number of trials that it wants before its model is in use, if it says so."""
        declared = self.part.spec.startup
        return None if declared is None else int(self.part.options.get(*declared))

    @property
    def priority(self) -> float:
        """The smaller it is, the sooner it is the member's turn."""
        return (self.turns + 1) / self.share

    def suggestion(self, place: int, proposal: Proposal) -> Suggestion:
        """Return a proposal as the portfolio gives it on.

        Args:
            place: The member's place among all.
            proposal: Its own.
        """
        token = [place, proposal.token, proposal.raw]
        return Suggestion(proposal.params, token, proposal.member or self.name)

    def explained(self) -> list[Any]:
        """Return a row of its own for each parameter."""
        return self.part.explain(self.optimizer.built, list(self.optimizer.space))


def named_members(choices: Any, problem: Problem, plugins: PluginManager) -> list[Member]:
    """Return the members that the user names.

    Args:
        choices: Names, or mappings with ``name``, ``options`` and ``share``.
        problem: The problem.
        plugins: Where to find them.

    Raises:
        InvalidOptions: If they are no such list, or one cannot be found or refuses its options.
        UnsupportedProblem: If one refuses the problem.
    """
    if isinstance(choices, (str, Mapping)) or not isinstance(choices, Sequence) or not choices:
        raise InvalidOptions(f"found {short(choices)}, expected a list of backends", "members")
    members: list[Member] = []
    for place, choice in enumerate(choices):
        share, part = _read(choice, place, plugins)
        members.append(_built(part, problem, members, share))
    return members


def _read(choice: Choice, place: int, plugins: PluginManager) -> tuple[float, Part]:
    """Return a member's share and its backend."""
    path = ("members", str(place))
    share = 1.0
    try:
        if isinstance(choice, Mapping) and "share" in choice:
            share = number("share", choice["share"], above=0)
            choice = {key: value for key, value in choice.items() if key != "share"}
        name, options = split_choice(choice)
    except HpoBridgeError as error:
        raise InvalidOptions(error.problem, *path, *error.path, fix=error.fix) from None
    return share, Part(path, path, name, options, plugins)


def suitable_members(
    choices: Iterable[MemberChoice],
    problem: Problem,
    plugins: PluginManager,
    otherwise: str | None = None,
) -> tuple[list[Member], list[Remark]]:
    """Return the first backend of each choice that can be used, and remarks on those that cannot.

    Args:
        choices: The members.
        problem: The problem.
        plugins: Where to find them.
        otherwise: The only member where no other can be.

    Raises:
        UnsupportedProblem: If each of them refuses the problem, or none is installed.
    """
    members: list[Member] = []
    remarks: list[Remark] = []
    refusal: UnsupportedProblem | None = None
    for candidates, share in choices:
        for name in candidates:
            try:
                plugins.find("backend", name)
                members.append(_built(_unnamed(name, plugins), problem, members, share))
                break
            except UnknownName:  # not installed
                continue
            except UnsupportedProblem as error:
                refusal = refusal or error
                remarks.append(Remark(f"{name} is left out: {error}"))
            except BackendError as error:
                remarks.append(Remark(f"{name} is left out: {error}", is_fault=True))
    if not members and otherwise is not None:
        return [_built(_unnamed(otherwise, plugins), problem, ())], remarks
    if not members:
        raise refusal or UnsupportedProblem(
            "has no member, as no optimizer library is installed",
            fix='install one, such as pip install "hpo-bridge[optuna]", or use core.random',
        )
    return members, remarks


def _unnamed(name: str, plugins: PluginManager) -> Part:
    """Return a backend that no option names."""
    return Part((), (), name, {}, plugins)


def _built(part: Part, problem: Problem, others: Sequence[Member], share: float = 1.0) -> Member:
    """Return a new member, with a name and a seed that differ from the others'.

    The first one's seed is the portfolio's: by itself it proposes what it does as the backend.
    """
    place = len(others)
    seed = trial_seed(problem.seed, -place) if place else problem.seed
    optimizer = part.checked(problem.space, seed, problem.n_objectives)
    same = sum(each.part.name == part.name for each in others)
    return Member(f"{part.name} {same + 1}" if same else part.name, part, optimizer, share)


def foreign(seen: Observation, member: Member) -> Observation:
    """Return the observation of another one's point in a member's terms."""
    params = member.optimizer.encode(seen.params)
    return Observation(
        params, seen.losses, None, seen.state, seen.reports, seen.gradients, seen.infeasible
    )
