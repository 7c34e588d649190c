"""What happens when a configuration is proposed that is there already.

``evaluate`` runs it again, ``reuse`` gives the trial the result of the earlier one, ``resample``
asks the backend for another one. Two configurations are the same if their active parameters are
equal. Only the last two need to remember what was proposed: a hash and a number for each
configuration, besides the result of each with ``reuse``.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from ..contracts.record import TrialRecord, TrialState
from ..errors import HpoBridgeError, nearest, short
from ..store import Pending, Store
from ..store.event_types import Finished, TrialResult

MODES = ("evaluate", "reuse", "resample")
MOST_RESAMPLED = 20
"""How many suggestions in a row may be asked for again before one is evaluated."""
MOST_REUSED = 1000
"""How many trials in a row may reuse a result before the search counts as exhausted."""
KEPT = ("values", "gradients", "standard_errors")
"""What a trial that is not run takes over."""


def checked_mode(mode: Any) -> str:
    """``mode`` as given.

    Raises:
        HpoBridgeError: If it is none of :data:`MODES`.
    """
    if mode not in MODES:
        hint = nearest(mode, MODES) if isinstance(mode, str) else ""
        accepted = ", ".join(MODES)
        raise HpoBridgeError(
            f"found {short(mode)}, expected one of {accepted}{hint}", "duplicates"
        )
    return str(mode)


class Duplicates:
    """The configurations of a study that is being driven.

    Args:
        mode: One of :data:`MODES`.
        store: Where the study is.
        name: Its name.
        complete: Makes an earlier trial's parameters a point of the space, if that has changed.
    """

    def __init__(
        self,
        mode: str,
        store: Store,
        name: str,
        complete: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda params: params,
    ) -> None:
        self.mode, self._store, self._name, self._complete = mode, store, name, complete
        self._first: dict[bytes, int] = {}
        self._results: dict[bytes, tuple[int, Mapping[str, Any]]] = {}
        self._running: dict[bytes, int] = {}
        self._behind: dict[int, deque[Pending]] = {}
        if mode != "evaluate":
            for trial in store.trials(name):
                self._read(trial)

    def learn(self, number: int) -> None:
        """Remembers a trial that has come with its result, from elsewhere."""
        if self.mode != "evaluate":
            self._read(self._store.trial(self._name, number))

    def _read(self, trial: TrialRecord) -> None:
        asked = self._complete(trial.changes[0].params if trial.changes else trial.params)
        self.add(trial.number, asked)
        if trial.state is TrialState.COMPLETE and not trial.changes:
            result = {key: getattr(trial, key) for key in KEPT}
            self._keep(_key(asked), trial.number, result)

    def _keep(self, key: bytes, number: int, result: Mapping[str, Any]) -> None:
        """Keeps the first result; one with derivatives takes the place of one without."""
        known = self._results.get(key)
        if known is None or (known[1]["gradients"] is None and result["gradients"] is not None):
            self._results[key] = number, result

    def add(self, number: int, params: Mapping[str, Any]) -> None:
        """Remembers a new trial."""
        if self.mode != "evaluate":
            self._first.setdefault(_key(params), number)

    # -- resample ---------------------------------------------------------------------

    @property
    def known(self) -> int:
        """With ``resample`` or ``reuse``, the number of different configurations."""
        return len(self._first)

    def repeated(self, params: Mapping[str, Any]) -> int | None:
        """With ``resample``, the first trial of these parameters, if there is any."""
        return self._first.get(_key(params)) if self.mode == "resample" else None

    def ending(self, number: int) -> TrialResult:
        """Return the end of a trial, as a backend is told of it."""
        trial = self._store.trial(self._name, number)
        if trial.changes:
            return TrialResult(TrialState.PRUNED)
        return TrialResult(
            trial.state, trial.values, trial.gradients, trial.estimate, trial.reports
        )

    # -- reuse ------------------------------------------------------------------------

    def result(self, params: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]] | None:
        """With ``reuse``, the first complete trial of these parameters, and its result."""
        return self._results.get(_key(params)) if self.mode == "reuse" else None

    def waits(self, pending: Pending) -> bool:
        """Whether a trial is to wait for one of the same parameters that runs; it then does."""
        if self.mode != "reuse":
            return False
        running = self._running.get(_key(pending.params))
        if running is None:
            return False
        self._behind.setdefault(running, deque()).append(pending)
        return True

    @property
    def waiting(self) -> int:
        """How many trials wait for another one's result."""
        return sum(map(len, self._behind.values()))

    def started(self, number: int, params: Mapping[str, Any]) -> None:
        """Takes note of a trial that runs."""
        if self.mode == "reuse":
            self._running.setdefault(_key(params), number)

    def ended(
        self, number: int, params: Mapping[str, Any], result: Finished | None
    ) -> deque[Pending]:
        """Takes note of a trial that runs no more.

        Args:
            number: The trial.
            params: What it ran with; what it was asked for, if that has changed.
            result: What others of the same parameters may take over, if anything.

        Returns:
            The trials that waited for it.
        """
        if self.mode != "reuse":
            return deque()
        key = _key(params)
        if self._running.get(key) == number:
            del self._running[key]
        if result is not None:
            self._keep(key, number, {k: getattr(result, k) for k in KEPT})
        return self._behind.pop(number, deque())


def _key(params: Mapping[str, Any]) -> bytes:
    text = json.dumps(params, sort_keys=True, default=repr)
    return blake2b(text.encode(), digest_size=16).digest()
