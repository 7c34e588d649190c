"""The event files of a trial, in a folder of its own."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo_bridge.contracts.record import TrialRecord

ENDED = "ended"
"""A file beside the events of a trial that has ended; TensorBoard does not look at it."""
FLUSH = 2
"""Seconds after which what is written reaches the file."""


def folder_of(root: Path, trial: TrialRecord) -> Path:
    """Return the folder of an attempt; each begins anew."""
    again = f"-attempt-{trial.attempts}" if trial.attempts > 1 else ""
    return root / f"trial-{trial.number:05}{again}"


def tagged(name: str) -> str:
    """A name as TensorBoard takes it."""
    return re.sub(r"[^\w\-./ ]", "_", name).lstrip("/") or "_"


class TrialFile:
    """The events of one attempt.

    Args:
        root: The study's folder.
        trial: The trial.
    """

    def __init__(self, root: Path, trial: TrialRecord) -> None:
        from tensorboardX.writer import FileWriter

        self.folder = folder_of(root, trial)
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob("events.out.*"):  # of a driver that was killed
            left.unlink()
        self._writer = FileWriter(str(self.folder), flush_secs=FLUSH)
        self._sent: set[int] = set()

    def scalar(self, name: str, value: float, step: int, time: float | None = None) -> None:
        """Writes a number.

        Args:
            name: As TensorBoard takes it.
            value: Finite.
            step: Its step.
            time: Seconds since the epoch; now by default.
        """
        from tensorboardX.summary import scalar

        self._writer.add_summary(scalar(name, value), step, time)

    def report(
        self, step: int, value: float, metrics: Mapping[str, float], time: float | None = None
    ) -> None:
        """Writes an intermediate value, and what was measured besides."""
        self._sent.add(step)
        self.scalar("report", value, step, time)
        for name, number in metrics.items():
            if math.isfinite(number):
                self.scalar(f"report/{tagged(name)}", number, step, time)

    def finish(self, trial: TrialRecord) -> None:
        """Writes what is left, the row of the table, and that the trial has ended."""
        from tensorboardX.summary import hparams

        end, values = trial.finished, {tagged(n): v for n, v in (trial.values or {}).items()}
        for (step, value), metrics in zip(trial.reports, trial.metrics, strict=True):
            if step not in self._sent:
                self.report(step, value, metrics, end)
        for name, value in values.items():
            self.scalar(name, value, max(trial.reports)[0] if trial.reports else 0, end)
        row = {name: _plain(value) for name, value in trial.params.items()}
        row["state"] = trial.state.value
        for summary in hparams(row, values):
            self._writer.add_summary(summary, None, end)
        self.close()
        (self.folder / ENDED).touch()

    def close(self) -> None:
        """Ends the file; the trial may go on in another."""
        self._writer.close()


def _plain(value: Any) -> Any:
    """Return a value of a type that the table has a column for."""
    if isinstance(value, (str, bool, int, float)):
        return value
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)
