"""Why an objective failed, in one line."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

_OWN = str(Path(__file__).resolve().parents[1]) + os.sep
_LIBRARIES = tuple(
    os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "purelib", "platlib")
)
_LIMIT = 1000  # of a message's characters: a store keeps one for each failed trial
_DEEPEST = 20  # causes of causes; they may go round in a circle
_SHORT = 240  # characters of a reason where one line is shown
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?]*[A-Za-z]")
_TRACEBACK = "Traceback (most recent call last)"
_HEADER = re.compile(
    r"(.*?)(?:Exception Group |Original )?"
    r"(?:Traceback \(most recent call last\)|Fatal Python error)"
)
_PART = re.compile(r"\s+\| (\S.*)")  # of an exception group
_ERROR = re.compile(r"\berror\b\s*:", re.IGNORECASE)
_AFTER_THE_REASON = re.compile(
    r"usage:|try .*help|for more information|run .*--help|see .*--help|node\.js v\d|calls: "
    r"|execution halted|exit status \d|note: run with|srun: error|slurmstepd: error|make: \*\*\*"
    r"|set the environment variable|aborted\b|==\d+==abort|begin failed--|error: called from"
    r"|error in [^:]*\(line \d+\)$|raised at |called from |re-raised at ",
    re.IGNORECASE,
)
"""Begins of lines that programs write after the one that says why they end."""
_STACK = re.compile(
    r"(?:.*\b(?:call ?stack|stack ?trace(?:back)?|backtrace)\b[^:]*|goroutine \d.*):",
    re.IGNORECASE,
)
"""Lines after which a program lists its calls: the one before them says why it ends."""
_OF_A_CHILD = re.compile(r"[\w.]*\b(?:CalledProcessError|ChildFailedError)\b")
"""Exceptions of launchers, which come after the output of what they launched."""
_FRAME = "│┃| \t╭╮╰╯─━"
_EXCEPTION = re.compile(r"(\w+)\b.*\(([^()]+:\d+(?: in [^()]+)?)\)[^()]*")
_VARYING = re.compile(
    r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|(?:[\w.~-]*/)+[\w.-]*"
    r"|(?<!code )(?<!signal )[-+]?\b(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|nan|inf)\b",
    re.IGNORECASE,
)


class Failure(Exception):
    """An evaluation that failed for a reason which is complete as it stands.

    Args:
        reason: The text that the trial's record gets.
        retriable: Whether another attempt could end otherwise.
    """

    def __init__(self, reason: str, *, retriable: bool = True) -> None:
        self.retriable = retriable
        super().__init__(reason)


def explain(error: BaseException) -> str:
    """``error`` in one line: its type, its text, and the line of the user's that it left.

    The root cause follows (``raise … from …``, the first of an exception group), and of a program
    that it speaks of the line of its output that tells most.

    >>> explain(ValueError("bad"))
    'ValueError: bad'
    """
    reason = _own_line(error)
    cause = error
    for _ in range(_DEEPEST):
        cause = _cause(cause) or cause
    if cause is not error and (why := _own_line(cause)) not in reason:
        reason += f"; caused by {why}"
    written = _written(cause)
    return f"{reason}; it wrote: {written}" if written else reason


def _own_line(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as second:  # the user's __str__ may raise anything
        text = f"<its text cannot be read: __str__ raised {type(second).__name__}>"
    text = short_reason(text, _LIMIT) if _TRACEBACK in text else " ".join(text.split())
    if len(text) > _LIMIT:
        text = text[: _LIMIT - 1] + "…"
    place = origin(error.__traceback__)
    return (f"{name}: {text}" if text else name) + (f" ({place})" if place else "")


def _cause(error: BaseException) -> BaseException | None:
    """The error that another one stands for; not that of another process, which is its text."""
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[0]
    cause = error.__cause__
    return None if cause is None or type(cause).__name__.endswith("RemoteTraceback") else cause


def _written(error: BaseException) -> str:
    """Return the output of a program that failed in ``subprocess.run(…, capture_output=True)``."""
    if not isinstance(error, (subprocess.CalledProcessError, subprocess.TimeoutExpired)):
        return ""
    text = error.stderr or error.output or ""
    return telling_line(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text))


def with_output(how: str, output: str) -> str:
    r"""The reason of a program's end: its first line says why, and the output follows.

    Args:
        how: How it ended, such as ``the command exited with code 2``.
        output: The last that it wrote.

    >>> with_output("the command exited with code 2", "usage: t [-h]\nt: error: no x\n")
    'the command exited with code 2: t: error: no x\nit wrote:\nusage: t [-h]\nt: error: no x'
    """
    line, output = telling_line(output), output.strip()
    if not output:
        return how
    first = f"{how}: {_cut(line, _SHORT)}"
    return (
        first if "\n" not in output and first.endswith(output) else f"{first}\nit wrote:\n{output}"
    )


def telling_line(output: str) -> str:
    r"""Return the line of a program's output that says why it ended.

    It is the exception's own line after the last traceback, else the last line that is neither
    indented nor what programs are known to write after their error, such as how to get help.

    >>> telling_line("Traceback (most recent call last):\n  File …\nValueError: bad\nhint: none\n")
    'ValueError: bad'
    """
    lines = [line.rstrip() for line in _ESCAPES.sub("", output).splitlines()]
    lines = [line for line in lines if any(map(str.isalnum, line))]
    last = _last_line(lines)
    headers = [(n, found) for n, line in enumerate(lines) if (found := _HEADER.match(line))]
    if not headers or _ERROR.search(last):
        return last
    number, header = headers[-1]
    if header[0].endswith("Fatal Python error"):
        return lines[number].strip()
    error = _exception_line(lines, number, header[1]) or last
    if _OF_A_CHILD.match(error):
        before = telling_line("\n".join(lines[:number]))
        if len(headers) > 1 or _ERROR.search(before):
            return before
    return error


def _last_line(lines: Sequence[str]) -> str:
    """Return the last line of ``lines`` that is the begin of a message."""
    last = lines[-1] if lines else ""
    for line in reversed(lines):
        is_inner = line[0].isspace() and not line.lstrip().startswith("what():")  # of C++
        if not is_inner and not _AFTER_THE_REASON.match(line.strip(_FRAME)):
            last = line
            break
    stack = max((n for n, line in enumerate(lines) if _STACK.fullmatch(line)), default=0)
    return _last_line(lines[:stack]) if stack and not _ERROR.search(last) else last.strip(_FRAME)


def _exception_line(lines: Sequence[str], number: int, prefix: str) -> str | None:
    """Return the exception's own line after the header of a traceback."""
    for line in lines[number + 1 :]:
        inner = line[len(prefix) :] if line.startswith(prefix) or not prefix.strip(" +|") else line
        if inner and inner[0] not in _FRAME:
            parts = [part[1] for part in map(_PART.match, lines) if part]
            return parts[-1] if parts and "sub-exception" in inner else inner
    return None


