"""A finding: one thing that a study says, with the figures it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a study says.

    Attributes:
        kind: The rule that found it, such as ``bound``.
        text: A sentence or two for people.
        evidence: The figures that it rests on, as plain data.
    """

    kind: str
    text: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return it as data that JSON can hold: ``kind``, ``text`` and ``evidence``."""
        return {"kind": self.kind, "text": self.text, "evidence": plain(self.evidence)}


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; a number that is not finite becomes ``None``."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def shown(value: Any, digits: int = 4) -> str:
    """Return a value as text: numbers with few digits, long texts without their middle."""
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[:40]} … {text[-15:]}"


def shown_params(params: Mapping[str, Any]) -> str:
    """Return parameters as text."""
    return ", ".join(f"{shown(name)} = {shown(value)}" for name, value in params.items())


def percent(share: float) -> str:
    """Return a share as a percentage without decimals; small ones with one."""
    if not math.isfinite(share):
        return "?"
    return f"{100 * share:.1f} %" if 0 < abs(share) < 0.01 else f"{100 * share:.0f} %"


def listed(parts: Iterable[str]) -> str:
    """Return texts as an enumeration: ``a, b and c``."""
    *others, last = list(parts) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def several(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"
