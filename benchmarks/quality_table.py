"""The tables of `quality.py`, from its rows."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tables import markdown

Row = dict[str, Any]
RANDOM = "core.random"


def final(row: Row) -> float:
    """The regret at the end of a run."""
    return float(row["regret"][max(row["regret"], key=int)])


def pairs(rows: Iterable[Row]) -> list[tuple[float, float, bool]]:
    """The bridge's regret, the native loop's of the same run, and whether all points agree."""
    sides: dict[tuple[Any, ...], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if "regret" in row:
            key = tuple(row[name] for name in ("backend", "problem", "seed", "trials"))
            sides[key][row["side"]] = row
    both = [(s["bridge"], s["native"]) for s in sides.values() if len(s) == 2]
    return [(final(b), final(n), b["points"] == n["points"]) for b, n in both]


def medians(rows: Iterable[Row]) -> dict[str, float]:
    """Problem to the median over seeds of the final regret."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        found[row["problem"]].append(final(row))
    return {problem: statistics.median(values) for problem, values in found.items()}


def at(rows: Iterable[Row], trials: int) -> list[Row]:
    """The rows as they were after ``trials`` trials."""
    mark = str(trials)
    return [
        {**row, "regret": {mark: row["regret"][mark]}} for row in rows if mark in row["regret"]
    ]


class Sides:
    """The rows of one backend, and of random search on the same problems and budget."""

    def __init__(self, rows: Sequence[Row], backend: str, technique: str) -> None:
        mine = [row for row in rows if row["backend"] == backend]
        self.backend, self.technique = backend, technique
        self.errors = sum("error" in row for row in mine)
        self.refused = {row["problem"] for row in mine if "refused" in row}
        mine = [row for row in mine if "regret" in row and row["problem"] not in self.refused]
        self.bridge = [row for row in mine if row["side"] == "bridge"]
        self.native = [row for row in mine if row["side"] == "native"]
        self.trials = max((row["trials"] for row in mine), default=0)
        reference = [row for row in rows if row["backend"] == RANDOM and "regret" in row]
        tasks = {row["problem"] for row in self.bridge}
        reference = [row for row in reference if row["problem"] in tasks]
        self.reference = at(reference, self.trials)
        self.random = medians(self.reference)

    def against_random(self, rows: Sequence[Row]) -> tuple[list[str], list[str], list[str]]:
        """The problems on which the median beats, equals and loses to random search's."""
        better, equal, worse = [], [], []
        for problem, value in medians(rows).items():
            if problem in self.random:
                other = self.random[problem]
                (better if value < other else equal if value == other else worse).append(problem)
        return better, equal, worse


def render(rows: Sequence[Row], techniques: dict[str, str]) -> dict[str, str]:
    """All tables, by the names of their parts of the page."""
    known = {row["backend"] for row in rows}
    all_sides = [
        Sides(rows, name, kind) for name, kind in sorted(techniques.items()) if name in known
    ]
    return {
        "quality": _summary(all_sides),
        "regret": _tables(all_sides),
        "losses": _losses(all_sides),
    }


def _summary(all_sides: Sequence[Sides]) -> str:
    header = (
        "backend", "technique", "budget", "median regret", "native", "random",
        "beats random", "native", "same points", "difference", "CPU ms/trial", "native",
    )  # fmt: skip
    return markdown(header, [_line(sides) for sides in all_sides if sides.bridge])


def _line(sides: Sides) -> list[str]:
    seeds = len({row["seed"] for row in sides.bridge})
    count = len({row["problem"] for row in sides.bridge})
    name = f"`{sides.backend}`" + (f" ({sides.errors} errors)" if sides.errors else "")
    both = pairs([*sides.bridge, *sides.native])
    same = sum(identical for *_, identical in both)
    return [
        name,
        sides.technique,
        f"{sides.trials} x {count} x {seeds}",
        _median(map(final, sides.bridge)),
        _median(map(final, sides.native)),
        _median(map(final, sides.reference)),
        "-" if sides.backend == RANDOM else _beats(sides, sides.bridge),
        _beats(sides, sides.native),
        f"{same} of {len(both)}" if both else "-",
        _difference([ours - theirs for ours, theirs, _ in both]),
        _median(row["cpu_ms"] for row in sides.bridge),
        _median(row["cpu_ms"] for row in sides.native),
    ]


def _median(values: Iterable[float]) -> str:
    found = list(values)
    return f"{statistics.median(found):.3g}" if found else "-"


def _beats(sides: Sides, rows: Sequence[Row]) -> str:
    better, equal, worse = sides.against_random(rows)
    total = len(better) + len(equal) + len(worse)
    if not total:
        return "-"
    return f"{len(better)} of {total}" + (f", {len(equal)} equal" if equal else "")


def _difference(differences: Sequence[float]) -> str:
    """Mean and standard error."""
    if not differences:
        return "-"
    if not any(differences):
        return "0"
    error = math.nan
    if len(differences) > 1:
        error = statistics.stdev(differences) / math.sqrt(len(differences))
    return f"{statistics.fmean(differences):+.4f} ± {error:.4f}"


def _tables(all_sides: Sequence[Sides]) -> str:
    """Mean regret over the complete tables as the trials go on."""
    marks = (25, 50, 60, 100)
    lines = []
    for sides in all_sides:
        for side, rows in (("bridge", sides.bridge), ("native", sides.native)):
            tables = [row for row in rows if row["problem"].startswith("tables/")]
            means = [[final(row) for row in at(tables, n)] for n in marks]
            if tables:
                count = len({row["problem"] for row in tables})
                cells = [f"{statistics.fmean(m):.4f}" if m else "-" for m in means]
                lines.append([f"`{sides.backend}`, {side}", str(count), *cells])
    return markdown(("mean regret", "tables", *(f"after {n}" for n in marks)), lines)


def _losses(all_sides: Sequence[Sides]) -> str:
    """Where a backend does not beat random search."""
    lines = []
    for sides in all_sides:
        *_, worse = sides.against_random(sides.bridge)
        if sides.technique not in ("random", "grid") and worse:
            lines.append([f"`{sides.backend}`", ", ".join(worse)])
    return markdown(("backend", "no better than random search on"), lines)
