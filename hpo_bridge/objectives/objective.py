"""Objectives: what a study evaluates, and how one evaluation ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..contracts.gradients import Differentiated
from ..contracts.objective import BindsToStudy, Function, Objective
from ..contracts.record import Direction, Outcome, TrialState
from ..contracts.trial import Trial, as_number
from ..errors import (
    GradientRequired,
    ObjectiveError,
    StopStudy,
    StoreError,
    TrialPruned,
    short,
)
from ..space import Space
from .callables import check_function, instance, makes_functions
from .derivatives import differentiated, plain_gradients
from .failure import Failure, explain, whole_traceback
from .folded import Folded, Measured
from .pickling import packed, unpacked
from .reference import ReferenceObjective


@dataclass(frozen=True)
class FunctionObjective:
    """A Python callable, or a class of them, of which one is made where the trials run.

    Pickled, it carries lambdas, closures, and the functions of ``__main__``, of notebook
    cells and of files loaded by name in full; functions of importable modules go by
    reference.

    Args:
        function: Called with a trial.
    """

    function: Function

    def check(self) -> None:
        """Raises ObjectiveError unless the function can be called with one argument."""
        if not makes_functions(self.function):
            check_function(self.function, self.describe())

    def load(self) -> Function:
        """The function; of a class, a new one.

        Raises:
            ObjectiveError: If it takes no trial, or cannot be made.
        """
        function: Function = instance(self.function, self.describe())
        check_function(function, self.describe())
        return function

    def describe(self) -> str:
        """Its qualified name, after its module's."""
        function = _inner(self.function)
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        return f"{getattr(function, '__module__', None) or '?'}:{name}"

    def __reduce__(self) -> tuple[Callable[[bytes], FunctionObjective], tuple[bytes]]:
        """Travels as what cloudpickle makes of the function."""
        owners = (getattr(_inner(self.function), "__module__", None),)
        return _unpacked, (packed(self.function, self.describe(), owners),)


def _inner(function: Any) -> Any:
    """The user's own function: of an objective of folds, what measures one."""
    return function.score if isinstance(function, Folded) else function


def _unpacked(data: bytes) -> FunctionObjective:
    return FunctionObjective(unpacked(data))


def objective_from(spec: Any, folder: str | os.PathLike[str] = ".") -> Objective:
    """The objective that a user named, not yet checked nor loaded.

    Args:
        spec: ``"FILE.py:FUNCTION"``, ``"package.module:FUNCTION"``,
            ``{"command": "program --option {parameter}"}``, a callable, or an objective.
        folder: What relative paths are relative to, and where a command runs.

    Raises:
        ObjectiveError: If ``spec`` is none of these.

    Example:
        >>> objective_from("train.py:train", "/tmp").describe()
        'train.py:train'
    """
    if isinstance(spec, str):
        return ReferenceObjective.parse(spec, folder)
    if isinstance(spec, Mapping):
        from .command import CommandObjective

        return CommandObjective.parse(spec, folder)
    if isinstance(spec, Objective) and not isinstance(spec, type):
        return spec
    if callable(spec):
        return FunctionObjective(spec)
    raise ObjectiveError(
        f"found {short(spec)}; expected 'FILE.py:FUNCTION', "
        "'package.module:FUNCTION', {command: '…'} or a function",
        "objective",
    )


class Cut(BaseException):
    """Thrown into a running objective by a runner that ends it; never an outcome."""


def evaluate(function: Function, trial: Trial) -> Outcome:
    """Runs ``function`` once and says how it ended; no exception of the user's escapes.

    The traceback of one is kept with the trial's output.

    Raises:
        KeyboardInterrupt: Ctrl-C is the driver's matter.
        Cut: A runner's own business.
        StoreError: The study's trouble, met while reporting; not the objective's.
        StopStudy: The objective's word that the study is to stop.
    """
    try:
        result = differentiated(function(trial), trial)
    except TrialPruned:
        return Outcome(TrialState.PRUNED)
    except (KeyboardInterrupt, Cut, StoreError, StopStudy):
        raise
    except GradientRequired as error:  # another attempt would have none either
        return Outcome.failed(explain(error), retriable=False, ungraded=True)
    except Failure as failure:
        return Outcome.failed(str(failure), retriable=failure.retriable)
    except SystemExit as error:
        code = "" if error.code is None else short(error.code)
        return Outcome.failed(f"SystemExit: the objective called sys.exit({code})")
    except BaseException as error:
        trial.keep_output(whole_traceback(error).encode(errors="backslashreplace"))
        return Outcome.failed(explain(error))
    return judged(result)


def judged(result: Any) -> Outcome:
    """Return an objective's result as plain floats; refuse it if it is anything else.

    >>> judged({"loss": 1}).result
    {'loss': 1.0}
    >>> judged(None).error
    'the objective returned None; expected a number or {name: number}'
    """
    gradients = errors = None
    while isinstance(result, (Differentiated, Measured)):  # the one may hold the other
        try:
            if isinstance(result, Differentiated):
                gradients = plain_gradients(result.gradients)
            elif result.standard_error is not None:
                errors = _plain_errors(result.standard_error)
        except TypeError as error:
            return Outcome.failed(str(error), retriable=False)
        result = result.value
    try:
        value = _plain(result)
        return Outcome(TrialState.COMPLETE, value, gradients=gradients, standard_errors=errors)
    except Exception:  # also of a mapping whose own methods raise
        return Outcome.failed(
            f"the objective returned {short(result)}; expected a number or {{name: number}}",
            retriable=False,
        )


def _plain_errors(errors: Any) -> float | dict[str, float]:
    try:
        return _plain(errors)
    except Exception:
        raise TypeError(
            f"standard_error: found {short(errors)}, expected a number or {{name: number}}"
        ) from None


def _plain(result: Any) -> float | dict[str, float]:
    if not isinstance(result, Mapping):
        return as_number(result)
    values = {}
    for name, value in result.items():
        if not isinstance(name, str):
            raise TypeError("a name must be a string")
        values[str(name)] = as_number(value)
    if not values:
        raise TypeError("no values")
    return values


def objective_for(given: Any, space: Space, directions: Mapping[str, Direction]) -> Objective:
    """The objective that a user gave, told of the study's space and directions if it asks.

    Raises:
        ObjectiveError: If it is none, or does not suit them.
    """
    source = objective_from(given)
    return source.bind(space, directions) if isinstance(source, BindsToStudy) else source
