"""The study of a search, made or continued."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sklearn.utils import check_random_state

from hpo_bridge import Capability, HpoBridgeError, Space, Study, load_study
from hpo_bridge.study import find_backend, open_evaluated

Choice = str | Mapping[str, Any]
Backends = Choice | Sequence[Choice]


def seed_of(random_state: Any) -> int | None:
    """A study's seed: an integer as it is, a number drawn from a generator, or ``None``."""
    if random_state is None:
        return None
    if isinstance(random_state, int):
        return random_state % 2**31
    return int(check_random_state(random_state).randint(2**31 - 1))


def check_trials(n_trials: int | None, backend: Backends) -> None:
    """Refuses a search without end.

    Raises:
        UnknownName: If there is no such backend; says which is nearest.
        HpoBridgeError: If the backend never ends by itself, and ``n_trials`` is missing.
    """
    last = backend[-1] if isinstance(backend, (list, tuple)) and backend else backend
    name = last.get("name") if isinstance(last, Mapping) else last
    if not isinstance(name, str):
        return  # which the study refuses
    spec = find_backend(name)
    if n_trials is None and Capability.FINITE not in getattr(spec, "capabilities", ()):
        raise HpoBridgeError(
            f"backend {name!r} never ends by itself",
            "n_trials",
            fix=("give the number of candidates to try, such as n_trials=50"),
        )


def absolute(store: str | os.PathLike[str] | None) -> str | os.PathLike[str] | None:
    """Return a store that means the same wherever this process goes; ``None`` if it is that.

    >>> absolute("sqlite:////tmp/search.db"), absolute("postgresql://host/db")
    ('sqlite:////tmp/search.db', 'postgresql://host/db')
    """
    if store is None:
        return None
    if isinstance(store, os.PathLike):
        return Path(store).absolute()
    scheme, separator, path = store.rpartition("sqlite:///")
    return store if "://" in path or scheme else f"{separator}{os.path.abspath(path)}"


def kept_study(search: Any) -> Study:
    """The study of the last ``fit``, as its store has it now.

    Raises:
        AttributeError: If it was not fitted, or has no store.
        StoreError: If the store is not there any more.
    """
    if not hasattr(search, "_kept"):
        raise AttributeError("study_: this search is not fitted yet")
    store, name = search._kept
    if store is None:
        raise AttributeError(
            "study_: a search keeps its study only in a store; give it one, such as "
            "store='sqlite:///search.db'"
        )
    return load_study(name, store=store)


@contextmanager
def opened(
    space: Space,
    objectives: Sequence[str],
    *,
    backend: Backends,
    pruner: Choice | None,
    random_state: Any,
    store: str | os.PathLike[str] | None,
    name: str,
    evaluated_on: Mapping[str, str],
) -> Iterator[Study]:
    """A study that maximises the objectives, closed at the end.

    Args:
        space: What may vary.
        objectives: Names of the scorers.
        backend: Who proposes.
        pruner: What stops trials early, or ``None``.
        random_state: What scikit-learn takes.
        store: A URL or a path; ``None`` keeps the study in memory.
        name: The study's name there.
        evaluated_on: Texts that a study that is continued must have been made with.

    Raises:
        HpoBridgeError: For all that a study refuses.
    """
    seed = seed_of(random_state)
    directions = dict.fromkeys(objectives, "maximize")
    with (
        open_evaluated(store, name, space, directions, seed, evaluated_on) as kept,
        Study(
            space, backend=backend, directions=directions, seed=seed, pruner=pruner, store=kept,
            name=name,
        ) as study,
    ):  # fmt: skip
        yield study


__all__ = ["Choice", "absolute", "check_trials", "kept_study", "opened", "seed_of"]
