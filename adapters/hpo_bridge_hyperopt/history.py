"""Hyperopt's ``Trials`` as a source of trials.

Of a choice Hyperopt keeps the position: it is looked up in the study's own space, which must
list the choices in the same order. ``hp.randint`` and the positions of ``hp.choice`` look the
same in ``Trials``, so integers that the study takes for an ``int`` are noted. What ``hp.quniform``
gives as a float is an integer where the study has an integer. Labels are the parameters' names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from hpo_bridge.contracts.format import (
    History,
    ImportedTrial,
    ImportRequest,
    Position,
    one_of_several,
)
from hpo_bridge.contracts.pickles import is_pickle, loaded, names_in, open_pickle
from hpo_bridge.contracts.record import Direction, TrialState
from hpo_bridge.errors import HistoryError, short

JOB_DONE, JOB_ERROR = 2, 3
"""Hyperopt's numbers for jobs that have ended; 0 is new, 1 runs, 4 was cancelled."""
CANCELLED = 4
FAILURES = ("fail", "suspended")


class Hyperopt:
    """Reads pickles of ``Trials``, such as a ``trials_save_file``, and the objects."""

    def recognises(self, source: Any) -> bool:
        """Return true for such an object, or a pickle that names Hyperopt's module."""
        if not isinstance(source, str):
            return _is_trials(source)
        return is_pickle(source) and any(
            name.partition(".")[0] == "hyperopt" for name in names_in(source)
        )

    def read(self, source: Any, wanted: ImportRequest) -> History:
        """The trials, in the order in which they were made."""
        name = source if isinstance(source, str) else "the Trials"
        data = open_pickle(source, loaded) if isinstance(source, str) else source
        found = one_of_several(data, _documents, name, wanted.study)
        if found is None:
            raise HistoryError(f"{name}: found {short(data)}, expected Hyperopt's Trials")
        label, documents = found
        if len(wanted.objectives) > 1:
            raise HistoryError(
                f"{name}: Hyperopt has one objective, the loss; the study has "
                f"{', '.join(wanted.objectives)}"
            )
        return History(label, {"loss": Direction.MINIMIZE}, list(_trials(documents, name)))


def _is_trials(value: Any) -> bool:
    return any(
        kind.__module__.startswith("hyperopt.") and kind.__name__ == "Trials"
        for kind in type(value).__mro__
    )


def _documents(value: Any) -> list[Any] | None:
    """Return the documents of a ``Trials``, ended or not; ``None`` for anything else."""
    if _is_trials(value):
        return list(value._dynamic_trials)
    if isinstance(value, list) and value and all(_is_document(each) for each in value):
        return value  # of ``trials.trials``
    return None


def _is_document(value: Any) -> bool:
    return isinstance(value, Mapping) and {"misc", "result", "state"} <= set(value)


def _trials(documents: list[Any], name: str) -> Iterator[ImportedTrial]:
    for position, document in enumerate(documents):
        try:
            yield _trial(document, position)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise HistoryError(
                f"{name}, trial {position}: no document of a trial "
                f"({type(error).__name__}: {error})"
            ) from None


def _trial(document: Mapping[str, Any], position: int) -> ImportedTrial:
    misc, result = document["misc"], document["result"]
    vals = misc["vals"]
    params = {label: Position(_number(values[0])) for label, values in vals.items() if len(values)}
    state = _state(document["state"], result)
    error = result.get("error") or misc.get("error")
    return ImportedTrial(
        f"trial {document.get('tid', position)}", state, params,
        {"loss": _number(result.get("loss"))} if state is TrialState.COMPLETE else None,
        _seconds(document.get("book_time")), _seconds(document.get("refresh_time")),
        None if error is None or state is not TrialState.FAILED else _text(error),
    )  # fmt: skip


def _state(state: Any, result: Mapping[str, Any]) -> TrialState:
    status = result.get("status")
    if state in (JOB_ERROR, CANCELLED) or (state == JOB_DONE and status in FAILURES):
        return TrialState.FAILED
    return TrialState.COMPLETE if state == JOB_DONE else TrialState.RUNNING


def _number(value: Any) -> Any:
    item = getattr(value, "item", None)  # a NumPy scalar
    return item() if callable(item) else value


def _seconds(moment: Any) -> float | None:
    """Seconds since the epoch; Hyperopt's times are UTC."""
    if not isinstance(moment, datetime):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _text(error: Any) -> str:
    if isinstance(error, (list, tuple)):  # a class and a text
        return ": ".join(str(part) for part in error)
    return str(error)
