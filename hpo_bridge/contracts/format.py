"""The contract of history formats: how trials come from other tools, and go to them.

A plugin registers a :class:`hpo_bridge.contracts.specs.FormatSpec`, whose ``factory()`` returns an
object with the methods of :class:`HistoryReader`, of :class:`HistoryWriter`, or of both. It knows
nothing of studies and stores: a reader returns the trials of a source with the source's own names;
the core maps them to a study's space, checks them, and reports those that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from ..errors import HistoryError, nearest
from .gradients import Slope
from .record import Change, Direction, TrialState
from .study_history import StudyHistory

__all__ = [
    "FORMAT",
    "ExportResult",
    "History",
    "HistoryReader",
    "HistoryWriter",
    "ImportRequest",
    "ImportedTrial",
    "Position",
    "Text",
    "one_of_several",
]

T = TypeVar("T")

FORMAT = "hpo_bridge.history"
"""What our own exports call themselves."""


@dataclass(frozen=True, slots=True)
class Text:
    """A parameter's value as text, such as a cell of a CSV file; empty where it is inactive."""

    text: str


@dataclass(frozen=True, slots=True)
class Position:
    """A number that stands for a choice where the parameter is categorical, else for itself."""

    number: Any


@dataclass(frozen=True, slots=True)
class ImportedTrial:
    """One trial as a source has it.

    Attributes:
        label: How the source calls it, for messages: ``trial 17``, ``line 12``.
        state: Where it stands there.
        params: The source's names to values, to :class:`Text` or to :class:`Position`.
        values: Objective name to number, in the source's direction; ``None`` without a result.
        started: Begin, seconds since the epoch, or ``None`` if the source does not say.
        finished: End, likewise.
        error: Why it failed, or ``None``.
        reports: ``(step, value)`` of the first objective, in order.
        backend: Who proposed it, where the source says; else ``None``.
        attempts: How often it was begun.
        metrics: For each report what was measured besides; empty where the source has none.
        standard_errors: Of ``values``, by objective.
        estimate: What a pruned trial is expected to have had.
        gradients: Parameter to derivative of the value.
        changes: Changes of the parameters while it ran.
    """

    label: str
    state: TrialState
    params: Mapping[str, Any]
    values: Mapping[str, Any] | None = None
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    reports: Sequence[tuple[int, float]] = ()
    backend: str | None = None
    attempts: int = 1
    metrics: Sequence[Mapping[str, float]] = ()
    standard_errors: Mapping[str, float] | None = None
    estimate: float | None = None
    gradients: Mapping[str, Slope] | None = None
    changes: Sequence[Change] = ()


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """The names that a study looks for in a source, as the source spells them.

    Attributes:
        params: The names of the parameters and constants.
        objectives: The names of the objectives, in the study's order.
        study: Which study of the source is meant, if the user says so.
        allow_pickle: Whether the user allows to open pickles.
        fields: The source's name to that of a field of :class:`ImportedTrial`, such as ``state``.
        states: The source's words for states, where the user says what they mean.
    """

    params: tuple[str, ...]
    objectives: tuple[str, ...]
    study: str | None = None
    allow_pickle: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, TrialState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class History:
    """The trials of a source.

    Attributes:
        study: What the source calls it, for messages.
        directions: Objective to direction; ``None`` for one that the source does not say.
        trials: The trials, in the source's order.
        notes: What else the user should know, a line each, such as columns left out.
    """

    study: str
    directions: Mapping[str, Direction | None]
    trials: Iterable[ImportedTrial]
    notes: Sequence[str] = ()


def one_of_several(
    data: Any, read: Callable[[Any], T | None], source: str, wanted: str | None
) -> tuple[str, T] | None:
    """Return the study that is meant in what a file holds: one, or a collection of some.

    Args:
        data: A study of some library's, or a mapping, list or tuple with some among its values,
            or among theirs.
        read: Return the study that a value is, or ``None`` if it is none.
        source: The source's name, for messages.
        wanted: The key or position of the study that the user names, if any; deeper ones are
            joined by ``/``.

    Returns:
        The study's name and the study; ``None`` if there is none.

    Raises:
        HistoryError: If there are several and none is named, or none is called so.
    """
    studies = dict(_studies_in(data, read))
    if "" in studies and wanted is not None:
        raise HistoryError(
            f"{source}: found --study {wanted} (in Python study=), expected none: it holds one "
            "study, without a name"
        )
    if "" in studies:
        return source, studies[""]
    if not studies:
        return None
    if wanted is None and len(studies) > 1:
        known = ", ".join(studies)
        which = f"--study (in Python study=) takes one of {known}"
        raise HistoryError(f"{source}: holds {len(studies)} studies; {which}")
    name = next(iter(studies)) if wanted is None else wanted
    if name not in studies:
        hint = nearest(name, list(studies))
        raise HistoryError(f"{source}: has no study {name!r}{hint}; it has {', '.join(studies)}")
    return f"{source}: {name}", studies[name]


def _studies_in(
    data: Any, read: Callable[[Any], T | None], name: str = "", depth: int = 4
) -> Iterator[tuple[str, T]]:
    """Yield the studies in what a file holds, each with its name."""
    found = read(data)
    if found is not None:
        yield name, found
        return
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(data, Mapping):
        pairs = data.items()
    elif isinstance(data, (list, tuple)):
        pairs = enumerate(data)
    for key, value in pairs if depth else ():
        yield from _studies_in(value, read, f"{name}/{key}" if name else str(key), depth - 1)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """The result of an export.

    Attributes:
        trials: How many trials were written.
        notes: What the target holds in another form than the study, a line each.
    """

    trials: int
    notes: Sequence[str] = field(default=())


@runtime_checkable
class HistoryReader(Protocol):
    """A format that can be read."""

    def recognises(self, source: Any) -> bool:
        """Return True if ``source`` is certainly of this format.

        It imports no library, opens a file for reading alone, and unpickles nothing.

        Args:
            source: A path or URL, as text, or an object of the library's.
        """
        ...

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """Read the trials of ``source``, without changing it.

        Raises:
            HistoryError: If it cannot be read; one line that names it.
        """
        ...


@runtime_checkable
class HistoryWriter(Protocol):
    """A format that can be written."""

    def suits(self, target: str) -> bool:
        """Return True if the name of ``target`` is one of this format."""
        ...

    def write(self, target: str, study: StudyHistory, *, overwrite: bool) -> ExportResult:
        """Writes a study, whole or not at all.

        Raises:
            HistoryError: If it cannot be written; if the target is there, and ``overwrite``
                is false.
        """
        ...
