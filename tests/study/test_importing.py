"""Imported trials in a study: numbers, budgets, backends, leases, directions."""

from __future__ import annotations

import json
import logging

import pytest

from hpo_bridge import Float, HpoBridgeError, Int, Space, TrialState, UnsupportedProblem, analysis
from hpo_bridge.errors import HistoryError, StoreError, StudyLocked
from hpo_bridge.store.event_types import Imported

SPACE = Space(x=Float(-1, 1), n=Int(1, 4))


def plain(number, value, **more):
    return {
        "number": number, "state": "COMPLETE", "params": {"x": number / 10, "n": 1},
        "values": {"value": value}, "started": 100.0 + number, "finished": 101.0 + number, **more,
    }  # fmt: skip


@pytest.fixture
def source(tmp_path):
    def write(trials, name="t.json"):
        (tmp_path / name).write_text(json.dumps(trials))
        return str(tmp_path / name)

    return write


def objective(trial):
    trial.report(trial["x"], 0)
    return trial["x"] ** 2 + trial["n"]


def test_a_path_is_a_source(study, source, tmp_path):
    source([plain(0, 1.0)])
    assert study(SPACE).import_trials(tmp_path / "t.json").added == 1


def test_numbers_go_on_and_the_budget_counts_them(study, source):
    made = study(SPACE)
    made.optimize(objective, trials=3)
    report = made.import_trials(source([plain(n, n) for n in range(4)]))
    assert report.numbers == range(3, 7)
    made.optimize(objective, trials=9)
    assert [t.number for t in made.trials] == list(range(9))
    assert [t.backend for t in made.trials][2:8] == [
        "core.random", *["imported:json"] * 4, "core.random"
    ]  # fmt: skip


@pytest.mark.parametrize("before", [0, 3])
@pytest.mark.parametrize("stored", [False, True])
def test_a_learner_is_told_once_and_rebuilt_exactly(study, source, url, before, stored):
    """One study goes on in one process, another is opened again after each trial."""
    trials = [plain(n, n / 7) for n in range(8)]

    def run(store, again):
        options = {"backend": {"name": "optuna.tpe", "options": {"n_startup_trials": 4}}}
        made = study(SPACE, store=store, **options)
        made.optimize(objective, trials=before) if before else None
        made.import_trials(source(trials))
        for total in range(before + 9, before + 13):
            if again:
                made.close()
                made = study(SPACE, store=store, **options)
            made.optimize(objective, trials=total)
        return [t.params for t in made.trials]

    once = run(url if stored else None, again=False)
    assert run(url.replace("s.db", "again.db"), again=True) == once


def test_the_log_says_again_what_the_tables_say(study, source, url):
    made = study(SPACE, store=url, backend="optuna.tpe")
    made.import_trials(source([plain(n, n) for n in range(10)]))
    made.optimize(objective, trials=13)
    assert analysis.verify(made).reproducible
    kinds = [e.kind for e in made.store.events(made.name)]
    assert kinds[:11] == ["imported"] * 10 + ["session"]
    event = next(made.store.events_of(made.name, Imported))
    assert event.trial == 0
    assert event.source.endswith("t.json")


def test_the_backend_learns_from_them(study, source):
    near = [plain(n, 0.0, params={"x": 0.5 + n / 1000, "n": 2}) for n in range(8)]
    far = [plain(n, 9.0, params={"x": -1 + n / 20, "n": 1 + n % 4}) for n in range(30)]
    made = study(SPACE, backend="optuna.tpe")
    made.import_trials(source(near + far))
    made.optimize(lambda t: 5.0, trials=len(near + far) + 12)
    proposed = [t.params["x"] for t in made.trials[38:]]
    assert sum(0.2 < x < 0.8 for x in proposed) > 6


def test_a_study_in_hand_takes_them_between_its_own(study, source):
    made = study(SPACE, backend="optuna.tpe")
    trial = made.ask()
    assert made.import_trials(source([plain(5, 1.0)])).numbers == range(1, 2)
    made.tell(trial, 0.5)
    assert made.ask().number == 2
    assert made.counts[TrialState.COMPLETE] == 2


def test_no_other_driver_may_run(study, source, url):
    first = study(SPACE, store=url)
    first.ask()
    second = study(SPACE, store=url)
    with pytest.raises(StudyLocked):
        second.import_trials(source([plain(0, 1.0)]))
    first.close()
    assert second.import_trials(source([plain(0, 1.0)])).added == 1
    assert second.ask().number == 0  # the first study's trial, which has waited
    assert second.ask().number == 2
    third = study(SPACE, store=url)
    with pytest.raises(StudyLocked):
        third.import_trials(source([plain(1, 1.0)]))


