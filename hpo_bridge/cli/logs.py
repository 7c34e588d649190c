"""``hpo-bridge logs``: the end of what trials printed, also while they run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from ..contracts.record import TrialRecord, TrialState
from ..contracts.trial_output import KeptOutput, OutputFolder
from ..engine.kept_output import output_folder
from ..errors import HpoBridgeError
from ..store import Store
from ..store.event_types import Started
from ..store.study_events import SessionStarted
from .common_options import StudyArguments
from .stored_study import study_to_read
from .terminal_text import OutputDecoder

TRIALS = 10
"""How many trials are shown where none is named."""
LINES = 10
"""How many lines of each."""
_PAUSE = 0.3  # seconds between two looks at a trial that runs
_OPEN = (TrialState.RUNNING, TrialState.WAITING)


def show_logs(given: StudyArguments, *, trial: int | None, follow: bool) -> None:
    """Print the kept output of a trial; without one, the last lines of those that run or failed.

    Args:
        given: The arguments that name the study.
        trial: The trial's number.
        follow: Whether to go on until the trial has ended; by default the one that began last.

    Raises:
        ConfigError, StoreError: If the study cannot be found or read.
        HpoBridgeError: If there is no such trial.
    """
    with study_to_read(given) as study:
        logs = _Logs(study.store, study.name)
        if follow:
            logs.follow(logs.last_running() if trial is None else trial)
        elif trial is not None:
            logs.show(trial)
        else:
            logs.show_recent()


class _Logs:
    """The output of a study's trials, and where it is printed."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._folder: OutputFolder = output_folder(store, name)
        self._terminal = sys.stdout.isatty()

    def show(self, number: int) -> None:
        """Print all that is kept of a trial."""
        record = self._record(number)
        kept = self._folder.read(number)
        if kept is None:
            print(self._absence(record), file=sys.stderr)
        else:
            _print(self._text(kept))

    def show_recent(self) -> None:
        """Print the last lines of each trial that runs or has failed, the latest ones."""
        states = [TrialState.RUNNING, TrialState.FAILED]
        found = list(self._store.trials(self._name, states))
        if not found:
            print("no trial runs or has failed; --trial N shows what one printed", file=sys.stderr)
        if len(found) > TRIALS:
            print(f"the last {TRIALS} of {len(found)} that run or failed:", file=sys.stderr)
        for record in found[-TRIALS:]:
            kept = self._folder.read(record.number)
            if kept is None:
                print(self._absence(record))
                continue
            lines = self._text(kept).splitlines()
            left = f", the last {LINES} of {len(lines)} lines" if len(lines) > LINES else ""
            print(f"trial {record.number}: {record.state.value}{left}")
            _print("".join(f"  {line}\n" for line in lines[-LINES:]))

    def last_running(self) -> int:
        """Return the number of the running trial that began last.

        Raises:
            HpoBridgeError: If none runs.
        """
        running = list(self._store.trials(self._name, [TrialState.RUNNING]))
        if not running:
            raise HpoBridgeError("--follow: no trial runs now; --trial N shows what one printed")
        return max(running, key=lambda trial: (trial.started or 0.0, trial.number)).number

    def follow(self, number: int) -> None:
        """Print what a trial prints, until it has ended or nobody drives the study."""
        decoder = OutputDecoder(self._terminal)
        seen = 0
        while True:
            record, row = self._record(number), self._store.study(self._name)
            kept = self._folder.read(number)  # after the state: whole if the trial has ended
            if kept is not None and kept.end > seen:
                _print(decoder.feed(_since(kept, seen)))
                seen = kept.end
            if record.state not in _OPEN or row is None or row.driver is None:
                break
            time.sleep(_PAUSE)
        _print(decoder.end())
        if not seen:
            print(self._absence(record), file=sys.stderr)
        elif record.state in _OPEN:
            print(f"trial {number}: nobody drives the study now", file=sys.stderr)
        else:
            print(f"trial {number}: {record.state.value}", file=sys.stderr)

    def _text(self, kept: KeptOutput) -> str:
        decoder = OutputDecoder(self._terminal)
        return decoder.feed(kept.text().encode()) + decoder.end()

    def _record(self, number: int) -> TrialRecord:
        record = next(iter(self._store.trials(self._name, first=number)), None)
        if number < 0 or record is None or record.number != number:
            count = sum(self._store.counts(self._name).values())
            there = f"it has 0 to {count - 1}" if count else "it has none yet"
            raise HpoBridgeError(f"study {self._name!r} has no trial {number}: {there}")
        return record

    def _absence(self, record: TrialRecord) -> str:
        """Say why nothing is kept of a trial."""
        trial = f"trial {record.number} ({record.state.value})"
        runner = self._runner(record.number)
        if runner is None and record.state in _OPEN:
            return f"{trial} has not begun"
        if runner is None:
            return f"{trial} did not run: it was imported, or has the result of an earlier trial"
        if runner == "ask":
            return f"{trial} was asked for by hand: its output is with the program that asked"
        if runner == "inline":
            return (
                f"{trial} ran on runner 'inline', which leaves the output of functions on its "
                "own terminal; runner 'processes' keeps it"
            )
        server = self._store.folder("logs") is None
        here = f", or nothing on this machine, in {self._folder.path}" if server else ""
        return (
            f"{trial} printed nothing{here} (runner {runner!r}; with output: inherit none is kept)"
        )

    def _runner(self, number: int) -> str | None:
        """The runner of a trial's last attempt; ``None`` if it was never begun."""
        runner = found = None
        for event in self._store.events_of(self._name, SessionStarted, Started):
            if isinstance(event, SessionStarted):
                runner = event.runner
            elif isinstance(event, Started) and event.trial == number:
                found = runner
        return found


def _since(kept: KeptOutput, seen: int) -> bytes:
    """The bytes after the first ``seen``, with a note if some of these are not kept any more."""
    if not seen:
        return kept.text().encode()
    if kept.left_out > seen:
        return f"\n--- {kept.left_out - seen} bytes came too fast ---\n".encode() + kept.data
    return kept.data[seen - kept.left_out :]


def _print(text: str) -> None:
    write: Callable[[str], object] = sys.stdout.write
    try:
        write(text)
    except UnicodeEncodeError:  # not a terminal for UTF-8
        encoding = sys.stdout.encoding
        write(text.encode(encoding, "backslashreplace").decode(encoding))
    sys.stdout.flush()
