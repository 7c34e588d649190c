"""The backends `portfolio` and `auto` beside those that learn, at equal budget.

    python benchmarks/portfolio.py                        # every figure, some hours on 2 cores
    python benchmarks/portfolio.py --problems domains models --seeds 3 --trials 50
    python benchmarks/portfolio.py --only portfolio optuna.tpe optuna.gp
    python benchmarks/portfolio.py --table                # the figures of what was measured so far

Every run is a line of JSON in a file, and is not made again. Beside backends two more take part:
`hub rules` are the rules of OptunaHub's AutoSampler (categories or conditions: TPE, multivariate;
else a Gaussian process for 250 trials, then CMA-ES), and `… x4` has four trials open at once. The
family `models` was named before the portfolio was built, and neither it nor `mixint` was looked
at while its rules were made.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import problems
from figures import show
from quality import Recorder
from tables import markdown

import hpo_bridge as hpo
from hpo_bridge.errors import UnsupportedProblem
from hpo_bridge.space import Categorical

MARKS = (25, 50, 100)
LEARNING = (
    "optuna.tpe", "optuna.gp", "optuna.cmaes", "hyperopt.tpe", "hyperopt.anneal", "deap.ga",
    "deap.de", "skopt.extra_trees", "skopt.gp",
)  # fmt: skip
MEMBERS = ("optuna.tpe", "optuna.gp")
OURS, AUTO, HUB = "portfolio", "auto", "hub rules"
WINDOW = 4
PARALLEL = tuple(f"{name} x{WINDOW}" for name in (OURS, *MEMBERS))

Key = tuple[str, str, int, int]
"""Entrant, problem, seed and trials."""


def hub_rules(space: hpo.Space) -> Any:
    """The backend that AutoSampler's rules for one objective come to."""
    categories = any(isinstance(p, Categorical) and not p.ordered for p in space.values())
    if categories or space.is_conditional or space.constraints:
        return {"name": "optuna.tpe", "options": {"multivariate": True}}
    return [{"name": "optuna.gp", "trials": 250}, "optuna.cmaes"]


class Stopwatch:
    """The CPU seconds that the members of a portfolio take for their asks and tells."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, optimizer: Any) -> Timed:
        return Timed(optimizer, self)


class Timed:
    """An optimizer whose asks and tells are timed."""

    def __init__(self, optimizer: Any, watch: Stopwatch) -> None:
        self._optimizer, self._watch = optimizer, watch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._optimizer, name)
        return self._timed(found) if name in ("ask", "tell") else found

    def _timed(self, call: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            begin = time.process_time()
            try:
                return call(*arguments)
            finally:
                self._watch.seconds += time.process_time() - begin

        return timed


# -- one run --------------------------------------------------------------------------


def run(key: Key) -> dict[str, Any]:
    """One run's row: regrets at the marks, CPU seconds beside the objective's."""
    entrant, name, seed, trials = key
    problem = problems.problem(name)
    recorder, objective = Recorder(problem), 0.0
    row: dict[str, Any] = dict(zip(("entrant", "problem", "seed", "trials"), key, strict=True))
    backend: Any = entrant.removesuffix(f" x{WINDOW}")
    if entrant == HUB:
        backend = hub_rules(problem.space)
    elif entrant.startswith("{"):
        backend = json.loads(entrant)
    begin = time.process_time()
    inner, outer = Stopwatch(), Stopwatch()
    try:
        with hpo.Study(problem.space, backend=backend, seed=seed) as study:
            open_trials = [study.ask()]
            if entrant == OURS:
                _watch(study, inner, outer)
            window = WINDOW if entrant in PARALLEL else 1
            asked = 1
            while open_trials:
                while len(open_trials) < window and asked < trials:
                    open_trials.append(study.ask())
                    asked += 1
                trial = open_trials.pop(0)
                before = time.process_time()
                value = recorder(trial)
                objective += time.process_time() - before
                study.tell(trial, value)
                if not open_trials and asked < trials:
                    open_trials.append(study.ask())
                    asked += 1
            by = [trial.backend for trial in study.trials]
    except UnsupportedProblem as reason:
        return {**row, "refused": str(reason)}
    seconds = time.process_time() - begin - objective
    row |= {"cpu": round(seconds, 4), "by": {str(n): by.count(n) for n in dict.fromkeys(by)}}
    if entrant == OURS:
        row |= {"members_cpu": round(inner.seconds, 4), "own_cpu": round(outer.seconds, 4)}
    return {**row, **recorder.row(trials)}


def _watch(study: Any, inner: Stopwatch, outer: Stopwatch) -> None:
    """Time a study's portfolio, and the members inside of it."""
    checked = study._lease.driver.proposer.member.checked
    for member in checked.built._members:
        member.optimizer.built = inner.around(member.optimizer.built)
    checked.built = outer.around(checked.built)


# -- many runs ------------------------------------------------------------------------


