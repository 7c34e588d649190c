"""Studies opened from their store, without being declared."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hpo_bridge as hpo
from hpo_bridge.errors import (
    HpoBridgeError,
    InvalidOptions,
    StoreError,
    StudyLocked,
    StudyNotFound,
    UnknownName,
)
from hpo_bridge.store import MemoryStore, open_store
from hpo_bridge.store.study_events import SessionStarted

SPACE = hpo.Space(
    lr=hpo.Float(1e-4, 1.0, log=True),
    optimizer=hpo.Categorical(["adam", "sgd"]),
    momentum=hpo.Float(0.0, 0.9, when={"optimizer": "sgd"}),
    width=hpo.Constant(4),
    constraints=["lr < 0.9"],
)


def objective(trial: Any) -> float:
    trial.report(trial["lr"], step=1)
    return float(trial["lr"])


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    return request.getfixturevalue("postgres_url")


def filled(store: Any, name: str = "demo", trials: int = 6, **options: Any) -> hpo.Study:
    options = {"backend": "core.random", "seed": 3, "direction": "maximize", **options}
    study = hpo.Study(SPACE, store=store, name=name, **options)
    study.optimize(objective, trials=trials)
    return study


def log_of(study: hpo.Study) -> list[Any]:
    return [type(event) for event in study.store.events(study.name)]


def test_all_that_reads(store: Any, tmp_path: Path) -> None:
    with filled(store) as made, hpo.load_study("demo", store=store) as study:
        before = log_of(made)
        assert (study.name, study.seed, study.space) == ("demo", 3, SPACE)
        assert study.objectives.directions == made.objectives.directions
        assert study.config.schedule == made.config.schedule
        assert (study.trials, study.best, study.front) == (made.trials, made.best, made.front)
        assert study.counts == made.counts
        assert study.to_pandas().equals(made.to_pandas())
        study.export(tmp_path / "loaded.json")
        made.export(tmp_path / "made.json")
        assert (tmp_path / "loaded.json").read_bytes() == (tmp_path / "made.json").read_bytes()
        assert (study.output(0), repr(study)) == ("", repr(made))
        if "postgresql" not in study.store.url:
            assert study.checkpoint(study.best) is None
        assert log_of(made) == before


def test_the_one_study_of_a_store_needs_no_name(store: Any) -> None:
    filled(store).close()
    with hpo.load_study(store=store) as study:
        assert study.name == "demo"
    filled(store, 'it\'s "two" <b>').close()
    with pytest.raises(StoreError, match=r"holds 2 studies.*--study NAME.*demo, it's"):
        hpo.load_study(store=store)
    with hpo.load_study('it\'s "two" <b>', store=store) as study:
        assert len(study.trials) == 6


def test_it_goes_on_as_the_study_that_was_declared(store: Any) -> None:
    backend = {"name": "optuna.tpe", "options": {"n_startup_trials": 3}}
    alone = filled(None, trials=12, backend=backend)
    filled(store, trials=6, backend=backend).close()
    with hpo.load_study("demo", store=store) as study:
        study.optimize(objective, trials=8)
        while len(study.trials) < 12:
            trial = study.ask()
            study.tell(trial, objective(trial))
        assert [t.params for t in study.trials] == [t.params for t in alone.trials]
        (begun, *_, last) = study.store.events_of("demo", SessionStarted)
        assert (last.backend, last.options) == (begun.backend, begun.options)
        assert not last.fresh


def test_reading_takes_no_lease(store: Any) -> None:
    made = filled(store)
    trial = made.ask()
    with hpo.load_study("demo", store=store) as study:
        assert study.counts[hpo.TrialState.RUNNING] == 1
        for drive in (study.ask, lambda: study.enqueue({"lr": 0.1, "optimizer": "adam"})):
            with pytest.raises(StudyLocked):
                drive()
        made.tell(trial, 0.5)
        made.close()
        study.enqueue({"lr": 0.25, "optimizer": "adam"})
        assert study.ask()["lr"] == 0.25


@pytest.mark.parametrize("drive", [
    lambda study: study.optimize(objective, trials=9),
    lambda study: study.ask(),
    lambda study: study.enqueue({"lr": 0.1, "optimizer": "adam"}),
    lambda study: study.import_trials("trials.csv"),
])  # fmt: skip
def test_a_backend_that_is_not_installed(url: str, drive: Callable[[hpo.Study], Any]) -> None:
    filled(url).close()
    kept = open_store(url)
    writer = kept.acquire("demo")
    writer.append([SessionStarted(backend="acme.walk", options={"pace": 2}, time=1.0)])
    writer.release()
    with hpo.load_study("demo", store=url) as study:
        assert study.best.value == max(trial.value for trial in study.trials)
        assert study.config.schedule[0].options == {"pace": 2}
        assert study.trials
        with pytest.raises(UnknownName, match=r"backend: found 'acme.walk'"):
            drive(study)
    assert kept.study("demo").driver is None  # type: ignore[union-attr]
    assert [*kept.events_of("demo", SessionStarted)][-1].backend == "acme.walk"
    assert sum(kept.counts("demo").values()) == 6


def test_no_plugin_at_all(url: str, tmp_path: Path) -> None:
    filled(url, backend="optuna.tpe").close()
    code = (
        "import sys\n"
        "import hpo_bridge as hpo\n"
        "study = hpo.load_study(store=sys.argv[1])\n"
        "assert study.best and study.trials and hpo.studies(sys.argv[1])\n"
        "assert 'optuna' not in sys.modules\n"
        "try:\n    study.ask()\nexcept hpo.HpoBridgeError as error:\n    print(error)"
    )
    command = ["-m", "hpo_bridge", "verify", "--store", url]
    ask, verify = (
        subprocess.run(
            [sys.executable, *words], env=os.environ | {"HPO_BRIDGE_ONLY": ""},
            capture_output=True, text=True, timeout=150,
        )
        for words in (["-c", code, url], command)
    )  # fmt: skip
    assert ask.stdout.startswith("backend: found 'optuna.tpe'"), ask.stderr
    assert (verify.returncode, "cannot be checked" in verify.stdout) == (1, True)


def test_a_study_that_never_began(store: Any, tmp_path: Path) -> None:
    with (
        hpo.Study(SPACE, store=store, name="new", seed=1, backend="optuna.tpe") as made,
        hpo.load_study(store=store) as study,
    ):
        assert (study.trials, study.config.schedule[0].name) == ([], "core.random")
        assert study.to_pandas().empty
        (found,) = hpo.studies(made.store)
        assert (found.trials, found.best, found.backend) == (0, None, None)
        study.optimize(objective, trials=2)
        assert [trial.backend for trial in made.trials] == ["core.random"] * 2


def test_a_schedule_that_is_not_over(store: Any) -> None:
    backend = [{"name": "core.random", "trials": 5}, "optuna.tpe"]
    filled(store, trials=3, backend=backend).close()
    with hpo.load_study(store=store) as study:
        assert len(study.trials) == 3
        with pytest.raises(HpoBridgeError, match=r"backend: .* is at backend 1 of 2") as caught:
            study.optimize(objective, trials=9)
        assert caught.value.path == ("backend",)
    filled(store, trials=7, backend=backend).close()
    with hpo.load_study(store=store) as study:
        study.optimize(objective, trials=9)
        assert [t.backend for t in study.trials] == ["core.random"] * 5 + ["optuna.tpe"] * 4


def test_trials_are_imported(url: str, tmp_path: Path) -> None:
    with filled(url) as study:
        study.export(tmp_path / "trials.csv")
        hpo.Study(SPACE, store=url, name="new", direction="maximize").close()
        with hpo.load_study("new", store=url) as loaded:
            assert loaded.import_trials(tmp_path / "trials.csv").added == 6
            assert loaded.best.params == study.best.params


def test_several_objectives(store: Any) -> None:
    directions = {"loss": "minimize", "size": "maximize"}
    with hpo.Study(SPACE, store=store, name="two", directions=directions, seed=0) as made:
        made.optimize(lambda trial: {"loss": trial["lr"], "size": trial["lr"] ** 2}, trials=5)
        with hpo.load_study("two", store=store) as study:
            assert study.front == made.front
            assert study.objectives.names == ("loss", "size")
        (found,) = hpo.studies(made.store)
        assert (found.directions, found.best, found.trials) == (directions, None, 5)


def test_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    filled("sqlite:///demo.db").close()
    here = sorted(path.name for path in tmp_path.iterdir())
    for missing in ("sqlite:///dem.db", "dem.db", Path("dem.db")):
        with pytest.raises(StoreError, match=r"no store at .*dem.db \(did you mean 'demo.db'\?\)"):
            hpo.load_study("demo", store=missing)
        with pytest.raises(StoreError, match="no store at"):
            hpo.studies(missing)
    for given in ("sqlite:///demo.db", "demo.db", Path("demo.db"), tmp_path / "demo.db"):
        with pytest.raises(
            StudyNotFound, match=r"\(did you mean 'demo'\?\).*there: demo"
        ) as caught:
            hpo.load_study("demi", store=given)
        assert caught.value.path == ("name",)
        assert hpo.studies(given)[0].name == "demo"
    assert sorted(path.name for path in tmp_path.iterdir()) == here
    for wrong in (None, "", "memory://", 3):
        with pytest.raises(HpoBridgeError, match="store: found"):
            hpo.load_study("demo", store=wrong)  # type: ignore[arg-type]
    with pytest.raises(HpoBridgeError, match="name: found 3"):
        hpo.load_study(3, store="demo.db")  # type: ignore[arg-type]
    with pytest.raises(InvalidOptions, match=r"here it is name= of Study"):
        hpo.load_study(study_name="demo", storage="demo.db")  # type: ignore[call-arg]


def test_names_may_be_any_text(url: str) -> None:
    names = ["a\nb", "\x1b[31mred", "<script>alert(1)</script>", "'; DROP TABLE hpo_studies; --"]
    for name in names:
        filled(url, name, trials=2).close()
    for name in names:
        with hpo.load_study(name, store=url) as study:
            assert (study.name, len(study.trials)) == (name, 2)
    with pytest.raises(StudyNotFound) as caught:
        hpo.load_study("a b", store=url)
    assert str(caught.value).isprintable()
    assert [each.name for each in hpo.studies(url)] == sorted(names)


def test_an_empty_store(store: Any) -> None:
    if isinstance(store, str):
        open_store(store).close()
    assert hpo.studies(store) == []
    with pytest.raises(StudyNotFound, match=r"no study in .*: it is empty"):
        hpo.load_study(store=store)


def test_a_study_of_a_later_version(url: str, tmp_path: Path) -> None:
    filled(url).close()
    filled(url, "other").close()
    with sqlite3.connect(tmp_path / "s.db") as raw:
        raw.execute(
            "UPDATE hpo_definitions SET data = json_set(data, '$.format', 2) WHERE study_id = 1"
        )
    with pytest.raises(StoreError, match=r"study 'demo' .* in format 2; this one, .* format 1"):
        hpo.load_study("demo", store=url)
    with pytest.raises(StoreError, match="in format 2"):
        filled(url)
    assert [each.name for each in hpo.studies(url)] == ["demo", "other"]


def test_a_study_in_figures(store: Any) -> None:
    with filled(store, "b") as made:
        made.enqueue({"lr": 0.5, "optimizer": "adam"})
        filled(store, "a", trials=2).close()
        first, second = hpo.studies(store)
        assert (first.name, first.trials, first.driver) == ("a", 2, None)
        assert second.counts == made.counts
        assert (second.trials, second.best, second.backend) == (7, made.best, "core.random")
        assert second.directions == {"value": "maximize"}
        assert second.created <= made.trials[0].started  # type: ignore[operator]
        assert second.driver
        assert second.seconds > 0
