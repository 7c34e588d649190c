"""The optimizer contract: all that an adapter author has to know.

An adapter is built once per study as ``factory(problem, **options)``, then asked and told
in turn. It sees floats, ints and *indices*: in ``problem.space`` every categorical has the
choices ``0 … k-1``, conditions refer to those indices, and the parameters have one fixed
order. The core turns indices into the declared choices, checks every suggestion, flips
signs, sorts out failures, keeps the record and replays it.

The life of an adapter, by example (two workers)::

    ask(2)  -> [Suggestion(p0), Suggestion(p1)]
    tell([Observation(p1, losses=(0.3,), …)])     # results come in any order, in pieces
    ask(1)  -> [Suggestion(p2)]                   # p0 is still pending
    tell([Observation(p0, losses=None, …)])       # it failed: losses is None
    ask(1)  -> []                                 # waiting: needs p2 before it goes on
    tell([Observation(p2, losses=(0.1,), …)])
    ask(1)  -> raises SearchExhausted             # finished, for good
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from ..space import Space
from .gradients import Slope
from .record import TrialState
from .specs import (
    AutodiffSpec,
    BackendSpec,
    Capability,
    FormatSpec,
    ObjectiveSpec,
    ObserverSpec,
    PrunerSpec,
    RunnerSpec,
    ViewSpec,
)

__all__ = [
    "AutodiffSpec",
    "BackendSpec",
    "Capability",
    "Estimates",
    "Explains",
    "FormatSpec",
    "ObjectiveSpec",
    "Observation",
    "ObserverSpec",
    "Optimizer",
    "Problem",
    "Pruner",
    "PrunerSpec",
    "Remark",
    "Remarks",
    "RunnerSpec",
    "Snapshot",
    "Suggestion",
    "Translation",
    "ViewSpec",
    "WantsGradients",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """The problem to optimise, as an adapter sees it.

    Attributes:
        space: Floats, ints and indices in a fixed order (see the module's text). Without
            constraints: the core rejects what violates them and tells it as infeasible.
        n_objectives: Number of losses; all are minimised.
        seed: Non-negative integer below ``2**31``; the only source of randomness.
    """

    space: Space
    n_objectives: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One point to evaluate.

    Attributes:
        params: Every parameter of ``problem.space`` (every *active* one with
            ``CONDITIONAL``) to a float, an int or an index.
        token: The adapter's own handle on this point, plain JSON data; it comes back with
            the observation, so an adapter needs no table of ids.
        member: The name of the backend that made it, if a composite has it from another; the
            study records that as the trial's backend.
    """

    params: Mapping[str, Any]
    token: Any = 0
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """The result of one point.

    Attributes:
        params: As suggested; for a foreign point, as the space has it.
        losses: One finite number per objective, always minimised; ``None`` unless the
            trial is complete.
        token: What the suggestion carried; ``None`` for a point that the backend did not
            propose (enqueued, warm start, another backend's).
        state: ``COMPLETE``, ``PRUNED`` or ``FAILED``.
        reports: Finite intermediate losses ``(step, loss)`` by growing step, minimised.
        gradients: Parameter name to d loss / d parameter in natural units (a number, or one
            for each component), where the objective gave them: always minimised, always
            finite. A backend with ``GRADIENT`` finds every active continuous parameter there
            in each complete trial that it proposed.
        infeasible: A point that a constraint of the study forbids, and that never ran
            (``FAILED``, without losses).
    """

    params: Mapping[str, Any]
    losses: tuple[float, ...] | None
    token: Any = None
    state: TrialState = TrialState.COMPLETE
    reports: tuple[tuple[int, float], ...] = ()
    gradients: Mapping[str, Slope] | None = None
    infeasible: bool = False


class Optimizer(Protocol):
    """The whole obligation of a backend."""

    def ask(self, n: int) -> Sequence[Suggestion]:
        """Up to ``n`` new, different points.

        An empty answer means "waiting for results" and must change nothing in the
        optimizer's state.

        Raises:
            SearchExhausted: If nothing is left, now and for good.
        """
        ...

    def tell(self, observations: Sequence[Observation]) -> None:
        """Takes results: each suggestion once, in any order, never for lost ones."""
        ...


@runtime_checkable
class Snapshot(Protocol):
    """An optimizer that can be continued without replaying its whole history.

    Optional. ``state`` may be taken between any two calls, also while suggestions are
    pending.
    """

    def state(self) -> Any:
        """The state as plain JSON data; ``None`` if there is none to give just now."""
        ...

    def restore(self, state: Any, observations: Iterable[Observation]) -> None:
        """Brings a newly built optimizer to ``state``.

        Args:
            state: What ``state()`` gave, after a round trip through JSON.
            observations: All that was told until then, in order; an iterator that reads
                the store as it goes, so do not consume what you do not need.
        """
        ...


@runtime_checkable
class WantsGradients(Protocol):
    """An optimizer with ``GRADIENT`` that can do without, by its options. Optional."""

    @property
    def wants_gradients(self) -> bool:
        """True if it needs ``Observation.gradients``; constant for its whole life."""
        ...


@dataclass(frozen=True, slots=True)
class Translation:
    """The way in which a parameter reaches a library; a row of ``hpo-bridge explain``.

    Attributes:
        parameter: Its name.
        how: ``native`` (the library's own notion), or ``encoded`` (an exact encoding).
        detail: The library's own terms, such as ``FloatDistribution(0.1, 1.0, log=True)``.
    """

    parameter: str
    how: Literal["native", "encoded"]
    detail: str


@runtime_checkable
class Explains(Protocol):
    """An optimizer that can say how the parameters reach its library. Optional."""

    def explain(self) -> Sequence[Translation]:
        """One row per parameter, from the same tables that do the work."""
        ...


@dataclass(frozen=True, slots=True)
class Remark:
    """A line that an optimizer has to say.

    Attributes:
        text: The line.
        is_fault: Whether something is wrong that a person should see while the study runs.
    """

    text: str
    is_fault: bool = False


@runtime_checkable
class Remarks(Protocol):
    """An optimizer that has something to say, such as which algorithm it chose. Optional."""

    def remarks(self) -> Sequence[Remark]:
        """Return what is new since the last call, and forget it.

        Called after each ask: the study keeps the lines with that ask, and logs them, faults as
        warnings. ``hpo-bridge explain`` shows those of an optimizer that was just built.
        """
        ...


class Pruner(Protocol):
    """Stops trials early. It sees losses: smaller is better."""

    def should_prune(self, number: int, reports: Sequence[tuple[int, float]]) -> bool:
        """Return True if trial ``number`` should stop after its last report.

        Args:
            number: The trial's number.
            reports: Its ``(step, loss)`` so far, at least one: each step once, in the order in
                which they came, which need not grow. Where another attempt of the trial has
                withdrawn some, they are missing from one call on.
        """
        ...

    def finished(
        self,
        number: int,
        state: TrialState,
        loss: float | None,
        reports: Sequence[tuple[int, float]],
    ) -> None:
        """Takes note of a trial that has ended, in the order of the log.

        One that failed may run again (``retry_failed``), and then ends a second time.
        """
        ...


@runtime_checkable
class Estimates(Protocol):
    """A pruner that can say what a trial would have had that it stopped. Optional.

    The study keeps it as ``TrialRecord.estimate``, and tells backends of such a trial as
    complete with that loss, whatever they are. In the study it stays pruned.
    """

    def estimate(self, number: int, reports: Sequence[tuple[int, float]]) -> float | None:
        """The loss that a pruned trial is expected to have had at its end.

        Called once, before :meth:`Pruner.finished`; not while a log is read again: it must
        change nothing in the pruner's state.

        Args:
            number: The trial's number.
            reports: Its ``(step, loss)``, as for ``should_prune``.

        Returns:
            A finite number, or ``None`` if there is no saying: backends are then told of a
            pruned trial, by its reports.
        """
        ...