def import_all() -> None:
    """Import the libraries of the members, so that no run is charged for it."""
    run((OURS, "domains/branin", 0, 14))


def keys(given: argparse.Namespace) -> Iterator[Key]:
    """Everything that the arguments ask for, seed by seed."""
    entrants = given.only or [OURS, AUTO, HUB, *LEARNING, *PARALLEL]
    known = [*problems.names(), *problems.models()]
    wanted = [n for n in known if not given.problems or n.startswith(tuple(given.problems))]
    for seed in range(given.seeds):
        for name in wanted:
            for entrant in entrants:
                yield entrant, name, seed, given.trials


def load(file: Path) -> dict[Key, dict[str, Any]]:
    """The rows of a file, the last of each run."""
    lines = file.read_text().splitlines() if file.exists() else []
    rows = [json.loads(line) for line in lines]
    return {(r["entrant"], r["problem"], r["seed"], r["trials"]): r for r in rows}


def measure(todo: Sequence[Key], file: Path, jobs: int) -> None:
    """Make the runs in worker processes, and append each row as it comes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("spawn")
    workers = ProcessPoolExecutor(jobs, mp_context=context, initializer=import_all)
    with file.open("a") as stream, workers as pool:
        futures = [pool.submit(run, key) for key in todo]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                stream.write(json.dumps(future.result()) + "\n")
                stream.flush()
                if done % 50 == 0 or done == len(todo):
                    print(f"{done} of {len(todo)} runs", file=sys.stderr, flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def is_just_gp(key: Key) -> bool:
    """Return whether the hub's rules come to `optuna.gp` for the whole run."""
    entrant, name, _, trials = key
    rules = hub_rules(problems.problem(name).space) if entrant == HUB else None
    return isinstance(rules, list) and trials <= rules[0]["trials"]


def measured(wanted: Sequence[Key], known: Mapping[Key, Any]) -> list[dict[str, Any]]:
    """The rows of the runs that there are."""
    rows = []
    for key in wanted:
        row = known.get(("optuna.gp", *key[1:]) if is_just_gp(key) else key)
        if row is not None:
            rows.append({**row, "entrant": key[0]})
    return rows


# -- figures --------------------------------------------------------------------------

Means = Mapping[tuple[str, str], float]
"""Entrant and problem to the mean regret over seeds."""


def means(rows: Sequence[Mapping[str, Any]], mark: int) -> Means:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row in rows:
        if str(mark) in row.get("regret", {}):
            found[row["entrant"], row["problem"]].append(row["regret"][str(mark)])
    return {key: statistics.fmean(values) for key, values in found.items()}


def on_common(found: Means, entrants: Sequence[str], family: str = "") -> dict[str, list[float]]:
    """Each entrant's mean regret on the problems that all of them have."""
    names = sorted({problem for _, problem in found if problem.startswith(family)})
    names = [name for name in names if all((each, name) in found for each in entrants)]
    return {each: [found[each, name] for name in names] for each in entrants}


def ranks(rows: Sequence[Mapping[str, Any]], mark: int, entrants: Sequence[str]) -> Means:
    """Entrant and number of problems to the mean rank over the problems that all were run on.

    Equal ones share theirs, and who refuses a problem is last.
    """
    run_on = {(row["entrant"], row["problem"]) for row in rows}
    names = {problem for _, problem in run_on}
    names = {name for name in names if all((each, name) in run_on for each in entrants)}
    found, total = means(rows, mark), defaultdict(list)
    for name in names:
        values = {each: found.get((each, name), float("inf")) for each in entrants}
        for each, value in values.items():
            better = sum(other < value for other in values.values())
            equal = sum(other == value for other in values.values())
            total[each, str(len(names))].append(better + (equal + 1) / 2)
    return {key: statistics.fmean(values) for key, values in total.items()}


