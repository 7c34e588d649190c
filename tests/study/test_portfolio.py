"""The portfolio: whose turn it is, who is told what, and who stays."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo_bridge import Categorical, Float, Int, Space, Study, WaitingForResults
from hpo_bridge.config import StudyConfig
from hpo_bridge.contracts.optimizer import Problem
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.errors import BackendError, InvalidOptions, UnsupportedProblem
from hpo_bridge.plugins import PluginManager, manager
from hpo_bridge.store import open_store
from hpo_bridge.store.event_types import Asked
from hpo_bridge.study import exhaustion, load_study, open_study
from hpo_bridge.testing import BackendConformance

MIXED = Space(
    x=Float(-5, 5), lr=Float(1e-4, 1, log=True), kind=Categorical(["a", "b", "c"]),
    layers=Int(1, 8, when={"kind": ["a", "c"]}), step=Float(0, 1, step=0.1),
)  # fmt: skip
LINE = Space(x=Float(0, 1))
MEMBERS = ["optuna.tpe", {"name": "optuna.gp", "options": {"n_startup_trials": 5}}]
CHEAP = {"name": "portfolio", "options": {"members": ["optuna.tpe", "hyperopt.tpe", "deap.ga"]}}
ONE_LOSS = "its members take one objective"


class TestTreesAndGenes(BackendConformance):
    backend = "portfolio"
    options = {
        "members": ["deap.ga", {"name": "optuna.tpe", "share": 2}, "skopt.sobol", "hyperopt.tpe"]
    }
    expected_failures = {"objectives[2]": ONE_LOSS, "objectives[3]": ONE_LOSS}


@pytest.mark.dear
class TestTreesAndGaussians(BackendConformance):
    backend = "portfolio"
    options = {"members": MEMBERS}
    startup = 6
    trials = 4


def loss(trial: Any) -> float:
    off = abs(trial.get("layers", 3) - 4) / 4 + (trial["kind"] == "b")
    return float(trial["x"] ** 2 + abs(trial["step"] - 0.3) + off)


def portfolio(*members: Any) -> dict[str, Any]:
    return {"name": "portfolio", "options": {"members": list(members)}}


def script(*points: float, name: str = "fake.script", share: float = 1, **more: Any) -> Any:
    return {"name": name, "share": share, "options": {"points": points, **more}}


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    found = PluginManager()
    found.add("portfolio_fakes.py", Path(__file__).parent)
    return found


@pytest.fixture
def fakes() -> Iterator[list[Any]]:
    """The fakes that a test builds, in order."""
    made = sys.modules["portfolio_fakes"].MADE
    made.clear()
    yield made
    made.clear()


@pytest.fixture
def scripted(plugins: PluginManager, fakes: Any) -> Iterator[Any]:
    """Makes studies of fakes, and closes them."""
    opened: list[Study] = []

    def make(*members: Any, space: Space = LINE, **more: Any) -> Study:
        config = StudyConfig(space, backend=portfolio(*members), seed=1, plugins=plugins, **more)
        opened.append(open_study(config))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def proposers(study: Study) -> list[str | None]:
    return [trial.backend for trial in study.trials]


def rows(study: Study) -> list[Any]:
    return [[trial.backend, trial.params, trial.values] for trial in study.trials]


# -- turns -------------------------------------------------------------------------------


def test_members_take_turns_by_their_shares(scripted: Any) -> None:
    study = scripted(script(0.1, 0.2, 0.3, 0.4, share=2), script(0.6, 0.7))
    study.optimize(lambda trial: trial["x"], trials=6)
    one, two = "fake.script", "fake.script 2"
    assert proposers(study) == [one, one, two, one, one, two]
    assert [trial.params["x"] for trial in study.trials] == [0.1, 0.2, 0.6, 0.3, 0.4, 0.7]


def test_the_record_names_the_member(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with Study(MIXED, backend=CHEAP, seed=1, store=url, name="s") as study:
        study.optimize(loss, trials=16)
        names = proposers(study)
    assert set(names) == {"optuna.tpe", "hyperopt.tpe", "deap.ga"}
    store = open_store(url)
    try:
        assert {event.backend for event in store.events_of("s", Asked)} == {"portfolio"}
    finally:
        store.close()
    with load_study("s", store=url) as study:
        assert proposers(study) == names


def test_one_start_up_is_enough_for_all(scripted: Any) -> None:
    study = scripted(script(0.1, 0.2), script(0.5, 0.6, 0.7, 0.8, name="fake.slow_start"))
    study.optimize(lambda trial: trial["x"], trials=5)
    slow = "fake.slow_start"
    assert proposers(study) == [slow, slow, slow, "fake.script", slow]


def test_a_history_makes_the_start_up(scripted: Any) -> None:
    study = scripted(script(0.1, 0.2), script(0.5, name="fake.slow_start"))
    for x in (0.91, 0.92, 0.93):
        study.enqueue({"x": x})
    study.optimize(lambda trial: trial["x"], trials=4)
    assert proposers(study)[3] == "fake.script"


# -- who is told what --------------------------------------------------------------------


def test_each_member_is_told_everything(scripted: Any, fakes: Any) -> None:
    study = scripted(script(0.1, 0.2), script(0.6, 0.7), script(0.8, 0.9, name="fake.alone"))
    study.optimize(lambda trial: trial["x"], trials=3)
    study.ask()
    one, two, alone = fakes[-3:]
    assert [(seen.token, seen.losses) for seen in one.told] == [
        ("own 0", (0.1,)), (None, (0.6,)), (None, (0.8,))
    ]  # fmt: skip
    assert [seen.token for seen in two.told] == [None, "own 0", None]
    assert [seen.token for seen in alone.told] == ["own 0"]  # it learns from its own alone


def test_a_member_that_knows_no_conditions_gets_back_what_it_proposed(
    scripted: Any, fakes: Any
) -> None:
    space = Space(kind=Categorical(["a", "b"]), n=Int(1, 9, when={"kind": "b"}))
    study = scripted(script(0.1, 0.9), script(0.9), space=space)
    study.optimize(lambda trial: 1.0, trials=2)
    assert [trial.params for trial in study.trials] == [{"kind": "a"}, {"kind": "b", "n": 5}]
    study.ask()
    assert dict(fakes[-2].told[0].params) == {"kind": 0, "n": 5}
    assert dict(fakes[-1].told[0].params) == {"kind": 0, "n": 5}


@pytest.mark.parametrize(
    "member", ["optuna.tpe", "optuna.gp", "hyperopt.tpe", "deap.ga", "skopt.extra_trees"]
)
def test_a_single_member_proposes_what_it_does_by_itself(member: str) -> None:
    found = []
    for backend in (member, portfolio(member)):
        with Study(MIXED, backend=backend, seed=3) as study:
            study.optimize(loss, trials=15)
            found.append(rows(study))
    assert found[0] == found[1]


# -- repeated points ---------------------------------------------------------------------


def test_a_repeated_point_is_the_next_members_turn(scripted: Any, fakes: Any) -> None:
    study = scripted(script(0.1, 0.2), script(0.1, 0.7))
    study.optimize(lambda trial: trial["x"], trials=2)
    assert [trial.params["x"] for trial in study.trials] == [0.1, 0.2]
    # the second member is told the result of the point that it repeats
    assert [(seen.token, seen.losses) for seen in fakes[-1].told] == [
        (None, (0.1,)), ("own 0", (0.1,))
    ]  # fmt: skip


def test_the_result_of_a_running_point_is_told_once_it_is_known(scripted: Any, fakes: Any) -> None:
    study = scripted(script(0.1, 0.2), script(0.1, 0.7))
    first, second = study.ask(), study.ask()
    assert (first["x"], second["x"]) == (0.1, 0.2)
    assert fakes[-1].told == []
    study.tell(first, 3.0)
    study.ask()
    assert [seen.token for seen in fakes[-1].told] == [None, "own 0"]


def test_where_all_repeat_one_is_evaluated_again(scripted: Any) -> None:
    study = scripted(script(0.1), script(0.1))
    study.optimize(lambda trial: trial["x"], trials=5)
    assert [trial.params["x"] for trial in study.trials] == [0.1] * 5


# -- members that wait, end and fail -----------------------------------------------------


def test_a_member_that_waits_is_passed_over(scripted: Any) -> None:
    study = scripted(script(0.1, 0.2, most=1), script(0.6, 0.7, 0.8, most=2))
    found = [study.ask() for _ in range(3)]
    assert [trial["x"] for trial in found] == [0.1, 0.6, 0.7]
    with pytest.raises(WaitingForResults):
        study.ask()
    study.tell(found[0], 1.0)
    assert study.ask()["x"] == 0.2


def test_a_member_that_has_nothing_left_leaves_the_rest(scripted: Any) -> None:
    study = scripted(script(0.1, once=True), script(0.6, 0.7, once=True))
    study.optimize(lambda trial: trial["x"], trials=9)
    assert [trial.params["x"] for trial in study.trials] == [0.1, 0.6, 0.7]
    assert "the script is over" in str(exhaustion(study))


@pytest.mark.parametrize("fault", [{"asks": 1}, {"tells": 1}])
def test_a_member_that_fails_goes_out_and_the_study_says_so_once(
    scripted: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path, fault: Any, kept_remarks: Any
) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    members = script(0.1, 0.2, **fault), script(0.6, 0.7, 0.8, 0.9)
    with caplog.at_level(logging.WARNING):
        study = scripted(*members, store=url, name="s")
        study.optimize(lambda trial: trial["x"], trials=5)
        expected = rows(study)
        study.close()
        again = scripted(*members, store=url, name="s")
        assert rows(again) == expected
        again.optimize(lambda trial: trial["x"], trials=6)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "portfolio: goes on without fake.script: " in said[0]
    assert "ZeroDivisionError" in said[0]
    assert proposers(again) == ["fake.script", *["fake.script 2"] * 5]
    kept = kept_remarks(url)
    assert len(kept) == 1
    assert kept[0] in said[0]


def test_without_any_member_left_the_study_ends_with_the_error(scripted: Any) -> None:
    study = scripted(script(0.1, asks=1), script(0.6, asks=1))
    with pytest.raises(BackendError, match=r"no member is left: .*no pivot"):
        study.optimize(lambda trial: trial["x"], trials=9)
    assert len(study.trials) == 2


# -- continued and verified --------------------------------------------------------------


@pytest.mark.parametrize("cuts", [(1, 7, 12, 24), (11, 13, 24)])
def test_a_study_in_pieces_is_the_whole_one(tmp_path: Path, cuts: tuple[int, ...]) -> None:
    backend = portfolio(*MEMBERS, "hyperopt.tpe", "deap.ga")
    with Study(MIXED, backend=backend, seed=2) as study:
        study.optimize(loss, trials=24)
        expected = rows(study)
    url = f"sqlite:///{tmp_path}/s.db"
    for trials in cuts:
        with Study(MIXED, backend=backend, seed=2, store=url, name="s") as study:
            study.optimize(loss, trials=trials)
            assert rows(study) == expected[:trials]


def test_a_study_in_pieces_with_repeated_points(tmp_path: Path) -> None:
    space = Space(n=Int(1, 3), kind=Categorical(["a", "b"]))
    backend = portfolio("optuna.tpe", "hyperopt.tpe", "deap.ga")
    with Study(space, backend=backend, seed=2) as study:
        study.optimize(lambda trial: trial["n"], trials=40)
        expected = rows(study)
    url = f"sqlite:///{tmp_path}/s.db"
    for trials in (9, 22, 31, 40):
        with Study(space, backend=backend, seed=2, store=url, name="s") as study:
            study.optimize(lambda trial: trial["n"], trials=trials)
            assert rows(study) == expected[:trials]


def test_a_snapshot_of_another_version_of_a_library_is_refused() -> None:
    """All is replayed then, and each ask checked, as for the backend by itself."""

    def built() -> Any:
        problem = Problem(MIXED.indexed())
        return manager().build("backend", "portfolio", CHEAP["options"], problem)

    state = built().state()
    built().restore(state, iter(()))
    state["members"][0][0] = "optuna 4.9.0"
    with pytest.raises(BackendError, match=r"optuna.tpe was of optuna 4\.9\.0, is of optuna "):
        built().restore(state, iter(()))


def test_a_study_of_it_can_be_verified(tmp_path: Path) -> None:
    from hpo_bridge.analysis.verification import verify

    url = f"sqlite:///{tmp_path}/s.db"
    with Study(MIXED, backend=CHEAP, seed=1, store=url, name="s") as study:
        study.optimize(loss, trials=20)
    store = open_store(url)
    try:
        (check,) = verify(store, "s", manager()).streaks
    finally:
        store.close()
    assert (check.verdict, check.checked) == ("reproducible", 20)


def test_four_workers_in_deterministic_order(tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        with Study(MIXED, backend=CHEAP, seed=1) as study:
            study.optimize(loss, trials=24, runner="processes", workers=4, order="deterministic")
            found.append(rows(study))
    assert found[0] == found[1]
    assert {row[0] for row in found[0]} == {"optuna.tpe", "hyperopt.tpe", "deap.ga"}


# -- other problems ----------------------------------------------------------------------


def test_several_objectives() -> None:
    directions = {"near": "minimize", "far": "maximize"}
    with Study(MIXED, backend="portfolio", directions=directions, seed=1) as study:
        study.optimize(lambda t: {"near": abs(t["x"]), "far": t["x"]}, trials=16)
        assert set(proposers(study)) == {"optuna.tpe", "optuna.gp"}
        assert study.front


def test_a_constraint_is_kept() -> None:
    space = Space(dict(MIXED), constraints=["x + step <= 0"])
    with Study(space, backend=CHEAP, seed=1) as study:
        study.optimize(loss, trials=15)
        assert all(t.params["x"] + t.params["step"] <= 0 for t in study.trials)


def test_failed_trials_are_told_to_all(scripted: Any, fakes: Any) -> None:
    study = scripted(script(0.1, 0.2), script(0.6, 0.7))
    study.tell(study.ask(), state="FAILED", error="no luck")
    study.ask()
    assert [each.told[0].state for each in fakes[-2:]] == [TrialState.FAILED] * 2


def test_it_takes_over_from_another_backend(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with Study(MIXED, backend="core.random", seed=1, store=url, name="s") as study:
        study.optimize(loss, trials=12)
    with Study(MIXED, backend="portfolio", seed=1, store=url, name="s") as study:
        study.optimize(loss, trials=17)
        assert set(proposers(study)[12:]) == {"optuna.tpe", "optuna.gp"}


def test_members_that_refuse_the_problem_are_left_out_by_default_and_an_error_by_name() -> None:
    directions = {"a": "minimize", "b": "minimize"}
    with pytest.raises(UnsupportedProblem, match=r"'hyperopt\.tpe' takes one objective"):
        Study(MIXED, backend=portfolio("optuna.tpe", "hyperopt.tpe"), directions=directions)
    space = Space(w=Float(0, 1, shape=[3]))
    with pytest.raises(UnsupportedProblem, match="is a vector") as caught:
        Study(space, backend="portfolio")
    assert caught.value.parameter == "w"


def test_members_by_default_are_of_what_is_installed() -> None:
    plugins = PluginManager([e for e in entry_points() if e.name not in ("optuna", "skopt")])
    config = StudyConfig(MIXED, backend="portfolio", seed=1, plugins=plugins)
    with open_study(config) as study:
        study.optimize(loss, trials=3)
        assert set(proposers(study)) == {"hyperopt.tpe"}
    core = PluginManager([e for e in entry_points() if e.name == "core"])
    with pytest.raises(UnsupportedProblem, match="no optimizer library is installed; install"):
        open_study(StudyConfig(MIXED, backend="portfolio", plugins=core))


def entry_points() -> list[Any]:
    from importlib import metadata

    return list(metadata.entry_points(group="hpo_bridge"))


WRONG = [
    ("optuna.tpe", "members: found 'optuna.tpe', expected a list"),
    ([], "members: found [], expected a list"),
    (["optuna.tp"], "members.0: found 'optuna.tp', expected one of"),
    (["optuna.tpe", 3], "members.1: found 3, expected a name or a mapping"),
    ([{"name": "optuna.tpe", "seeds": 1}], "members.0.seeds: unknown option"),
    ([{"name": "optuna.tpe", "share": 0}], "members.0.share: found 0, expected"),
    (["optuna.tpe", {"name": "optuna.gp", "options": {"n_startup_trials": -1}}], "members.1."),
]


@pytest.mark.parametrize(("members", "words"), WRONG)
def test_wrong_members_are_refused_before_anything_runs(members: Any, words: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        Study(MIXED, backend={"name": "portfolio", "options": {"members": members}})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_explains_what_each_member_gets() -> None:
    built = manager().build("backend", "portfolio", {}, Problem(MIXED.indexed()))
    found = {row.parameter: row for row in built.explain()}
    assert list(found) == list(MIXED)
    assert "optuna.tpe: " in found["lr"].detail
    assert "; optuna.gp: " in found["lr"].detail
