"""Hyperopt's ``Trials`` as a source of trials.

A pickle of them is read as data (see :mod:`hpo_bridge.pickles`), so Hyperopt need not even be
installed. Of a choice Hyperopt keeps the position: it is looked up in the study's own space,
which must list the choices in the same order. What ``hp.quniform`` gives as a float is an
integer where the study has an integer. Labels are the parameters' names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from hpo_bridge.errors import HistoryError, short
from hpo_bridge.histories import History, PastTrial, Position, Wanted
from hpo_bridge.pickles import StandIn, is_pickle, names_in, read_pickle
from hpo_bridge.trial import Direction, TrialState

JOB_DONE, JOB_ERROR = 2, 3
"""Hyperopt's numbers for jobs that have ended; 0 is new, 1 runs, 4 was cancelled."""
CANCELLED = 4
FAILURES = ("fail", "suspended")


class Hyperopt:
    """Reads pickles of ``Trials``, such as a ``trials_save_file``, and the objects."""

    def recognises(self, source: Any) -> bool:
        """Whether it is such an object, or a pickle that names Hyperopt's module."""
        if not isinstance(source, str):
            return any(
                kind.__module__.startswith("hyperopt.") and kind.__name__ == "Trials"
                for kind in type(source).__mro__
            )
        return is_pickle(source) and any(
            name.partition(".")[0] == "hyperopt" for name in names_in(source)
        )

    def read(self, source: Any, wanted: Wanted) -> History:
        """The trials, in the order in which they were made."""
        name = source if isinstance(source, str) else "the Trials"
        data = read_pickle(source) if isinstance(source, str) else source
        documents = _documents(data, name)
        if len(wanted.objectives) > 1:
            raise HistoryError(
                f"{name}: Hyperopt has one objective, the loss; the study has "
                f"{', '.join(wanted.objectives)}"
            )
        trials = list(_trials(documents, name))
        return History(name, {"loss": Direction.MINIMIZE}, trials)


def _documents(data: Any, name: str) -> list[Any]:
    """The trials' documents, ended or not."""
    found = getattr(data, "_dynamic_trials", None)
    if isinstance(data, StandIn):
        found = data.attributes.get("_dynamic_trials")
    elif isinstance(data, list):  # of ``trials.trials``
        found = data
    if not isinstance(found, list):
        raise HistoryError(f"{name}: found {short(data)}, expected Hyperopt's Trials")
    return found


def _trials(documents: list[Any], name: str) -> Iterator[PastTrial]:
    for position, document in enumerate(documents):
        try:
            yield _trial(_mapping(document), position)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise HistoryError(
                f"{name}, trial {position}: no document of a trial "
                f"({type(error).__name__}: {error})"
            ) from None


def _trial(document: Mapping[str, Any], position: int) -> PastTrial:
    misc, result = _mapping(document["misc"]), _mapping(document["result"])
    vals = _mapping(misc["vals"])
    params = {label: Position(_number(values[0])) for label, values in vals.items() if len(values)}
    state = _state(document["state"], result)
    error = result.get("error") or misc.get("error")
    return PastTrial(
        f"trial {document.get('tid', position)}", state, params,
        {"loss": result.get("loss")} if state is TrialState.COMPLETE else None,
        _seconds(document.get("book_time")), _seconds(document.get("refresh_time")),
        None if error is None or state is not TrialState.FAILED else _text(error),
    )  # fmt: skip


def _state(state: Any, result: Mapping[str, Any]) -> TrialState:
    status = result.get("status")
    if state in (JOB_ERROR, CANCELLED) or (state == JOB_DONE and status in FAILURES):
        return TrialState.FAILED
    return TrialState.COMPLETE if state == JOB_DONE else TrialState.RUNNING


def _number(value: Any) -> Any:
    item = getattr(value, "item", None)  # a NumPy scalar of a living object
    return item() if callable(item) else value


def _mapping(value: Any) -> Mapping[str, Any]:
    """A document: a dict, or what pymongo makes of one."""
    if isinstance(value, StandIn):
        return value.attributes
    if not isinstance(value, Mapping):
        raise TypeError(f"found {short(value)}")
    return value


def _seconds(moment: Any) -> float | None:
    """Seconds since the epoch; Hyperopt's times are UTC."""
    if not isinstance(moment, datetime):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _text(error: Any) -> str:
    if isinstance(error, (list, tuple)):  # a class and a text
        return ": ".join(str(part) for part in error)
    return str(error)
