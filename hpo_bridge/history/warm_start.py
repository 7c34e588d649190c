"""Warm start: the trials of earlier studies, as points that a new study's backend did not propose.

They are read and mapped once, and written into the new study's log (events ``adopted``) before
its first session. From then on the log has all that is told: the earlier store may go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.record import TrialRecord, TrialState
from ..engine.backend_segment import plain
from ..engine.study_lookup import find_study
from ..errors import HpoBridgeError, KeyPath, StoreError, nearest, short
from ..space import Space
from ..space.changes import completed
from ..store import Store, open_store
from ..store.event_parts import AdoptedTrial
from ..store.study_events import Adopted, SessionStarted
from .import_mapping import UnmappableTrial
from .space_change import known_defaults
from .warm_start_mapping import EarlierStudy, WarmStartMapper, parse_rule

BATCH = 500
"""How many trials one event has."""
KEYS = ("store", "study", "map", "values", "ignore")


def parse_sources(given: Any) -> tuple[EarlierStudy, ...]:
    """A study's ``warm_start``, checked as far as that goes without the earlier studies.

    Raises:
        HpoBridgeError: With the path of what is wrong, such as ``warm_start.0.map.lr``.

    Example:
        >>> (source,) = parse_sources([{"study": "old", "map": {"lr": "learning_rate"}}])
        >>> source.study, source.map["lr"].written
        ('old', 'learning_rate')
    """
    if given is None:
        return ()
    if isinstance(given, (str, Mapping)) or not isinstance(given, Sequence):
        expected = "expected a list such as [{store: sqlite:///old.db, study: name}]"
        raise HpoBridgeError(f"found {short(given)}, {expected}", "warm_start")
    return tuple(_source(each, ("warm_start", str(place))) for place, each in enumerate(given))


def _source(given: Any, path: KeyPath) -> EarlierStudy:
    if not isinstance(given, Mapping):
        raise HpoBridgeError(f"found {short(given)}, expected a mapping with a study", *path)
    for key in given:
        if key not in KEYS:
            hint = nearest(str(key), KEYS)
            raise HpoBridgeError(f"unknown key, accepted: {', '.join(KEYS)}{hint}", *path, key)
    given = {key: value for key, value in given.items() if value is not None}
    if not isinstance(given.get("study"), str):
        raise HpoBridgeError(f"found {short(given.get('study'))}, expected a name", *path, "study")
    for key in ("map", "values"):
        if not isinstance(given.get(key, {}), Mapping):
            raise HpoBridgeError(f"found {short(given[key])}, expected a mapping", *path, key)
    ignore = given.get("ignore", ())
    if isinstance(ignore, str) or not all(isinstance(name, str) for name in ignore):
        raise HpoBridgeError(f"found {short(ignore)}, expected a list of names", *path, "ignore")
    for name, value in given.get("values", {}).items():
        if not isinstance(value, str) or not value.strip("-"):
            expected = "expected an objective's name, or -name for the negative"
            raise HpoBridgeError(f"found {short(value)}, {expected}", *path, "values", name)
    rules = {
        name: parse_rule(rule, (*path, "map", name)) for name, rule in given.get("map", {}).items()
    }
    values = dict(given.get("values", {}))
    return EarlierStudy(given["study"], given.get("store"), rules, values, tuple(ignore))


def adoption_events(
    sources: Sequence[EarlierStudy], store: Store, name: str, space: Space, objectives: Objectives
) -> list[Adopted]:
    """The events that a new study begins with; none if it has them, or no sources.

    Args:
        sources: The earlier studies.
        store: Where the new one is, or is to be.
        name: Its name.
        space: Its space.
        objectives: What it measures.

    Raises:
        HpoBridgeError: If an earlier study cannot be read, or not be mapped.
        StoreError: If the stored study began otherwise.
    """
    if not sources:
        return []
    row = store.study(name)
    if row is not None and _begun(sources, store, name):
        return []
    events: list[Adopted] = []
    for place, source in enumerate(sources):
        path = ("warm_start", str(place))
        with _open_earlier(source, store, path) as earlier:
            events += _adopt(source, earlier, path, space, objectives)
    return events


def _begun(sources: Sequence[EarlierStudy], store: Store, name: str) -> bool:
    """Return True if a stored study has these sources already."""
    stored = {event.place: event.source for event in store.events_of(name, Adopted)}
    if stored:
        wanted = [source.identity() for source in sources]
        found = [{k: v for k, v in each.items() if k != "store"} for each in stored.values()]
        if plain(found) != plain(wanted):
            raise StoreError(
                f"warm_start: study {name!r} in {store.url} began with another one "
                f"({short(found)})",
                fix="leave it out, or use another study name",
            )
        return True
    if next(store.events_of(name, SessionStarted), None) is not None:
        raise StoreError(
            f"warm_start: study {name!r} in {store.url} has begun without",
            fix="leave it out, or use another study name",
        )
    return False


@contextmanager
def _open_earlier(source: EarlierStudy, own: Store, path: KeyPath) -> Iterator[Store]:
    """The store of an earlier study, which has it."""
    given = own if source.store is None else source.store
    try:
        store = open_store(given, create=False) if isinstance(given, str) else given
    except StoreError as error:
        raise HpoBridgeError(f"{error}", *path, "store") from None
    try:
        try:
            find_study(store, source.study)
        except StoreError as error:
            raise HpoBridgeError(error.problem, *path, "study", fix=error.fix) from None
        yield store
    finally:
        if isinstance(given, str):
            store.close()


def _adopt(
    source: EarlierStudy, earlier: Store, path: KeyPath, new: Space, objectives: Objectives
) -> list[Adopted]:
    row = earlier.study(source.study)
    assert row is not None
    carrier = WarmStartMapper(row.definition, source, path, new, objectives)
    taken: list[AdoptedTrial] = []
    left: Counter[str] = Counter()
    defaults = known_defaults(earlier, source.study, None)
    space = Space.from_plain(row.definition["space"]) if defaults else None
    for trial in earlier.trials(source.study):
        if space is not None:  # its space has changed since
            trial = replace(trial, params=completed(space, defaults, trial.params))
        try:
            taken.append(_map_trial(trial, carrier))
        except UnmappableTrial as unfit:
            left[unfit.reason] += 1
    place = int(path[-1])
    origin = {"store": earlier.url, **source.identity()}
    batches = [tuple(taken[at : at + BATCH]) for at in range(0, max(len(taken), 1), BATCH)]
    events = [Adopted(place=place, source=origin, trials=batch) for batch in batches]
    events[0] = replace(events[0], left=dict(left.most_common()))
    return events


def _map_trial(trial: TrialRecord, carrier: WarmStartMapper) -> AdoptedTrial:
    if not trial.state.is_final:
        raise UnmappableTrial("not finished", "")
    if trial.state is TrialState.FAILED:
        raise UnmappableTrial("failed", "")
    if trial.changes:
        raise UnmappableTrial("its parameters changed while it ran", "")
    return carrier.map(trial)
