"""Studies that say what they are evaluated on, so that other data are not added to them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..contracts.argument_checks import naming
from ..contracts.directions import Objectives
from ..contracts.optimizer import BackendSpec
from ..engine.definition import definition
from ..errors import StoreError
from ..plugins.manager import manager
from ..space import Space
from ..store import Store, open_store

_KEY = "evaluated_on"
"""Where a study's definition has them: name to text."""


@contextmanager
def open_evaluated(
    store: str | os.PathLike[str] | None,
    name: str,
    space: Space,
    directions: Mapping[str, Any],
    seed: int | None,
    evaluated_on: Mapping[str, str],
) -> Iterator[Store]:
    """Open a store for a study that is evaluated on what these texts say, and close it.

    A study that is not there is made; one that a study file made has nothing to compare.

    Args:
        store: A URL or a path; ``None`` keeps the study in memory.
        name: The study's name there.
        space: Its space.
        directions: Its objectives.
        seed: Its seed; ``None`` draws one.
        evaluated_on: Texts by name, such as hashes of the data.

    Raises:
        StoreError: If the stored study was evaluated on something else; says on what.
    """
    opened = open_store(store)
    try:
        row = opened.study(name)
        if row is None and evaluated_on:
            seed = secrets.randbits(31) if seed is None else seed
            made = definition(space, Objectives(directions), seed)
            opened.create(name, {**made, _KEY: dict(evaluated_on)})
        stored = {} if row is None else row.definition.get(_KEY) or {}
        for key, text in evaluated_on.items():
            if store is not None and stored.get(key, text) != text:
                there = f"{stored[key]} there, {text} here"
                problem = f"study {name!r} in {opened.url} was evaluated on other {key}: {there}"
                raise StoreError(problem, fix="use the same, or another study_name or store")
        yield opened
    finally:
        opened.close()


def find_backend(name: str) -> BackendSpec | None:
    """Return the spec of a backend, or ``None`` if it cannot be used here.

    Raises:
        UnknownName: If there is none of that name; says which is nearest.
    """
    with naming("backend"):
        spec = manager().find("backend", name).spec
    return spec if isinstance(spec, BackendSpec) else None
