"""The offers of plugins, declared as data: nothing of them is imported until it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..errors import nearest, short


class Capability(str, Enum):
    """An ability of a backend beyond asking and telling."""

    CONDITIONAL = "conditional"
    """Takes conditional parameters natively, and suggests the active ones only. Without it
    the core hands over a flat space and drops what is inactive, which is exact."""
    MULTI_OBJECTIVE = "multi_objective"
    """Takes more than one loss."""
    INJECT = "inject"
    """Learns from points that it did not propose (``token is None``)."""
    PRUNED = "pruned"
    """Learns from pruned trials by their reports."""
    FINITE = "finite"
    """Ends by itself with ``SearchExhausted``, every point having been proposed once. Without
    ``CONDITIONAL`` the core refuses a conditional space: the flat one has points that differ
    only in what is inactive, and are one and the same trial."""
    VECTOR = "vector"
    """Takes vectors: floats with a ``shape``, whose values are lists of numbers. Without it the
    core refuses a space that has any."""
    GRADIENT = "gradient"
    """Needs ``Observation.gradients`` (unless
    :class:`~hpo_bridge.contracts.optimizer.WantsGradients` says otherwise): a trial that gives
    none fails, with the reason, and a study none of whose trials gives any stops."""


_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec:
    name: str
    factory: str
    requires: tuple[str, ...] = ()
    summary: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} is not of the form 'library.algorithm'")
        if not isinstance(self.factory, str) or not _FACTORY.fullmatch(self.factory):
            raise ValueError(f"{self.name}: factory {self.factory!r} is not 'module:attribute'")
        if isinstance(self.requires, str):
            raise ValueError(f"{self.name}: requires must be a tuple of requirement strings")
        object.__setattr__(self, "requires", tuple(self.requires))


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSpec(_Spec):
    """One backend, declared as data: nothing is imported until it is used.

    Attributes:
        name: ``library.algorithm``, lower case.
        technique: What kind of algorithm it is: ``grid``, ``random``, ``bayesian``,
            ``evolutionary``, ``genetic``, ``annealing``, ``gradient`` …
        factory: ``"module:Class"``, called as ``Class(problem, **options)``.
        requires: Requirement strings such as ``"optuna>=5,<6"``, checked before the import.
        capabilities: What it can do beyond asking and telling.
        summary: One line.
        url: Where to read more.
        composite: Whether it is made of other backends: the factory then is called as
            ``Class(problem, plugins, **options)``, and ``plugins.build("backend", name,
            options, problem)`` gives another backend.
        rank: Of the active backends of a technique the one with the highest rank is taken
            where a study asks for the technique; ties go to the first name.
        most_rejected: How many points in a row that constraints forbid it may propose before the
            study draws one itself; few where each costs the fit of a model.
        startup: The option that says how many trials come before its model, or its second
            generation, is in use, and the option's default; ``None`` if it has none.
        suits: When to choose it, in a sentence or two; printed in the documentation.
        limits: What it cannot do, or does badly, in a sentence or two.

    Example:
        >>> BackendSpec(name="acme.walk", technique="random", factory="hpo_acme:Walk").name
        'acme.walk'
    """

    technique: str
    capabilities: frozenset[Capability] = field(default_factory=frozenset)
    composite: bool = False
    rank: int = 0
    most_rejected: int = 200
    startup: tuple[str, int] | None = None
    suits: str = ""
    limits: str = ""

    def __post_init__(self) -> None:
        _Spec.__post_init__(self)
        object.__setattr__(self, "capabilities", _capabilities(self.name, self.capabilities))


def _capabilities(name: str, given: Any) -> frozenset[Capability]:
    """The capabilities of a spec, by member or by value."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValueError(f"{name}: capabilities must be a set, found {short(given)}")
    known = [capability.value for capability in Capability]
    found = set()
    for each in given:
        if each not in known:
            raise ValueError(
                f"{name}: capability {short(each)} is not known, expected one of "
                f"{', '.join(known)}{nearest(str(each), known)}"
            )
        found.add(Capability(each))
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerSpec(_Spec):
    """One runner, declared as data; ``factory(**options)`` gives a runner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunerSpec(_Spec):
    """One pruner, declared as data; ``factory(**options)`` gives a pruner.

    Attributes:
        runner: The only runner on which it works; empty for all.
    """

    runner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverSpec(_Spec):
    """One observer, such as a tracker, declared as data; it sees the studies that ask for it.

    ``factory(**options)`` gives an object with methods that implement notifications (see
    :mod:`hpo_bridge.contracts.hooks`), decorated with ``hookimpl``. It checks its options and does
    nothing else: a connection is for ``hpo_study_started`` to open.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveSpec(_Spec):
    """A kind of objective, declared as data: a study file says ``objective: {name: {options}}``.

    ``factory(context, **options)`` gives a function of a trial, or an
    :class:`hpo_bridge.contracts.objective.Objective`; ``context`` is an
    :class:`hpo_bridge.contracts.objective.ObjectiveContext`. It is called while the study file is
    checked: it looks at its options, and imports nothing that they name.

    Attributes:
        direction: The direction of a study whose file gives none: ``minimize`` or ``maximize``;
            empty for the usual one, ``minimize``.
    """

    direction: str = ""

    def __post_init__(self) -> None:
        _Spec.__post_init__(self)
        if self.direction not in ("", "minimize", "maximize"):
            raise ValueError(
                f"{self.name}: direction {self.direction!r} is not minimize or maximize"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSpec(_Spec):
    """A format of histories, declared as data: where trials come from, and where they go to.

    ``factory()`` returns an object with the methods of
    :class:`hpo_bridge.contracts.format.HistoryReader` if ``reads``, and of
    :class:`hpo_bridge.contracts.format.HistoryWriter` if ``writes``.

    Attributes:
        reads: Whether trials can be imported from it.
        writes: Whether a study can be exported to it.
        pickle: Whether its files are pickles, which are opened only where the user allows it.
    """

    reads: bool = True
    writes: bool = False
    pickle: bool = False

    def __post_init__(self) -> None:
        _Spec.__post_init__(self)
        if not (self.reads or self.writes):
            raise ValueError(f"{self.name}: neither reads nor writes")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSpec(_Spec):
    """A picture, a report or a live view of studies, declared as data.

    ``factory(histories, **options)`` returns a :class:`hpo_bridge.contracts.view.View`; see there.

    Attributes:
        live: Whether it shows a store while studies run: ``factory(store, **options)`` then
            returns when the user ends it.
    """

    live: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AutodiffSpec(_Spec):
    """A framework for ``trial.tensors``, declared as data.

    ``factory(params, differentiate)`` gives a :class:`hpo_bridge.contracts.gradients.Tape`, in
    the process that runs the trial: its module must be importable there. Of several frameworks
    the first active one by name is taken.
    """
