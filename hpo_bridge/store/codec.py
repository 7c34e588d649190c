"""JSON for what a store keeps.

Strict JSON: NaN and the infinities have no form in it. Where a dataclass has a number, NaN is
``null``, and the infinities are the strings ``"Infinity"`` and ``"-Infinity"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ..errors import StoreError
from .event_parts import Event, TrialEvent
from .event_types import EVENT_TYPES

T = TypeVar("T")
Convert = Callable[[Any], Any]

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def dump(data: Any) -> str:
    """``data`` as compact ASCII JSON.

    Raises:
        StoreError: If it is not plain JSON data.
    """
    try:
        return _encode(data)
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"not plain JSON data, so it cannot be stored: {error}") from error


def load(text: str | None) -> Any:
    """The value of a JSON text; ``None`` for NULL."""
    return None if text is None else json.loads(text)


def trial_of(event: Event) -> int | None:
    """The number of the trial that an event changes, if it changes one."""
    return event.trial if isinstance(event, TrialEvent) else None


def load_event(kind: str, time: float, trial: int | None, data: Any, seq: int) -> Event:
    """An event, of what a store has of it."""
    number = {} if trial is None else {"trial": trial}
    return from_plain(EVENT_TYPES[kind], data, time=time, seq=seq, **number)


# -- dataclasses as plain data -----------------------------------------------------------------


def to_plain(record: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON data, without those that have their defaults.

    Of an event, without those that a store keeps beside the data.

    >>> from hpo_bridge.store.event_types import Reported
    >>> to_plain(Reported(7, 1, float("nan"), {"auc": 0.5, "loss": float("inf")}))
    {'step': 1, 'value': None, 'metrics': {'auc': 0.5, 'loss': 'Infinity'}}
    """
    form = _form(record.__class__)
    found = {
        name: value
        for name, value, default in zip(
            form.names, form.values(record), form.defaults, strict=True
        )
        if value is not default
    }
    for name, encode in form.encoders:
        if name in found:
            found[name] = encode(found[name])
    return found


def from_plain(cls: type[T], data: Mapping[str, Any], **more: Any) -> T:
    """The dataclass of what :func:`to_plain` gave, and of ``more`` fields."""
    found = {**data, **more}
    for name, decode in _form(cast("Any", cls)).decoders:
        if name in found:
            found[name] = decode(found[name])
    return cls(**found)


class _Form(NamedTuple):
    """A dataclass's fields, and those of them that are other data in JSON."""

    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    defaults: tuple[Any, ...]
    encoders: tuple[tuple[str, Convert], ...]
    decoders: tuple[tuple[str, Convert], ...]


@cache
def _form(cls: Any) -> _Form:
    beside = {"time", "seq"} if issubclass(cls, Event) else set()
    if issubclass(cls, TrialEvent):
        beside.add("trial")
    own = [each for each in fields(cls) if each.name not in beside]
    names = tuple(each.name for each in own)
    hints = get_type_hints(cls)
    pairs = {name: _converters(hints[name]) for name in names}
    get = attrgetter(*names)
    return _Form(
        names,
        get if len(names) > 1 else lambda record: (get(record),),
        tuple(each.default for each in own),
        tuple((name, encode) for name, (encode, _) in pairs.items() if encode),
        tuple((name, decode) for name, (_, decode) in pairs.items() if decode),
    )


def _converters(hint: Any) -> tuple[Convert | None, Convert | None]:
    """Return the writer and the reader of a type's values; ``None`` where it is JSON as it is."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is float:
        return strict_number, read_number
    if is_dataclass(hint):
        return to_plain, partial(from_plain, cast("type[Any]", hint))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return None, hint
    if origin in (Union, UnionType):
        members = [each for each in arguments if each is not NoneType]
        inner = _converters(members[0]) if len(members) == 1 else (None, None)
        return _each(inner, lambda f, value: None if value is None else f(value))
    if origin is Mapping:
        return _each(_converters(arguments[1]), lambda f, v: {k: f(x) for k, x in v.items()})
    if origin is Sequence or (origin is tuple and arguments[-1] is ...):
        encode, decode = _converters(arguments[0])
        read: Convert = tuple if decode is None else lambda v: tuple(map(decode, v))
        return encode and (lambda v: list(map(encode, v))), read
    if origin is tuple:
        return _row([_converters(each) for each in arguments])
    return None, None


def _each(
    inner: tuple[Convert | None, Convert | None], wrap: Callable[[Convert, Any], Any]
) -> tuple[Convert | None, Convert | None]:
    encode, decode = (function and partial(wrap, function) for function in inner)
    return encode, decode


def _row(items: list[tuple[Convert | None, Convert | None]]) -> tuple[Convert, Convert]:
    def through(functions: list[Convert | None], values: Any) -> tuple[Any, ...]:
        pairs = zip(functions, values, strict=True)
        return tuple(value if function is None else function(value) for function, value in pairs)

    encoders, decoders = ([item[way] for item in items] for way in (0, 1))
    return partial(through, encoders), partial(through, decoders)


def strict_number(value: float) -> float | str | None:
    """A number as strict JSON has it."""
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def read_number(value: float | str | None) -> float:
    """The number that :func:`strict_number` was given."""
    if isinstance(value, str):
        return float(value)
    return math.nan if value is None else value


def strict_metrics(metrics: Mapping[str, float]) -> dict[str, float | str | None]:
    """Metrics as strict JSON has them.

    >>> strict_metrics({"auc": 0.5, "loss": float("nan"), "time": float("inf")})
    {'auc': 0.5, 'loss': None, 'time': 'Infinity'}
    """
    return {name: strict_number(value) for name, value in metrics.items()}


def read_metrics(metrics: Mapping[str, float | str | None]) -> dict[str, float]:
    """Metrics as numbers again."""
    return {name: read_number(value) for name, value in metrics.items()}
