"""An Optuna study beside the real one, for Optuna's pruners to look at."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.pruners import BasePruner
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as State

from hpo_bridge.contracts.record import TrialState

from .studies import new_study

Reports = Sequence[tuple[int, float]]
STATES = {
    TrialState.COMPLETE: State.COMPLETE,
    TrialState.PRUNED: State.PRUNED,
    TrialState.FAILED: State.FAIL,
}


class Shadow:
    """An Optuna study that is kept like the real one, for a pruner to look at.

    Args:
        pruner: Optuna's pruner.
        rungs: Whether the pruner takes notes when it is asked, and so does not look at the
            reports of the past.
    """

    def __init__(self, pruner: BasePruner, *, rungs: bool = False) -> None:
        self.pruner = pruner
        self.rungs = rungs
        self._study, self._storage, self._id = new_study(RandomSampler(seed=0), pruner)
        self._size = 0
        self._asked: set[int] = set()

    def should_prune(self, number: int, reports: Reports) -> bool:
        """Return true if trial ``number`` should stop after its last report."""
        self._follow(number, reports)
        self._asked.add(number)
        return self._prune(number)

    def _prune(self, number: int) -> bool:
        return bool(self.pruner.prune(self._study, self._trial(number)))

    def finished(
        self, number: int, state: TrialState, loss: float | None, reports: Reports
    ) -> None:
        """Take note of a trial that has ended."""
        self._follow(number, reports)
        if self.rungs and number not in self._asked:
            for end in range(1, len(reports) + 1):
                self.should_prune(number, reports[:end])
        self._asked.discard(number)
        trial = self._trial(number)
        last = max(reports)[1] if reports else None  # Optuna's own last step is the largest
        if state is TrialState.COMPLETE and loss is None:
            loss = last
        if self.rungs or state is not TrialState.COMPLETE:
            _forget(trial)
        if state is TrialState.FAILED:
            return  # it may be run again, which Optuna's storage would refuse; no pruner cares
        value = last if state is TrialState.PRUNED else loss
        values = None if value is None else [value]
        final = STATES[state] if values or state is not TrialState.COMPLETE else State.FAIL
        self._storage.set_trial_state_values(self._trial_id(number), final, values)

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _trial(self, number: int) -> FrozenTrial:
        """The trial itself, not a copy; trials between are created as running."""
        while self._size <= number:
            self._storage.create_new_trial(self._id)
            self._size += 1
        return self._storage.get_trial(self._trial_id(number))

    def _follow(self, number: int, reports: Reports) -> None:
        """Add the new reports; those that were withdrawn are taken back, as are their rungs."""
        trial = self._trial(number)
        known = trial.intermediate_values
        if known:
            at = len(known)
            step = next(reversed(known))
            if at > len(reports) or tuple(reports[at - 1]) != (step, known[step]):
                known.clear()
                trial.system_attrs.clear()
                if self.rungs:  # it is still in those that it had reached before
                    for step, loss in reports[:-1]:
                        known[step] = loss
                        self._prune(number)
        known.update(reports[len(known) :])


def _forget(trial: FrozenTrial) -> None:
    """Leave the last step only: all that is looked at when the others do not matter."""
    known = trial.intermediate_values
    last = max(known, default=None)
    if last is not None:
        loss = known[last]
        known.clear()
        known[last] = loss
