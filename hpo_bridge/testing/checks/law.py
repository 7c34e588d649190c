"""Values come as often as the declaration means, and none is out of reach.

What a declaration means is what :meth:`Parameter.decode` makes of a uniform number. A backend
may start otherwise on purpose (CMA-ES starts with a normal distribution around the middle):
then a discrete value is due as often as the backend itself hits the part of ``[0, 1]`` that
decodes to it, which three continuous parameters beside it show.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from math import sqrt
from statistics import median
from typing import Any

from ...space import Parameter, Space
from ..outcomes import complete, distance
from ..runs import points_of
from ..spaces import DUE, ENDS, SCALES, TWINS
from ..subject import LOCAL, Subject
from ..verdicts import Fault, NotApplicable, Refused, require
from .check_spec import CheckSpec, check_spec

SAMPLE = 1200
"""Suggestions from which frequencies are taken."""
PER_RUN = 5
"""How many of them one fresh optimizer gives."""
LEAST = 0.25
"""Deviation from the due frequency that is let pass, as a share of it: a half-weight end of
five values is off by 0.375."""
DEVIATIONS = 4.0
"""The same in standard deviations of chance, where that is more."""

Points = list[dict[str, Any]]


def starts(subject: Subject, space: Space, total: int) -> Points:
    """The first suggestions of many fresh optimizers, none of them told."""
    points: Points = []
    per_run = min(PER_RUN, subject.startup)
    first: list[str] = []
    for seed in range(-(-total // per_run)):
        run = subject.run(space, seed)
        for _ in range(per_run):
            run.ask(1)
        if not subject.guided and seed == 1 and points_of(run.points) == first:
            # A fixed sequence, which the seed does not change: a long piece of it.
            run = subject.run(space)
            while len(run.points) < total:
                run.ask(1)
            return [dict(s.params) for s in run.points]
        first = points_of(run.points)
        points += [dict(s.params) for s in run.points]
    return points


def due(kind: str, subject: Subject) -> str:
    """Frequencies of one parameter's values in the start-up phase."""
    subject.need_endless()
    if "due" not in subject.cache:
        space = subject.taken(DUE)
        subject.cache["due"] = space, starts(subject, space, SAMPLE)
    space, points = subject.cache["due"]
    if kind not in space:
        raise Refused(f"it refuses {kind!r}")
    parameter: Parameter = space[kind]
    found = Counter(point[kind] for point in points)
    twins = [point[name] for name in TWINS if name in space for point in points]
    laws = [_declared_law(parameter)]
    if not _is_even(twins):
        laws.append(Counter(parameter.decode(u) for u in twins))
    wrong = [_deviation(kind, parameter, found, law, len(points)) for law in laws]
    if all(wrong):
        raise Fault(wrong[-1])
    shown = [f"{value}: {found[value] / len(points):.3f}" for value in _values(parameter)]
    return f"in {len(points)} suggestions {', '.join(shown)}"


@cache  # the same for every backend
def _declared_law(parameter: Parameter) -> Counter[Any]:
    """Return what a parameter makes of uniform numbers, each value with its count."""
    rng = random.Random(0)
    return Counter(parameter.decode((i + rng.random()) / 20_000) for i in range(20_000))


def _is_even(units: Sequence[float]) -> bool:
    """Return True if the numbers spread evenly over [0, 1]."""
    cells = Counter(min(int(5 * u), 4) for u in units)
    return not units or all(abs(5 * cells[i] / len(units) - 1) < 0.12 for i in range(5))


def _values(parameter: Parameter) -> list[Any]:
    return [parameter.grid(index) for index in range(parameter.size or 0)]


def _deviation(
    name: str, parameter: Parameter, found: Counter[Any], law: Counter[Any], size: int
) -> str:
    """The value that is furthest from its due frequency, in words; empty if none is too far."""
    total, worst, text = law.total(), 1.0, ""
    for value in _values(parameter):
        expected = law[value] / total
        # Chance in what was seen, and in a law that was measured on three times as many.
        chance = sqrt((1 - expected) / max(expected, 1e-9) * (1 / size + 1 / max(total, size)))
        due = max(expected, 1e-9) * size
        tolerance = max(LEAST, DEVIATIONS * chance) * due
        deviation = abs(found[value] - due) / tolerance
        if deviation > worst:
            worst = deviation
            text = (
                f"{name}={value} came {found[value]:,} of {size:,} times, due are {due:.0f} "
                f"± {tolerance:.0f}"
            )
    return text


