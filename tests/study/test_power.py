"""Power cuts and servers that go, in the middle of a study: it goes on as if nothing had been."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from hpo_bridge import Categorical, Float, Int, Space, Study, Trial, TrialState, analysis

SPACE = Space(
    x=Float(1e-3, 1, log=True), o=Categorical(["s", None]), n=Int(0, 9, when={"o": "s"}),
    constraints=["x * n <= 2"],
)  # fmt: skip
BACKEND = {"name": "optuna.tpe", "options": {"n_startup_trials": 5}}
TRIALS = 20
DRIVER = """
import json, shutil, sys
from pathlib import Path
import hpo_bridge as hpo
from hpo_bridge import analysis
from hpo_bridge.engine import driver
backend, space, folder, trials = json.loads(sys.argv[1])
folder = Path(folder)
driver.SNAPSHOT_EVERY = 0.05  # some are there, and older than the cut

def objective(trial):
    # What a disk may have when the power is cut: everything, or the file without its last commits.
    for kind, suffixes in {"whole": ("", "-wal", "-shm"), "bare": ("",)}.items():
        for suffix in suffixes:
            file = folder / f"s.db{suffix}"
            if file.exists():
                shutil.copy(file, folder / f"{kind}-{trial.number}.db{suffix}")
    if trial.number % 7 == 5:
        raise ValueError("unlucky")
    return trial["x"] + trial.get("n", 3)

space = hpo.Space.from_plain(space["space"], space["constraints"])
with hpo.Study(space, backend=backend, seed=5, store=f"sqlite:///{folder}/s.db") as study:
    study.optimize(objective, trials=trials)
    print(json.dumps([trial.params for trial in study.trials]))
"""


def objective(trial: Trial) -> float:
    if trial.number % 7 == 5:
        raise ValueError("unlucky")
    return float(trial["x"] + trial.get("n", 3))


def test_a_copy_made_in_mid_run_goes_on_the_same(tmp_path: Path) -> None:
    task = json.dumps([BACKEND, SPACE.to_plain(), str(tmp_path), TRIALS])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, task], check=True, stdout=subprocess.PIPE, timeout=120
    )
    expected = json.loads(done.stdout)
    copies = sorted(tmp_path.glob("*-*.db"), key=lambda path: int(path.stem.split("-")[1]))
    for copy in (*copies[5::24], *copies[20::18]):
        kind, number = copy.stem.split("-")
        with Study(SPACE, backend=BACKEND, seed=5, store=f"sqlite:///{copy}") as study:
            if kind == "whole":
                states = [trial.state for trial in study.trials]
                assert len(states) == int(number) + 1
                assert states[-1] is TrialState.RUNNING
                assert TrialState.RUNNING not in states[:-1]
            study.optimize(objective, trials=TRIALS)
            assert [trial.params for trial in study.trials] == expected, copy.name
            assert analysis.verify(study).reproducible


def test_copies_of_every_kind_were_there(tmp_path: Path) -> None:
    """The test above is one of real copies: with and without what was not yet in the file."""
    task = json.dumps(["core.random", SPACE.to_plain(), str(tmp_path), 12])
    subprocess.run([sys.executable, "-c", DRIVER, task], check=True, stdout=subprocess.DEVNULL)
    whole, bare = (tmp_path / f"{kind}-11.db" for kind in ("whole", "bare"))
    assert whole.with_name("whole-11.db-wal").stat().st_size > 0
    found = []
    for copy in (whole, bare):
        with Study(SPACE, seed=5, store=f"sqlite:///{copy}") as study:
            found.append(len(study.trials))
    assert found[0] == 12
    assert found[1] < 12
    shutil.rmtree(tmp_path)


def test_a_server_that_cuts_connections_and_restarts(
    postgres_server: Any, postgres_url: str
) -> None:
    with Study(SPACE, backend=BACKEND, seed=5) as whole:
        whole.optimize(objective, trials=TRIALS)
        expected = [trial.params for trial in whole.trials]

    def troubled(trial: Trial) -> float:
        if trial.number in (3, 4, 8):
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        if trial.number == 14:
            postgres_server.stop()
            postgres_server.ensure_postgres_running()
        return objective(trial)

    for trials in (10, TRIALS):
        with Study(SPACE, backend=BACKEND, seed=5, store=postgres_url) as study:
            study.optimize(troubled, trials=trials)
            assert [trial.attempts for trial in study.trials] == [1] * trials
            assert analysis.verify(study).reproducible
    with Study(SPACE, backend=BACKEND, seed=5, store=postgres_url) as study:
        assert [trial.params for trial in study.trials] == expected
