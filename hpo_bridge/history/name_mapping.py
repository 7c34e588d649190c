"""The names that a source has for a study's parameters, objectives, fields and states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..contracts.directions import Objectives
from ..contracts.record import TrialState
from ..errors import HistoryError, nearest
from ..space import Space

FIELDS = ("state", "started", "finished", "error")
"""The fields of a trial that a source's column may stand for."""


@dataclass(frozen=True)
class NameMapping:
    """Names of a source, and what they are in the study.

    Attributes:
        rename: As the user gave it: source to study.
        params: What the source is expected to call the study's parameters and constants.
        objectives: Likewise the objectives, in order.
        negative: Those of the latter that stand for the negative.
        fields: The source's columns for fields of a trial, such as its state.
        states: The source's words for states.
    """

    rename: Mapping[str, str]
    params: tuple[str, ...]
    objectives: tuple[str, ...]
    negative: frozenset[str]
    fields: Mapping[str, str]
    states: Mapping[str, TrialState]

    def param(self, name: str) -> str:
        """The study's name of a parameter of the source."""
        return self.rename.get(name, name)


def name_mapping(space: Space, objectives: Objectives, rename: Mapping[str, str]) -> NameMapping:
    """Return the names of the source, by the user's mapping.

    Raises:
        HistoryError: If it names what the study has not, or one thing twice.
    """
    params = [*space, *space.constants]
    signed = {f"-{name}": name for name in objectives.names if f"-{name}" not in params}
    known = [*params, *objectives.names, *signed]
    others = {source: target for source, target in rename.items() if target not in known}
    fields = {s: t.lower() for s, t in others.items() if t.lower() in ("", *FIELDS)}
    members = TrialState.__members__
    states = {s: members[t.upper()] for s, t in others.items() if t.upper() in members}
    found: dict[str, str] = {}
    for source, target in rename.items():
        if source in fields or source in states:
            continue
        if target and target not in known:
            raise HistoryError(
                f"{source}={target}: the study has no parameter or objective {target!r}"
                f"{nearest(target, [*known, *FIELDS, *members])}; it has "
                f"{', '.join([*params, *objectives.names])}; a column or a word of a table may "
                f"also stand for {', '.join(FIELDS)}, {', '.join(members)}",
                "map",
            )
        plain = signed.get(target, target)
        if target and plain in found:
            raise HistoryError(f"both {found[plain]!r} and {source!r} stand for {plain!r}", "map")
        found[plain] = source
    negative = frozenset(source for source, target in rename.items() if target in signed)
    return NameMapping(
        dict(rename), tuple(found.get(name, name) for name in params),
        tuple(found.get(name, name) for name in objectives.names), negative, fields, states,
    )  # fmt: skip
