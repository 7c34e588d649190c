"""One run of a program for one trial."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts.trial import Trial
from .command_line import Word, arguments
from .failure import Failure, with_output
from .metric_patterns import MatchedResult
from .metrics_file import MetricsFile
from .output import Output
from .printed_result import PrintedResult
from .processgroup import ProcessGroup, ending
from .shell_script import Script, filled_script

SHELL = "/bin/sh"
_TAIL = 2048  # bytes of the program's stderr in the reason of a failed trial
_CHECKPOINT = "HPO_BRIDGE_CHECKPOINT"


@dataclass(frozen=True)
class ParsedCommand:
    """A command, ready to be filled in.

    Attributes:
        words: The words of a command without a shell, or the script of one with.
        shell: Whether it is for a shell.
    """

    words: tuple[Word, ...] | Script
    shell: bool

    def line(self, params: Mapping[str, Any], number: int) -> list[str]:
        """Return the arguments of the program for trial ``number``, its own name first."""
        values = {**params, "python": sys.executable, "trial": number}
        if self.shell:
            return [SHELL, "-c", filled_script(self.words, values)]
        return arguments((w for w in self.words if not isinstance(w, str)), values)


@dataclass(frozen=True)
class CommandRunner:
    """Runs a command for one trial after another.

    Attributes:
        command: What is run.
        folder: The working directory.
        environment: Variables that have it write line by line.
        names: The objectives; empty where they are not known.
        patterns: What finds the result in the output, if not its lines of JSON.
        metrics_file: Where the result is, if not in the output.
    """

    command: ParsedCommand
    folder: str
    environment: Mapping[str, str]
    names: Sequence[str] = ()
    patterns: Mapping[str, str] | None = None
    metrics_file: ParsedCommand | None = None

    def __call__(self, trial: Trial) -> Any:
        """Run the command; the result, as an objective returns it."""
        if self.metrics_file is None:
            return self._run(trial, None)
        (path,) = self.metrics_file.line(trial.params, trial.number)
        file = MetricsFile(os.path.join(self.folder, path), self.names, trial)
        try:
            return self._run(trial, file)
        finally:
            file.close()

    def _run(self, trial: Trial, file: MetricsFile | None) -> Any:
        printed = PrintedResult(self.names, trial, self.folder)
        matched = MatchedResult(self.patterns, trial) if self.patterns else None
        group = ProcessGroup()
        try:
            process = self._start(trial, group)
            with process, Output(process, group.kill, trial.keep_output) as output:
                try:
                    for line, is_stdout in output.lines():
                        if is_stdout:
                            printed.read(line)
                        if matched is not None:
                            matched.read(line)
                        if file is not None:
                            file.poll()
                    code = process.wait()  # it may close its pipes before it ends
                finally:
                    group.kill()  # pruned, timed out, interrupted; or what it left behind
        finally:
            group.kill()
        if code != 0:
            raise Failure(with_output(f"the command {ending(code)}", output.tail(_TAIL)))
        if file is not None:
            return file.result()
        source = matched or printed
        if source.problem is not None:
            raise Failure(with_output(source.problem, output.tail(_TAIL)), retriable=False)
        return source.result()

    def _start(self, trial: Trial, group: ProcessGroup) -> subprocess.Popen[bytes]:
        own = {
            "HPO_PARAMS": json.dumps(trial.params),
            "HPO_BRIDGE_TRIAL": str(trial.number),
            "HPO_BRIDGE_SEED": str(trial.seed),
            "HPO_BRIDGE_GRADIENTS": str(int(trial.wants_gradients)),
        }
        environment = {**os.environ, **self.environment, **own}
        environment.pop(_CHECKPOINT, None)  # of a trial in which this study runs
        kept = trial.load_checkpoint()
        if kept is not None:
            environment[_CHECKPOINT] = str(kept)
        try:
            return subprocess.Popen(
                self.command.line(trial.params, trial.number),
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
