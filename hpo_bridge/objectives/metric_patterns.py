r"""Results from what a program prints in words of its own: a regular expression each.

``val_acc ([0-9.]+)`` has one group, the value. ``epoch (?P<step>\d+).* loss (?P<value>\S+)`` also
says at which step, and each of its lines is an intermediate report. The last match counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts.trial import Trial
from ..errors import KeyPath, ObjectiveError, nearest, short
from .printed_result import report

LONGEST = 2000
"""Characters of a line that are looked at: a pattern may need their square in time."""
_PATH = ("objective", "metric")


def parse_patterns(spec: Any) -> dict[str, str]:
    """Return the patterns by objective, checked; one without a name is of ``value``.

    Raises:
        ObjectiveError: If ``spec`` is neither a pattern nor a mapping to them.
    """
    if isinstance(spec, str):
        _compiled(spec, _PATH)
        return {"": spec}
    if not isinstance(spec, Mapping) or not spec:
        raise ObjectiveError(
            f"found {short(spec)}, expected a regular expression such as "
            "'val_loss ([0-9.]+)', or a mapping of objectives to them",
            *_PATH,
        )
    for name, pattern in spec.items():
        if not isinstance(pattern, str):
            found = short(pattern)
            raise ObjectiveError(f"found {found}, expected a regular expression", *_PATH, name)
        _compiled(pattern, (*_PATH, name))
    return dict(spec)


def _compiled(pattern: str, path: KeyPath) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ObjectiveError(
            f"found {short(pattern)}, no regular expression: {error}", *path
        ) from None
    if "value" not in compiled.groupindex and compiled.groups != 1:
        raise ObjectiveError(
            f"found {compiled.groups} groups in {short(pattern)}, expected one in "
            "parentheses, the value, or one written (?P<value>…)",
            *path,
        )
    return compiled


def check_names(patterns: Mapping[str, str], names: Sequence[str]) -> None:
    """Raise ObjectiveError unless there is a pattern for each objective.

    Args:
        patterns: As :func:`parse_patterns` gives them.
        names: The objectives.
    """
    if "" in patterns:
        if len(names) > 1:
            given = ", ".join(f"{name}: …" for name in names)
            raise ObjectiveError(f"found one pattern, expected a mapping {{{given}}}", *_PATH)
        return
    for name in patterns:
        if name not in names:
            raise ObjectiveError(
                f"no objective {name!r}{nearest(name, names)}; the study has {', '.join(names)}",
                *_PATH,
            )
    for name in names:
        if name not in patterns:
            raise ObjectiveError(f"there is no pattern for {name}", *_PATH)
    for name in names[1:]:
        if "step" in _compiled(patterns[name], _PATH).groupindex:
            raise ObjectiveError(
                f"has a step; only {names[0]}, the first objective, is reported",
                *_PATH,
                name,
            )


@dataclass
class MatchedResult:
    """The result that the lines of a program have matched, so far.

    Args:
        patterns: As :func:`parse_patterns` gives them.
        trial: Gets the reports.
    """

    patterns: Mapping[str, str]
    trial: Trial

    def __post_init__(self) -> None:
        self._compiled = {name: re.compile(text) for name, text in self.patterns.items()}
        self._found: dict[str, float | str] = {}

    def read(self, line: bytes) -> None:
        """Take the next line; the end of one that is longer than ``LONGEST`` is not looked at.

        Raises:
            TrialPruned: If it is a report, and the pruner stops the trial.
        """
        for part in line.rstrip().split(b"\r"):  # a progress bar writes over itself
            text = part[: 4 * LONGEST].decode("utf-8", "replace")[:LONGEST]
            for name, pattern in self._compiled.items():
                for match in pattern.finditer(text):
                    self._take(name, match)

    def _take(self, name: str, match: re.Match[str]) -> None:
        groups = match.groupdict()
        value = _as_number(groups["value"] if "value" in groups else match[1])
        self._found[name] = value
        step = _as_number(groups.get("step"))
        if isinstance(step, float) and step.is_integer() and isinstance(value, float):
            report(self.trial, value, int(step), {"step": step, "value": value})

    @property
    def problem(self) -> str | None:
        """Why there is no result; ``None`` if there is one."""
        for name, pattern in self.patterns.items():
            key = ".".join([*_PATH, name] if name else _PATH)
            if name not in self._found:
                return f"{key}: nothing in the command's output matches {pattern!r}"
            if isinstance(found := self._found[name], str):
                return f"{key}: {pattern!r} found {short(found)}, which is no number"
        return None

    def result(self) -> Any:
        """The result, as an objective returns it."""
        return self._found.get("", self._found)


def _as_number(text: str | None) -> float | str:
    """Return a number, without the full stop of its sentence; what is none as it is."""
    plain = (text or "").strip().rstrip(".,;")
    try:
        return float(plain)
    except ValueError:
        return text or ""
