"""One look at the test set, and what is said of a second one."""

from __future__ import annotations

import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Float, Space, Study, Trial, TrialState, analysis
from hpo_bridge.analysis.recorded_scores import trials_since_test
from hpo_bridge.errors import NoCompleteTrial, ObjectiveError, StudyLocked, TestSetWarning
from hpo_bridge.store.codec import trial_of

Make = Callable[..., Study]


def objective(trial: Trial) -> float:
    if trial.number == 1:
        raise ValueError("no")
    return float(trial["x"])


@pytest.fixture(params=["memory", "sqlite"])
def searched(request: pytest.FixtureRequest, study: Make, url: str) -> Study:
    made = study(store=url if request.param == "sqlite" else None)
    made.optimize(objective, trials=5)
    return made


def test_a_look_is_kept_in_the_log(searched: Study) -> None:
    seen: list[Any] = []

    def score(trial: Trial) -> dict[str, float]:
        seen.append((trial.number, trial.params, trial.seed))
        trial.report(1.0, 0)
        assert not trial.should_prune()
        return {"accuracy": 0.5, "auc": float("nan")}

    assert analysis.test_scores(searched) == []
    found = analysis.score_test(searched, score)
    best = searched.best
    assert analysis.test_scores(searched) == [found]
    assert (found.trial, found.params) == (best.number, best.params)
    assert found.values == {"accuracy": 0.5, "auc": None}
    assert found.rule == "best"
    assert found.trials == 5
    assert "score" in found.scored
    ((number, params, seed),) = seen
    assert (number, params) == (best.number, best.params)
    # The record of the trial is as it was.
    assert searched.best == best
    event = list(searched.store.events(searched.name))[-1]
    assert (event.kind, trial_of(event)) == ("tested", None)
    searched.optimize(lambda trial: seen.append(trial.seed) or 1.0, trials=6)
    assert seen[-1] != seed


def test_a_second_look_warns_of_the_first(searched: Study) -> None:
    analysis.score_test(searched, lambda trial: 0.25)
    with pytest.warns(TestSetWarning) as caught:
        analysis.score_test(searched, lambda trial: 0.75, trial=0)
    (text,) = [str(w.message) for w in caught]
    first = analysis.test_scores(searched)[0]
    assert f"value 0.25 for trial {first.trial} on " in text
    assert "a test set that is looked at twice is a validation set" in text
    assert [score.rule for score in analysis.test_scores(searched)] == ["best", None]
    with pytest.warns(TestSetWarning, match=r"value 0.75 for trial 0 .*look number 2"):
        analysis.score_test(searched, lambda trial: 0.5)


def test_an_exception_is_no_look(searched: Study) -> None:
    def broken(trial: Trial) -> float:
        raise ZeroDivisionError("in the user's code")

    with pytest.raises(ZeroDivisionError, match="in the user's code"):
        analysis.score_test(searched, broken)
    for nothing in (None, "0.5", float("inf"), {}, {"a": float("nan")}, {"a": "b"}, True):
        with pytest.raises(ObjectiveError, match=r"returned .*expected a finite number"):
            analysis.score_test(searched, lambda trial, nothing=nothing: nothing)
    assert analysis.test_scores(searched) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        analysis.score_test(searched, lambda trial: 1.0)


