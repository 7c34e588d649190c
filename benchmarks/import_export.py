"""10,000 trials from and to each format, into and out of SQLite.

Each trial has four parameters, one of them conditional, and three reports. The files are made by
our own exports, and, for what is only read, written out as the library writes it. Times are of
the processor, which other programs do not change much: all of it is one thread's work. What the
libraries themselves need for the same file stands beside.
"""

from __future__ import annotations

import datetime
import json
import pickle
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from figures import show

from hpo_bridge import Categorical, Float, Int, Space, Study

TRIALS = 10_000
MOST = 10.0
SPACE = Space(
    lr=Float(1e-5, 1e-1, log=True),
    units=Int(1, 512, log=True),
    opt=Categorical(["adam", "sgd"]),
    momentum=Float(0.0, 0.9, step=0.1, when={"opt": "sgd"}),
)
FLAT = Space(lr=SPACE["lr"], units=SPACE["units"], opt=SPACE["opt"])


def objective(trial: Any) -> float:
    for step in range(3):
        trial.report(trial["lr"] / (step + 1), step)
    return trial["lr"] * trial["units"]


def seconds(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def imported(folder: Path, name: str, source: Any, space: Space = SPACE, **options: Any) -> bool:
    """Imports a source into a new study in SQLite, twice; the times."""
    with Study(space, seed=1, store=f"sqlite:///{folder}/{name}-back.db") as study:
        spent = seconds(lambda: study.import_trials(source, **options))
        again = seconds(lambda: study.import_trials(source, **options))
        assert len(study.trials) == TRIALS, study.counts
    show(f"import from {name}, a second time (nothing to add)", again, "s", "", True)
    return show(f"import from {name}", spent, "s", f"under {MOST:g}", spent < MOST)


def exported(study: Study, name: str, target: str) -> bool:
    spent = seconds(lambda: study.export(target))
    return show(f"export to {name}", spent, "s", f"under {MOST:g}", spent < MOST)


def optuna_itself(study: Study, url: str) -> None:
    """How long Optuna takes to read that file, and to write a part of the same trials."""
    import optuna

    theirs = optuna.load_study(study_name=study.name, storage=url)
    trials: list[Any] = []
    spent = seconds(lambda: trials.extend(theirs.get_trials(deepcopy=False)))
    show("Optuna reads its SQLite itself", spent, "s", "", True)
    other = optuna.create_study(storage=url, study_name="other")
    few = seconds(lambda: other.add_trials(trials[: TRIALS // 20]))
    show("Optuna writes its SQLite itself (from a twentieth)", 20 * few, "s", "", True)


def hyperopt_file(study: Study, path: Path) -> None:
    """The trials as a pickle of Hyperopt's."""
    from hyperopt import Trials

    moment = datetime.datetime(2024, 1, 1)
    documents = []
    for trial in study.trials:
        vals = {
            name: [["adam", "sgd"].index(value) if name == "opt" else float(value)]
            for name, value in trial.params.items()
        }
        vals = {name: vals.get(name, []) for name in SPACE}
        documents.append({
            "state": 2, "tid": trial.number, "spec": None, "exp_key": None, "owner": None,
            "version": 0, "book_time": moment, "refresh_time": moment,
            "result": {"loss": trial.value, "status": "ok"},
            "misc": {"tid": trial.number, "cmd": ("domain_attachment", "x"), "workdir": None,
                     "vals": vals, "idxs": {n: [trial.number] * len(v) for n, v in vals.items()}},
        })  # fmt: skip
    found = Trials()
    found._dynamic_trials = documents
    path.write_bytes(pickle.dumps(found))


def skopt_file(study: Study, path: Path) -> None:
    """The trials, without the conditional parameter, as a result of scikit-optimize."""
    import joblib
    import numpy as np
    from scipy.optimize import OptimizeResult

    names = list(FLAT)
    result = OptimizeResult(
        x_iters=[[trial.params[name] for name in names] for trial in study.trials],
        func_vals=np.array([trial.value for trial in study.trials]),
        models=[], space=None, specs={},
    )  # fmt: skip
    joblib.dump(result, path)


def ray_folder(study: Study, path: Path) -> None:
    """The trials as the folder of an experiment of Ray Tune."""
    states = []
    for trial in study.trials:
        key = f"abcde_{trial.number:05d}"
        own = path / f"objective_{key}_x"
        own.mkdir(parents=True)
        (own / "params.json").write_text(json.dumps(dict(trial.params)))
        reports = [*trial.reports, (3, trial.value)]
        lines = [
            json.dumps({"value": value, "training_iteration": step + 1, "trial_id": key,
                        "done": False, "time_total_s": 1.0, "config": dict(trial.params)})
            for step, value in reports
        ]  # fmt: skip
        (own / "result.json").write_text("\n".join(lines) + "\n")
        states.append([json.dumps({"trial_id": key, "status": "TERMINATED"}),
                       json.dumps({"start_time": trial.started})])  # fmt: skip
    state = {"trial_data": states, "runner_data": {"_metric": "value"}}
    (path / "experiment_state-2024.json").write_text(json.dumps(state))


def main() -> bool:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = Study(SPACE, seed=0)
        study.optimize(objective, trials=TRIALS)
        targets = {
            "CSV": f"{folder}/t.csv", "JSON": f"{folder}/t.json",
            "Parquet": f"{folder}/t.parquet", "Optuna's SQLite": f"sqlite:///{folder}/o.db",
            "Optuna's journal": f"{folder}/o.log",
        }  # fmt: skip
        fine = [exported(study, *pair) for pair in targets.items()]
        shutil.copy(folder / "o.db", folder / "own.db")
        optuna_itself(study, f"sqlite:///{folder}/own.db")
        fine += [imported(folder, each, target) for each, target in targets.items()]
        hyperopt_file(study, folder / "h.pkl")
        fine.append(imported(folder, "Hyperopt", str(folder / "h.pkl"), allow_pickle=True))
        skopt_file(study, folder / "s.pkl")
        rename = {f"x{n}": name for n, name in enumerate(FLAT)}
        fine.append(imported(folder, "scikit-optimize", str(folder / "s.pkl"), FLAT,
                             rename=rename, allow_pickle=True))  # fmt: skip
        ray_folder(study, folder / "ray")
        fine.append(imported(folder, "Ray Tune", str(folder / "ray")))
    return all(fine)


if __name__ == "__main__":
    sys.exit(not main())
