"""Whatever the caller has set: the proposals are the same, and the settings stay as they are."""

from __future__ import annotations

import asyncio
import decimal
import gc
import locale
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from ..caller_settings import settings_of_process
from ..subject import Subject
from ..verdicts import Fault, require
from .check_spec import check_spec
from .seeds import compare, sequence_again, usual_sequence

Setting = Callable[[], AbstractContextManager[Any]]
"""Gives a context in which the caller has set something."""
DEEPER = 200
"""How many frames a backend may use above the check's own; Python's own limit is 1,000."""
LOCALES = ("de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "fr_FR", "C")


# -- what can be set ---------------------------------------------------------------------


@contextmanager
def _set(change: Callable[[Any], object], value: Any, before: Any) -> Iterator[None]:
    change(value)
    try:
        yield
    finally:
        change(before)


@contextmanager
def _exact_decimals() -> Iterator[None]:
    with decimal.localcontext() as context:
        context.prec = 3
        context.traps[decimal.Inexact] = True
        yield


def _numpy_settings() -> dict[str, Setting]:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return {}
    return {
        'numpy.seterr(all="raise")': lambda: numpy.errstate(all="raise"),
        "numpy.set_printoptions(precision=1)": lambda: numpy.printoptions(precision=1),
    }


def _torch_settings() -> dict[str, Setting]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    default, device = torch.get_default_dtype(), torch.get_default_device()
    exact = torch.use_deterministic_algorithms
    strict = torch.are_deterministic_algorithms_enabled()
    return {
        "torch.no_grad()": torch.no_grad,
        "torch.inference_mode()": torch.inference_mode,
        "torch.set_default_dtype(float64)": lambda: _set(
            torch.set_default_dtype, torch.float64, default
        ),
        "torch.use_deterministic_algorithms(True)": lambda: _set(exact, True, strict),
        'torch.set_default_device("meta")': lambda: _set(
            torch.set_default_device, "meta", device
        ),
    }  # fmt: skip


def _number_settings() -> dict[str, Setting]:
    settings: dict[str, Setting] = {"decimal.getcontext().prec = 3": _exact_decimals}
    return {**settings, **_numpy_settings(), **_torch_settings()}


@contextmanager
def _strict_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextmanager
def _other_locale() -> Iterator[None]:
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in LOCALES:
            try:
                locale.setlocale(locale.LC_ALL, name)
                break
            except locale.Error:
                pass
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


def _depth() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def _low_recursion_limit() -> AbstractContextManager[Any]:
    before = sys.getrecursionlimit()
    return _set(sys.setrecursionlimit, min(before, _depth() + DEEPER), before)


@contextmanager
def _deleted_folder() -> Iterator[None]:
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="hpo-bridge-") as folder:
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _no_stdout() -> Iterator[None]:
    before, sys.stdout = sys.stdout, None
    try:
        yield
    finally:
        sys.stdout = before


@contextmanager
def _without_collector() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


_PROCESS: dict[str, Setting] = {
    "warnings as errors": _strict_warnings,
    "another locale": _other_locale,
    "a low recursion limit": _low_recursion_limit,
    "a current folder that was deleted": _deleted_folder,
    "sys.stdout = None": _no_stdout,
    "logging at level DEBUG": lambda: _set(
        logging.root.setLevel, logging.DEBUG, logging.root.level
    ),
    "gc.disable()": _without_collector,
}  # fmt: skip


# -- the checks --------------------------------------------------------------------------


def _run(subject: Subject, settings: Mapping[str, Setting], where: str) -> None:
    """Compare a run under settings with the usual one, and the settings after with before."""
    with ExitStack() as stack:
        for setting in settings.values():
            stack.enter_context(setting())
        before = settings_of_process()
        try:
            found = sequence_again(subject)
        except Exception as error:
            raise Fault(f"with {where}: {type(error).__name__}: {error}") from error
        after = settings_of_process()
    compare(subject, found, f"with {where}")
    names = before.keys() | after.keys()
    changed = sorted(name for name in names if before.get(name) != after.get(name))
    require(not changed, f"with {where} it changes {', '.join(changed)}")


def _all_at_once(subject: Subject, settings: Mapping[str, Setting]) -> str:
    """Try all settings together, which is one run, and each by itself if that fails."""
    usual_sequence(subject)  # what is imported on the way is imported now
    try:
        _run(subject, settings, " and ".join(settings))
    except Fault:
        for name, setting in settings.items():
            _run(subject, {name: setting}, name)
        raise
    return f"the same with {', '.join(settings)}"


def numbers(subject: Subject) -> str:
    """The run is the same whatever the caller has set for numbers, and that is not changed.

    Numpy's errors raised and its output shortened, torch without gradients, with another type
    and device by default, decimal numbers of three digits; of libraries that are imported.

    Catches a Gaussian process that dies within `torch.no_grad()`, exponentials that underflow
    under `numpy.seterr(all="raise")`, other points with another default type.
    """
    return _all_at_once(subject, _number_settings())


def process(subject: Subject) -> str:
    """The run is the same whatever the caller has set for the process, and that is not changed.

    Warnings as errors, another locale, a low recursion limit, a current folder that was deleted,
    no standard output, all log lines, no garbage collection.

    Catches warnings of the library that end a study, files beside the program, `print()`.
    """
    return _all_at_once(subject, _PROCESS)


def thread(subject: Subject) -> str:
    """The run is the same in another thread, within a running event loop.

    Catches signal handlers, which only the main thread can set, and `asyncio.run()`.
    """
    usual_sequence(subject)
    found: list[list[str]] = []
    errors: list[Exception] = []

    async def loop() -> None:
        found.append(sequence_again(subject))

    def work() -> None:
        try:
            asyncio.run(loop())
        except Exception as error:  # shown by the caller's thread
            errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    for error in errors:
        raise Fault(f"in a thread with an event loop: {type(error).__name__}: {error}") from error
    return compare(subject, found[0], "in a thread with an event loop")


def kept(subject: Subject) -> str:
    """Everything a caller may have set is the same after a run as before.

    Random states, numpy's and torch's settings, warnings, locale, recursion limit, current
    folder, environment, signal handlers, logging, standard output.

    Catches libraries that set what they need for the whole process, and leave it so.
    """
    usual_sequence(subject)
    _run(subject, {}, "nothing set")
    return f"{len(settings_of_process())} settings are as before"


CHECKS = (
    check_spec("surroundings[kept]", kept),
    check_spec("surroundings[numbers]", numbers),
    check_spec("surroundings[process]", process),
    check_spec("surroundings[thread]", thread),
)
