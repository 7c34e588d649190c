"""What plugins that observe are told, and that they cannot disturb a study."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hpo_bridge import HpoBridgeError, Study, hookimpl
from hpo_bridge.plugins import PluginManager

Make = Callable[..., Study]


class Everything:
    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    @hookimpl
    def hpo_study_started(self, study: Any) -> None:
        self.seen.append(("study started", study.name, study.backend, study.directions))

    @hookimpl
    def hpo_trial_started(self, study: Any, trial: Any) -> None:
        self.seen.append(("started", trial.number, trial.state.value, trial.attempts))

    @hookimpl
    def hpo_trial_reported(self, trial: Any, step: int, value: float) -> None:
        self.seen.append(("reported", trial.number, step, value))

    @hookimpl
    def hpo_trial_requeued(self, trial: Any, reason: str, kind: str) -> None:
        assert reason.startswith("ValueError: no")
        self.seen.append(("requeued", trial.number, trial.state.value, trial.attempts, kind))

    @hookimpl
    def hpo_trial_changed(self, trial: Any, change: Any) -> None:
        self.seen.append(("changed", trial.number, trial.params, change.params, change.step))

    @hookimpl
    def hpo_trial_finished(self, trial: Any) -> None:
        self.seen.append(("finished", trial.number, trial.state.value, trial.values))
        self.last = trial

    @hookimpl
    def hpo_study_finished(self, error: Any, study: Any) -> None:
        self.seen.append(("study finished", error))


class Broken:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    @hookimpl
    def hpo_trial_started(self, trial: Any) -> None:
        raise self.error

    @hookimpl
    def hpo_trial_finished(self) -> None:
        raise self.error


@pytest.fixture
def observe(plugins: PluginManager) -> Iterator[Callable[[Any], Any]]:
    added: list[Any] = []

    def add(observer: Any) -> Any:
        plugins.observe(observer)
        added.append(observer)
        return observer

    yield add
    for observer in added:
        plugins.ignore(observer)


def objective(trial: Any) -> float:
    trial.report(2.0, step=1)
    if trial.number == 1:
        raise ValueError("no")
    return 1.5


def test_what_is_told(study: Make, observe: Any) -> None:
    seen = observe(Everything())
    s = study(direction="maximize")
    s.optimize(objective, trials=2, retries=1)
    assert seen.seen == [
        ("study started", "study", "core.random", {"value": "maximize"}),
        ("started", 0, "RUNNING", 1), ("reported", 0, 1, 2.0),
        ("finished", 0, "COMPLETE", {"value": 1.5}), ("started", 1, "RUNNING", 1),
        ("reported", 1, 1, 2.0), ("requeued", 1, "WAITING", 1, "failure"),
        ("started", 1, "RUNNING", 2), ("reported", 1, 1, 2.0),
        ("finished", 1, "FAILED", None), ("study finished", None),
    ]  # fmt: skip
    assert seen.last.reports == ((1, 2.0),)
    assert seen.last == s.trials[1]


def test_by_hand_and_later(study: Make, observe: Any, plugins: PluginManager) -> None:
    s = study()
    s.optimize(lambda trial: 0.0, trials=1)
    seen = observe(Everything())  # an observer that comes later sees what comes later
    s.tell(s.ask(), 1.0)
    s.close()
    assert [what[:2] for what in seen.seen] == [
        ("study started", "study"), ("started", 1), ("finished", 1), ("study finished", None),
    ]  # fmt: skip
    plugins.ignore(seen)
    plugins.ignore(seen)


def test_how_a_study_ended(study: Make, observe: Any) -> None:
    seen = observe(Everything())
    with pytest.raises(KeyboardInterrupt):
        study().optimize(interrupted, trials=3)
    assert isinstance(seen.seen[-1][1], KeyboardInterrupt)


def interrupted(trial: Any) -> float:
    raise KeyboardInterrupt


@pytest.mark.parametrize("error", [RuntimeError("oh no"), SystemExit(1), AssertionError()])
def test_a_broken_observer_is_logged(
    study: Make, observe: Any, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    observe(Broken(error))
    seen = observe(Everything())
    s = study()
    with caplog.at_level(logging.WARNING, "hpo_bridge"):
        s.optimize(lambda trial: trial["x"], trials=3)
    assert len(s.trials) == 3
    assert s.best is not None
    assert sum(what[0] == "finished" for what in seen.seen) == 3
    first, count = (record.getMessage() for record in caplog.records)
    assert first.startswith("observer <")
    assert f"failed in hpo_trial_started: {type(error).__name__}" in first
    assert first.endswith("; the study goes on")
    assert "failed 6 times in all, the last time in hpo_trial_finished: " in count


class Misspelt:
    @hookimpl
    def hpo_trial_ended(self, trial: Any) -> None: ...


class Greedy:
    @hookimpl
    def hpo_trial_finished(self, trial: Any, model: Any) -> None: ...


class Silent:
    def hpo_trial_finished(self, trial: Any) -> None: ...


@pytest.mark.parametrize(
    ("observer", "match"),
    [(Misspelt(), "hpo_trial_ended"), (Greedy(), "model"), (Silent(), "is not decorated")],
)
def test_observers_that_cannot_be(plugins: PluginManager, observer: Any, match: str) -> None:
    for _ in range(2):  # nothing of it stays behind
        with pytest.raises(HpoBridgeError, match=match):
            plugins.observe(observer)
    fine = Everything()
    plugins.observe(fine)
    with pytest.raises(HpoBridgeError, match="already"):
        plugins.observe(fine)
    plugins.ignore(fine)
