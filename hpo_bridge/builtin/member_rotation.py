"""Several optimizers on one history, of which one is asked at a time.

* They take turns, by shares. Time decides nothing, so that a study is repeated exactly.
* There is one start-up: the member that wants the fewest trials before its model is in use makes
  them; the others are told.
* A point that was proposed before is given on only if every other member repeats one, too. The
  member is told the result that there is.
* A member that waits for results is passed over, one that has nothing left is asked no more, and
  one that raises goes out with a remark.
* A pending trial is known to the member that proposed it; the contract has no way to tell the
  others, except that they cannot propose the very point again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..contracts.optimizer import Observation, Remark, Snapshot, Suggestion, Translation
from ..engine.checked_optimizer import Proposal
from ..errors import BackendError, SearchExhausted, UnsupportedProblem
from ..space import Space
from .portfolio_members import Member, foreign
from .told_points import Repeat, ToldPoints


class MemberRotation:
    """Members that take turns, each told everything: the optimizer behind composites.

    Args:
        space: The space of all of them.
        members: At least one.
        remarks: What is to be said of the choice of them.
    """

    def __init__(
        self, space: Space, members: Sequence[Member], remarks: Iterable[Remark] = ()
    ) -> None:
        self._space, self._members, self._remarks = space, list(members), list(remarks)
        wanted = [member.startup for member in self._members]
        self._startup = min((count for count in wanted if count is not None), default=0)
        self._starter = wanted.index(self._startup) if self._startup in wanted else 0
        self._complete = 0
        self._points = ToldPoints()

    @property
    def wants_gradients(self) -> bool:
        """True if a member needs them."""
        return any(member.optimizer.differentiation.wanted for member in self._members)

    def remarks(self) -> Sequence[Remark]:
        """Return what is to be said of the members, once."""
        found, self._remarks = self._remarks, []
        return found

    def explain(self) -> Sequence[Translation]:
        """One row per parameter, with what each member makes of it."""
        rows: dict[str, list[Translation]] = {name: [] for name in self._space}
        for member in self._members:
            for row in member.explained():
                rows[row.parameter].append(row)
        return [
            Translation(
                name,
                "encoded" if any(row.how == "encoded" for row in found) else "native",
                "; ".join(row.detail for row in found),
            )
            for name, found in rows.items()
        ]

    # -- asking -----------------------------------------------------------------------

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Points of the members in turn.

        Raises:
            SearchExhausted: If no member has anything left.
            BackendError: If they all have failed.
        """
        suggestions: list[Suggestion] = []
        while len(suggestions) < n:
            found = self._next()
            if found is None:
                break
            suggestions.append(found)
        if not suggestions and all(member.gone for member in self._members):
            raise self._end()
        return suggestions

    def _end(self) -> Exception:
        if all(member.failed for member in self._members):
            return BackendError(f"no member is left: {self._members[-1].gone}")
        return SearchExhausted("; ".join(f"{m.name}: {m.gone}" for m in self._members))

    def _next(self) -> Suggestion | None:
        """The next point; ``None`` if all members wait, or none is left."""
        repeated: list[tuple[Member, Proposal]] = []
        chosen: tuple[Member, Proposal] | None = None
        for member in self._in_turn():
            proposal = self._asked(member)
            if proposal is None:
                continue
            if not self._points.has(proposal.params):
                chosen = member, proposal
                break
            repeated.append((member, proposal))
        if chosen is None and repeated:
            chosen = repeated.pop(0)
        for each in repeated:
            self._answer(*each)
        return None if chosen is None else self._given(*chosen)

    def _in_turn(self) -> list[Member]:
        """The members that can be asked, the one first whose turn it is."""
        able = [member for member in self._members if not member.gone]
        able.sort(key=lambda member: member.priority)
        starter = self._members[self._starter]
        if self._complete < self._startup and starter in able:
            able.remove(starter)
            able.insert(0, starter)
        return able

    def _asked(self, member: Member) -> Proposal | None:
        try:
            return member.optimizer.ask()[0]
        except SearchExhausted as end:
            member.gone = str(end)
        except (BackendError, UnsupportedProblem) as error:
            self._fail(member, error)
        return None

    def _given(self, member: Member, proposal: Proposal) -> Suggestion:
        if self._complete >= self._startup:
            member.turns += 1
        self._points.give(proposal.params)
        return member.suggestion(self._members.index(member), proposal)

    def _answer(self, member: Member, proposal: Proposal) -> None:
        """Tell a member the result of the point that it repeats, now or as soon as it is known."""
        place = self._members.index(member)
        known = self._points.repeat(Repeat(place, proposal.raw, proposal.token), proposal.params)
        if known is not None:
            self._tell(member, [known])

    def _fail(self, member: Member, error: Exception) -> None:
        member.gone, member.failed = str(error), True
        if any(not each.gone for each in self._members):
            self._remarks.append(Remark(f"goes on without {member.name}: {error}", is_fault=True))

    # -- telling ----------------------------------------------------------------------

    def tell(self, observations: Sequence[Observation]) -> None:
        """Takes results in any order, for all members."""
        told: dict[int, list[Observation]] = {}
        for seen in observations:
            for place, each in self._shared(seen):
                told.setdefault(place, []).append(each)
            for place, each in self._points.tell(seen):
                told.setdefault(place, []).append(each)
            self._complete += seen.losses is not None
        for place, results in told.items():
            self._tell(self._members[place], results)

    def _tell(self, member: Member, results: Sequence[Observation]) -> None:
        if member.gone:
            return
        try:
            member.optimizer.tell(results)
        except (BackendError, UnsupportedProblem) as error:
            self._fail(member, error)

    def _shared(self, seen: Observation) -> Iterator[tuple[int, Observation]]:
        """Yield the observation of one result for each member, with the member's place."""
        owner, token, raw = (None, None, None) if seen.token is None else seen.token
        for place, member in enumerate(self._members):
            if place == owner:
                yield place, replace(seen, params=raw or seen.params, token=token)
            else:
                yield place, foreign(seen, member)

    # -- snapshots --------------------------------------------------------------------

    def state(self) -> Any:
        """Return the members' states and turns; ``None`` if a member has none to give."""
        states: list[Any] = []
        for member in self._members:
            built = member.optimizer.built
            state = built.state() if isinstance(built, Snapshot) and not member.gone else None
            if state is None and not member.gone:
                return None
            states.append([member.part.library, member.turns, member.gone, member.failed, state])
        return {"members": states, "complete": self._complete, "points": self._points.state()}

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Brings each member to its state, with what it was told.

        Raises:
            BackendError: If a member's library is another one now.
        """
        history = list(observations)
        self._complete = state["complete"]
        told: list[list[Observation]] = [[] for _ in self._members]
        for seen, answers in self._points.restored(state["points"], history):
            for place, each in (*self._shared(seen), *answers):
                told[place].append(each)
        for member, (library, turns, gone, failed, own), seen_by_it in zip(
            self._members, state["members"], told, strict=True
        ):
            if library != member.part.library:
                raise BackendError(f"{member.name} was of {library}, is of {member.part.library}")
            member.turns, member.gone, member.failed = turns, gone, failed
            built = member.optimizer.built
            if not gone:
                assert isinstance(built, Snapshot)
                built.restore(own, iter(member.optimizer.own_observations(seen_by_it)))
