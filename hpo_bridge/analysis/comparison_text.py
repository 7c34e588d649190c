"""The answer of a comparison in words, from its figures as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..contracts.formatting import format_duration, format_value, listed
from ..errors import counted
from .paired_tests import LEVEL, smallest_p

Figures = Mapping[str, Any]
"""What :meth:`hpo_bridge.analysis.comparison.Comparison.figures` returns."""

COLUMNS = ("", "best at 25 %", "50 %", "100 %", "P(better than random)", "rank", "optimizer")


def sentences(figures: Figures) -> list[str]:
    """Return the answer: who is better, how sure that is, and what it does not show."""
    found = [figures["note"]] if figures["note"] else []
    found += [f"{_conditions(figures)}:", *_verdicts(figures)]
    found += ["What this does not show:", *_limits(figures)]
    return found


def _conditions(figures: Figures) -> str:
    return (
        f"On this problem, after {budget_text(figures)}, over {counted(figures['seeds'], 'seed')}"
    )


def budget_text(figures: Figures) -> str:
    """Return the budget of a run in words."""
    if figures["trials"] is not None:
        return counted(figures["trials"], "trial")
    return f"{format_duration(figures['seconds'])} of optimizer and trials"


def _verdicts(figures: Figures) -> Iterator[str]:
    first, *equal = figures["winners"]
    if not figures["pairs"]:
        yield f"- {first} is ahead of all others, which were dropped on the way."
    others = [pair for pair in figures["pairs"] if pair["one"] == first]
    worse = [pair for pair in others if pair["different"]]
    for pair in worse:
        yield f"- {first} is better than {pair['other']} {_evidence(pair)}."
    if equal:
        least = min(pair["corrected"] for pair in others if not pair["different"])
        yield f"- {listed([first, *equal])} cannot be told apart ({_p(least)})."
    yield from _among_others(figures, {first})
    yield from _last(figures)
    for row in figures["variants"]:
        if row["dropped_after"] is not None:
            yield (
                f"- {row['label']} was dropped after {counted(row['dropped_after'], 'seed')}: it "
                "was clearly behind."
            )
        if row["failed"]:
            yield f"- {row['label']}: {counted(row['failed'], 'trial')} failed in its runs."


def _among_others(figures: Figures, shown: set[str]) -> Iterator[str]:
    """Say which of the variants behind the first cannot be told apart, and which can."""
    winners = set(figures["winners"])
    for pair in figures["pairs"]:
        if pair["one"] in shown or {pair["one"], pair["other"]} <= winners:
            continue
        if pair["different"]:
            yield f"- {pair['one']} is better than {pair['other']} {_evidence(pair)}."
        else:
            p = _p(pair["corrected"])
            yield f"- {pair['one']} and {pair['other']} cannot be told apart ({p})."


def _last(figures: Figures) -> Iterator[str]:
    labels = [row["label"] for row in figures["variants"] if row["dropped_after"] is None]
    beaten = [pair for pair in figures["pairs"] if pair["other"] == labels[-1]]
    if len(beaten) > 1 and all(pair["different"] for pair in beaten):
        yield f"- {labels[-1]} is worse than all others."


def _evidence(pair: Mapping[str, Any]) -> str:
    blocks = pair["wins"] + pair["losses"] + pair["ties"]
    text = f"in {pair['wins']} of {counted(blocks, 'seed')} ("
    if pair["difference"] is not None:
        text += f"difference {_number(pair['difference'])}"
        if pair["interval"] is not None:
            low, high = map(_number, pair["interval"])
            text += f", 95 % interval {low} to {high}"
        text += "; "
    return f"{text}{_p(pair['corrected'])})"


def _p(corrected: float) -> str:
    text = "p < 0.001" if corrected < 0.001 else f"p = {corrected:.2g}"
    return f"{text} after Holm's correction"


def _limits(figures: Figures) -> Iterator[str]:
    yield (
        f"- Other problems, other spaces, other budgets than {budget_text(figures)}, and several "
        "workers on one study: each run had one trial at a time."
    )
    yield (
        "- Whether a difference matters to you, and whether a better value here is a better model "
        "on new data."
    )
    seeds = figures["seeds"]
    if len(figures["pairs"]) == 1 and smallest_p(seeds) > LEVEL:
        enough = next(n for n in range(seeds, 100) if smallest_p(n) <= LEVEL)
        yield (
            f"- Any difference: {counted(seeds, 'seed')} are too few to tell two variants apart; "
            f"{enough} are enough."
        )
    elif not all(pair["different"] for pair in figures["pairs"]):
        yield "- That those not told apart are equal: more seeds may tell them apart."
    if all(row["backend"] != "core.random" for row in figures["variants"]):
        yield "- Whether any of them beats random search: core.random was not among them."


def table(figures: Figures) -> list[list[str]]:
    """Return the cells of the table, its heading first."""
    rows = [list(COLUMNS)]
    for row in figures["variants"]:
        better = row["better_than_random"]
        rows.append([
            row["label"], *("-" if best is None else _number(best, 5) for best in row["best"]),
            "-" if better is None else f"{better:.2f}",
            f"dropped after {row['dropped_after']}" if row["rank"] is None
            else f"{row['rank']:.1f}",
            format_duration(row["optimizer_seconds"]),
        ])  # fmt: skip
    return rows


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines, with the cells below each other."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join([
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]).rstrip()
        for row in table
    ]  # fmt: skip


def _number(value: float, digits: int = 3) -> str:
    return format_value(float(value), digits)
