"""Rules about the parameters of a study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hpo_bridge.space import Categorical, Float, Int

from .facts import Facts
from .finding import Finding
from .ranks import rank_correlation
from .wording import counted, listed, percent, shown

FEWEST = 20
"""Complete trials below which nothing is said of parameters."""
_ENOUGH_TO_DENY = 40
"""Complete trials from which it is said that something does not matter."""


def find_importance(facts: Facts) -> Iterator[Finding]:
    """Yield the parameters that predict the value, and where the best trials are."""
    count, parameters = len(facts.complete), len(facts.history.space)
    if not facts.complete or facts.is_flat:
        return
    fewest = max(FEWEST, 2 * min(parameters, 50))
    if count < fewest:
        yield Finding(
            "too_few",
            f"{facts.label}{counted(count, 'complete trial')} over "
            f"{counted(parameters, 'parameter')} are too few to say which of them matter: "
            f"{fewest} would do.",
            {"trials": count, "parameters": parameters, "needed": fewest},
        )
        return
    model = facts.surrogate
    evidence: dict[str, Any] = {
        "explained": round(model.explained, 3), "parameters": model.chosen, "trials": count,
    }  # fmt: skip
    if model.chosen and model.explained >= 0.3:
        regions = {name: _region(facts, name) for name in model.chosen[:3]}
        where = listed(f"{shown(name)} {text}" for name, text in regions.items())
        names = listed(shown(name) for name in model.chosen)
        verb = "explains" if len(model.chosen) == 1 else "explain"
        yield Finding(
            "important",
            f"{facts.label}{names} {verb} {percent(model.explained)} of the differences between "
            f"trials that the model had not seen. The best tenth of the trials has {where}.",
            {**evidence, "best_tenth": regions},
        )
    elif count >= _ENOUGH_TO_DENY and model.explained < 0.1:
        yield Finding(
            "unpredictable",
            f"{facts.label}The parameters hardly explain the value ({percent(model.explained)} of "
            "its differences): it is mostly noise, or its structure is finer than "
            f"{count:,} trials show.",
            evidence,
        )


def _region(facts: Facts, name: str) -> str:
    """Return where the best tenth of the trials has a parameter, in words."""
    top = facts.ranking[: max(5, len(facts.complete) // 10)]
    values = [facts.complete[int(i)].params[name] for i in top
              if name in facts.complete[int(i)].params]  # fmt: skip
    if not values:
        return "not active"
    parameter = facts.history.space[name]
    if isinstance(parameter, Categorical):
        found: dict[str, int] = {}
        for value in values:
            found[shown(value)] = found.get(shown(value), 0) + 1
        most = sorted(found, key=lambda text: -found[text])
        return f"at {' or '.join(most[:3])}"
    low, high = min(values), max(values)
    return f"at {shown(low, 3)}" if low == high else f"from {shown(low, 3)} to {shown(high, 3)}"


def find_inert(facts: Facts) -> Iterator[Finding]:
    """Yield the parameters without which the value is predicted as well."""
    if len(facts.complete) < max(_ENOUGH_TO_DENY, 4 * len(facts.units)) or facts.is_flat:
        return
    model = facts.surrogate
    if model.explained < 0.5 or model.is_full:
        return
    gains = {}
    for name, units in facts.units.items():
        active = int((~np.isnan(units)).sum())
        if name in model.chosen or not facts.varies(name) or active < _ENOUGH_TO_DENY:
            continue
        differences = model.prediction.errors - model.predict([*model.chosen, name]).errors
        most = differences.mean() + 1.64 * differences.std() / np.sqrt(len(differences))
        if most < 0.03:
            gains[name] = round(float(most), 4)
    if gains:
        names = listed(shown(name) for name in gains)
        them, does = ("it", "does") if len(gains) == 1 else ("them", "do")
        yield Finding(
            "inert",
            f"{facts.label}{names} {does} nothing that {len(facts.complete):,} trials could show: "
            f"fix {them}, and the others are searched more closely.",
            {"parameters": list(gains), "most_explained_by_it": gains},
        )


def find_bounds(facts: Facts) -> Iterator[Finding]:
    """Yield the parameters whose best values are at the end of their range."""
    if len(facts.complete) < FEWEST or facts.is_flat or facts.surrogate.explained < 0.2:
        return
    top = facts.ranking[: max(5, len(facts.complete) // 10)]
    for name in facts.surrogate.chosen:
        parameter, units = facts.history.space[name], facts.units[name]
        if isinstance(parameter, Categorical) or np.isnan(units[top[0]]):
            continue
        for side, distance in (("low", units), ("high", 1.0 - units)):
            step = 0.0 if parameter.size is None else 1.0 / parameter.size
            at_end, near = max(0.04, 0.51 * step), max(0.1, 0.51 * step)
            if side == "low" and _is_natural(parameter):
                continue
            if distance[top[0]] > at_end or np.nanmean(distance[top] <= near) < 0.5:
                continue
            if _gets_worse_towards_the_end(distance, facts.losses, max(0.25, 2.5 * step)):
                continue
            yield _at_bound(facts, name, parameter, side, float((distance[top] <= near).mean()))


def _is_natural(parameter: Float | Int) -> bool:
    """Return True if nothing lies below a range: counts from 0 or 1, and numbers from 0."""
    return parameter.low == 0 or (isinstance(parameter, Int) and parameter.low == 1)


def _gets_worse_towards_the_end(distance: np.ndarray, losses: np.ndarray, width: float) -> bool:
    """Return True if, close to the end of a range, values do not improve towards it."""
    close = distance <= width
    if close.sum() < 5 or len(np.unique(distance[close])) < 2:
        return False
    return rank_correlation(distance[close], losses[close]) < 0.2


def _at_bound(facts: Facts, name: str, parameter: Float | Int, side: str, share: float) -> Finding:
    low, high = parameter.low, parameter.high
    if parameter.log:
        factor = 10 if isinstance(parameter, Float) else 2
        wider = low / factor if side == "low" else high * factor
    else:
        wider = low - (high - low) / 2 if side == "low" else high + (high - low) / 2
    if isinstance(parameter, Int):
        wider = int(np.floor(wider) if side == "low" else np.ceil(wider))
        wider = max(wider, 1) if parameter.log else wider
    bound, value = (low if side == "low" else high), facts.best.params[name]
    advice = f"widen it to {shown(wider, 3)} if it may go there"
    if wider == bound:
        advice = "it can't go further"
    return Finding(
        "bound",
        f"{facts.label}The best value of {shown(name)}, {shown(value)}, is at the {side} end of "
        f"its range ({shown(bound)}), as for {percent(share)} of the best trials: {advice}.",
        {"parameter": name, "side": side, "bound": bound, "best": value, "share": share,
         "widen_to": wider},
    )  # fmt: skip
