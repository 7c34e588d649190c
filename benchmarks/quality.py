"""Every backend through the bridge, its library's own loop, and random search, at equal budget.

    python benchmarks/quality.py                    # everything, about 25 minutes on 2 cores
    python benchmarks/quality.py --backends optuna.tpe hyperopt.tpe --problems tables/nasbench201
    python benchmarks/quality.py --table            # the tables of what was measured so far
    python benchmarks/quality.py --quick            # does everything run, two minutes

Every run is a line of JSON in a file, and is not made again until the code behind it changes.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import native
import problems
import quality_table
import tables
from figures import show

import hpo_bridge as hpo
from hpo_bridge.errors import UnsupportedProblem
from hpo_bridge.plugins import library_of, manager

CHECKPOINTS = (10, 15, 25, 30, 40, 50, 60, 100)
DEAR = ("optuna.gp", "skopt.gp", "skopt.forest", "skopt.extra_trees", "skopt.gbrt")
"""A model is fitted at each trial: 0.05 to 0.7 s."""
FEW = (
    "tables/hpobench/credit_g", "tables/hpobench/kc1", "tables/hpolib/parkinsons_telemonitoring",
    "tables/nasbench201/cifar100", "tables/nasbench201/imagenet", "domains/branin",
    "domains/gauss_wave2", "mixint/f3-5d", "mixint/f8-10d",
)  # fmt: skip
QUICK = ("tables/nasbench201/cifar10", "domains/branin", "mixint/f3-5d")
RANDOM = "core.random"


@dataclass(frozen=True)
class Task:
    """One study of one seed, through the bridge or by the library's own loop."""

    backend: str
    side: str
    problem: str
    seed: int
    trials: int


@dataclass(frozen=True)
class Plan:
    """What a backend is run on."""

    trials: int
    seeds: int
    problems: tuple[str, ...]


def plan(backend: str, *, quick: bool = False) -> Plan:
    """The budget of a backend; the reference has more seeds, dear ones have less of all."""
    known = tuple(problems.names())
    few, fast = ([name for name in names if name in known] for names in (FEW, QUICK))
    grid = techniques()[backend] == "grid"  # enumerates what has finitely many values
    if quick:
        short = Plan(15, 1, tuple(fast[:1]))
        return short if grid or backend in DEAR else Plan(30, 1, tuple(fast))
    if backend in DEAR:
        return Plan(60, 3, tuple(few))
    if grid:
        return Plan(100, 5, tuple(name for name in known if name.startswith("tables/")))
    return Plan(100, 25 if backend == RANDOM else 5, known)


@cache
def techniques() -> dict[str, str]:
    """Every active backend and its technique, the cheap ones first."""
    offers = [offer for offer in manager().offers("backend") if offer.status == "active"]
    found = {offer.spec.name: offer.spec.technique for offer in offers}
    return dict(sorted(found.items(), key=lambda item: (item[0] in DEAR, item[0] != RANDOM)))


def tasks(arguments: argparse.Namespace) -> Iterator[Task]:
    """Everything that the arguments ask for."""
    chosen = arguments.backends or list(techniques())
    for backend in dict.fromkeys([RANDOM, *chosen]):
        wanted = plan(backend, quick=arguments.quick)
        if arguments.trials:
            wanted = replace(wanted, trials=arguments.trials)
        if arguments.seeds and backend != RANDOM:
            wanted = replace(wanted, seeds=arguments.seeds)
        sides = ("bridge", "native") if native.loop(backend) else ("bridge",)
        for problem in wanted.problems:
            if arguments.problems and not problem.startswith(tuple(arguments.problems)):
                continue
            for seed in range(wanted.seeds):
                for side in sides:
                    yield Task(backend, side, problem, seed, wanted.trials)


# -- one run --------------------------------------------------------------------------


class Recorder:
    """An objective that keeps what it was given and what came of it."""

    def __init__(self, problem: problems.Problem) -> None:
        self._problem = problem
        self.points: list[dict[str, Any]] = []
        self.values: list[float] = []

    def __call__(self, params: Any) -> float:
        point = dict(params)
        value = self._problem.function(point)
        self.points.append(point)
        self.values.append(value)
        return value

    def row(self, trials: int) -> dict[str, Any]:
        """Regret of the best so far at the checkpoints, and a hash of all points in order."""
        text = json.dumps(self.points, sort_keys=True).encode()
        marks = [n for n in CHECKPOINTS if n < trials] + [trials]
        return {
            "regret": {str(n): self._problem.regret(min(self.values[:n])) for n in marks},
            "points": hashlib.blake2b(text, digest_size=8).hexdigest(),
        }