def test_the_lease_is_free_after_an_error(study, source, url):
    made = study(SPACE, store=url)
    with pytest.raises(HistoryError):
        made.import_trials(source({"no": "list"}))
    assert study(SPACE, store=url).import_trials(source([plain(0, 1.0)])).added == 1


def test_a_write_that_fails_adds_nothing(study, source, url, monkeypatch):
    made = study(SPACE, store=url)
    from hpo_bridge.store import projection

    def broken(*arguments):
        raise StoreError("disk full")

    monkeypatch.setattr(projection.Projection, "plan", broken)
    with pytest.raises(StoreError, match="disk full"):
        made.import_trials(source([plain(n, n) for n in range(3)]))
    monkeypatch.undo()
    assert made.trials == []
    assert made.import_trials(source([plain(n, n) for n in range(3)])).numbers == range(3)


@pytest.mark.parametrize(("direction", "worse"), [("minimize", 50.0), ("maximize", 0.5)])
def test_the_pruner_knows_them(study, source, direction, worse):
    reports = [[step, 1.0] for step in range(5)]
    median = {"name": "median", "options": {"n_startup_trials": 4}}
    made = study(SPACE, direction=direction, pruner=median)
    good = [plain(n, 1.0, reports=reports) for n in range(5)]
    made.import_trials(source(good))

    def bad(trial):
        trial.report(worse, 0)
        assert trial.should_prune()
        return worse

    made.optimize(bad, trials=6)
    assert made.trials[5].state is TrialState.COMPLETE
    held = study(SPACE, direction=direction, pruner=median)
    trial = held.ask()
    held.import_trials(source(good))
    trial.report(worse, 0)
    assert trial.should_prune()


def test_directions_must_agree_or_be_turned(study, tmp_path):
    theirs = study(SPACE, directions={"score": "maximize"})
    theirs.optimize(lambda t: t["x"], trials=4)
    theirs.export(tmp_path / "t.json")
    made = study(SPACE)
    with pytest.raises(HistoryError, match="maximizes 'score', the study minimizes 'value'"):
        made.import_trials(str(tmp_path / "t.json"))
    report = made.import_trials(str(tmp_path / "t.json"), rename={"score": "-value"})
    assert report.added == 4
    assert [t.value for t in made.trials] == [-t.value for t in theirs.trials]
    with pytest.raises(HistoryError, match="takes it as it is"):
        theirs.import_trials(str(tmp_path / "t.json"), rename={"score": "-score"})


def test_reports_and_estimates_turn_with_the_objective(study, source):
    data = plain(0, 1.0, reports=[[0, 2.0], [1, 3.0]], standard_errors={"value": 0.5})
    pruned = plain(1, None, values=None, state="PRUNED", reports=[[0, 4.0]], estimate=5.0)
    made = study(SPACE, direction="maximize")
    made.import_trials(source([data, pruned]), rename={"value": "-value"})
    first, second = made.trials
    assert first.reports == ((0, -2.0), (1, -3.0))
    assert first.standard_errors == {"value": 0.5}
    assert second.estimate == -5.0


def test_one_of_several_objectives(study, source):
    made = study(SPACE, directions={"b": "minimize"})
    with pytest.raises(HistoryError, match="the source has no objective"):
        study(SPACE, directions={"c": "minimize", "b": "minimize"}, name="o").import_trials(
            export_of(study, source)
        )
    assert made.import_trials(export_of(study, source)).added == 3
    assert made.trials[0].values == {"b": 1.0}


def export_of(study, source):
    theirs = study(SPACE, directions={"a": "minimize", "b": "minimize"}, name="theirs")
    theirs.optimize(lambda t: {"a": 0.0, "b": 1.0}, trials=3)
    path = source([], "several.json")
    theirs.export(path, overwrite=True)
    return path


def test_reports_are_kept_as_a_study_keeps_them(study, source):
    reports = [[0, 1.0], [0, 2.0], [3, 5.0], [2, 4.0], [4, 6.0]]
    metrics = [{"m": n} for n in range(5)]
    made = study(SPACE)
    made.import_trials(source([plain(0, 1.0, reports=reports, metrics=metrics)]))
    assert made.trials[0].reports == ((0, 1.0), (3, 5.0), (2, 4.0), (4, 6.0))
    assert made.trials[0].metrics == ({"m": 0}, {"m": 2}, {"m": 3}, {"m": 4})


