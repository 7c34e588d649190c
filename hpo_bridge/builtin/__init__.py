"""The core's own plugin: reference backends, composites of others, runners, formats, a pruner.

They are registered through the same entry point and hooks as anybody's.
"""

from __future__ import annotations

from ..contracts.hooks import hookimpl
from ..contracts.optimizer import BackendSpec, Capability, FormatSpec, PrunerSpec, RunnerSpec

_ANY = frozenset({Capability.CONDITIONAL, Capability.MULTI_OBJECTIVE})
_HYBRID = frozenset(
    {Capability.CONDITIONAL, Capability.INJECT, Capability.GRADIENT, Capability.VECTOR}
)
_PORTFOLIO = _HYBRID | {Capability.MULTI_OBJECTIVE, Capability.PRUNED}


_COMPOSITES = (
    BackendSpec(
        name="hybrid",
        technique="hybrid",
        factory="hpo_bridge.builtin.hybrid:Hybrid",
        capabilities=_HYBRID,
        composite=True,
        rank=10,
        most_rejected=20,
        summary="Two backends: one for what is discrete, inside of it gradient steps",
        suits="Objectives that torch can differentiate, with integers, categories or "
        "conditions beside the continuous parameters.",
        limits="One objective. A configuration takes inner_trials trials, so the outer "
        "backend sees few. Continuing a long study asks the outer backend everything again.",
    ),
    BackendSpec(
        name="portfolio",
        technique="portfolio",
        factory="hpo_bridge.builtin.portfolio:Portfolio",
        capabilities=_PORTFOLIO,
        composite=True,
        rank=10,
        most_rejected=20,
        summary="Several backends in turn on one history, each told everything",
        suits="Objectives of which you do not know which optimizer suits them.",
        limits="Takes the time of all its members: each learns from every trial. Members "
        "that learn from their own points alone, or little, weaken it.",
    ),
    BackendSpec(
        name="auto",
        technique="auto",
        factory="hpo_bridge.builtin.auto:Auto",
        capabilities=_PORTFOLIO - {Capability.GRADIENT},
        composite=True,
        rank=10,
        most_rejected=20,
        summary="The installed backend that suits the problem, by a table of rules",
        suits="A start, if you do not want to choose.",
        limits="Knows neither the budget nor what a trial costs: where trials take minutes, "
        "portfolio gets more out of each.",
    ),
)


@hookimpl
def hpo_register_backends() -> list[BackendSpec]:
    """``core.random``, ``core.grid``, and the composites ``hybrid``, ``portfolio``, ``auto``."""
    return [
        BackendSpec(
            name="core.random",
            technique="random",
            factory="hpo_bridge.builtin.random:RandomSearch",
            capabilities=_ANY | {Capability.VECTOR},
            rank=10,
            summary="Independent random points; the n-th depends on the seed and n alone",
            suits="What everything else has to beat; spaces under tight constraints; any "
            "number of workers.",
            limits="Learns nothing.",
        ),
        BackendSpec(
            name="core.grid",
            technique="grid",
            factory="hpo_bridge.builtin.grid:GridSearch",
            capabilities=_ANY | {Capability.FINITE},
            rank=10,
            summary="Every point of a grid once, the last parameter varying fastest",
            suits="Few parameters with few values, all of which you want to see.",
            limits="From corner to corner: stopped half way it has seen half of the space "
            "(optuna.grid is in random order). Continuous parameters need resolution.",
        ),
        *_COMPOSITES,
    ]


@hookimpl
def hpo_register_runners() -> list[RunnerSpec]:
    """``inline`` and ``processes``."""
    return [
        RunnerSpec(
            name="inline",
            factory="hpo_bridge.runners.inline:Inline",
            summary="One trial after another, in this process",
        ),
        RunnerSpec(
            name="processes",
            factory="hpo_bridge.runners.processes:Processes",
            summary="Worker processes on this machine; a crash costs one trial",
        ),
    ]


@hookimpl
def hpo_register_formats() -> list[FormatSpec]:
    """``csv``, ``json`` and ``parquet``."""
    return [
        FormatSpec(
            name="csv",
            factory="hpo_bridge.builtin.formats.csv_file:Csv",
            writes=True,
            summary="A table with a header, as hpo-bridge, Optuna and pandas write it",
        ),
        FormatSpec(
            name="json",
            factory="hpo_bridge.builtin.formats.json_file:Json",
            writes=True,
            summary="All that a study's trials have; also what `trials --json` prints",
        ),
        FormatSpec(
            name="parquet",
            factory="hpo_bridge.builtin.formats.parquet_file:Parquet",
            writes=True,
            summary="A table of typed columns; in Python pandas data frames, too",
        ),
    ]


@hookimpl
def hpo_register_pruners() -> list[PrunerSpec]:
    """``folds``."""
    return [
        PrunerSpec(
            name="folds",
            factory="hpo_bridge.builtin.folds_pruner:Folds",
            summary="Stops a trial that is unlikely to beat the best on the same folds",
        ),
    ]
