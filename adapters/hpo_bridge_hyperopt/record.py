"""Hyperopt's record of trials, kept without its copies and under ids of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_NEW, STATUS_OK, Trials

from hpo_bridge.contracts.optimizer import Observation
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError

from .translation import Table, Vals


class Record(Trials):  # type: ignore[misc]
    """The trials that an algorithm of Hyperopt looks at, in the order of their ids.

    ``fmin`` copies the list of trials six times per trial; this one is never copied but by
    the algorithm. Trials end in any order. The ids are 0, 1, 2 … over all that was suggested
    or came from elsewhere.

    Args:
        table: The space.
        infeasible: How many infeasible points to keep, the newest.
    """

    def __init__(self, table: Table, infeasible: int) -> None:
        super().__init__(refresh=False)
        self.next_id = 0
        self._table = table
        self._docs: dict[int, dict[str, Any]] = {}
        self._pending: dict[int, tuple[Any, ...]] = {}
        self._keep = infeasible
        self._infeasible: list[int] = []

    @property
    def trials(self) -> list[dict[str, Any]]:
        """The trials, running ones included, by ascending id."""
        return list(self._docs.values())

    def __len__(self) -> int:
        return len(self._docs)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._docs.values())

    def refresh(self) -> None:
        """Nothing is kept twice."""

    def is_running(self, vals: Vals) -> bool:
        """Return true while a trial of the same point runs."""
        return tuple(vals.items()) in self._pending.values()

    def start(self, vals: Vals) -> int:
        """Add a trial that runs; gives its id."""
        number = self._add(vals)
        self._pending[number] = tuple(vals.items())
        return number

    def tell(self, seen: Observation) -> None:
        """End a trial, or adds one from elsewhere; see the table of ``algorithms``."""
        number = seen.token
        if number is None:
            number = self._add(self._table.vals(seen.params))
        else:
            del self._pending[number]
        self._end(number, seen)

    def state(self) -> dict[str, Any]:
        """Return the state that does not follow from the observations."""
        pending = [[number, dict(vals)] for number, vals in self._pending.items()]
        return {"next": self.next_id, "running": pending}

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Put the trials together under their old ids.

        Raises:
            BackendError: If state and observations do not belong together.
        """
        seen = list(observations)
        running = dict(state["running"])
        own = {one.token: one for one in seen if one.token is not None}
        # Foreign trials got the ids that are left, in order.
        free = (n for n in range(state["next"]) if n not in own and n not in running)
        numbered = [(next(free, -1) if s.token is None else s.token, s) for s in seen]
        if len(running) + len(seen) != state["next"] or not own.keys().isdisjoint(running):
            raise BackendError("the snapshot does not belong to these observations")
        points = {number: self._table.vals(one.params) for number, one in numbered}
        for number in range(state["next"]):
            if number in running:
                self.start(running[number])
            else:
                self._add(points[number])
        for number, one in numbered:
            self._end(number, one)

    def _add(self, vals: Vals) -> int:
        number = self.next_id
        self.next_id += 1
        labels = self._table.encodings
        misc = {
            "tid": number,
            "cmd": None,
            "workdir": None,
            "idxs": {label: [number] if label in vals else [] for label in labels},
            "vals": {label: [vals[label]] if label in vals else [] for label in labels},
        }
        [self._docs[number]] = self.new_trial_docs(
            [number], [None], [{"status": STATUS_NEW}], [misc]
        )
        return number

    def _end(self, number: int, seen: Observation) -> None:
        loss = _loss(seen)
        doc = self._docs[number]
        doc["state"] = JOB_STATE_DONE
        doc["result"] = {"status": STATUS_FAIL} if loss is None else _ok(loss)
        if seen.infeasible:
            self._infeasible.append(number)
            if len(self._infeasible) > self._keep:
                del self._docs[self._infeasible.pop(0)]


def _ok(loss: float) -> dict[str, Any]:
    return {"status": STATUS_OK, "loss": loss}


def _loss(seen: Observation) -> float | None:
    """The loss that Hyperopt is told; ``None`` for a trial that failed."""
    if seen.losses is not None:
        return seen.losses[0]
    if seen.state is TrialState.PRUNED and seen.reports:
        return seen.reports[-1][1]
    return None