def figures(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Print the table of regrets and each figure with what it is to reach."""
    there = {row["entrant"] for row in rows if "regret" in row}
    learning = [name for name in (OURS, *LEARNING) if name in there]
    marks = [n for n in MARKS if any(str(n) in row.get("regret", {}) for row in rows)]
    print(_table(rows, marks, [*learning, *(n for n in (AUTO, HUB) if n in there)]), "\n")
    fine = [_ranked(rows, n, learning) for n in marks]
    last = marks[-1]
    fine += [_beside_members(rows, last), _beside(rows, last, HUB), _cpu(rows)]
    if AUTO in there:
        fine.append(_auto(rows, last))
    if set(PARALLEL) <= there:
        fine.append(_ordered(rows, last))
    return all(fine)


def _table(rows: Sequence[Any], marks: Sequence[int], entrants: Sequence[str]) -> str:
    families = sorted({row["problem"].partition("/")[0] for row in rows})
    header = ["mean regret", *(f"{f}, {n}" for f in families for n in marks), "CPU s"]
    lines = []
    for each in entrants:
        cells = []
        for family in families:
            for mark in marks:
                own = [v for (e, p), v in means(rows, mark).items()
                       if e == each and p.startswith(family)]  # fmt: skip
                cells.append(f"{statistics.fmean(own):.3f}" if own else "-")
        cpu = [row["cpu"] for row in rows if row["entrant"] == each and "cpu" in row]
        lines.append([f"`{each}`", *cells, f"{statistics.median(cpu):.2f}"])
    return markdown(header, lines)


def _ranked(rows: Sequence[Any], mark: int, learning: Sequence[str]) -> bool:
    found = {each: (rank, count) for (each, count), rank in ranks(rows, mark, learning).items()}
    if OURS not in found:
        return True
    best, (rank, count) = min(found.items(), key=lambda item: item[1])
    beaten = "" if best == OURS else f"; {best} {rank:.2f}"
    what = f"rank of {OURS} of {len(learning)} after {mark}, {count} problems{beaten}"
    return show(what, found[OURS][0], "", "best", best == OURS)


def _beside_members(rows: Sequence[Any], mark: int) -> bool:
    families = sorted({row["problem"].partition("/")[0] for row in rows})
    quotients = []
    for family in families:
        common = on_common(means(rows, mark), (OURS, *MEMBERS), family)
        if not common[OURS]:
            continue
        values = {each: statistics.fmean(v) for each, v in common.items()}
        best = min(MEMBERS, key=lambda each: values[each])
        quotients.append(values[OURS] / max(1e-12, values[best]))
        what = f"{family}: regret after {mark} beside {best}'s {values[best]:.4f}"
        show(what, quotients[-1], "x", "at most 1.1", quotients[-1] <= 1.1)
    less = sum(quotient < 1 for quotient in quotients)
    enough = less >= 2 / 3 * len(quotients) and max(quotients) <= 1.1
    return show("families with less regret than its best member", less, "",
                f"2 of 3 of {len(quotients)}", enough)  # fmt: skip


def _beside(rows: Sequence[Any], mark: int, other: str) -> bool:
    common = on_common(means(rows, mark), (OURS, other))
    if not common[OURS]:
        return True
    ours, theirs = (statistics.fmean(common[each]) for each in (OURS, other))
    what = f"mean regret after {mark}; {other} has {theirs:.4f}"
    return show(what, ours, "", "less", ours < theirs)


def _cpu(rows: Sequence[Any]) -> bool:
    timed = [row for row in rows if row.get("members_cpu")]
    quotient = sum(r["own_cpu"] for r in timed) / sum(r["members_cpu"] for r in timed)
    return show("CPU beside that of its members", quotient, "x", "at most 1.1", quotient <= 1.1)


def _auto(rows: Sequence[Any], mark: int) -> bool:
    common = on_common(means(rows, mark), (OURS, AUTO))
    ours, auto = (statistics.fmean(common[each]) for each in (OURS, AUTO))
    near = show(f"mean regret of auto after {mark} beside portfolio's {ours:.4f}", auto / ours,
                "x", "at most 1.05", auto <= 1.05 * ours)  # fmt: skip
    cpu = {each: sum(r["cpu"] for r in rows if r["entrant"] == each and "cpu" in r)
           for each in (OURS, AUTO)}  # fmt: skip
    return near & show("CPU of auto beside portfolio's", cpu[AUTO] / cpu[OURS], "x",
                       "at most 0.2", cpu[AUTO] <= 0.2 * cpu[OURS])  # fmt: skip


def _ordered(rows: Sequence[Any], mark: int) -> bool:
    found = means(rows, mark)
    values = {n: statistics.fmean(v) for n, v in on_common(found, PARALLEL).items()}
    best = min(values, key=lambda name: values[name])
    others = ", ".join(f"{n} {v:.4f}" for n, v in values.items() if n != PARALLEL[0])
    return show(f"mean regret with {WINDOW} workers ({others})", values[PARALLEL[0]], "", "least",
                best == PARALLEL[0])  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = Path(tempfile.gettempdir()) / "hpo-bridge-benchmarks" / "portfolio.jsonl"
    parser.add_argument("--problems", nargs="+", help="only those that begin so")
    parser.add_argument("--only", nargs="+", help="only these entrants, or {name: …} as JSON")
    parser.add_argument("--seeds", type=int, default=5, help="how many (5)")
    parser.add_argument("--trials", type=int, default=100, help="how many (100)")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--out", type=Path, default=default, help=f"rows ({default})")
    parser.add_argument("--table", action="store_true", help="print figures, run nothing")
    return parser.parse_args()


def main() -> bool:
    given = arguments()
    wanted = list(keys(given))
    known = load(given.out)
    if not given.table:
        missing = [key for key in wanted if key not in known and not is_just_gp(key)]
        measure(missing, given.out, given.jobs)
        known = load(given.out)
    return figures(measured(wanted, known))


if __name__ == "__main__":
    sys.exit(not main())
