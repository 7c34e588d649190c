"""The treatment of a configuration that a trial of the study has already.

``evaluate`` runs it again, ``reuse`` gives the trial the result of the earlier one (module
``reuse``), ``resample`` asks for another one (``distinct_optimizer``). Two configurations are the
same if their active parameters are equal. Only the last two need to remember what was
proposed: a hash and a number for each configuration, besides the result of each with ``reuse``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from ..errors import HpoBridgeError, nearest, short

MODES = ("evaluate", "reuse", "resample")


def checked_mode(mode: Any) -> str:
    """Return ``mode`` as given.

    Raises:
        HpoBridgeError: If it is none of :data:`MODES`.
    """
    if mode not in MODES:
        hint = nearest(mode, MODES) if isinstance(mode, str) else ""
        accepted = ", ".join(MODES)
        raise HpoBridgeError(
            f"found {short(mode)}, expected one of {accepted}{hint}", "duplicates"
        )
    return str(mode)


def configuration_key(params: Mapping[str, Any]) -> bytes:
    """Return a short hash that is the same for equal parameters."""
    text = json.dumps(params, sort_keys=True, default=repr)
    return blake2b(text.encode(), digest_size=16).digest()
