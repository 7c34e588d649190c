"""Results from a file that a program writes: ``.json``, ``.jsonl`` or ``.csv``.

Each object or row may have a ``step`` (or ``epoch``): then it is an intermediate report. The last
number under an objective's name is its value.
"""

from __future__ import annotations

import csv
import fcntl
import json
import math
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Any

from ..contracts.trial import Trial
from ..errors import ObjectiveError, short
from .failure import Failure
from .printed_result import SINGLE, report

PATH = ("objective", "metrics_file")
KEY = ".".join(PATH)
_FORMATS = (".json", ".jsonl", ".csv")
_LARGEST = 64 << 20  # bytes
_EVERY = 0.5  # seconds between two looks at a file that is written
_STEPS = ("step", "epoch")


def check_file(path: Any) -> str:
    """Return ``path`` if its name says what is in it.

    Raises:
        ObjectiveError: If not.
    """
    if isinstance(path, str) and path.endswith(_FORMATS) and "\0" not in path:
        return path
    raise ObjectiveError(
        f"found {short(path)}, expected a name that ends in .json, .jsonl or .csv", *PATH
    )


class MetricsFile:
    """A file that a program writes for one trial.

    Args:
        path: The file; what is in it already is not of this trial.
        names: The objectives; empty where they are not known: then ``value``.
        trial: Gets the reports.
    """

    def __init__(self, path: str, names: Sequence[str], trial: Trial) -> None:
        self._path = path
        self._names = tuple(names) or (SINGLE,)
        self._trial = trial
        self._reported: set[int] = set()
        self._next = 0.0
        self._lock = _locked(path)
        self._before = self._seen = _signature(path)
        try:
            self._old = self._rows()
        except ValueError:
            self._old = []

    def close(self) -> None:
        """Let another trial write the file."""
        with suppress(OSError):
            os.unlink(_lock_of(self._path))
        os.close(self._lock)

    def poll(self) -> None:
        """Report what has come to the file; looks at it twice a second at most.

        Raises:
            TrialPruned: If the pruner stops the trial.
        """
        now = time.monotonic()
        if now >= self._next:
            begin = time.monotonic()
            with suppress(ValueError):  # it is being written
                self._report()
            self._next = now + max(_EVERY, 10 * (time.monotonic() - begin))

    def _report(self) -> None:
        signature = _signature(self._path)
        if signature == self._seen:
            return
        rows = self._new_rows()
        self._seen = signature
        for row in rows:
            found = next((row[key] for key in _STEPS if _is_number(row.get(key))), math.nan)
            value = self._value(row, self._names[0])
            if value is None or not math.isfinite(found) or int(found) in self._reported:
                continue
            step = int(found)
            self._reported.add(step)
            report(self._trial, value, step, {"step": step, "value": value})

    def result(self) -> Any:
        """The result, as an objective returns it, once the program has ended.

        Raises:
            Failure: If the file was not written, cannot be read, or has no value.
        """
        if _signature(self._path) == self._before:
            what = "did not write to" if self._before else "did not write"
            raise Failure(f"{KEY}: the command {what} {self._path}", retriable=False)
        try:
            self._report()
            rows = self._new_rows()
        except ValueError as error:
            raise Failure(f"{KEY}: {self._path}: {error}", retriable=False) from None
        found = {}
        for name in self._names:
            values = [v for row in rows if (v := self._value(row, name)) is not None]
            if not values:
                has = ", ".join(dict.fromkeys(key for row in rows for key in row)) or "nothing"
                hint = "; directions: {NAME: …} says which" if name == SINGLE else ""
                raise Failure(
                    f"{KEY}: {self._path} has {short(has)}, expected {name}{hint}", retriable=False
                )
            found[name] = values[-1]
        return found if len(found) > 1 else found[self._names[0]]

    def _value(self, row: Mapping[str, Any], name: str) -> float | None:
        value = row.get(name)
        if value is None and name not in row and len(self._names) == 1:
            name = SINGLE
            value = row.get(name)
        if value is None and name in row:
            return math.nan
        return float(value) if value is not None and _is_number(value) else None

    def _new_rows(self) -> list[dict[str, Any]]:
        """The rows that were not there before; all, where the file was written anew."""
        rows, old = self._rows(), len(self._old)
        return rows[old:] if len(rows) > old and rows[:old] == self._old else rows

    def _rows(self) -> list[dict[str, Any]]:
        return read_rows(self._path)


def read_rows(path: str) -> list[dict[str, Any]]:
    """Return the objects or rows of a file, in order; none if it is not there.

    Objects inside of objects get names with points: ``val.loss``. An empty cell of a table is
    left out.

    Raises:
        ValueError: If it cannot be read, or is larger than 64 MiB.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ValueError(str(error)) from error
    if len(data) > _LARGEST:
        raise ValueError(f"has more than {_LARGEST >> 20} MiB")
    text = data.decode("utf-8-sig", "replace")
    if path.endswith(".csv"):
        return _table(text)
    try:
        if path.endswith(".jsonl"):
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            found = json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    rows = found if isinstance(found, list) else [found]
    return [_flat(row) for row in rows if isinstance(row, dict)]


def _table(text: str) -> list[dict[str, Any]]:
    lines = list(csv.reader(text.splitlines(), skipinitialspace=True))
    names = [name.strip() for name in lines[0]] if lines else []
    rows = []
    for line in lines[1:]:
        cells = zip(names, map(str.strip, line), strict=False)
        rows.append({name: _cell(cell) for name, cell in cells if cell})
    return rows


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _flat(row: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _signature(path: str) -> tuple[int, ...] | None:
    """Return what changes when a file is written; ``None`` for one that is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _locked(path: str) -> int:
    """Keep other trials on this machine from a file; return the descriptor of the lock.

    Raises:
        Failure: If another trial writes it now.
    """
    lock = os.open(_lock_of(path), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise Failure(
            f"{KEY}: another trial writes {path} at the same time: put {{trial}}, the trial's "
            "number, into its name and into the command, or run one trial at a time",
            retriable=False,
        ) from None
    return lock


def _lock_of(path: str) -> str:
    digest = blake2b(os.fsencode(os.path.realpath(path)), digest_size=8).hexdigest()
    return os.path.join(tempfile.gettempdir(), f"hpo-bridge-{os.getuid()}-{digest}.lock")
