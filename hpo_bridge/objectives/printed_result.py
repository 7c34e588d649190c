"""Results from what a program prints: a line of JSON each.

A line with a ``step`` and a ``value`` is an intermediate report; ``metrics`` in it, a mapping of
names to numbers, are kept with it. ``{"checkpoint": "directory"}`` has the files of a directory
kept, which the program then leaves alone. The result is the last line with the names of all
objectives (``value`` for one without a name); without any, the last bare number or report.
``standard_error`` beside ``value``, or a mapping of that name, is the standard error of the
result. ``null`` stands for NaN, as do ``nan`` and ``inf``, which Python and C print, for
themselves.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..contracts.gradients import Differentiated
from ..contracts.trial import Trial
from ..errors import TrialPruned, short
from .failure import Failure
from .folded import Measured

SINGLE = "value"
"""The name of an objective that has none."""
_NOT_VALUES = ("step", "epoch")
_NOT_FINITE = re.compile(rb"(?<![^\s:,\[])([+-]?)(nan|inf)(?:inity)?(?![^\s,\]}])", re.IGNORECASE)
_NAMES = {b"nan": b"NaN", b"inf": b"Infinity"}


class PrintedResult:
    """The result that the lines of a program amount to, so far.

    Args:
        names: The objectives; empty where they are not known, and any names will do.
        trial: Gets the reports and checkpoints.
        folder: What the directories of checkpoints are relative to.
    """

    def __init__(self, names: Sequence[str], trial: Trial, folder: str) -> None:
        self._names = names
        self._trial = trial
        self._folder = folder
        self._last: Any = None
        self._rank = 0  # 3 for a line with all names, 2 for another result, 1 for none

    def read(self, line: bytes) -> None:
        """Take the next line.

        Raises:
            TrialPruned: If it is a report, and the pruner stops the trial.
            Failure: If it is a report or a checkpoint that cannot be taken.
        """
        for part in line.strip().split(b"\r"):  # a progress bar may stand before the result
            found = parsed_line(part)
            if found is None:
                continue
            if isinstance(found, dict) and list(found) == ["checkpoint"]:
                directory = found["checkpoint"]
                if isinstance(directory, str):  # a number would be an objective's value
                    self._keep(directory)
                    continue
            rank = self._rank_of(found)
            if rank >= self._rank:
                self._last, self._rank = found, rank
            if self._reported(found):
                report(self._trial, _number(self._value(found)), found["step"], found)

    def _rank_of(self, found: Any) -> int:
        if not isinstance(found, dict):
            return 2 if len(self._names) < 2 else 1
        if self._reported(found):
            return 2 if len(self._names) < 2 else 1
        if all(name in found for name in self._names or (SINGLE,)):
            return 3
        if len(self._names) == 1 and SINGLE in found:
            return 3
        return 1 if self._names else 2

    def _reported(self, found: Any) -> bool:
        """Return whether a line is a report."""
        return isinstance(found, dict) and "step" in found and self._value(found) is not _NOTHING

    def _value(self, found: Mapping[str, Any]) -> Any:
        """The value of a line for the only objective."""
        name = self._names[0] if len(self._names) == 1 else SINGLE
        return found.get(name, found.get(SINGLE, _NOTHING))

    def _keep(self, directory: str) -> None:
        try:
            self._trial.checkpoint(os.path.join(self._folder, directory))
        except (ValueError, OSError) as error:
            why = str(error).removeprefix("checkpoint: ")
            raise Failure(f"the command's checkpoint was not kept: {why}") from error

    @property
    def problem(self) -> str | None:
        """Why there is no result; ``None`` if there is one."""
        if self._rank >= 2:
            return None
        names = self._names or (SINGLE,)
        wanted = json.dumps(dict.fromkeys(names, 0.5))
        if self._rank == 1:
            fix = ""
            if names == (SINGLE,) and isinstance(self._last, dict):
                fix = ", or directions: {NAME: minimize, …} for the names that count"
            return (
                f"the command printed {short(self._last)}, expected a line such as {wanted}{fix}"
            )
        such = f" such as {wanted}" if self._names else ""
        return f"the command printed no line of JSON{such}"

    def result(self) -> Any:
        """The result, as an objective returns it."""
        found = self._last
        if not isinstance(found, dict):
            return found
        gradients, error = found.get("gradients"), found.get("standard_error")
        result = self._values(found)
        single = SINGLE in found or len(self._names) == 1
        if "standard_error" in self._names:
            error = None
        if isinstance(error, dict) or (error is not None and single):
            result = Measured(result, error)
        if isinstance(gradients, dict) and "gradients" not in self._names:
            result = Differentiated(result, gradients)
        return result

    def _values(self, found: dict[str, Any]) -> Any:
        if len(self._names) == 1:
            return _number(self._value(found))
        if self._names:
            return {name: _number(found[name]) for name in self._names}
        beside = {
            name for name in ("gradients", "standard_error", "metrics")
            if isinstance(found.get(name), dict)
        }  # fmt: skip
        if SINGLE in found and found.get("standard_error") is not None:
            beside.add("standard_error")
        rest = {name: value for name, value in found.items() if name not in beside}
        if SINGLE in rest and ("step" in rest or len(rest) == 1):
            return _number(rest[SINGLE])
        return {name: value for name, value in rest.items() if name not in _NOT_VALUES}


_NOTHING = object()


def report(trial: Trial, value: Any, step: Any, line: Mapping[str, Any]) -> None:
    """Pass an intermediate value on.

    Raises:
        TrialPruned: If the pruner stops the trial.
        Failure: If it is none.
    """
    try:
        trial.report(value, step, _metrics(line.get("metrics")))
    except (TypeError, ValueError) as error:
        raise Failure(f"the command reported {short(line)}: {error}") from None
    if trial.should_prune():
        raise TrialPruned


def _metrics(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    return {name: _number(value) for name, value in found.items()}


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def parsed_line(line: bytes) -> Any:
    """Return the JSON object or number that a line is; ``None`` for any other line.

    >>> parsed_line(b'{"value": nan}')
    {'value': nan}
    """
    line = line.strip()
    if not line or line[:1] not in b"{-0123456789NIni":
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = _with_names(line)
    return found if isinstance(found, (dict, int, float)) else None


def _with_names(line: bytes) -> Any:
    """Return a line with numbers that are not finite, as C and Python print them, or ``None``."""
    if len(line) > 1 << 16 or not _NOT_FINITE.search(line):
        return None

    def name(match: re.Match[bytes]) -> bytes:
        return (b"-" if match[1] == b"-" else b"") + _NAMES[match[2].lower()]

    try:
        return json.loads(_NOT_FINITE.sub(name, line).replace(b"-NaN", b"NaN"))
    except (ValueError, RecursionError):
        return None