def seek(
    subject: Subject,
    space: Space,
    places: Mapping[str, float],
    hits: Callable[[Parameter, Any, float], bool],
    what: str,
) -> str:
    """Past its start-up phase, with the optimum at ``places``, it proposes what ``hits`` wants.

    Args:
        subject: The backend.
        space: The parameters; each must be hit at least once.
        places: Where the optimum of each parameter lies in ``[0, 1]``.
        hits: Whether a value of a parameter is what is wanted, given its place.
        what: The wanted place in words.
    """
    subject.need_endless()
    space = subject.taken(space)
    missing = set(space)
    asked, most = 0, max(60, 4 * subject.trials)
    judge = complete(distance(subject.seen(space), places))
    run = subject.warm(space, judge=judge)
    while missing and asked < most:
        for suggestion in run.play(4, judge):
            point = suggestion.params
            missing -= {name for name in missing if hits(space[name], point[name], places[name])}
            asked += 1
    for name in sorted(missing):
        seen = [s.params[name] for s in run.points[subject.startup :]]
        raise Fault(
            f"{name}: {what} was never proposed in {asked} suggestions past the start-up phase; "
            f"they are from {min(seen)} to {max(seen)}, the optimum is "
            f"{space[name].decode(places[name])}"
        )
    return f"{what} of each in {asked} suggestions past the start-up phase"


def low_end(subject: Subject) -> str:
    """With the optimum at the lower end of every range, that end is proposed.

    Catches logarithms of bounds taken for bounds (skopt's forests never go below 10 of 1 to
    1000), ranges that begin one too late.
    """
    places = dict.fromkeys(ENDS, 0.0)
    return seek(subject, ENDS, places, lambda p, v, _: bool(v == p.decode(0.0)), "the lower end")


def high_end(subject: Subject) -> str:
    """With the optimum at the upper end of every range, that end is proposed.

    Of 1 to 1000 on a log scale one of the last, from 684.

    Catches bounds that are off by one, grids that lose their last point.
    """

    def hits(parameter: Parameter, value: Any, _: float) -> bool:
        few = (parameter.size or 0) <= 10
        return bool(value >= parameter.decode(1.0 if few else 0.95))

    return seek(subject, ENDS, dict.fromkeys(ENDS, 1.0), hits, "the upper end")


def scale_start(subject: Subject) -> str:
    """At the start half of the values lie below the middle of their scale.

    The scale is linear, or logarithmic; integers and floats.

    Catches backends that take every float for logarithmic, or for linear.
    """
    if subject.spec.technique in LOCAL:
        raise NotApplicable(
            f"technique {subject.spec.technique!r} begins at one place, and goes on from there"
        )
    if subject.spec.technique == "grid":
        columns = _grids(subject)
    else:
        subject.need_endless()
        space = subject.taken(SCALES)
        points = starts(subject, space, 300)
        columns = {name: [space[name].encode(p[name]) for p in points] for name in space}
    for name, units in columns.items():
        middle = median(units)
        require(
            0.36 < middle < 0.64,
            f"{name}: half of {len(units)} values lie below {SCALES[name].decode(middle):.4g}, "
            f"expected {SCALES[name].decode(0.36):.4g} to {SCALES[name].decode(0.64):.4g}",
        )
    medians = {name: SCALES[name].decode(median(units)) for name, units in columns.items()}
    return ", ".join(f"median of {name}: {middle:.3g}" for name, middle in medians.items())


def _grids(subject: Subject) -> dict[str, list[float]]:
    """The whole grid of each continuous parameter by itself."""
    columns = {}
    for name in ("linear", "log"):
        space = Space({name: SCALES[name]})
        subject.whole(space)
        run = subject.run(space)
        run.play(2000, complete(distance(run.space)), width=50)
        columns[name] = [space[name].encode(s.params[name]) for s in run.points]
    return columns


def scale_model(subject: Subject) -> str:
    """Past the start-up phase it comes near an optimum anywhere on a scale.

    In the lower and in the upper part of a linear and a logarithmic one.

    Catches models that look at a part of a logarithmic range only.
    """

    def hits(parameter: Parameter, value: Any, place: float) -> bool:
        return bool(abs(parameter.encode(value) - place) <= 0.05)

    said = []
    for first in (0,) if subject.dear else (0, 1):
        places = {name: (0.15, 0.85)[(first + i // 2) % 2] for i, name in enumerate(SCALES)}
        shown = "0.15 or 0.85 of the scale, where the optimum is,"
        said.append(seek(subject, SCALES, places, hits, shown))
    return "; ".join(said)


LAWS = {
    "int": "integers",
    "int_log": "integers on a log scale",
    "int_step": "stepped integers",
    "float_step": "stepped floats",
    "ordered": "choices with an order",
    "categorical": "choices without order",
}

CHECKS = (
    *(
        CheckSpec(
            f"due[{kind}]",
            partial(due, kind),
            f"At the start each value comes with its due frequency: {meaning}",
            "ends of half the weight (Hyperopt's `quniform` and `uniformint`, skopt's GP), ends "
            "that never come, choices preferred to others",
        )
        for kind, meaning in LAWS.items()
    ),
    check_spec("reach[low]", low_end),
    check_spec("reach[high]", high_end),
    check_spec("scale[start]", scale_start),
    check_spec("scale[model]", scale_model),
)
