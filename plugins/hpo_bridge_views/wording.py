"""Values, shares and numbers as reports and pictures write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hpo_bridge.contracts.formatting import format_value
from hpo_bridge.contracts.formatting import listed as listed

_LONGEST = 60


def shown(value: Any, digits: int = 4) -> str:
    """Return a value as text: numbers with few digits, long texts without their middle."""
    text = " ".join(format_value(value, digits).split())
    return text if len(text) <= _LONGEST else f"{text[:40]} … {text[-15:]}"


def shown_params(params: Mapping[str, Any]) -> str:
    """Return parameters as text."""
    return ", ".join(f"{shown(name)} = {shown(value)}" for name, value in params.items())


def percent(share: float) -> str:
    """Return a share as a percentage without decimals; small ones with one."""
    if not math.isfinite(share):
        return "?"
    return f"{100 * share:.1f} %" if 0 < abs(share) < 0.01 else f"{100 * share:.0f} %"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
