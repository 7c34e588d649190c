"""The test set: scored once, for the configuration that was chosen, and recorded in the log."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.study_config import StudyConfig, plugins_from, space_from
from ..contracts.checkpoints import Checkpoints
from ..contracts.directions import SINGLE
from ..contracts.gradients import Differentiation
from ..contracts.record import TrialRecord, TrialState
from ..contracts.trial import Trial, as_number, trial_seed
from ..engine.derivatives_given import differentiation
from ..engine.kept_checkpoints import checkpoints_of
from ..engine.study_log import StudyLog
from ..errors import NoCheckpoints, ObjectiveError, short
from ..history.importing import hold_lease
from ..objectives.callables import check_function
from ..objectives.scoring_function import as_test_errors, resolve_test
from ..store import Event, Store
from ..store.study_events import HeldOutScored
from .recorded_scores import TestScore, count_ended, test_scores
from .selection import Selection

REUSED = "a test set that is looked at twice is a validation set"


def reuse_warning(name: str, before: list[TestScore]) -> str:
    """Return the warning for a test set that was scored before."""
    return (
        f"study {name!r}: its test set was scored before: {before[-1].line}"
        f"{f' (look number {len(before)})' if len(before) > 1 else ''}; {REUSED}"
    )


@dataclass(frozen=True)
class EvaluationContext:
    """The surroundings in which a configuration is scored.

    Attributes:
        seed: The study's seed: the trial gets the seed that it had.
        checkpoints: Where the study's trials keep checkpoints; the trial's own can be read.
        differentiation: What ``trial.tensors`` are made with.
    """

    seed: int
    checkpoints: Checkpoints
    differentiation: Differentiation = field(default_factory=Differentiation)

    @classmethod
    def of(cls, store: Store, name: str, config: StudyConfig) -> EvaluationContext:
        """Return the surroundings of a stored study's configurations."""
        row = store.study(name)
        assert row is not None
        kept = checkpoints_of(store, name, config.checkpoint_folder)
        plugins, space = plugins_from(config.plugins), space_from(config.space)
        tensors = differentiation(plugins, space, wanted=False)
        return cls(int(row.definition["seed"]), kept, tensors)


def score(
    function: Callable[[Trial], Any], name: str, record: TrialRecord, place: EvaluationContext
) -> tuple[dict[str, float | None], float]:
    """Runs a test function for a trial's configuration.

    Args:
        function: Called with a trial that has that configuration, number and seed. What it
            reports or checkpoints is not kept, and nothing prunes it.
        name: How the function is called in messages.
        record: The trial.
        place: What it runs in.

    Returns:
        Name to score, and how many seconds it took.

    Raises:
        ObjectiveError: If it gives no score: no number, or none that is finite.
        Exception: Whatever the function raises.
    """
    check_function(function, name)
    trial = Trial(
        record.number, record.params, trial_seed(place.seed, record.number), _NoStudy(),
        _ReadOnly(place.checkpoints), place.differentiation,
    )  # fmt: skip
    begin = time.monotonic()
    result = function(trial)
    return _values(result, name), time.monotonic() - begin


def _values(result: Any, name: str) -> dict[str, float | None]:
    """The scores; one that is not finite is none, but at least one has to be."""
    given = result if isinstance(result, Mapping) else {SINGLE: result}
    try:
        numbers = {str(key): as_number(value) for key, value in given.items()}
    except TypeError:
        numbers = {}
    if not any(map(math.isfinite, numbers.values())):
        raise ObjectiveError(
            f"test {name} returned {short(result)}; expected a finite number or {{name: number}}"
        )
    return {key: value if math.isfinite(value) else None for key, value in numbers.items()}


def test_event(
    record: TrialRecord, values: Mapping[str, float | None], rule: str | None, scored: str,
    trials: int, seconds: float,
) -> HeldOutScored:  # fmt: skip
    """The event of a look; it is of no trial, as it changes none."""
    return HeldOutScored(
        trial=record.number, params=dict(record.params), values=dict(values), rule=rule,
        scored=scored, trials=trials, seconds=round(seconds, 3),
    )  # fmt: skip


def score_test_set(
    store: Store,
    name: str,
    function: Any,
    chosen: Selection | TrialRecord | int,
    place: EvaluationContext,
    log: StudyLog | None = None,
    warn: Callable[[str], None] = lambda text: None,
) -> TestScore:
    """Score a configuration of a stored study, and record it.

    Args:
        store: Where the study is.
        name: Its name.
        function: As :func:`resolve_test` takes it.
        chosen: What a rule gave, or a trial that somebody named.
        place: What it is scored in.
        log: The study's log, if this process holds the lease; else it is held meanwhile.
        warn: Is told if the test set was scored before, and may raise.
    """
    number = chosen if isinstance(chosen, int) else chosen.number
    record = _complete(store, name, number)
    rule = chosen.rule if isinstance(chosen, Selection) else None
    source = resolve_test(function)
    with _appending(store, name, log) as append:
        if before := test_scores(store, name):
            warn(reuse_warning(name, before))
        with as_test_errors():
            loaded = source.load()
        trials = count_ended(store, name)
        values, seconds = score(loaded, source.describe(), record, place)
        append(test_event(record, values, rule, source.describe(), trials, seconds))
    return test_scores(store, name)[-1]


@contextmanager
def _appending(store: Store, name: str, log: StudyLog | None) -> Iterator[Callable[[Event], None]]:
    """Holds the study meanwhile, so that the score can be kept once it is there."""
    if log is not None:
        yield log.write
        return
    with hold_lease(store, name) as append:
        yield lambda event: append([event])


def _complete(store: Store, study: str, number: int) -> TrialRecord:
    """The complete trial of that number."""
    record = next(store.trials(study, first=max(number, 0)), None)
    if record is None or record.number != number:
        raise ObjectiveError(f"study {study!r} has no trial {short(number)}", "test")
    if record.state is not TrialState.COMPLETE:
        raise ObjectiveError(f"trial {number} is {record.state.value}, expected COMPLETE", "test")
    return record


class _NoStudy:
    """The way from a configuration that is tested to its study: there is none."""

    def report(
        self, number: int, step: int, value: float, metrics: Mapping[str, float] | None = None
    ) -> None:
        return

    def should_prune(self, number: int) -> bool:
        return False

    def resumed(self, number: int) -> None:
        return


class _ReadOnly:
    """Checkpoints that can be read; what is to be kept is dropped."""

    def __init__(self, kept: Checkpoints) -> None:
        self._kept = kept

    def save(self, number: int, directory: Path, keep: Path | None = None) -> None:
        return

    def load(self, number: int) -> Path | None:
        try:
            return self._kept.find(number)
        except NoCheckpoints:
            return None

    find = load