def run(task: Task) -> dict[str, Any]:
    """One run's row: the task, regrets, CPU milliseconds per trial; or the error."""
    problem = problems.problem(task.problem)
    recorder = Recorder(problem)
    row = {**asdict(task), "code": code(task.backend, task.side)}
    begin = time.process_time()
    try:
        if task.side == "native":
            loop = native.loop(task.backend)
            assert loop is not None
            loop(problem.space, recorder, task.trials, task.seed)
        else:
            study = hpo.Study(problem.space, backend=task.backend, seed=task.seed)
            study.optimize(recorder, trials=task.trials)
    except UnsupportedProblem as reason:
        return {**row, "refused": str(reason)}
    except Exception as error:
        return {**row, "error": f"{type(error).__name__}: {error}"}
    ms = 1e3 * (time.process_time() - begin) / task.trials
    if not recorder.values:
        return {**row, "error": "made no trial"}
    return {**row, **recorder.row(task.trials), "cpu_ms": round(ms, 4)}


@cache
def code(backend: str, side: str) -> str:
    """A hash of what is behind a run: adapter or loop, problems, the library's version."""
    here = Path(__file__).parent
    files = [here / "problems.py"]
    if side == "native":
        files.append(here / f"native_{backend.partition('.')[0]}.py")
    offer = manager().find("backend", backend)
    if side == "bridge":
        # a module's folder; find_spec of a package's module would import the package only
        spec = importlib.util.find_spec(offer.spec.factory.partition(":")[0].rpartition(".")[0])
        assert spec is not None
        assert spec.origin is not None
        files += sorted(Path(spec.origin).parent.glob("*.py"))
    text = b"".join(file.read_bytes() for file in files) + " ".join(library_of(offer)).encode()
    return hashlib.blake2b(text, digest_size=6).hexdigest()


# -- many runs ------------------------------------------------------------------------


def load(file: Path) -> dict[Task, dict[str, Any]]:
    """The rows of a file, the last of each task; without those of code that has changed."""
    rows: dict[Task, dict[str, Any]] = {}
    if file.exists():
        for line in file.read_text().splitlines():
            row = json.loads(line)
            task = Task(**{key: row[key] for key in Task.__dataclass_fields__})
            active = task.backend in techniques()
            if active and row["code"] == code(task.backend, task.side):
                rows[task] = row
    return rows


def measure(todo: Iterable[Task], file: Path, jobs: int) -> None:
    """Makes the runs in worker processes, and appends each row as it comes."""
    todo = list(todo)
    file.parent.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    begin = time.monotonic()
    said = set()
    with file.open("a") as stream, ProcessPoolExecutor(jobs, mp_context=context) as pool:
        futures = [pool.submit(run, task) for task in todo]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                row = future.result()
                stream.write(json.dumps(row) + "\n")
                stream.flush()
                if "regret" not in row:
                    reason = row.get("error") or f"refused: {row['refused']}"
                    line = f"{row['backend']} {row['side']} {row['problem']}: {reason}"
                    if line not in said:  # the same of every seed
                        print(line)
                        said.add(line)
                if done % 200 == 0 or done == len(todo):
                    seconds = time.monotonic() - begin
                    print(f"{done} of {len(todo)} runs, {seconds:.0f} s", file=sys.stderr)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def verdict(rows: list[dict[str, Any]]) -> bool:
    """What must hold of any budget: everything runs, and no worse than the native loops."""
    errors = [row for row in rows if "error" in row]
    pairs = quality_table.pairs(rows)
    worse = [ours - theirs for ours, theirs, _ in pairs]
    mean = sum(worse) / max(1, len(worse))
    same = sum(identical for *_, identical in pairs)
    what = f"of {len(pairs)} runs with the very points of the library's own loop"
    show(what, same, "", "", True)
    return all(
        [
            show("runs", len(rows), "", "", True),
            show("of them with an error", len(errors), "", "0", not errors),
            show("mean regret, the bridge's minus the native loop's", mean, "", "at most 0.02",
                 mean <= 0.02),
        ]
    )  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = Path(tempfile.gettempdir()) / "hpo-bridge-benchmarks" / "quality.jsonl"
    parser.add_argument("--backends", nargs="+", help="only these")
    parser.add_argument("--problems", nargs="+", help="only those that begin so")
    parser.add_argument("--seeds", type=int, help="how many, instead of what is planned")
    parser.add_argument("--trials", type=int, help="how many, instead of what is planned")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--out", type=Path, default=default, help=f"rows ({default})")
    parser.add_argument("--quick", action="store_true", help="a minimal budget, nothing kept")
    parser.add_argument("--table", action="store_true", help="print tables, run nothing")
    parser.add_argument("--write", action="store_true", help="also into docs/comparison.md")
    return parser.parse_args()


def main() -> bool:
    given = arguments()
    if len(problems.names()) and not any(n.startswith("mixint") for n in problems.names()):
        print(problems.COCO, file=sys.stderr)
    wanted = list(tasks(given))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.jsonl" if given.quick else given.out
        known = load(file)
        if not given.table:
            missing = [task for task in wanted if "error" in known.get(task, {"error": "missing"})]
            measure(missing, file, given.jobs)
            known = load(file)
    rows = [known[task] for task in wanted if task in known]
    parts = {} if given.quick else quality_table.render(rows, techniques())
    for name, part in parts.items():
        print(f"{part}\n")
        if given.write:
            tables.write(name, part)
    return given.table or verdict(rows)


if __name__ == "__main__":
    sys.exit(not main())
