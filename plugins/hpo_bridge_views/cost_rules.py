"""Rules about what a study spent: steps, waiting workers, lost attempts."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from hpo_bridge.contracts.record import TrialRecord, TrialState

from .facts import Facts
from .finding import Finding
from .ranks import rank_correlation
from .wording import counted, listed, percent, shown


def find_pruning(facts: Facts) -> Iterator[Finding]:
    """Yield the share of the steps that pruning saved."""
    pruned = [trial for trial in facts.in_state(TrialState.PRUNED) if trial.reports]
    whole = [len(trial.reports) for trial in facts.complete if trial.reports]
    if len(pruned) < 3 or not whole:
        return
    length = float(np.median(whole))
    done = sum(whole) + sum(len(trial.reports) for trial in pruned)
    saved = sum(max(0.0, length - len(trial.reports)) for trial in pruned)
    share = saved / (done + saved)
    yield Finding(
        "pruning",
        f"Pruning stopped {counted(len(pruned), 'trial')} of {len(facts.trials):,} and saved "
        f"{percent(share)} of the steps that all of them would have taken.",
        {"pruned": len(pruned), "steps": done, "saved": saved, "share": share},
    )


def find_doubtful_pruning(facts: Facts) -> Iterator[Finding]:
    """Yield that what trials were pruned by says little about their results."""
    pruned = [trial for trial in facts.in_state(TrialState.PRUNED) if trial.reports]
    if len(pruned) < 3 or len(facts.history.directions) > 1:
        return
    step = int(np.median([trial.reports[-1][0] for trial in pruned]))
    pairs = [
        (early, facts.value(trial))
        for trial in facts.complete
        if (early := dict(trial.reports).get(step)) is not None
        and np.isfinite(early) and trial.reports[-1][0] > step
    ]  # fmt: skip
    if len(pairs) < 15 or min(len({pair[i] for pair in pairs}) for i in (0, 1)) < 3:
        return
    rank = rank_correlation(*zip(*pairs, strict=True))
    if rank < 0.2:
        yield Finding(
            "pruning_doubtful",
            f"Pruning may have hurt: the value at step {step}, where half of the pruned trials "
            f"had been stopped, says little of the final one (rank correlation {rank:.2f} over "
            f"{counted(len(pairs), 'complete trial')}). Let trials run longer before they are "
            "judged.",
            {"step": step, "rank_correlation": rank, "trials": len(pairs)},
        )


def find_idle_workers(facts: Facts) -> Iterator[Finding]:
    """Yield the share of the time in which workers waited for trials."""
    busy = available = 0.0
    workers = 0
    for began, ended, trials in _sessions(facts):
        points = sorted([(t.started, 1) for t in trials] + [(t.finished, -1) for t in trials])
        at_work = most = 0
        for _, change in points:
            at_work += change
            most = max(most, at_work)
        workers = max(workers, most)
        busy += sum((t.finished or 0) - (t.started or 0) for t in trials)
        available += most * (ended - began)
    if not available or available - busy < 10:
        return
    share = 1 - busy / available
    if share < 0.25:
        return
    if workers == 1:
        text = (
            f"Between its trials the study spent {percent(share)} of its time: the backend "
            "thought, or the store was slow. A cheaper backend, or more workers, would help."
        )
    else:
        text = (
            f"Workers were idle for {percent(share)} of the time (up to {workers} worked at "
            "once): the backend waited for results or thought, or trials of very different "
            "length were run in a fixed order."
        )
    yield Finding(
        "idle", text, {"share": share, "workers": workers, "idle_seconds": available - busy}
    )


def _sessions(facts: Facts) -> Iterator[tuple[float, float, list[TrialRecord]]]:
    """Yield the first start, the last end and the trials of each session that ran any."""
    timed = [
        t for t in facts.trials
        if t.started is not None and t.finished is not None and t.reused is None
    ]  # fmt: skip
    starts = [session.started for session in facts.history.sessions]
    groups = defaultdict(list)
    for trial in timed:
        groups[bisect_right(starts, trial.started or 0.0)].append(trial)
    for place, mine in groups.items():
        if place and len(mine) > 1:
            yield (
                min(t.started or 0.0 for t in mine), max(t.finished or 0.0 for t in mine), mine,
            )  # fmt: skip


def find_lost_attempts(facts: Facts) -> Iterator[Finding]:
    """Yield the attempts that ended without result."""
    words = {
        "lost": "lost with their worker or driver", "failure": "tried again after a failure",
    }  # fmt: skip
    counts = {cause: facts.history.requeued.get(cause, 0) for cause in words}
    if any(counts.values()):
        parts = listed(
            f"{counted(n, 'attempt')} {'was' if n == 1 else 'were'} {words[cause]}"
            for cause, n in counts.items() if n
        )  # fmt: skip
        seconds = shown(facts.history.seconds, 3)
        yield Finding(
            "lost_attempts",
            f"{parts}, in {seconds} s of work.",
            counts,
        )
