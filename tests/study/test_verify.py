"""Replaying the backends of a stored study against its log, without running anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study, analysis
from hpo_bridge.analysis.verification import verify
from hpo_bridge.config import StudyConfig
from hpo_bridge.errors import StudyNotFound
from hpo_bridge.plugins import PluginManager
from hpo_bridge.store import open_store
from hpo_bridge.study import open_study

Make = Callable[..., Study]
SPACE = Space(
    x=Float(1e-3, 1, log=True), o=Categorical(["s", None]), n=Int(0, 9, when={"o": "s"}), k="c",
    constraints=["x * n <= 2"],
)  # fmt: skip


def eventful(trial: Any) -> float:
    trial.report(trial["x"], step=0)
    if trial.number % 5 == 3:
        raise ValueError("unlucky")
    return float(trial["x"] + trial.get("n", 3))


@pytest.mark.parametrize("backend", ["optuna.tpe", "hyperopt.tpe", "deap.ga", "core.random"])
def test_what_was_proposed_is_proposed_again(study: Make, url: str, backend: str) -> None:
    s = study(SPACE, backend=backend, store=url, pruner="fake")
    s.optimize(eventful, trials=15)
    pending = s.ask()  # neither it, nor who drives the study, disturbs
    before = list(s.store.events("study"))
    (streak,) = analysis.verify(s).streaks
    assert (streak.backend, streak.verdict, streak.reason) == (backend, "reproducible", "")
    assert (streak.trials, streak.checked) == (16, 16)
    assert streak.logged == (streak.here,)
    assert list(s.store.events("study")) == before
    s.tell(pending, 1.0)


def test_every_streak_with_its_own_options_and_seed(study: Make, url: str) -> None:
    for backend, trials in [("optuna.tpe", 8), ("core.random", 12), ("optuna.tpe", 18)]:
        with study(SPACE, backend=backend, store=url) as s:
            s.optimize(eventful, trials=trials)
    options = {"n_startup_trials": 3}
    for trials in (22, 25):  # two sessions, one streak
        with study(SPACE, backend={"name": "optuna.tpe", "options": options}, store=url) as s:
            s.optimize(eventful, trials=trials)
    found = analysis.verify(study(SPACE, store=url))
    assert found.reproducible
    assert [(c.backend, c.trials, c.checked) for c in found.streaks] == [
        ("optuna.tpe", 8, 8), ("core.random", 4, 4), ("optuna.tpe", 6, 6), ("optuna.tpe", 7, 7),
    ]  # fmt: skip
    assert found.streaks[3].options == options
    assert len({c.seed for c in found.streaks}) == 4


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("order", ["free", "deterministic"])
def test_a_schedule_is_a_streak_for_each_entry(
    study: Make, url: str, workers: int, order: str
) -> None:
    """Entries in turn, one of them told of nothing, cut and continued at a seam."""
    schedule = [
        {"name": "core.random", "trials": 5},
        {"name": "optuna.tpe", "trials": 6, "options": {"n_startup_trials": 2}},
        {"name": "deap.cmaes", "trials": 5, "handover": "ignore"},
        {"name": "deap.cmaes", "trials": 4, "handover": "ignore"},
        "hyperopt.anneal",
    ]
    for draws, trials in enumerate((7, 11, 24)):
        with study(SPACE, backend=schedule, store=url) as s:
            s.optimize(
                eventful, trials=trials, runner="fake.shuffled", workers=workers, order=order,
                draws=draws,
            )  # fmt: skip
    found = analysis.verify(study(SPACE, store=url))
    assert [(c.backend, c.trials) for c in found.streaks] == [
        ("core.random", 5), ("optuna.tpe", 6), ("deap.cmaes", 5), ("deap.cmaes", 4),
        ("hyperopt.anneal", 4),
    ]  # fmt: skip
    assert [c.reason for c in found.streaks] == [""] * 5
    assert [c.checked for c in found.streaks] == [5, 6, 5, 4, 4]


@pytest.mark.parametrize("mode", ["reuse", "resample"])
@pytest.mark.parametrize("workers", [1, 3])
def test_repeated_configurations_are_replayed(
    study: Make, url: str, mode: str, workers: int
) -> None:
    few = Space(x=Float(0, 1, step=0.25), n=Int(1, 3), constraints=["x * n <= 2"])
    s = study(few, backend="optuna.tpe", store=url, duplicates=mode)
    s.optimize(
        lambda trial: abs(trial["x"] - 0.4) + trial["n"], trials=12, runner="fake.shuffled",
        workers=workers,
    )  # fmt: skip
    repeated = [e for e in s.store.events("study") if e.kind == "resampled"]
    assert repeated or any(t.reused is not None for t in s.trials)
    (streak,) = analysis.verify(s).streaks
    assert (streak.verdict, streak.reason) == ("reproducible", "")
    assert streak.checked == streak.trials == len(s.trials)


def test_several_workers_replay_as_it_happened(study: Make, url: str) -> None:
    s = study(SPACE, backend="optuna.tpe", store=url)
    running = [s.ask() for _ in range(4)]
    for turn in range(20):
        trial = running.pop((7 * turn) % 4)
        s.tell(trial, trial["x"])
        running.append(s.ask())
    assert analysis.verify(s).reproducible


def test_a_backend_that_proposes_something_else(study: Make, url: str) -> None:
    for backend, trials in (("fake.fickle", 3), ("core.random", 5)):
        s = study(backend=backend, store=url)
        s.optimize(lambda trial: trial["x"], trials=trials)
        s.close()
    s = study(store=url)
    first, second = (found := analysis.verify(s)).streaks
    assert not found.reproducible
    assert (first.verdict, first.trial, first.checked) == ("differs", 0, 0)
    assert first.log == s.trials[0].params
    assert first.now != first.log
    assert first.now is not None
    SPACE_OF_FAKES.check(first.now)
    assert second.verdict == "reproducible"
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.trial = 1  # type: ignore[misc]


SPACE_OF_FAKES = Space(x=Float(0, 1), n=Int(1, 4), c=Categorical(["a", True, None]))


def test_a_backend_that_ends_or_fails_early(study: Make, url: str, made: list[Any]) -> None:
    points = [{"x": i / 4, "n": 1, "c": 0} for i in range(4)]
    backend = {"name": "fake.script", "options": {"points": points, "once": True}}
    s = study(backend=backend, store=url)
    s.optimize(lambda trial: trial["x"])
    assert analysis.verify(s).streaks[0].checked == 4
    found = cut(s, points[:2])
    assert (found.verdict, found.trial, found.checked, found.now) == ("differs", 2, 2, None)
    assert "exhausted" in found.reason
    found = cut(s, [*points[:3], {"x": 7, "n": 1, "c": 0}])
    assert (found.verdict, found.trial) == ("differs", 3)
    assert "outside the space" in found.reason


def cut(s: Study, points: Any) -> Any:
    """The same log, with other points in the backend."""
    read = s.store.events_of

    def other(*args: Any) -> Any:
        for event in read(*args):
            if event.kind == "session":
                event.options["points"] = points
            yield event

    s.store.events_of = other  # type: ignore[method-assign]
    try:
        return analysis.verify(s).streaks[0]
    finally:
        del s.store.events_of


def searched(url: str, plugins: Any) -> Study:
    settings = StudyConfig(SPACE, backend="acme.search", store=url, seed=0, plugins=plugins)
    return open_study(settings)


def test_what_cannot_be_checked(url: str, acme: Any) -> None:
    with searched(url, acme("1.0")) as s:
        s.optimize(eventful, trials=4)
    store = open_store(url)
    (streak,) = verify(store, "study", PluginManager()).streaks
    assert (streak.verdict, streak.here, streak.logged) == (
        "unchecked",
        None,
        ("acme-search 1.0",),
    )
    assert "acme.search" in streak.reason
    with pytest.raises(StudyNotFound, match="no study 'other'"):
        verify(store, "other", PluginManager())
    store.close()


def test_another_version_of_the_library(url: str, acme: Any) -> None:
    with searched(url, acme("1.0")) as s:
        s.optimize(eventful, trials=6)
    with searched(url, acme("1.5")) as s:
        s.optimize(eventful, trials=14)
        assert analysis.verify(s).streaks[0].logged == ("acme-search 1.0", "acme-search 1.5")
        assert analysis.verify(s).reproducible
    with searched(url, acme("2.0")) as s:
        (streak,) = analysis.verify(s).streaks
    assert (streak.verdict, streak.trial, streak.checked) == ("differs", 10, 10)
    assert streak.logged == ("acme-search 1.0", "acme-search 1.5")
    assert streak.here == "acme-search 2.0"


def test_a_study_that_was_never_asked(study: Make) -> None:
    s = study()
    assert analysis.verify(s).streaks == ()
    assert analysis.verify(s).reproducible
