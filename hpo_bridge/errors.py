"""Every exception that hpo_bridge raises on purpose, under one root."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any


class HpoBridgeError(Exception):
    """The root: catch this to catch everything that the bridge raises on purpose."""


class SpaceError(HpoBridgeError, ValueError):
    """A search space, or a point given for one, is wrong.

    Args:
        problem: What was found and what is accepted.
        path: The key path to the culprit below the space, such as ``("lr", "low")``.
    """

    def __init__(self, problem: str, path: Sequence[str] = ()) -> None:
        self.problem = problem
        self.path = tuple(path)
        super().__init__(f"{'.'.join(self.path)}: {problem}" if self.path else problem)

    def under(self, *path: str) -> SpaceError:
        """The same error, with ``path`` put before its own path."""
        return SpaceError(self.problem, (*path, *self.path))


class ConfigError(HpoBridgeError):
    """A study file or a command line that cannot be used.

    Args:
        problems: One line for each thing that is wrong; each starts with the key's path.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class UnknownName(HpoBridgeError, LookupError):
    """No active backend, runner or pruner has the name asked for."""


class InvalidOptions(HpoBridgeError, TypeError):
    """Options that a backend, runner or pruner does not take."""


class UnsupportedProblem(HpoBridgeError):
    """A backend cannot honour the problem exactly, and says so before the first trial.

    Args:
        reason: What it cannot do, and what to use instead.
        parameter: The name of the parameter at fault, where there is one.
    """

    def __init__(self, reason: str, parameter: str | None = None) -> None:
        self.reason = reason
        self.parameter = parameter
        super().__init__(f"parameter {parameter!r}: {reason}" if parameter else reason)


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
        self.study, self.problem, self.last = study, problem, last
        super().__init__(
            f"study {study!r} was stopped: {problem}, the last: {last}; once that is mended, "
            "retry_failed=True runs them again; the argument stop says when failures stop a study"
        )

    def __reduce__(self) -> tuple[type[TooManyFailures], tuple[str, str, str]]:
        return type(self), (self.study, self.problem, self.last)


class SelectionError(HpoBridgeError, ValueError):
    """A rule of selection is wrong, or a study cannot follow it.

    Args:
        problem: What was found and what is accepted.
        path: The key path to the culprit, such as ``"simplest", "0"``.
    """

    def __init__(self, problem: str, *path: str) -> None:
        self.problem = problem
        self.path = path
        super().__init__(f"{'.'.join(path)}: {problem}" if path else problem)


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
