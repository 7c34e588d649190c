"""Handing a history over: what a backend is told of the trials that it did not propose.

A backend with the capability ``INJECT`` is told all of them. One that never learns (the
techniques ``random`` and ``grid``) loses nothing by not being told. Any other would ignore in
silence what the user believes it knows, and is refused, unless ``handover: ignore`` asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..contracts.directions import Objectives
from ..contracts.optimizer import BackendSpec, Capability
from ..contracts.record import TrialState
from ..errors import UnsupportedProblem
from ..plugins import PluginManager
from ..store import Store
from ..store.study_events import Adopted
from ..store.trial_table import TrialRow
from .checked_optimizer import CheckedOptimizer
from .untold import UntoldTrials, adopted_trials, ended_trial, observations

UNLEARNING = ("random", "grid")
"""The techniques of backends that learn from no trial, their own included."""
FINAL = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED)


def learns_only_from_own(spec: BackendSpec) -> bool:
    """Return whether a backend learns, but only from what it has proposed itself."""
    return Capability.INJECT not in spec.capabilities and spec.technique not in UNLEARNING


def require_inject(
    plugins: PluginManager, backend: str, ignoring: bool, n_objectives: int, what: str
) -> None:
    """Refuses a backend that would ignore a history in silence.

    Args:
        plugins: Where to find it, and those that could take its place.
        backend: Its name.
        ignoring: Whether that is asked for.
        n_objectives: How many losses the study has.
        what: What it would ignore, in words.

    Raises:
        UnsupportedProblem: Names the backends installed that can learn from it.
    """
    spec = plugins.find("backend", backend).spec
    assert isinstance(spec, BackendSpec)
    if ignoring or not learns_only_from_own(spec):
        return
    able = ", ".join(_able(plugins, n_objectives)) or "none is installed"
    raise UnsupportedProblem(
        f"backend {backend!r} learns from its own trials alone (it has not the capability inject) "
        f"and would ignore {what}",
        fix=(
            f"use one that learns from them ({able}), or write "
            "handover: ignore beside its name, so that it begins from nothing"
        ),
    )


def _able(plugins: PluginManager, n_objectives: int) -> Iterator[str]:
    needed = {Capability.INJECT}
    if n_objectives > 1:
        needed.add(Capability.MULTI_OBJECTIVE)
    for offer in plugins.offers("backend"):
        spec = offer.spec
        able = isinstance(spec, BackendSpec) and needed <= spec.capabilities
        if able and offer.status == "active":
            yield spec.name


def tell_history(
    store: Store,
    name: str,
    optimizer: CheckedOptimizer,
    objectives: Objectives,
    known: int | None = None,
) -> None:
    """Tells a new backend all that has ended, as points that it did not propose.

    Args:
        store: Where the study is.
        name: Its name.
        optimizer: The backend's optimizer.
        objectives: What is measured.
        known: The number of the first trial that it is not to know yet; ``None``: it is told
            of all.
    """
    if Capability.INJECT not in optimizer.capabilities:
        return
    told = [each for event in store.events_of(name, Adopted) for each in adopted_trials(event)]
    ended = store.trials(name, FINAL)
    told += [ended_trial(each) for each in ended if known is None or each.number < known]
    if told:
        optimizer.tell(observations(told, optimizer, objectives))


def unfinished(store: Store, name: str) -> UntoldTrials:
    """Return the trials that wait or run as a new backend has them: without tokens."""
    untold = UntoldTrials()
    for pending in store.pending(name):
        row = TrialRow(
            pending.number, pending.params, backend=pending.backend, state=pending.state
        )  # fmt: skip
        if pending.attempts:
            record = store.trial(name, pending.number)
            row.reports, row.changes = record.reports, record.changes
        untold.add(row)
    return untold


def has_history(store: Store, name: str) -> bool:
    """Return whether there is anything to be handed over."""
    counts = store.counts(name)
    if any(counts[state] for state in FINAL):
        return True
    return any(event.trials for event in store.events_of(name, Adopted))
