"""A stored study in a few words: for its ``repr``, and for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.formatting import format_component, format_mapping, html_table, without_constants
from ..contracts.record import TrialRecord, TrialState
from ..engine.study_lookup import best_trial
from ..store import Store


@dataclass(frozen=True)
class StudyDescription:
    """A study in a few words.

    Attributes:
        name: The study's name.
        backend: Its backend's name.
        store: Its store's URL.
        counts: Number of trials by state, of those states that any trial is in.
        best: The best trial of a study with one objective, if it has one.
        params: That trial's parameters, without the constants.
        fault: Why the store could not be read, if it could not.
    """

    name: str
    backend: str
    store: str
    counts: Mapping[TrialState, int]
    best: TrialRecord | None = None
    params: Mapping[str, Any] | None = None
    fault: str = ""

    @property
    def text(self) -> str:
        """The ``repr`` of the study."""
        parts = [repr(self.name), f"backend={self.backend!r}", f"store={self.store!r}"]
        parts += [f"{state.value.lower()}={n}" for state, n in self.counts.items()]
        if self.best is not None:
            parts.append(f"best={self.best.value!r}")
            parts.append(f"params={format_mapping(self.params or {})}")
        if self.fault:
            parts.append("unreadable")
        return f"Study({', '.join(parts)})"

    @property
    def html(self) -> str:
        """A table for a notebook, with everything in it escaped."""
        counts = ", ".join(f"{n} {state.value.lower()}" for state, n in self.counts.items())
        rows = [("backend", self.backend), ("store", self.store)]
        rows.append(("trials", self.fault or counts or "none"))
        if self.best is not None:
            rows.append(("best", f"{self.best.value!r} (trial {self.best.number})"))
            rows += [(name, format_component(v)) for name, v in (self.params or {}).items()]
        return html_table(f"study {self.name}", rows)


def describe_study(
    store: Store, name: str, backend: str, objectives: Objectives, constants: Mapping[str, Any]
) -> StudyDescription:
    """Describe a study; also where its store cannot be read any more.

    Args:
        store: Where it is.
        name: Its name.
        backend: Its backend's name.
        objectives: Its objectives.
        constants: The constants of its space, which are left out.
    """
    try:
        counts = {state: n for state, n in store.counts(name).items() if n}
        best = best_trial(store, name, objectives)
    except Exception as error:  # it is shown, not raised: the store may be gone or damaged
        return StudyDescription(name, backend, store.url, {}, fault=f"unreadable: {error}")
    params = None if best is None else without_constants(best.params, constants)
    return StudyDescription(name, backend, store.url, counts, best, params)
