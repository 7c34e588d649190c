"""A study's runs with their progress on the screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from ..contracts.argument_checks import truth
from ..contracts.record import TrialState
from ..engine.waiting import waiting_reasons
from ..progress.display import DisplayText, Kind, display_kind, shown
from ..progress.tally import Tally
from .by_hand import StudyByHand


@contextmanager
def shown_progress(
    study: StudyByHand,
    kind: Kind | None,
    trials: int | None,
    seconds: float | None,
    text: DisplayText,
) -> Iterator[None]:
    """Show the progress of the runs in the body.

    Args:
        study: The study.
        kind: The kind of display; ``None`` for none.
        trials: The study's budget of trials.
        seconds: Its budget of seconds.
        text: The display's texts.
    """
    if kind is None:
        yield
        return
    tally, lease = _tally(study, trials, seconds), study._lease

    def waiting() -> Sequence[str]:
        driver = lease.held
        return () if driver is None else waiting_reasons(driver)

    with shown(kind, tally, waiting, study.space.constants, text) as views, lease.watched(views):
        yield


def progress_of_optimize(
    study: StudyByHand, progress: bool | None, trials: int | None, seconds: float | None
) -> AbstractContextManager[None]:
    """Show the progress of the runs in the body as the user of :meth:`Study.optimize` wants it.

    Raises:
        HpoBridgeError: If ``progress`` is neither a boolean nor ``None``.
    """
    kind = display_kind(None if progress is None else truth("progress", progress))
    return shown_progress(study, kind, trials, seconds, DisplayText(title=study.name))


def _tally(study: StudyByHand, trials: int | None, seconds: float | None) -> Tally:
    counts, best, row = study.counts, None, study.store.study(study.name)
    if len(study.objectives) == 1 and counts[TrialState.COMPLETE]:
        best = study.best
    if seconds is not None and row is not None:
        seconds -= row.seconds
    return Tally(study.objectives, counts, best, trials, seconds)


__all__ = ["DisplayText", "display_kind", "progress_of_optimize", "shown_progress"]
