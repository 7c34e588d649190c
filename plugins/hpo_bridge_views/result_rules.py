"""Rules about the result of a study, and how sure it is."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from hpo_bridge.contracts.directions import Objectives
from hpo_bridge.contracts.formatting import without_constants
from hpo_bridge.contracts.record import TrialState
from hpo_bridge.objectives import short_reason

from .facts import Facts
from .finding import Finding
from .ranks import rank_correlation
from .trial_values import no_complete
from .wording import counted, listed, percent, shown, shown_params


def find_result(facts: Facts) -> Iterator[Finding]:
    """Yield the best value, or the reason why there is none."""
    if not facts.trials:
        yield Finding("empty", no_complete(facts.history))
    elif not facts.complete:
        counts = Counter(trial.state.value.lower() for trial in facts.trials)
        text = no_complete(facts.history)
        errors = Counter(short_reason(trial.error, 120) for trial in facts.trials if trial.error)
        if errors:
            text += f" Most often the reason is: {errors.most_common(1)[0][0]}."
        yield Finding("no_result", text, {"counts": dict(counts), "errors": dict(errors)})
    elif len(facts.history.directions) == 1:
        best = facts.best
        params = without_constants(best.params, facts.history.space.constants)
        yield Finding(
            "result",
            f"The best of {counted(len(facts.complete), 'complete trial')} has the value "
            f"{shown(facts.value(best), 6)}: trial {best.number}, "
            f"{'enqueued' if best.backend is None else f'proposed by {best.backend}'}, "
            f"with {shown_params(params)}.",
            {"trial": best.number, "value": facts.value(best), "params": params},
        )
    else:
        objectives = Objectives(facts.history.directions)
        front = objectives.front(facts.complete)
        ranges = {
            name: (min(t.values[name] for t in front), max(t.values[name] for t in front))  # type: ignore[index]
            for name in facts.history.directions
        }
        reach = listed(
            f"{shown(name)} goes from {shown(low)} to {shown(high)}"
            for name, (low, high) in ranges.items()
        )
        yield Finding(
            "result",
            f"The front has {counted(len(front), 'trial')} of {len(facts.complete):,} complete "
            f"ones; on it {reach}.",
            {"front": [trial.number for trial in front], "ranges": ranges},
        )


def find_uncertainty(facts: Facts) -> Iterator[Finding]:
    """Yield how many other trials are as good as the best one, as far as its error tells."""
    if not facts.complete or facts.is_flat:
        return
    error = (facts.best.standard_errors or {}).get(facts.objective)
    if not error:
        return
    near = int((facts.losses <= facts.losses.min() + error).sum()) - 1
    if near:
        yield Finding(
            "uncertain",
            f"{facts.label}The best value has a standard error of {shown(error, 2)}, and "
            f"{counted(near, 'other trial')} of {len(facts.complete) - 1:,} "
            f"{'is' if near == 1 else 'are'} within it: which of them is the best may be chance.",
            {"standard_error": error, "within": near},
        )


def find_flatness(facts: Facts) -> Iterator[Finding]:
    """Yield that all values are the same."""
    if len(facts.complete) > 1 and facts.is_flat:
        yield Finding(
            "flat",
            f"{facts.label}All {len(facts.complete):,} complete trials have the same value, "
            f"{shown(facts.value(facts.best))}: does the objective use its parameters?",
            {"value": facts.value(facts.best), "trials": len(facts.complete)},
        )


def find_repeats(facts: Facts) -> Iterator[Finding]:
    """Yield what trials with equal parameters say of the noise, and what they cost."""
    groups = defaultdict(list)
    encode = json.JSONEncoder(sort_keys=True).encode
    for position, trial in enumerate(facts.complete):
        if trial.reused is None:
            groups[encode(trial.params)].append(facts.losses[position])
    again = [np.array(group) for group in groups.values() if len(group) > 1]
    repeats = sum(len(group) - 1 for group in again)
    if not repeats or facts.is_flat:
        return
    spread = float(np.sqrt(sum(((g - g.mean()) ** 2).sum() for g in again) / repeats))
    evidence = {"repeats": repeats, "points": len(again), "standard_deviation": spread}
    if spread > 1e-9 * float(np.abs(facts.losses).max() or 1.0) and repeats >= 3:
        first, second = facts.losses[facts.ranking[:2]]
        text = (
            f"{facts.label}The same parameters gave different values: a standard deviation of "
            f"{shown(spread, 2)} over {counted(len(again), 'point')} that came up again."
        )
        if second - first < spread:
            text += (
                f" The best trial is ahead of the next by {shown(float(second - first), 2)}, "
                "which is less than that: run the best ones several times before you choose."
            )
        yield Finding("noise", text, {**evidence, "lead": float(second - first)})
    elif repeats >= max(5, 0.1 * len(facts.complete)):
        yield Finding(
            "duplicates",
            f"{percent(repeats / len(facts.complete))} of the complete trials ({repeats:,}) had "
            "the parameters of an earlier one, and the same value: `duplicates: reuse` saves "
            "running them, `duplicates: resample` asks for others.",
            evidence,
        )


def find_agreement(facts: Facts) -> Iterator[Finding]:
    """Yield pairs of objectives that rank the trials alike."""
    objectives = Objectives(facts.history.directions)
    names = objectives.names
    if facts.objective != names[0] or len(facts.complete) < 20:
        return
    rows = np.array([objectives.losses(trial.values) for trial in facts.complete])
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            if min(len(np.unique(rows[:, i])), len(np.unique(rows[:, j]))) < 3:
                continue
            rank = rank_correlation(rows[:, i], rows[:, j])
            if rank > 0.95:
                yield Finding(
                    "objectives_agree",
                    f"{shown(names[i])} and {shown(names[j])} rank the trials alike (rank "
                    f"correlation {rank:.2f}): one of them would do.",
                    {"objectives": [names[i], names[j]], "rank_correlation": rank},
                )


def find_running(facts: Facts) -> Iterator[Finding]:
    """Yield that the study is not at its end."""
    running = len(facts.in_state(TrialState.RUNNING))
    if facts.history.driver is not None or running:
        yield Finding(
            "running",
            f"The study runs now ({counted(running, 'trial')} at work): what is said here is "
            "of the trials that have ended.",
            {"running": running, "driver": facts.history.driver},
        )
