"""Programs that write line by line, though nobody looks at a terminal.

Python, and C through its ``stdio``, keep some kilobytes of what they print to themselves where the
output is a pipe. Both can be asked not to by their environment, and so can what they start in
turn, behind a pipe of a shell too. A pseudo-terminal would reach more languages, but only the last
program of a pipe, and changes what many print: colours, progress bars, columns, line ends.
"""

from __future__ import annotations

import shutil
import subprocess

_PRELOADS = ("LD_PRELOAD", "_STDBUF_O", "DYLD_INSERT_LIBRARIES")
_PATIENCE = 10.0  # seconds


def line_buffering() -> dict[str, str]:
    """Return the variables that have a program write line by line.

    For C they are what ``stdbuf`` of the GNU coreutils sets; where it is not installed (macOS),
    only Python is asked.
    """
    variables = {"PYTHONUNBUFFERED": "1"}
    stdbuf, env = shutil.which("stdbuf"), shutil.which("env")
    if stdbuf is None or env is None:
        return variables
    try:
        done = subprocess.run(
            [stdbuf, "-oL", env], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=_PATIENCE, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return variables
    for line in done.stdout.splitlines():
        name, _, value = line.partition("=")
        if name in _PRELOADS:
            variables[name] = value
    return variables