def test_parameters_that_changed_while_it_ran(study, source, url):
    changes = [{"step": 1, "params": {"x": -0.5, "n": 1}, "source": None}]
    reports = [[0, 3.0], [1, 2.0], [2, 1.0]]
    made = study(SPACE, store=url, backend="optuna.tpe")
    made.import_trials(source([plain(0, 1.0, reports=reports, changes=changes)]))
    assert made.trials[0].changes[0].params == {"x": -0.5, "n": 1}
    made.optimize(objective, trials=3)
    made.close()
    again = study(SPACE, store=url, backend="optuna.tpe")
    again.optimize(objective, trials=4)
    assert len(again.trials) == 4


def test_a_backend_that_would_ignore_them_is_refused(study, source):
    space = Space(x=Float(-1, 1), y=Float(0, 1))
    data = source([plain(0, 1.0, params={"x": 0.5, "y": 0.5})])
    with pytest.raises(UnsupportedProblem, match="would ignore the imported trials"):
        study(space, backend="deap.cmaes").import_trials(data)
    ignoring = study(space, backend={"name": "deap.cmaes", "handover": "ignore"})
    assert ignoring.import_trials(data).added == 1
    ignoring.optimize(lambda t: t["x"] ** 2, trials=3)


WRONG_MAPS = {
    "unknown": ({"a": "y"}, "the study has no parameter or objective 'y'"),
    "twice": ({"a": "x", "b": "x"}, "both 'a' and 'b' stand for 'x'"),
    "twice turned": ({"a": "value", "b": "-value"}, "both 'a' and 'b' stand for 'value'"),
    "nearest": ({"a": "valu"}, "did you mean 'value'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_MAPS)
def test_a_wrong_map_is_one_line(study, source, case):
    rename, problem = WRONG_MAPS[case]
    with pytest.raises(HistoryError) as found:
        study(SPACE).import_trials(source([plain(0, 1.0)]), rename=rename)
    assert problem in str(found.value)
    assert "\n" not in str(found.value)


def test_a_source_that_is_not_there_or_of_no_format(study, tmp_path):
    made = study(SPACE)
    with pytest.raises(HistoryError, match="there is no such file or folder"):
        made.import_trials(str(tmp_path / "no.csv"))
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(HistoryError, match="is of no known format; formats read: csv, hyperopt"):
        made.import_trials(str(tmp_path / "x.txt"))
    with pytest.raises(HpoBridgeError, match="expected one of csv"):
        made.import_trials(str(tmp_path / "x.txt"), format="excel")
    with pytest.raises(HistoryError, match="is of no known format"):
        made.import_trials(object())


def test_a_store_of_ours_is_named(study, url):
    made = study(SPACE, store=url)
    made.optimize(objective, trials=1)
    with pytest.raises(HistoryError, match="is a store of hpo-bridge"):
        study(SPACE).import_trials(url.removeprefix("sqlite:///"))
    with pytest.raises(HistoryError, match="a store of hpo-bridge"):
        study(SPACE).import_trials(url, format="optuna")
    with pytest.raises(HistoryError, match="is a store of hpo-bridge"):
        made.export(url)


def test_nothing_is_said_of_passwords(study):
    from hpo_bridge.history.format_lookup import shown

    assert shown("postgresql://me:secret@host/db") == "postgresql://host/db"
    assert shown("dir/t.csv") == "dir/t.csv"


def test_observers_get_them_as_trials_that_have_ended(study, source, caplog):
    from hpo_bridge import hookimpl

    seen = []

    class Watch:
        @hookimpl
        def hpo_study_started(self, study, ended):
            seen.extend(ended)

    made = study(SPACE, observers=[Watch()])
    made.import_trials(source([plain(n, n) for n in range(3)]))
    with caplog.at_level(logging.ERROR):
        made.optimize(objective, trials=4)
    assert [t.number for t in seen] == [0, 1, 2]


def test_postgres_has_the_same(study, source, postgres_url):
    data = [plain(n, n, reports=[[0, 1.0], [1, 2.0]], metrics=[{}, {"m": 1.0}]) for n in range(3)]
    made = study(SPACE, store=postgres_url)
    assert made.import_trials(source(data)).added == 3
    assert made.import_trials(source(data)).already == 3
    assert made.trials[2].reports == ((0, 1.0), (1, 2.0))
    assert made.trials[2].metrics == ({}, {"m": 1.0})
    made.optimize(objective, trials=4)
