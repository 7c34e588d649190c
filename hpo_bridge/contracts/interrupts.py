"""Ctrl-C: kept out of the study's bookkeeping, and a way out of a backend that does not answer."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_AGAIN = 0.3
"""Seconds until a backend is interrupted once more that has swallowed it."""

_entered: list[CtrlC] = []  # of the main thread, the innermost last: a trial may run a study


class CtrlC:
    """Counts Ctrl-C instead of raising ``KeyboardInterrupt`` wherever the driver is.

    While ``open`` is set it raises as usual: an objective runs. While a backend is called, the
    first Ctrl-C says what is waited for, and the second one gets out of the call. A third one
    raises in any case. Outside the main thread, or where somebody else handles the signal, it
    does nothing.

    Args:
        notify: Called in the signal handler; wakes a loop that waits.

    Attributes:
        count: How often it was pressed.
        open: Whether it may raise; set it while a loop waits, or an objective runs, only.
        call: The call of a backend that is waited for.
        announced: The names of the backends that were said to be waited for.
    """

    def __init__(self, notify: Callable[[], None] | None = None) -> None:
        self.count = 0
        self.open = False
        self.call: BackendCall | None = None
        self.announced: set[str] = set()
        self._notify = notify
        self._insisting = False

    def __enter__(self) -> CtrlC:
        if threading.current_thread() is threading.main_thread():
            if not _entered and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                signal.signal(signal.SIGINT, _handle)
                _entered.append(self)
            elif _entered:
                _entered.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self in _entered:
            if len(_entered) == 1 and signal.getsignal(signal.SIGINT) is _handle:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            _entered.remove(self)

    def raise_pending(self) -> None:
        """Raises the ``KeyboardInterrupt`` that was held back."""
        if self.count:
            raise KeyboardInterrupt

    def press(self, frame: FrameType | None) -> None:
        """Takes a Ctrl-C; called in the signal handler.

        Args:
            frame: Where it came.
        """
        if self._insisting:  # not a press, but the echo of one
            self._insisting = False
            if self.call is not None:
                self.call.insist(frame)
            return
        self.count += 1
        if self.call is not None and not self.open:
            if self.count > 1:
                threading.Thread(target=self._insist, args=(self.call,), daemon=True).start()
                raise KeyboardInterrupt
            self.call.announce()
        if self.open or self.count > 2:
            raise KeyboardInterrupt
        if self._notify is not None:
            self._notify()

    def _insist(self, call: BackendCall) -> None:
        """Interrupts a call again that has swallowed the exception, until it is left."""
        main = threading.main_thread().ident
        assert main is not None
        while True:
            time.sleep(_AGAIN)
            if self.call is not call:
                return
            self._insisting = True
            signal.pthread_kill(main, signal.SIGINT)


class BackendCall:
    """A call of a backend that has not returned yet.

    Args:
        name: The backend's name.
        announced: The names that were announced before; gets this one.
    """

    def __init__(self, name: str, announced: set[str]) -> None:
        self.name, self._begin = name, time.monotonic()
        self._announced = announced
        self._tracing: Any = None

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._begin

    def announce(self) -> None:
        """Says that the backend is waited for, once in a run."""
        if self.name not in self._announced:
            self._announced.add(self.name)
            with suppress(Exception):  # in a signal handler, stderr may be in use
                text = f"waiting for {self.name} to answer; Ctrl-C again gives up"
                print(text, file=sys.stderr, flush=True)

    def insist(self, frame: FrameType | None) -> None:
        """Raises here, and once more on the next line: this one may be swallowed, too.

        Args:
            frame: The innermost one of the call.
        """
        self._tracing = self._tracing or (sys.gettrace(),)
        while frame is not None and frame.f_code is not call_backend.__code__:
            frame.f_trace = _raise_on_line
            frame = frame.f_back
        sys.settrace(_ignore)  # without any, the frames are not traced
        raise KeyboardInterrupt

    def end(self) -> None:
        """Ends the tracing of lines, if it was begun."""
        if self._tracing is not None:
            sys.settrace(*self._tracing)


def _raise_on_line(frame: FrameType, event: str, argument: Any) -> Any:
    if event == "line":
        raise KeyboardInterrupt
    return _raise_on_line


def _ignore(frame: FrameType, event: str, argument: Any) -> None:
    """Traces nothing."""


def pending_call() -> BackendCall | None:
    """Return the call of a backend that the main thread waits for."""
    for ctrl_c in _entered[-1:]:  # in one step: it may be called in another thread
        return ctrl_c.call
    return None


def call_backend(name: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls a backend in such a way that a second Ctrl-C gets out of it.

    Args:
        name: The backend's name.
        function: What to call.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        KeyboardInterrupt: After the second Ctrl-C; where nobody else counts them, after the
            first one, too, when the backend has answered.
    """
    if threading.current_thread() is not threading.main_thread():
        return function(*args, **kwargs)
    if not _entered:  # a study is driven by hand, or taken over
        with CtrlC() as ctrl_c:
            if not _entered:
                return function(*args, **kwargs)
            result = call_backend(name, function, *args, **kwargs)
            ctrl_c.raise_pending()
            return result
    ctrl_c = _entered[-1]
    if ctrl_c.open or ctrl_c.call is not None:  # within an objective, or another backend
        return function(*args, **kwargs)
    if ctrl_c.count > 1:
        raise KeyboardInterrupt
    ctrl_c.call = BackendCall(name, ctrl_c.announced)
    if ctrl_c.count:
        ctrl_c.call.announce()
    try:
        return function(*args, **kwargs)
    finally:
        call, ctrl_c.call = ctrl_c.call, None
        call.end()


def _handle(number: int, frame: FrameType | None) -> None:
    if not _entered:
        raise KeyboardInterrupt
    _entered[-1].press(frame)
