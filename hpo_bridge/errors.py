"""Every exception that hpo_bridge raises on purpose, under one root."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from copy import copy
from difflib import get_close_matches
from typing import Any, Self

KeyPath = tuple[str, ...]
"""A key path, such as ``("space", "lr", "low")``; positions in lists are digits."""


class HpoBridgeError(Exception):
    """The root: catch this to catch everything that the bridge raises on purpose.

    Args:
        problem: The fault: what was found, and what is accepted.
        path: The key path to the culprit, such as ``"backend", "options", "pace"``.
        fix: What to do about it, where the problem does not say so.

    Example:
        >>> error = HpoBridgeError("found -1, expected at least 1", "runner", "workers")
        >>> error.path, str(error)
        (('runner', 'workers'), 'runner.workers: found -1, expected at least 1')
    """

    def __init__(self, problem: str = "", *path: str | int, fix: str = "") -> None:
        super().__init__(problem, *path)
        self.problem, self.fix = problem, fix
        self.path = tuple(map(str, path))

    @property
    def text(self) -> str:
        """The problem and the fix, without the path."""
        return f"{self.problem}; {self.fix}" if self.fix else self.problem

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.text}" if self.path else self.text

    def under(self, *path: str | int) -> Self:
        """Return the same error, with ``path`` put before its own path."""
        error = copy(self)
        error.path = (*map(str, path), *self.path)
        error.__cause__ = self.__cause__
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    """Return an error as it was pickled, whatever its constructor takes."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class SpaceError(HpoBridgeError, ValueError):
    """A search space, or a point given for one, is wrong; the path begins below the space.

    Args:
        problem: What was found and what is accepted.
        path: The key path to the culprit below the space, such as ``"lr", "low"``.
        kind: What is wrong with a point, in the words that refused trials are counted under.
    """

    def __init__(
        self, problem: str, *path: str | int, kind: str = "wrong value", fix: str = ""
    ) -> None:
        super().__init__(problem, *path, fix=fix)
        self.kind = kind


class ConfigError(HpoBridgeError):
    """A study file or a command line that cannot be used.

    Args:
        problems: One line for each thing that is wrong; each starts with the key's path.
        errors: Each problem with its path, as far as there is one.
    """

    def __init__(self, *problems: str, errors: Sequence[HpoBridgeError] = ()) -> None:
        super().__init__("\n".join(problems))
        self.problems, self.errors = problems, tuple(errors)


class UnknownName(HpoBridgeError, LookupError):
    """No active backend, runner or pruner has the name asked for."""


class InvalidOptions(HpoBridgeError, TypeError, ValueError):
    """Options that a backend, runner or pruner does not take; the path begins with the option."""


class UnknownOption(InvalidOptions):
    """An option that a backend, runner or pruner does not know."""


class UnsupportedProblem(HpoBridgeError):
    """A backend cannot honour the problem exactly, and says so before the first trial.

    Args:
        reason: What it cannot do.
        parameter: The name of the parameter at fault, where there is one.
        fix: What to use instead.
    """

    def __init__(self, reason: str, parameter: str | None = None, *, fix: str = "") -> None:
        super().__init__(reason, *(() if parameter is None else (parameter,)), fix=fix)
        self.parameter = parameter

    def __str__(self) -> str:
        before = self.path[:-1] if self.parameter else self.path
        text = f"parameter {self.parameter!r}: {self.text}" if self.parameter else self.text
        return f"{'.'.join(before)}: {text}" if before else text


class BackendError(HpoBridgeError):
    """A backend broke the contract: it raised, or proposed a point outside the space."""


class SearchExhausted(HpoBridgeError):
    """A backend has nothing left to propose, and never will have."""


class WaitingForResults(HpoBridgeError):
    """A backend can propose nothing until a running trial ends."""


class GradientRequired(HpoBridgeError):
    """A backend needs derivatives, and the objective gives none; says what to do."""


class NoCompleteTrial(HpoBridgeError, LookupError):
    """A study has no complete trial yet, so there is no best one."""


class TooManyFailures(HpoBridgeError):
    """Failed trials have stopped a run; all of them are kept.

    Args:
        study: The study's name.
        problem: How many failed, in words.
        last: The last one's number and reason, in one line.
    """

    def __init__(self, study: str, problem: str, last: str) -> None:
        super().__init__(problem)
        self.study, self.last = study, last

    def __str__(self) -> str:
        return (
            f"study {self.study!r} was stopped: {self.problem}, the last: {self.last}; once that "
            "is mended, retry_failed=True runs them again; the argument stop says when failures "
            "stop a study"
        )


class SelectionError(HpoBridgeError, ValueError):
    """A rule of selection is wrong, or a study cannot follow it."""


class SpaceWarning(UserWarning):
    """A declaration of a search space may not mean what it says."""


class TestSetWarning(UserWarning):
    """The test set of a study is scored again, or the study goes on after it was."""

    __test__ = False  # for pytest: no tests


class BudgetSpent(HpoBridgeError):
    """The study's budget allows no further trial."""


class StoreError(HpoBridgeError):
    """A store cannot be opened, read or written; the message says which and why."""


class StudyNotFound(StoreError, LookupError):
    """The store holds no study of that name."""


class StudyLocked(StoreError):
    """Another driver runs this study; the message names its host, process and start."""


class LeaseLost(StoreError):
    """This driver's hold on the study was taken over by another; nothing more is written."""


class NoCheckpoints(StoreError):
    """A study has no place to keep checkpoints; the message says what to set."""


class HistoryError(HpoBridgeError):
    """A history cannot be imported or exported; the message says which and why."""


class ObjectiveError(HpoBridgeError):
    """An objective cannot be loaded, or cannot be sent to a worker."""


class StopStudy(ObjectiveError):
    """Raised by an objective where no other trial could do better: the study stops with its text.

    The trial waits, and is run again where the study goes on.
    """


class TrialPruned(HpoBridgeError):
    """Raised by an objective to end its trial early, after ``trial.should_prune()``."""


def warn(text: str, category: type[Warning]) -> None:
    """Warn at the innermost line that is neither ours nor of scikit-learn, which calls us."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and _is_inner(frame.f_globals.get("__name__", "")):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)


def _is_inner(module: str) -> bool:
    return module.partition(".")[0].startswith("hpo_bridge") or module.startswith("sklearn.")


def nearest(name: str, accepted: Sequence[str]) -> str:
    """A hint of the form `` (did you mean 'x'?)``, or an empty string.

    >>> nearest("optuna.tp", ["optuna.tpe", "core.grid"])
    " (did you mean 'optuna.tpe'?)"
    """
    close = get_close_matches(str(name), [str(a) for a in accepted], n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one.

    >>> counted(1, "trial"), counted(12, "trial"), counted(0, "trial")
    ('1 trial', '12 trials', '0 trials')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def short(value: Any, limit: int = 80) -> str:
    """``value`` for a message: its ``repr`` on one line, cut at ``limit`` characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a __repr__ of the user's may raise; the message must not
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