KILLED = """
import os, signal, sys
import hpo_bridge as hpo
from hpo_bridge import analysis

study = hpo.Study(hpo.Space(x=hpo.Float(0, 1)), seed=0, store=sys.argv[1])
study.optimize(lambda trial: trial["x"], trials=3)
analysis.score_test(study, lambda trial: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_test_that_is_killed_is_no_look(study: Make, url: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, url], check=False)
    assert done.returncode == -signal.SIGKILL
    again = study(Space(x=Float(0, 1)), store=url)
    assert analysis.test_scores(again) == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert analysis.score_test(again, lambda trial: 1.0).values == {"value": 1.0}


def test_a_study_that_goes_on_after_the_test_says_so(searched: Study) -> None:
    assert trials_since_test(searched.store, searched.name) is None
    analysis.score_test(searched, lambda trial: 0.25)
    assert trials_since_test(searched.store, searched.name) is None
    searched.optimize(objective, trials=8)
    text = trials_since_test(searched.store, searched.name)
    assert text is not None
    assert text.startswith("3 trials have ended since the test set was first scored (value 0.25")


def test_the_study_goes_on_as_if_it_had_not_been_tested(study: Make, url: str) -> None:
    backend = {"name": "fake.generation", "options": {"size": 3}}
    whole = study(name="whole", backend=backend)
    whole.optimize(objective, trials=12)
    part = study(name="part", store=url, backend=backend)
    part.optimize(objective, trials=5)
    analysis.score_test(part, lambda trial: 1.0)
    part.optimize(objective, trials=9)
    part.close()
    again = study(name="part", store=url, backend=backend)
    again.optimize(objective, trials=12)
    assert [t.params for t in again.trials] == [t.params for t in whole.trials]


def test_while_trials_are_asked_by_hand(searched: Study) -> None:
    trial = searched.ask()
    analysis.score_test(searched, lambda chosen: 1.0)
    searched.tell(trial, 0.5)
    assert searched.trials[-1].state is TrialState.COMPLETE
    assert len(analysis.test_scores(searched)) == 1


def test_which_trial(searched: Study) -> None:
    assert analysis.score_test(searched, lambda trial: 1.0, trial=searched.trials[0]).trial == 0
    for number, text in [(1, "trial 1 is FAILED"), (99, "no trial 99"), (-1, "no trial -1")]:
        with pytest.raises(ObjectiveError, match=text):
            analysis.score_test(searched, lambda trial: 1.0, trial=number)


def test_nothing_to_test(study: Make) -> None:
    with pytest.raises(NoCompleteTrial):
        analysis.score_test(study(), lambda trial: 1.0)


def test_several_objectives_need_a_trial(study: Make) -> None:
    made = study(directions={"a": "minimize", "b": "minimize"})
    made.optimize(lambda trial: {"a": trial["x"], "b": -trial["x"]}, trials=3)
    with pytest.raises(ValueError, match="several objectives"):
        analysis.score_test(made, lambda trial: 1.0)
    assert (
        analysis.score_test(made, lambda trial: 1.0, trial=made.front[0]).trial
        == made.front[0].number
    )


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("absent.py:score", "test: there is no file"),
        ("score.py:scor", r"test: score.py has no function 'scor' \(did you mean 'score'\?\)"),
        ("score.py:nullary", r"test: objective score.py:nullary\(\) must take one argument"),
        ("score", "test: found 'score'; expected"),
        (3, "test: found 3; expected"),
    ],
)
def test_a_wrong_function(
    study: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: Any, text: str
) -> None:
    (tmp_path / "score.py").write_text(
        "def score(trial):\n    return trial['x']\n\ndef nullary():\n    return 1\n"
    )
    monkeypatch.chdir(tmp_path)
    made = study()
    made.optimize(objective, trials=3)
    with pytest.raises(ObjectiveError, match=text):
        analysis.score_test(made, reference)
    assert analysis.score_test(made, "score.py:score").scored == "score.py:score"


def test_the_checkpoint_of_the_trial_can_be_read_and_stays(study: Make, tmp_path: Path) -> None:
    def keeps(trial: Trial) -> float:
        work = tmp_path / "work"
        work.mkdir(exist_ok=True)
        (work / "weights").write_text(str(trial["x"]))
        trial.checkpoint(work)
        return float(trial["x"])

    made = study()
    made.optimize(keeps, trials=3)

    def score(trial: Trial) -> float:
        path = trial.load_checkpoint()
        assert path is not None
        weights = float((path / "weights").read_text())
        (tmp_path / "work" / "weights").write_text("other")
        trial.checkpoint(tmp_path / "work")
        return weights

    assert analysis.score_test(made, score).values == {"value": made.best.value}
    kept = made.checkpoint(made.best)
    assert kept is not None
    assert (kept / "weights").read_text() == str(made.best.value)


def test_a_study_that_runs_is_not_tested(study: Make, url: str) -> None:
    running = study(store=url)
    running.optimize(objective, trials=3)
    running.ask()
    other = study(store=url)
    with pytest.raises(StudyLocked):
        analysis.score_test(other, lambda trial: 1.0)
    assert analysis.test_scores(other) == []
