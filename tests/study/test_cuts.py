"""A power cut after any event of the log: what is committed is there, and the rest comes again.

A study is run whole. A second store gets its log up to one event, as a cut leaves it, with or
without the snapshot that was there by then. Continued from there, the study must propose what the
whole one did: for every backend, with failures, retries, pruned and infeasible trials.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import hpo_bridge as hpo
from hpo_bridge import Categorical, Float, Int, Space, Study, Trial, UnsupportedProblem, analysis
from hpo_bridge.config import StudyConfig
from hpo_bridge.engine import snapshots as snapshot_module
from hpo_bridge.plugins import PluginManager
from hpo_bridge.store import Event, MemoryStore, Store, open_store
from hpo_bridge.store import writer as writer_module
from hpo_bridge.study import open_study

Snapshots = list[tuple[int, str]]
Log = tuple[list[Event], Snapshots, list[Any]]

TRIALS = 12
CONDITIONAL = Space(
    x=Float(0.1, 1, log=True), o=Categorical(["s", None, 1]), n=Int(0, 9, when={"o": ["s", 1]}),
    k="c", constraints=["x * n <= 1", "x <= 0.6"],
)  # fmt: skip
FLAT = Space(x=Float(0, 1), n=Int(0, 9), constraints=["x * n <= 2"])
CONTINUOUS = Space(x=Float(0, 1), y=Float(1e-3, 1, log=True), constraints=["x * y <= 0.05"])
COUNTABLE = Space(
    x=Int(0, 4), n=Int(0, 4, when={"x": [1, 2, 3]}), constraints=["x * n <= 5", "x != 1"]
)
FEW = Space(x=Int(0, 4), n=Int(0, 4), constraints=["x * n <= 5", "x != 1"])
SPACES = (CONDITIONAL, COUNTABLE, FLAT, FEW, CONTINUOUS)

MODEL = {"n_initial_points": 4, "n_points": 100}
OPTIONS: dict[str, dict[str, Any]] = {
    "optuna.tpe": {"n_startup_trials": 4},
    "optuna.gp": {"n_startup_trials": 9},
    "optuna.nsga2": {"population_size": 4},
    "optuna.nsga3": {"population_size": 4},
    "hyperopt.tpe": {"n_startup_jobs": 4, "n_EI_candidates": 6},
    "skopt.lhs": {"n_samples": 8},
    "skopt.gp": {"n_initial_points": 10, "n_points": 60, "n_restarts_optimizer": 1},
    "skopt.gbrt": {**MODEL, "n_initial_points": 9},
    "skopt.forest": {**MODEL, "n_initial_points": 9},
    "skopt.extra_trees": {**MODEL, "n_initial_points": 9},
    "hybrid": {"outer": "optuna.tpe", "outer_options": {"n_startup_trials": 1}},
}  # fmt: skip
"""What lets a model, or a second generation, begin within the trials."""
DEAR = ("optuna.gp", "skopt.gp", "skopt.gbrt", "skopt.forest", "skopt.extra_trees")
BACKENDS = sorted(
    offer.spec.name for offer in PluginManager().offers("backend") if offer.status == "active"
)
CHEAP_AND_DEAR = [
    pytest.param(name, marks=pytest.mark.dear if name in DEAR else ()) for name in BACKENDS
]


def options(backend: str) -> dict[str, Any]:
    return OPTIONS.get(backend, {"population_size": 4} if backend in SIZED else {})


def places(backend: str, events: int) -> list[int]:
    """After which events a log is cut: all, and fewer where a suggestion takes longer."""
    every = range(1, events + 1)
    if backend.startswith(CHEAP):
        return list(every)
    return random.Random(backend).sample(every, 1 if backend in DEAR else 6)


CHEAP = ("core.", "deap.", "torch.", "optuna.random", "optuna.grid", "optuna.bruteforce")
LOCAL = ("torch.", "hybrid")
"""Begin in the middle, and may never come to what is forbidden."""
SIZED = ("deap.ga", "deap.nsga2", "deap.de")


def objective(trial: Trial) -> Any:
    """Complete, pruned (by what the pruner knows of others) and failed trials."""
    value = trial["x"] + trial.get("n", 3) / 9 + trial.get("y", 0)
    rough = random.Random(trial.seed).random()
    if trial.number % 6 == 4:
        raise ValueError("unlucky")
    for step in range(2):
        trial.report(value + rough / (step + 1), step)
        if trial.should_prune():
            raise hpo.TrialPruned
    if not trial.wants_gradients:
        return value
    slopes = {n: 0.5 - rough for n in trial if isinstance(trial[n], float)}
    return hpo.Differentiated(value, slopes)


@pytest.fixture
def make(plugins: PluginManager) -> Iterator[Callable[..., Study]]:
    """Makes the study of a backend in a store, in the first space that it takes."""
    opened: list[Study] = []

    def of(backend: str, store: Store, pruner: Any = PRUNER) -> Study:
        chosen = {"name": backend, "options": options(backend)}
        for space in SPACES:
            try:
                config = StudyConfig(
                    space, backend=chosen, seed=2, store=store, plugins=plugins, pruner=pruner
                )
                study = open_study(config)
            except UnsupportedProblem:
                continue
            opened.append(study)
            return study
        raise AssertionError(f"{backend} takes none of the spaces")

    yield of
    for study in opened:
        study.close()


PRUNER = {"name": "median", "options": {"n_startup_trials": 2}}


def drive(study: Study, trials: int = TRIALS, draws: int | None = None, **more: Any) -> list[Any]:
    """Runs a study, one trial at a time or several at once; its trials' parameters."""
    if draws is None:
        study.optimize(objective, trials=trials, retries=1)
    else:
        study.optimize(
            objective, trials=trials, runner="fake.shuffled", draws=draws, retries=1, **more
        )
    return [trial.params for trial in study.trials]


