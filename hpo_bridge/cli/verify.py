"""``hpo-bridge verify``: do the backends propose again what the log has?"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..analysis.verify import SegmentCheck, Verification, verify
from ..config import load_study_file
from ..errors import counted, short
from ..store import open_store
from .listing import print_table
from .output import kept_for_json, loaded_plugins

NOT_REPRODUCIBLE = 1


def verify_study(path: Path, url: str | None, overrides: Sequence[str], *, as_json: bool) -> int:
    """Replays a study's backends against its log, and prints what became of each streak.

    Returns:
        0, or 1 if a streak differs or cannot be checked.

    Raises:
        ConfigError, StoreError: If the study cannot be found or read.
    """
    with kept_for_json(as_json):
        file = load_study_file(
            path,
            plugins=loaded_plugins(),
            overrides=overrides,
            store=url,
            reading=True,
            plugged=True,
        )
        store = open_store(file.store, create=False)
        try:
            found = verify(store, file.name, loaded_plugins(), _show_progress)
        finally:
            store.close()
            _show_progress("")
    print(json.dumps(_plain(found)) if as_json else _text(found))
    return 0 if found.reproducible else NOT_REPRODUCIBLE


def _plain(found: Verification) -> dict[str, Any]:
    streaks = [asdict(streak) for streak in found.streaks]
    return {"study": found.study, "reproducible": found.reproducible, "streaks": streaks}


def _text(found: Verification) -> str:
    if not found.streaks:
        return f"study {found.study}: nothing was asked for yet"
    columns = ("backend", "library then", "library here", "trials", "checked", "verdict")
    rows = [
        (
            streak.backend, ", ".join(streak.logged), streak.here or "not here",
            str(streak.trials), str(streak.checked), _verdict(streak),
        )
        for streak in found.streaks
    ]  # fmt: skip
    print_table(columns, rows)
    return f"study {found.study}: {'' if found.reproducible else 'not '}reproducible here"


def _verdict(streak: SegmentCheck) -> str:
    if streak.verdict == "reproducible":
        return "reproducible"
    if streak.verdict == "unchecked":
        return f"cannot be checked ({streak.reason})"
    if streak.trial is None:
        return f"differs after {counted(streak.checked, 'trial')}: {streak.reason}"
    if streak.log is None or streak.now is None:
        return f"differs at trial {streak.trial}: {streak.reason}"
    log, now = _differing(streak.log, streak.now)
    return f"differs at trial {streak.trial} (log: {log}, now: {now})"


def _differing(log: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, str]:
    """The parameters in which two points differ, in words."""
    names = [n for n in {**log, **now} if n not in log or n not in now or log[n] != now[n]]
    shown = [
        ", ".join(f"{n} {short(point[n])}" for n in names if n in point) or "nothing"
        for point in (log, now)
    ]
    return shown[0], shown[1]


def _show_progress(text: str) -> None:
    """Show the streak being checked on one line of the terminal."""
    if sys.stderr.isatty():
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
