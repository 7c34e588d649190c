"""joblib's workers, handed one task at a time, results taken as they come.

``joblib.Parallel`` takes all tasks as one iterable, which it reads ahead of the results, and
shows a result up to 10 ms late. A search must know each result before it decides on the next
task; so this goes one level lower, to joblib's backends, which ``Parallel`` is made of: all of
them, those of ``joblib.parallel_config`` included, work here as they do there.
"""

from __future__ import annotations

import queue
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

from sklearn import get_config
from sklearn.utils.parallel import delayed

from .private import (
    BatchedCalls,
    Parallel,
    parallel_backend_of,
    parallel_context_of,
    parallel_jobs_of,
    pre_dispatched,
)

Result = Any
Task = tuple[Callable[..., Result], tuple[Any, ...], dict[str, Any]]
"""A function that can be pickled, and its arguments."""


class Pool:
    """Workers for the time of a ``with`` statement.

    With one worker a task runs when it is handed in, in this thread. An exception of a task
    comes out of :meth:`take`, and whatever else runs then is cut.

    Args:
        n_jobs: As in joblib: ``None`` is what ``parallel_config`` says, else 1; -1 all CPUs.
        pre_dispatch: Most tasks that are handed in and not back: a number, an expression such
            as ``"2*n_jobs"``, or ``"all"`` for no limit. With one worker always 1.

    Attributes:
        limit: ``pre_dispatch`` as a number; ``None`` for no limit.
        open: How many tasks are handed in and not back.
    """

    def __init__(self, n_jobs: int | None, pre_dispatch: int | str) -> None:
        self._parallel = Parallel(n_jobs=n_jobs)
        self._pre_dispatch = pre_dispatch
        self._back: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._pending: deque[Any] = deque()
        self.limit: int | None = 1
        self.open = 0

    def __enter__(self) -> Pool:
        self._parallel.__enter__()
        jobs = parallel_jobs_of(self._parallel)
        self._backend = parallel_backend_of(self._parallel)
        self._sequential = jobs == 1
        if not self._sequential:
            self.limit = pre_dispatched(self._pre_dispatch, jobs)
            self._context = parallel_context_of(self._parallel)
            if hasattr(self._backend, "start_call"):
                self._backend.start_call()
            filters = getattr(warnings, "_get_filters", lambda: warnings.filters)()
            self._config = (get_config(), list(filters))
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if not self._sequential:
            if self.open:
                self._backend.abort_everything(ensure_ready=False)
            if hasattr(self._backend, "stop_call"):
                self._backend.stop_call()
        self._parallel.__exit__(kind, error, traceback)

    @property
    def has_room(self) -> bool:
        """True if another task may be handed in."""
        return self.limit is None or self.open < self.limit

    def hand_in(self, task: Task) -> None:
        """Has a task run as soon as a worker is free."""
        function, args, kwargs = task
        self.open += 1
        if self._sequential:
            self._back.put(function(*args, **kwargs))
            return
        wrapped, args, kwargs = delayed(function)(*args, **kwargs)
        config, filters = self._config
        if hasattr(wrapped, "with_config_and_warning_filters"):
            wrapped.with_config_and_warning_filters(config, filters)
        else:  # before scikit-learn 1.7
            wrapped.with_config(config)
        nested = self._backend.get_nested_backend()
        calls = BatchedCalls([(wrapped, args, kwargs)], nested, self._context, {})
        submit = getattr(self._backend, "submit", None) or self._backend.apply_async
        if self._backend.supports_retrieve_callback:
            submit(calls, callback=self._back.put)
        else:  # a backend that gives no notice: the oldest is waited for
            self._pending.append(submit(calls, callback=None))

    def take(self) -> Result:
        """The next result, in the order in which they come; waits for it.

        Raises:
            Exception: What the task raised, or the reason why its worker died.
        """
        if self._sequential:
            result = self._back.get()
        elif self._backend.supports_retrieve_callback:
            (result,) = self._backend.retrieve_result_callback(self._back.get())
        else:
            (result,) = self._backend.retrieve_result(self._pending.popleft())
        self.open -= 1
        return result


__all__ = ["Pool", "Task"]