def cut(store: Store, source: Store, events: list[Event], snapshots: Snapshots = ()) -> None:  # type: ignore[assignment]
    """Fills an empty store with the first events of a log, and the last snapshot among them."""
    row = source.study("study")
    assert row is not None
    store.create("study", row.definition)
    writer = store.acquire("study")
    last = max((seq for seq, _ in snapshots if seq <= len(events)), default=0)
    first, rest = events[:last], events[last:]
    for part in (first, rest):
        if part:
            writer.append(part)
        if part is first and last:
            writer.save_snapshot(json.loads(dict(snapshots)[last]))
    writer.release()


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Warnings about going on, which are not those of failed trials and spent budgets."""
    return [
        r.getMessage()
        for r in caplog.records
        if r.levelno >= logging.WARNING and r.name == "hpo_bridge"
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_goes_on_after_a_cut_anywhere(
    make: Callable[..., Study], backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole = MemoryStore()
    expected = drive(make(backend, whole))
    events = list(whole.events("study"))
    kinds = {e.state for e in events if e.kind == "finished"}
    assert {"COMPLETE", "FAILED"} <= kinds
    if not backend.startswith(LOCAL):
        assert any(e.rejected for e in events if e.kind == "asked")
    for place in places(backend, len(events)):
        part = MemoryStore()
        cut(part, whole, events[:place])
        study = make(backend, part)
        far = backend in DEAR or place % 8 == 0
        trials = TRIALS if far else min(TRIALS, len(study.trials) + 1)
        assert drive(study, trials) == expected[: len(study.trials)], f"cut after event {place}"
        assert len(study.trials) == min(trials, len(expected))
        study.close()
    assert warned(caplog) == []


@pytest.mark.parametrize("backend", CHEAP_AND_DEAR)
def test_and_from_the_snapshot_that_was_there(
    make: Callable[..., Study], backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """One is taken at each ask; those of a backend that ends by itself are not needed."""
    snapshots: Snapshots = []
    keep = writer_module.SqlWriter.save_snapshot

    def kept(self: Any, data: Any) -> None:
        snapshots.append((self.seq, json.dumps(data)))
        keep(self, data)

    monkeypatch.setattr(snapshot_module, "SNAPSHOT_EVERY", 0.0)
    monkeypatch.setattr(snapshot_module, "SNAPSHOT_SHARE", float("inf"))
    monkeypatch.setattr(writer_module.SqlWriter, "save_snapshot", kept)
    whole = open_store(f"sqlite:///{tmp_path}/whole.db")
    study = make(backend, whole)
    expected = drive(study)
    events = list(whole.events("study"))
    study.close()
    made = snapshots.copy()
    for count, place in enumerate(places(backend, len(events))[:2]):
        part = open_store(f"sqlite:///{tmp_path}/{count}.db")
        cut(part, whole, events[:place], made)
        study = make(backend, part)
        assert drive(study) == expected, f"cut after event {place}"
        study.close()
        part.close()
    whole.close()
    assert warned(caplog) == []


@pytest.mark.parametrize("backend", CHEAP_AND_DEAR)
def test_several_workers_in_order_are_cut(make: Callable[..., Study], backend: str) -> None:
    """Whatever ends first, before the cut and after it: the same trials."""
    whole = MemoryStore()
    expected = drive(make(backend, whole, None), draws=0, order="deterministic")
    other = drive(make(backend, MemoryStore(), None), draws=1, order="deterministic")
    assert other == expected
    events = list(whole.events("study"))
    for draws, place in enumerate(random.Random(backend).sample(range(1, len(events) + 1), 3), 2):
        part = MemoryStore()
        cut(part, whole, events[:place])
        study = make(backend, part, None)
        assert drive(study, draws=draws, order="deterministic") == expected, f"{place}"
        study.close()


@pytest.mark.parametrize("backend", CHEAP_AND_DEAR)
def test_several_workers_as_they_come_replay(make: Callable[..., Study], backend: str) -> None:
    """Without an order the log says what happened, and a backend is brought to that."""
    whole = MemoryStore()
    first = make(backend, whole)
    before = drive(first, draws=0)
    assert analysis.verify(first).reproducible
    events = list(whole.events("study"))
    part = MemoryStore()
    cut(part, whole, events[: 2 * len(events) // 3])
    study = make(backend, part)
    known = len(study.trials)
    assert drive(study, draws=1)[:known] == before[:known]
    assert analysis.verify(study).reproducible
    assert [s.verdict for s in analysis.verify(study).streaks] == ["reproducible"]
