"""Scikit-learn's callbacks (``set_callbacks``, from 1.9 on), told of a search as of its own.

The tasks have the names of ``GridSearchCV``: ``search`` with one ``candidate-split-evaluation``
for each fold, then ``refit-with-best-params``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from .private import HAS_CALLBACKS


class Callbacks:
    """Tells the callbacks of a search what it does; nothing where scikit-learn has none.

    Args:
        search: The estimator that searches.
        X: What it is fitted on.
        y: The targets.
        weights: The samples' weights, or ``None``.
    """

    def __init__(self, search: Any, X: Any, y: Any, weights: Any) -> None:
        self._search = search
        metadata = None if weights is None else {"sample_weight": weights}
        self._data = {"X": X, "y": y, "metadata": metadata}
        self._root: Any = None
        self._folds: Iterator[Any] | None = None
        if HAS_CALLBACKS:
            subtasks = 1 + (search.refit is not False)
            context = search._init_callback_context(max_subtasks=subtasks)
            self._root = context.call_on_fit_task_begin(estimator=search, **self._data)

    @contextmanager
    def searching(self, tasks: int | None) -> Iterator[None]:
        """While folds are evaluated.

        Args:
            tasks: How many there will be at most, if it is known. Their contexts are then made
                at once: made later, they would change while an earlier one is pickled.
        """
        if self._root is None:
            yield
            return
        context = self._root.subcontext(
            task_name="search", max_subtasks=tasks, sequential_subtasks=False
        ).call_on_fit_task_begin(estimator=self._search)
        if getattr(self._search, "_skl_callbacks", None):
            numbers = count() if tasks is None else range(tasks)
            made = (
                context.subcontext(task_name="candidate-split-evaluation", task_id=number)
                for number in numbers
            )
            self._folds = made if tasks is None else iter(list(made))
        yield
        context.call_on_fit_task_end(estimator=self._search)

    def fold(self) -> dict[str, Any]:
        """Return the further arguments of the next fold's evaluation, to call back from it."""
        if self._folds is None:
            return {}
        return {"caller": self._search, "callback_ctx": next(self._folds)}

    @contextmanager
    def refitting(self, estimator: Any) -> Iterator[None]:
        """While the best estimator is fitted on all data."""
        if self._root is None:
            yield
            return
        context = self._root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(estimator):
            context.call_on_fit_task_begin(estimator=self._search, **self._data)
            yield
        context.call_on_fit_task_end(estimator=self._search, **self._data)

    def end(self) -> None:
        """When everything is done."""
        if self._root is not None:
            self._root.call_on_fit_task_end(estimator=self._search, **self._data)


__all__ = ["Callbacks"]
