"""A finding: one thing that a study says, with the figures it rests on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
