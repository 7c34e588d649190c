"""Objectives that are programs: started with the parameters, read from their output.

The program prints JSON, one value to a line; all other lines are left alone. A line with a
``step`` and a ``value`` is an intermediate report; ``metrics`` in it, a mapping of names to
numbers (``null`` for NaN), are kept with it. ``{"checkpoint": "directory"}`` has the files of a
directory kept, which the program then leaves alone; at its next attempt
``HPO_BRIDGE_CHECKPOINT`` in its environment names a directory with these files. The last other
line of JSON holds the result: a bare number, ``{"value": 0.3}``, or one number for each
objective. ``standard_error`` beside ``value``, or a mapping of that name, is the standard error of
the result. It may be a report too.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ObjectiveError, TrialPruned, nearest, short
from ..folds import Measured
from ..gradients import Differentiated
from ..trial import Trial
from .output import Output
from .processgroup import ProcessGroup, ending
from .reasons import Failure

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]+)\}|[{}]")
_TAIL = 2048  # bytes of the program's stderr in the reason of a failed trial
_CHECKPOINT = "HPO_BRIDGE_CHECKPOINT"
_NOT_VALUES = ("step", "epoch")


@dataclass(frozen=True)
class CommandObjective:
    """A command line with ``{parameter}`` placeholders, run without a shell.

    Args:
        command: As one would type it; quotes and backslashes as in a shell, nothing else.
            ``{{`` and ``}}`` stand for braces. A string goes in as it is, all else as JSON
            text: ``0.1``, ``true``, ``null``, ``[1, 2]``. A word with an inactive
            parameter is left out, and so is the option before it (``--momentum
            {momentum}``) where the word is nothing but the placeholder.
        folder: The working directory.
    """

    command: str
    folder: str = "."

    @classmethod
    def parse(cls, spec: Mapping[str, Any], folder: str | os.PathLike[str]) -> CommandObjective:
        """Reads ``{"command": "…"}``.

        Raises:
            ObjectiveError: If ``spec`` has another form.
        """
        for key in spec:
            if key != "command":
                raise ObjectiveError(
                    f"objective: unknown key {key!r}{nearest(str(key), ['command'])}; "
                    "expected 'command'"
                )
        command = spec.get("command")
        if not isinstance(command, str):
            raise ObjectiveError(f"objective.command: found {short(command)}; expected a text")
        return cls(command, os.path.abspath(folder))

    def describe(self) -> str:
        """The command, as the user wrote it."""
        return self.command

    def check(self) -> None:
        """Raises ObjectiveError if the command cannot be read, or its program not found."""
        placeholders(self.command)
        program = _words(self.command)[0]
        if _TOKEN.search(program):
            return
        path = os.path.join(self.folder, program) if os.sep in program else program
        if shutil.which(path) is None:
            raise ObjectiveError(f"objective.command: there is no program {program!r}")

    def load(self) -> Callable[[Trial], Any]:
        """A function that runs the command once for a trial."""
        self.check()
        return _Runs(tuple(_words(self.command)), self.folder)


def placeholders(command: str) -> tuple[str, ...]:
    """The parameter names in a command, in order, each once.

    Raises:
        ObjectiveError: If the command is empty, or a quote or brace has no partner.

    Example:
        >>> placeholders("python train.py --lr {lr} --tag '{{lr}}' --lr-again={lr}")
        ('lr',)
    """
    names: dict[str, None] = {}
    for word in _words(command):
        for match in _TOKEN.finditer(word):
            if match[0] in "{}":
                raise ObjectiveError(
                    f"objective.command: a single {match[0]!r} in {word!r}; write "
                    f"{match[0] * 2!r} for the character, '{{name}}' for a parameter"
                )
            if match[1] is not None:
                names[match[1]] = None
    return tuple(names)


def check_placeholders(command: str, names: Sequence[str]) -> None:
    """Raises ObjectiveError if a placeholder is none of the ``names`` of the space."""
    for name in placeholders(command):
        if name not in names:
            raise ObjectiveError(
                f"objective.command: no parameter {name!r}{nearest(name, names)}; "
                f"the space has {', '.join(names)}"
            )


def arguments(words: Iterable[str], params: Mapping[str, Any]) -> list[str]:
    """The words of a command with a trial's parameters put in.

    >>> arguments(["--lr", "{lr}", "--momentum", "{momentum}"], {"lr": 0.1})
    ['--lr', '0.1']
    """
    given: list[str] = []
    previous = ""
    for word in words:
        names = [match[1] for match in _TOKEN.finditer(word) if match[1] is not None]
        if all(name in params for name in names):
            given.append(_TOKEN.sub(lambda match: _text(match, params), word))
        elif word == f"{{{names[0]}}}" and previous.startswith("-") and given[-1:] == [previous]:
            given.pop()
        previous = word
    return given


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise ObjectiveError(f"objective.command: {str(error).lower()}: {command!r}") from None
    if not words:
        raise ObjectiveError("objective.command: the command is empty")
    return words


def _text(match: re.Match[str], params: Mapping[str, Any]) -> str:
    if match[1] is None:
        return match[0][0]  # "{{" or "}}"
    value = params[match[1]]
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class _Runs:
    """Runs the command for one trial after another."""

    words: tuple[str, ...]
    folder: str

    def __call__(self, trial: Trial) -> Any:
        group = ProcessGroup()
        try:
            process = self._start(trial, group)
            with process, Output(process, group.kill, trial.keep_output) as output:
                try:
                    last = self._last_line(output.lines(), trial)
                    code = process.wait()  # it may close its pipes before it ends
                finally:
                    group.kill()  # pruned, timed out, interrupted; or what it left behind
        finally:
            group.kill()
        if code != 0:
            raise Failure(_with_tail(f"the command {ending(code)}", output.tail(_TAIL)))
        if last is None:
            raise Failure(
                _with_tail("the command printed no line of JSON", output.tail(_TAIL)),
                retriable=False,
            )
        return _result(last)

    def _start(self, trial: Trial, group: ProcessGroup) -> subprocess.Popen[bytes]:
        own = {
            "HPO_BRIDGE_TRIAL": str(trial.number),
            "HPO_BRIDGE_SEED": str(trial.seed),
            "HPO_BRIDGE_PARAMS": json.dumps(trial.params),
            "HPO_BRIDGE_GRADIENTS": str(int(trial.wants_gradients)),
        }
        environment = {**os.environ, **own}
        environment.pop(_CHECKPOINT, None)  # of a trial in which this study runs
        kept = trial.load_checkpoint()
        if kept is not None:
            environment[_CHECKPOINT] = str(kept)
        try:
            return subprocess.Popen(
                arguments(self.words, trial),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=self.folder,
                env=environment,
                process_group=group.id,
            )
        except (OSError, ValueError) as error:
            raise Failure(f"the command cannot be started: {error}") from error

    def _last_line(self, lines: Iterator[bytes], trial: Trial) -> Any:
        """Passes on what comes; the last line of JSON that is no checkpoint, or ``None``."""
        last = None
        for line in lines:
            found = _json(line)
            if found is None:
                continue
            if isinstance(found, dict) and list(found) == ["checkpoint"]:
                directory = found["checkpoint"]
                if isinstance(directory, str):  # a number would be an objective's value
                    self._keep(directory, trial)
                    continue
            last = found
            if isinstance(found, dict) and "step" in found and "value" in found:
                _report(found, trial)
        return last

    def _keep(self, directory: str, trial: Trial) -> None:
        try:
            trial.checkpoint(os.path.join(self.folder, directory))
        except (ValueError, OSError) as error:
            why = str(error).removeprefix("checkpoint: ")
            raise Failure(f"the command's checkpoint was not kept: {why}") from error


def _report(found: Mapping[str, Any], trial: Trial) -> None:
    """Passes an intermediate value on."""
    try:
        trial.report(found["value"], found["step"], _metrics(found.get("metrics")))
    except (TypeError, ValueError) as error:
        raise Failure(f"the command reported {short(found)}: {error}") from None
    if trial.should_prune():
        raise TrialPruned


def _metrics(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    return {name: math.nan if value is None else value for name, value in found.items()}


def _json(line: bytes) -> Any:
    """The JSON object or number that the line is; ``None`` for any other line."""
    line = line.strip()
    if not line or line[:1] not in b"{-0123456789NI":
        return None
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, (dict, int, float)) else None


def _result(last: Any) -> Any:
    if not isinstance(last, dict):
        return last
    gradients = last.pop("gradients", None) if isinstance(last.get("gradients"), dict) else None
    if gradients is not None:
        return Differentiated(_result(last), gradients)
    error = last.get("standard_error")
    if isinstance(error, dict) or (error is not None and "value" in last):
        del last["standard_error"]
        return Measured(_result(last), error)
    if isinstance(last.get("metrics"), dict):
        del last["metrics"]
    if "value" in last and ("step" in last or len(last) == 1):
        return last["value"]
    return {name: value for name, value in last.items() if name not in _NOT_VALUES}


def _with_tail(reason: str, tail: str) -> str:
    return f"{reason}; it wrote:\n{tail}" if tail else reason
