"""Observers that a study asks for: told in order in threads of their own, and never in the way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import HpoBridgeError, Study, hookimpl
from hpo_bridge.config import StudyConfig
from hpo_bridge.engine import observers as module
from hpo_bridge.study import open_study

Make = Callable[..., Study]


class Diary:
    """Notes what it is told, and in which thread."""

    def __init__(self, pause: float = 0.0) -> None:
        self.pause = pause
        self.seen: list[tuple[Any, ...]] = []
        self.threads: set[int] = set()
        self.info: Any = None

    def note(self, *what: Any) -> None:
        time.sleep(self.pause)
        self.threads.add(threading.get_ident())
        self.seen.append(what)

    @hookimpl
    def hpo_study_started(self, study: Any, ended: Any) -> None:
        self.info = study
        self.note("begin", [trial.number for trial in ended])

    @hookimpl
    def hpo_trial_started(self, trial: Any) -> None:
        self.note("started", trial.number)

    @hookimpl
    def hpo_trial_reported(self, trial: Any, step: int) -> None:
        self.note("reported", trial.number, step)

    @hookimpl
    def hpo_trial_requeued(self, trial: Any, kind: str) -> None:
        self.note("requeued", trial.number, kind)

    @hookimpl
    def hpo_trial_finished(self, trial: Any) -> None:
        self.note("finished", trial.number)

    @hookimpl
    def hpo_study_finished(self, error: Any) -> None:
        self.note("end", error)

    def numbers(self, what: str) -> list[int]:
        return [note[1] for note in self.seen if note[0] == what]


def objective(trial: Any) -> float:
    trial.report(1.0, step=0)
    trial.report(0.5, step=1)
    return float(trial["x"])


def test_all_in_order_and_in_a_thread_of_its_own(study: Make) -> None:
    diary = Diary()
    study(observers=[diary]).optimize(objective, trials=3)
    each = [[("started", n), ("reported", n, 0), ("reported", n, 1), ("finished", n)]
            for n in range(3)]  # fmt: skip
    assert diary.seen == [
        ("begin", []),
        *(note for notes in each for note in notes),
        ("end", None),
    ]
    assert len(diary.threads) == 1
    assert threading.get_ident() not in diary.threads


def test_what_it_learns_of_the_study(study: Make, url: str, tmp_path: Path) -> None:
    diary = Diary()
    first = study(
        observers=[diary], store=url, seed=7, name="a/b", pruner="median",
        backend={"name": "core.random", "options": {}},
    )  # fmt: skip
    first.optimize(objective, trials=1, runner="inline")
    info = diary.info
    assert (info.name, info.backend, info.runner, info.pruner) == (
        "a/b", "core.random", "inline", "median",
    )  # fmt: skip
    assert (info.seed, info.directions, info.folder) == (7, {"value": "minimize"}, tmp_path)
    assert info.store.endswith("/s.db")
    assert set(info.definition["space"]) == {"x", "n", "c"}
    first.close()
    study(observers=[diary], store=url, seed=7, name="a/b").ask()
    wait(lambda: diary.info is not info)
    assert (diary.info.identity, diary.info.runner) == (info.identity, "ask")
    assert info.identity.startswith("a_b-")
    study(observers=[diary], name="a/b").optimize(objective, trials=1)
    assert diary.info.identity != info.identity
    assert diary.info.folder is None


def test_a_continued_study_tells_what_had_ended(study: Make, url: str) -> None:
    first = study(store=url)
    first.optimize(objective, trials=2)
    waiting = first.ask()
    diary = Diary()
    first.close()
    second = study(store=url, observers=[diary])
    second.enqueue({"x": 0.5, "n": 1, "c": "a"})
    second.optimize(objective, trials=4)
    assert diary.seen[:2] == [("begin", [0, 1]), ("requeued", waiting.number, "lost")]
    later = diary.seen[diary.seen.index(("end", None)) + 1 :]
    assert later[0] == ("begin", [0, 1])  # of `optimize`, after the enqueuing by hand
    assert diary.numbers("finished") == [2, 3]


def wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + 150
    while not until():
        assert time.monotonic() < end
        time.sleep(0.01)


class Angry:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    @hookimpl
    def hpo_study_started(self) -> None:
        raise self.error

    @hookimpl
    def hpo_trial_finished(self) -> None:
        raise self.error


class Custom(BaseException): ...


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Custom()]
)
def test_one_that_raises(
    study: Make, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    diary = Diary()
    s = study(observers=[Angry(error), diary])
    s.optimize(objective, trials=5)
    with_it = [(trial.params, trial.values) for trial in s.trials]
    without = study()
    without.optimize(objective, trials=5)
    assert with_it == [(trial.params, trial.values) for trial in without.trials]
    assert diary.numbers("finished") == [0, 1, 2, 3, 4]
    first, count = (record.getMessage() for record in caplog.records)
    assert "Angry" in first
    assert f"failed in hpo_study_started: {type(error).__name__}" in first
    assert "failed 6 times in all" in count


def test_one_that_is_slow_makes_nothing_wait_but_the_end(study: Make) -> None:
    diary = Diary(pause=0.05)
    s = study(observers=[diary])
    lags: list[int] = []

    def watched(trial: Any) -> float:
        lags.append(trial.number - len(diary.numbers("finished")))
        return objective(trial)

    s.optimize(watched, trials=10)
    assert lags[-1] >= 5  # the trials were over long before it was told of them
    assert diary.numbers("finished") == list(range(10))  # at the end it was waited for


def test_the_end_waits_for_so_long(
    study: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    gate = threading.Event()

    class Stuck(Diary):
        @hookimpl
        def hpo_trial_started(self, trial: Any) -> None:
            gate.wait(60)
            self.note("started", trial.number)

    stuck, diary = Stuck(), Diary()
    s = study(observers=[stuck, diary])
    s.optimize(objective, trials=3)
    assert len(s.trials) == 3
    (line,) = (record.getMessage() for record in caplog.records)
    assert "Stuck" in line
    # The start of which it is being told, three more of that trial, two trials, and the end.
    assert "not told of 13 notifications: it was given up 0 s after the run" in line
    assert "the study is whole" in line
    assert diary.numbers("finished") == [0, 1, 2]
    caplog.clear()
    s.optimize(objective, trials=4)  # it hangs still
    assert ["busy with the last run" in record.getMessage() for record in caplog.records] == [True]
    assert diary.numbers("finished") == [0, 1, 2, 3]
    gate.set()
    wait(lambda: bool(stuck.numbers("started")))
    wait(lambda: not s._lease._observers._last[s._lease._observers._chosen[0]].busy)
    s.optimize(objective, trials=5)
    assert stuck.seen[-6:] == [
        ("begin", [0, 1, 2, 3]), ("started", 4), ("reported", 4, 0), ("reported", 4, 1),
        ("finished", 4), ("end", None),
    ]  # fmt: skip


def test_one_that_was_given_up_does_not_go_on(
    study: Make, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    gate, seen = threading.Event(), []

    class Slow:
        @hookimpl
        def hpo_study_started(self, ended: Any) -> None:
            for trial in ended:
                seen.append(trial.number)
                gate.wait(60)

        @hookimpl
        def hpo_trial_finished(self) -> None:
            seen.append("finished")

    study(store=url).optimize(objective, trials=3)
    s = study(store=url, observers=[Slow()])
    s.optimize(objective, trials=4)
    gate.set()
    wait(lambda: not s._lease._observers._mailboxes[0].busy)
    assert seen == [0]


def test_ctrl_c_while_the_end_waits(
    study: Make, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = threading.Event()

    class Stuck(Diary):
        @hookimpl
        def hpo_study_finished(self, error: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)  # the main thread waits
            gate.wait(60)

    s = study(observers=[Stuck()], store=url)
    with pytest.raises(KeyboardInterrupt):
        s.optimize(objective, trials=3)
    gate.set()
    assert len(s.trials) == 3
    assert "given up 0 s after the run" in caplog.records[0].getMessage()
    study(store=url).optimize(objective, trials=4)  # it was given free


def test_reports_are_dropped_before_anything_else(
    study: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_REPORTS", 10)
    monkeypatch.setattr(module, "MOST_WAITING", 50)
    gate = threading.Event()

    class Late(Diary):
        @hookimpl
        def hpo_study_started(self, study: Any) -> None:
            gate.wait(60)

    late = Late()

    def many(trial: Any) -> float:
        for step in range(100):
            trial.report(1.0, step)
        if trial.number == 9:
            gate.set()
        return 0.0

    study(observers=[late]).optimize(many, trials=10)
    assert late.numbers("started") == late.numbers("finished") == list(range(10))
    assert 0 < len(late.numbers("reported")) < 1000
    assert caplog.records == []  # every end of a trial has its reports


def test_a_full_queue_is_said(
    study: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 5)
    gate = threading.Event()

    class Late(Diary):
        @hookimpl
        def hpo_study_started(self, study: Any) -> None:
            gate.wait(60)

    def last(trial: Any) -> float:
        if trial.number == 9:
            gate.set()
        return 0.0

    study(observers=[late := Late()]).optimize(last, trials=10)
    (line,) = (record.getMessage() for record in caplog.records)
    assert "notifications: its queue was full" in line
    assert late.numbers("started")[:2] == [0, 1]


def test_asked_by_hand(study: Make) -> None:
    diary = Diary()
    s = study(observers=[diary])
    trial = s.ask()
    trial.report(1.0, 3)
    s.tell(trial, 0.5)
    s.optimize(objective, trials=2)
    s.tell(s.ask(), 0.5)
    s.close()
    s.close()
    runs = "".join({"begin": "(", "end": ")"}.get(note[0], ".") for note in diary.seen)
    assert runs == "(...)(....)(..)"  # by hand, the run, by hand again
    assert diary.numbers("begin") == [[], [0], [0, 1]]


def test_a_study_that_is_dropped_leaves_no_thread(study: Make, plugins: Any, space: Any) -> None:
    before = threading.active_count()
    s = open_study(StudyConfig(space, plugins=plugins, observers=[Diary()]))
    s.ask()
    assert threading.active_count() == before + 1
    del s
    wait(lambda: threading.active_count() == before)


@pytest.mark.parametrize(
    ("observers", "match"),
    [
        ("mlflow", r"observers: found 'mlflow', expected a list of names or observers"),
        ({"name": "mlflow"}, r"observers: found {'name': 'mlflow'}, expected a list"),
        ([object()], r"observers\.0: observer <object .*hpo_bridge.hookimpl"),
        ([Diary], r"observers\.0: found the class Diary, expected an object"),
        ([Diary(), {"nam": "mlflow"}], r"observers\.1: found {'nam': 'mlflow'}, expected a"),
        ([{"name": "mlflow", "option": {}}], r"observers\.0\.option: unknown option"),
        (["mlfow"], r"observers\.0: found 'mlfow', "),
    ],
)
def test_what_is_no_observer(study: Make, url: str, observers: Any, match: str) -> None:
    with pytest.raises(HpoBridgeError, match=match):
        study(observers=observers, store=url)
    assert not Path(url.removeprefix("sqlite:///")).exists()
