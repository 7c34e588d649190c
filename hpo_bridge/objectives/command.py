"""Objectives that are programs: started with the parameters, read from their output."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..contracts.objective import Function
from ..contracts.record import Direction
from ..errors import KeyPath, ObjectiveError, nearest, short
from ..space import Categorical, Float, Int, Space
from .command_line import (
    ARITHMETIC,
    COMMAND,
    Placeholder,
    parse_item,
    placeholders_of,
    split_command,
)
from .command_run import CommandRunner, ParsedCommand
from .line_buffering import line_buffering
from .metric_patterns import check_names, parse_patterns
from .metrics_file import PATH as FILE
from .metrics_file import check_file
from .shell_script import parse_script

KEYS = (
    (
        "command",
        "a text or a list of arguments",
        "required",
        "A program and its arguments, with the placeholders [`{parameter}`, `{flag:--flag}`, "
        "`{python}` and `{trial}`](commands.md#the-command-line).",
    ),
    ("shell", "true or false", "false", "Run the text with [a shell](commands.md#a-shell)."),
    (
        "metric",
        "a regular expression, or a mapping of objectives to them",
        "none",
        "A pattern for the result in [other output than JSON](commands.md#patterns): `val_loss "
        "([0-9.]+)`.",
    ),
    (
        "metrics_file",
        "a name that ends in .json, .jsonl or .csv",
        "none",
        "The [file](commands.md#a-file-of-metrics) in which the program writes its result.",
    ),
)
"""The keys of a command: name, what is accepted, default, meaning."""
_OWN = ("python", "trial")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class CommandObjective:
    """A program, started once for each trial.

    Args:
        command: A text, split into words as a shell would, or a list of arguments. Placeholders:
            ``{parameter}``, where a string goes in as it is, all else as JSON text (``0.1``,
            ``true``, ``[1, 2]``); ``{flag:--flag}`` and ``{flag:--flag|--no-flag}`` for a
            parameter that is true or false; ``{python}``, the interpreter; ``{trial}``, the
            trial's number. ``{{`` and ``}}`` stand for braces. A word with an inactive parameter
            is left out, and so is the option before it (``--momentum {momentum}``) where the
            word is nothing but the placeholder.
        folder: The working directory.
        shell: Whether the text is given to ``/bin/sh``.
        metric: A pattern, by objective; see :mod:`hpo_bridge.objectives.metric_patterns`.
        metrics_file: A file with the result; see :mod:`hpo_bridge.objectives.metrics_file`.
        names: The objectives; empty where they are not known.
    """

    command: str | tuple[str, ...]
    folder: str = "."
    shell: bool = False
    metric: Mapping[str, str] | None = None
    metrics_file: str | None = None
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, spec: Mapping[str, Any], folder: str | os.PathLike[str]) -> CommandObjective:
        """Read ``{"command": …}`` with the other keys of ``KEYS``.

        Raises:
            ObjectiveError: If ``spec`` has another form.
        """
        known = [key for key, *_ in KEYS]
        for key in spec:
            if key not in known:
                raise ObjectiveError(
                    f"unknown key {key!r}{nearest(str(key), known)}; "
                    f"expected {', '.join(map(repr, known))}",
                    "objective",
                )
        shell = spec.get("shell", False)
        if not isinstance(shell, bool):
            raise ObjectiveError(
                f"found {short(shell)}; expected true or false", "objective", "shell"
            )
        command = _command(spec.get("command"))
        if shell and not isinstance(command, str):
            raise ObjectiveError(
                "a shell takes a text, found a list as command", "objective", "shell"
            )
        metric, file = spec.get("metric"), spec.get("metrics_file")
        if metric is not None and file is not None:
            raise ObjectiveError("cannot stand beside metric", "objective", "metrics_file")
        patterns = None if metric is None else parse_patterns(metric)
        path = None if file is None else check_file(file)
        return cls(command, os.path.abspath(folder), shell, patterns, path)

    @cached_property
    def _parsed(self) -> ParsedCommand:
        if not isinstance(self.command, str):
            return ParsedCommand(tuple(map(parse_item, self.command)), False)
        if self.shell:
            return ParsedCommand(parse_script(self.command), True)
        return ParsedCommand(split_command(self.command), False)

    @cached_property
    def _parsed_file(self) -> ParsedCommand | None:
        if self.metrics_file is None:
            return None
        return ParsedCommand((parse_item(self.metrics_file, FILE),), False)

    @property
    def placeholders(self) -> list[Placeholder]:
        """The placeholders of the command, in order."""
        return placeholders_of(self._parsed.words)

    def describe(self) -> str:
        """The command, as the user wrote it."""
        return self.command if isinstance(self.command, str) else shlex.join(self.command)

    def command_line(self, params: Mapping[str, Any], number: int) -> str:
        """The command of trial ``number``, as one would type it."""
        line = self._parsed.line(params, number)
        return line[-1] if self.shell else shlex.join(line)

    def bind(self, space: Space, directions: Mapping[str, Direction]) -> CommandObjective:
        """The objective that knows the names in a study's space and directions.

        Raises:
            ObjectiveError: If it names a parameter or an objective that is not there, or has a
                flag of a parameter that is not true or false.
        """
        self.check_space(space)
        if self.metric is not None:
            check_names(self.metric, tuple(directions))
        return replace(self, names=tuple(directions))

    def check_space(self, space: Space) -> None:
        """Raise ObjectiveError for a placeholder that does not suit the space."""
        for placeholder in self.placeholders:
            _check_placeholder(placeholder, space, COMMAND)
        for placeholder in placeholders_of(self._parsed_file.words if self._parsed_file else ()):
            _check_placeholder(placeholder, space, FILE)
            if (name := placeholder.name) in space.conditions:
                raise ObjectiveError(f"{name!r} is not active in every trial", *FILE)

    def check(self) -> None:
        """Raises ObjectiveError if the command cannot be read, or its program not found."""
        words, _ = self._parsed.words, self._parsed_file  # raise where they cannot be read
        if self.shell:
            return
        first = words[0]
        program = "".join(part for part in first if isinstance(part, str))
        if any(isinstance(part, Placeholder) for part in first):
            return
        path = os.path.join(self.folder, program) if os.sep in program else program
        if shutil.which(path) is not None:
            return
        hint = ""
        if program.startswith("python"):
            hint = "; {python} is the interpreter that runs the study"
        elif _ASSIGNMENT.match(program):
            hint = "; to set a variable, begin with env, or add shell: true"
        elif program in ("cd", "source", ".", "export", "set", "ulimit", "eval", "exec"):
            hint = "; a word of a shell needs shell: true"
        raise ObjectiveError(f"there is no program {program!r}{hint}", *COMMAND)

    def load(self) -> Function:
        """A function that runs the command once for a trial."""
        self.check()
        return CommandRunner(
            self._parsed, self.folder, line_buffering(), self.names, self.metric, self._parsed_file
        )


def _command(found: Any) -> str | tuple[str, ...]:
    if isinstance(found, str):
        return found
    items: Sequence[Any] = found if isinstance(found, (list, tuple)) else ()
    for place, item in enumerate(items):
        if isinstance(item, bool) or not isinstance(item, (str, int, float)):
            raise ObjectiveError(
                f"found {short(item)}; expected a text or a number", *COMMAND, place
            )
    if not items:
        raise ObjectiveError(
            f"found {short(found)}; expected a text or a list of arguments", *COMMAND
        )
    return tuple(map(str, items))


def _check_placeholder(placeholder: Placeholder, space: Space, path: KeyPath) -> None:
    name, names = placeholder.name, [*space, *space.constants]
    if name in _OWN:
        if name in names:
            raise ObjectiveError(
                f"{{{name}}} is taken", *path, fix=f"rename the parameter {name!r}"
            )
    elif name not in names:
        raise ObjectiveError(
            f"no parameter {name!r}{nearest(name, [*names, *_OWN])}; "
            f"the space has {', '.join(names)}; {{{{ and }}}} stand for braces",
            *path,
        )
    elif placeholder.texts is not None:
        if not _is_always(bool, space, name):
            raise ObjectiveError(
                f"found a flag of {name!r}, expected a parameter whose choices are "
                f"true and false; {{{name}}} is the value of any other",
                *path,
            )
    elif placeholder.quote == ARITHMETIC and not _is_always((int, float), space, name):
        raise ObjectiveError(
            f"found {{{name}}} inside of $(( )), where a shell may run text as code; "
            "expected a parameter whose values are numbers",
            *path,
        )


def _is_always(kinds: type | tuple[type, ...], space: Space, name: str) -> bool:
    """Return whether each value of a parameter or constant is of one of these types."""
    parameter = space.constants[name] if name in space.constants else space[name]
    if isinstance(parameter, Int):
        return kinds is not bool
    if isinstance(parameter, Float):
        return kinds is not bool and parameter.shape is None
    values = parameter.choices if isinstance(parameter, Categorical) else [parameter]
    return all(isinstance(v, kinds) and isinstance(v, bool) is (kinds is bool) for v in values)
