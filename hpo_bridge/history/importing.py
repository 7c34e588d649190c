"""Trials of other tools become trials of a study.

A format's reader says what a source holds; here it is mapped to the study's space and
objectives, checked like anything that a backend proposes, and written to the log: one event
``imported`` a trial, all of a source in one transaction. Numbers go on where the study is.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.format import History, ImportRequest
from ..contracts.record import TrialState
from ..errors import HistoryError, counted
from ..plugins import PluginManager
from ..space import Space
from ..store import Event, Store
from ..store.event_types import Imported
from .format_lookup import reader_of, shown
from .import_mapping import TrialMapper, UnmappableTrial
from .name_mapping import name_mapping

FINAL = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why some trials of a source were not taken.

    Attributes:
        reason: In words.
        count: How many trials it kept out.
        example: The first of them, and what exactly was wrong.
    """

    reason: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import.

    Attributes:
        source: What was imported, without a password.
        format: The format it was read as.
        study: What the source calls it.
        numbers: The numbers of the trials that were added.
        counts: The added trials by state.
        already: How many trials of the source the study had already.
        refused: The reasons why trials were not taken.
        notes: What else there is to know, a line each.
    """

    source: str
    format: str
    study: str
    numbers: range
    counts: Mapping[TrialState, int]
    already: int
    refused: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        """Number of trials added."""
        return len(self.numbers)


@dataclass(frozen=True)
class ImportOptions:
    """The options of an import.

    Attributes:
        format: A format's name; recognised from the source if ``None``.
        study: Which study of the source; may be left out where there is one.
        rename: The source's name of a parameter or an objective to the study's; ``-NAME``
            takes the negative of an objective, an empty name leaves a parameter out.
        allow_pickle: Whether to open pickles.
        strict: Whether one trial that cannot be taken is an error.
        drop_inactive: Whether to leave out parameters that are not active at a point, instead
            of refusing the trial.
    """

    format: str | None = None
    study: str | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    allow_pickle: bool = False
    strict: bool = False
    drop_inactive: bool = False


Append = Callable[[Sequence[Imported]], None]


@contextmanager
def hold_lease(store: Store, name: str) -> Iterator[Callable[[Sequence[Event]], None]]:
    """Takes the lease of a study for the time of its body; what appends to the log."""
    writer = store.acquire(name)
    try:
        yield writer.append
    finally:
        writer.release()


@dataclass(frozen=True)
class ReadTrials:
    """The trials of a source, mapped to a study and not yet added.

    Attributes:
        origin: The source, without a password.
        format: The format it was read as.
        study: The source's name of it.
        taken: The fields of an event ``Imported`` for each trial that fits.
        refused: The reasons why the others do not.
        notes: What else there is to know, a line each.
    """

    origin: str
    format: str
    study: str
    taken: Sequence[dict[str, Any]]
    refused: tuple[Refusal, ...]
    notes: tuple[str, ...]


def read_trials(
    plugins: PluginManager, space: Space, objectives: Objectives, source: Any,
    options: ImportOptions,
) -> ReadTrials:  # fmt: skip
    """Read a source; changes nothing.

    Args:
        plugins: Where to find the format.
        space: The study's space.
        objectives: What the study measures.
        source: A path, a URL, or an object of a library's.
        options: How to import.

    Raises:
        HistoryError: If the source cannot be read or mapped, or with ``strict`` if any trial
            of it cannot be taken.
    """
    source = os.fspath(source) if isinstance(source, os.PathLike) else source
    names = name_mapping(space, objectives, options.rename)
    wanted = ImportRequest(
        names.params, names.objectives, options.study, options.allow_pickle, names.fields,
        names.states,
    )  # fmt: skip
    kind, reader = reader_of(plugins, source, options.format, allow_pickle=options.allow_pickle)
    history = reader.read(source, wanted)
    mapper = TrialMapper(
        space, objectives, names, history, kind, drop_inactive=options.drop_inactive
    )
    taken, refused = _map_trials(history, mapper)
    if refused and options.strict:
        first = refused[0]
        raise HistoryError(
            f"{shown(source)}: {counted(sum(r.count for r in refused), 'trial')} cannot be taken, "
            f"so none was; {first.reason}: {first.example}"
        )
    notes = (*history.notes, *mapper.notes)
    return ReadTrials(shown(source), kind, history.study, taken, refused, notes)


def add_trials(store: Store, name: str, read: ReadTrials, append: Append) -> ImportReport:
    """Add trials that were read to a study that nobody else drives.

    Args:
        store: Where the study is.
        name: Its name.
        read: The trials.
        append: Writes to the log, under the study's lease.
    """
    present = Counter(map(_key_of_record, store.trials(name, FINAL)))
    fresh = [data for data in read.taken if not _take_known(present, _key(data))]
    first_number = sum(store.counts(name).values())
    now = time.time()
    events = [
        Imported(number, source=read.origin, time=now, **data)
        for number, data in enumerate(fresh, first_number)
    ]
    if events:
        append(events)
    return ImportReport(
        read.origin, read.format, read.study, range(first_number, first_number + len(fresh)),
        Counter(data["state"] for data in fresh), len(read.taken) - len(fresh),
        read.refused, read.notes,
    )  # fmt: skip


def _map_trials(
    history: History, mapper: TrialMapper
) -> tuple[list[dict[str, Any]], tuple[Refusal, ...]]:
    """Return the fields of events for the trials that fit, and refusals for the rest."""
    taken: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for past in history.trials:
        try:
            taken.append(mapper.map(past))
        except UnmappableTrial as unfit:
            counts[unfit.reason] += 1
            examples.setdefault(unfit.reason, f"{past.label}: {unfit.detail}")
    refused = (Refusal(reason, n, examples[reason]) for reason, n in counts.most_common())
    return taken, tuple(refused)


# -- what is there already ------------------------------------------------------------------


def _key(data: Mapping[str, Any]) -> str:
    """Return the identity of a trial: all that its source says of it."""
    return repr((
        data["state"], data["params"], data["values"], data["error"],
        data["started"], data["finished"], [tuple(report) for report in data["reports"]],
    ))  # fmt: skip


def _key_of_record(trial: Any) -> str:
    return _key({
        "state": trial.state, "params": trial.params, "values": trial.values,
        "error": trial.error, "started": trial.started, "finished": trial.finished,
        "reports": trial.reports,
    })  # fmt: skip


def _take_known(present: Counter[str], key: str) -> bool:
    """Return True if a trial like this is present, and count it off."""
    if not present[key]:
        return False
    present[key] -= 1
    return True


__all__ = [
    "ImportOptions",
    "ImportReport",
    "ReadTrials",
    "Refusal",
    "add_trials",
    "hold_lease",
    "read_trials",
]