def short_reason(error: str | None, limit: int = _SHORT) -> str:
    r"""Return a failed trial's error as one line of at most ``limit`` characters.

    This is the one form in which an error is shown where there is room for a single line.

    >>> short_reason("the step failed:\nTraceback (most recent call last):\n  …\nValueError: bad")
    'the step failed: ValueError: bad'
    """
    lines = [line.strip() for line in (error or "").splitlines() if line.strip()]
    if not lines:
        return ""
    first, rest = lines[0], "\n".join((error or "").strip().splitlines()[1:])
    head = first.removesuffix("it wrote:").rstrip("; :") if first.endswith(":") else first
    if _HEADER.match(first):
        return _cut(telling_line(error or ""), limit)
    if not rest.startswith("it wrote:") and (first.endswith(":") or _TRACEBACK in rest):
        why = telling_line(rest)
        if why and why not in head:
            return _cut(f"{head}: {why}" if head else why, limit)
    return _cut(head or first, limit)


def _cut(text: str, limit: int) -> str:
    """``text`` without its middle where it is longer than ``limit``: both ends tell most."""
    if len(text) <= limit:
        return text
    end = limit // 3
    return f"{text[: limit - end - 3]} … {text[-end:]}"


def reason_key(error: str | None, params: Mapping[str, Any]) -> str:
    """Return what two errors have in common if trials failed for one and the same reason.

    For an exception that is its type and place, else the first line without what differs from
    trial to trial: numbers, addresses, paths, texts in quotes, and values of parameters.

    >>> one = "the command exited with code 2: t: error: no such option: --lr=0.1"
    >>> two = "the command exited with code 2: t: error: no such option: --lr=0.2 --momentum=0"
    >>> reason_key(one, {}) == reason_key(two, {})
    True
    """
    text = short_reason(error, _LIMIT)
    found = _EXCEPTION.fullmatch(text)
    if found:
        return f"{found[1]} {found[2]}"
    for value in params.values():
        if isinstance(value, str) and len(value) > 1:
            text = text.replace(value, "#")
    text = _VARYING.sub("#", text)
    how, *parts = text.split(": ")
    return ": ".join([how, *(parts[:-1] if len(parts) > 1 else parts)])


def whole_traceback(error: BaseException) -> str:
    """Return the traceback of ``error`` as Python prints it, from the user's first frame on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_next is not None:
        if not frames.tb_frame.f_code.co_filename.startswith(_OWN):
            break
        frames = frames.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # no memory left for it, say
        return ""


def origin(frames: TracebackType | None) -> str:
    """The innermost frame in the user's own code, as ``file.py:12 in train``.

    Frames of installed libraries, of Python itself and of the bridge are passed over; the
    innermost frame of a library is named only where there is none of the user's.
    """
    user = library = None
    while frames is not None:
        path = frames.tb_frame.f_code.co_filename
        if not path.startswith(_OWN):
            library = frames
            if not path.startswith((*_LIBRARIES, "<frozen")):
                user = frames
        frames = frames.tb_next
    found = user or library
    if found is None:
        return ""
    code = found.tb_frame.f_code
    function = "" if code.co_name == "<module>" else f" in {code.co_name}"
    return f"{os.path.basename(code.co_filename)}:{found.tb_lineno}{function}"
