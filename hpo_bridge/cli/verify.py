"""``hpo-bridge verify``: do the backends propose again what the log has?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..analysis.verification import SegmentCheck, Verification, verify
from ..errors import counted, short
from .common_options import StudyArguments
from .printing import load_plugins, print_result, print_table, show_step, stdout_kept_for_json
from .stored_study import study_to_read

NOT_REPRODUCIBLE = 1


def verify_study(given: StudyArguments, *, as_json: bool) -> int:
    """Replays a study's backends against its log, and prints what became of each streak.

    Returns:
        0, or 1 if a streak differs or cannot be checked.

    Raises:
        ConfigError, StoreError: If the study cannot be found or read.
    """
    with stdout_kept_for_json(as_json):
        try:
            with study_to_read(given, plugged=True) as study:
                found = verify(study.store, study.name, load_plugins(), show_step)
        finally:
            show_step("")
    streaks = [asdict(streak) for streak in found.streaks]
    plain = {"study": found.study, "reproducible": found.reproducible, "streaks": streaks}
    if not as_json and streaks:
        _print_streaks(found)
    print_result(plain, _conclusion(found), as_json)
    return 0 if found.reproducible else NOT_REPRODUCIBLE


def _conclusion(found: Verification) -> str:
    if not found.streaks:
        return f"study {found.study}: nothing was asked for yet"
    return f"study {found.study}: {'' if found.reproducible else 'not '}reproducible here"


def _print_streaks(found: Verification) -> None:
    columns = ("backend", "library then", "library here", "trials", "checked", "verdict")
    rows = [
        (
            streak.backend, ", ".join(streak.logged), streak.here or "not here",
            str(streak.trials), str(streak.checked), _verdict(streak),
        )
        for streak in found.streaks
    ]  # fmt: skip
    print_table(columns, rows)


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
