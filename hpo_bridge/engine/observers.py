"""Observers that a study asks for: each in a thread of its own, behind a bounded queue.

The driver puts a notification into a queue and goes on. A slow observer falls behind; nothing
waits for it but the end of a run, for a limited time. Where its queue is full, reports are
dropped first: the record of the trial's end has them all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from ..contracts.argument_checks import naming, split_choice
from ..contracts.checkpoint_folder import identity_of
from ..contracts.hooks import StudyInfo
from ..contracts.record import TrialRecord, TrialState
from ..errors import HpoBridgeError, KeyPath, short
from ..plugins import GuardedObserver, PluginManager, guarded
from ..store import MemoryStore, Store
from .study_log import StudyLog
from .trial_steps import Notify, TrialSteps

MOST_REPORTS = 10_000
"""Notifications that may wait for an observer before further reports are dropped."""
MOST_WAITING = 100_000
"""Notifications that may wait before all others are dropped, too."""
PATIENCE = 60.0
"""Seconds that the end of a run waits for an observer."""
PATIENCE_CUT = 10.0
"""The same after Ctrl-C or an error; another Ctrl-C ends it."""
_SAY = 5.0
"""Seconds of waiting after which the user is told what is waited for."""

log = logging.getLogger("hpo_bridge")
Queued = tuple[str, Mapping[str, Any]]


class Mailbox:
    """One observer's thread and queue, for one run.

    Args:
        observer: The observer.
    """

    def __init__(self, observer: GuardedObserver) -> None:
        self.observer = observer
        self._queue: SimpleQueue[Queued | None] = SimpleQueue()
        self._dropped = 0
        self._given_up = False
        self._ending = 0.0
        self._done = threading.Event()  # a Thread whose `join` Ctrl-C cuts is taken for ended
        threading.Thread(target=self._run, name=observer.who, daemon=True).start()

    @property
    def busy(self) -> bool:
        """True if the observer is still at it, also after it was given up."""
        return not self._done.is_set()

    def post(self, hook: str, **arguments: Any) -> None:
        """Queues a notification, or drops it; never waits."""
        room = MOST_REPORTS if hook == "hpo_trial_reported" else MOST_WAITING
        if self._queue.qsize() < room:
            self._queue.put((hook, arguments))
        elif hook != "hpo_trial_reported":
            self._dropped += 1

    def _run(self) -> None:
        while (queued := self._queue.get()) is not None and not self._given_up:
            self.observer.call(*queued)
        self._done.set()

    def hang_up(self) -> None:
        """Lets the thread end once it has delivered what waits."""
        self._ending = time.monotonic()
        self._queue.put(None)

    def wait(self, seconds: float) -> None:
        """Waits for the thread to end; for so long at most."""
        self._done.wait(min(_SAY, seconds))
        if self.busy and seconds > _SAY:
            log.warning(
                "waiting for %s: %d notifications left; Ctrl-C goes on without",
                self.observer.who, self._queue.qsize(),
            )  # fmt: skip
            self._done.wait(seconds - _SAY)

    def settle(self) -> None:
        """Gives up what has not ended by now, and says what was lost."""
        lost, why = self._dropped, "its queue was full"
        if self.busy:
            self._given_up = True
            lost += 1 + self._emptied()
            why = f"it was given up {time.monotonic() - self._ending:.0f} s after the run"
        if lost:
            log.warning(
                "%s was not told of %d notifications: %s; the study is whole, and its next run "
                "tells the observer which trials had ended", self.observer.who, lost, why,
            )  # fmt: skip
        self.observer.report_failures()

    def _emptied(self) -> int:
        """Takes out all that waits; how much that was."""
        count = 0
        try:
            while True:
                count += self._queue.get_nowait() is not None
        except Empty:
            self._queue.put(None)
            return count


class Ended:
    """The trials that had ended when a driver took over, by number, from the store.

    Attributes:
        over: Whether the driver has left: an observer that was given up must not go on with
            them, as another driver may have the study by then.
    """

    def __init__(self, log: StudyLog) -> None:
        self.over = False
        self._store, self._name, self._created = log.store, log.name, log.created
        self._open = {pending.number for pending in log.store.pending(log.name)}

    def __iter__(self) -> Iterator[TrialRecord]:
        final = [state for state in TrialState if state.is_final]
        for trial in self._store.trials(self._name, final):
            if trial.number >= self._created or self.over:
                return
            if trial.number not in self._open:
                yield trial


class Observers:
    """All that watch a study: installed plugins at once, those it asked for by mailboxes.

    Args:
        plugins: Gives the plugins that have the installed ones, and those with names.
        chosen: What the study asked for: names, ``{"name", "options"}``, or objects.

    Attributes:
        at_once: Further ones that are told at once, from the next begin on.

    Raises:
        HpoBridgeError: If one of them cannot be an observer; says which.
    """

    def __init__(self, plugins: Callable[[], PluginManager], chosen: Sequence[Any]) -> None:
        if isinstance(chosen, (str, Mapping)) or not isinstance(chosen, Sequence):
            raise HpoBridgeError(
                f"found {short(chosen)}, expected a list of names or observers", "observers"
            )
        self._plugins = plugins
        self._chosen = [
            _chosen(plugins(), one, ("observers", str(place))) for place, one in enumerate(chosen)
        ]
        self._mailboxes: list[Mailbox] = []
        self._last: dict[GuardedObserver, Mailbox] = {}
        self._direct: list[GuardedObserver] = []
        self.at_once: list[GuardedObserver] = []
        self._told: TrialSteps | None = None
        self._ended: Ended | None = None

    @property
    def begun(self) -> bool:
        """True if they are being told."""
        return self._told is not None

    def begin(self, trials: TrialSteps, info: StudyInfo) -> None:
        """Tells them that the driver has the study; what it notifies from now on reaches them."""
        calls: dict[str, list[Notify]] = {}
        self._direct = [*self._plugins().observers(), *self.at_once]
        for direct in self._direct:
            for hook in direct.hooks:
                calls.setdefault(hook, []).append(partial(_at_once, direct, hook, study=info))
        self._mailboxes = []
        for chosen in self._chosen:
            if (last := self._last.get(chosen)) is not None and last.busy:
                log.warning("%s is busy with the last run still: not told of this", chosen.who)
                continue
            mailbox = self._last[chosen] = Mailbox(chosen)
            self._mailboxes.append(mailbox)
            for hook in chosen.hooks:
                calls.setdefault(hook, []).append(partial(mailbox.post, hook, study=info))
        self._told = trials
        trials.observe(calls)
        if "hpo_study_started" in calls:
            self._ended = Ended(trials.log)
            trials.notify("hpo_study_started", ended=self._ended)

    def end(self, error: BaseException | None) -> None:
        """Tells them that the driver leaves the study, and waits for those that lag behind.

        Harmless if they are not being told.

        Raises:
            KeyboardInterrupt: If Ctrl-C has cut the waiting.
        """
        trials, self._told = self._told, None
        if trials is None:
            return
        try:
            trials.notify("hpo_study_finished", error=error)
            for mailbox in self._mailboxes:
                mailbox.hang_up()
            end = time.monotonic() + (PATIENCE if error is None else PATIENCE_CUT)
            for mailbox in self._mailboxes:  # they have the time together
                mailbox.wait(max(0.0, end - time.monotonic()))
        finally:  # Ctrl-C, too
            trials.observe({})
            if self._ended is not None:
                self._ended.over = True
            for direct in self._direct:
                direct.report_failures()
            for mailbox in self._mailboxes:
                mailbox.settle()

    def forget(self) -> None:
        """Lets the threads end by themselves, once nothing is left for them."""
        for mailbox in self._mailboxes:
            mailbox.hang_up()


def study_info(
    store: Store, name: str, backend: Mapping[str, Any], runner: str, pruner: str | None
) -> StudyInfo:
    """Return what observers learn of a stored study.

    Args:
        store: Where it is.
        name: Its name.
        backend: ``{"backend", "options", "library"}``.
        runner: The runner's name, or ``ask``.
        pruner: The pruner's name, if there is one.
    """
    row = store.study(name)
    assert row is not None
    beside = None if isinstance(store, MemoryStore) else store.folder("logs")
    return StudyInfo(
        name=name,
        store=store.url,
        backend=backend["backend"],
        directions=dict(row.definition["directions"]),
        identity=identity_of(name, row.created),
        seed=int(row.definition["seed"]),
        options=backend["options"],
        library=backend["library"],
        definition=row.definition,
        runner=runner,
        pruner=pruner or "",
        folder=None if beside is None else beside.parent.absolute(),
    )


def _at_once(direct: GuardedObserver, hook: str, **arguments: Any) -> None:
    direct.call(hook, arguments, ours=True)


def _chosen(plugins: PluginManager, one: Any, path: KeyPath) -> GuardedObserver:
    if isinstance(one, (str, Mapping)):
        with naming(*path, options=True):
            return plugins.build_observer(*split_choice(one, *path))
    if isinstance(one, type):
        raise HpoBridgeError(f"found the class {one.__name__}, expected an object of it", *path)
    try:
        return guarded(one)
    except HpoBridgeError as error:
        raise error.under(*path) from error
