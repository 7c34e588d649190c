"""The outer splits that a user asks for in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from ..contracts.objective import OuterSplit, SupportsNestedCV
from ..contracts.record import Direction
from ..contracts.trial import Trial
from ..engine.definition import as_json
from ..errors import HpoBridgeError, short
from ..objectives.objective import FunctionObjective, objective_for
from ..space import Space


def outer_splits(
    objective: Any,
    splits: Any,
    score: Callable[[Trial, Any, Any], Any] | None,
    space: Space,
    directions: Mapping[str, Direction],
    seed: int,
) -> Sequence[OuterSplit]:
    """Return the outer splits; see :func:`hpo_bridge.analysis.nested_cv`.

    Raises:
        HpoBridgeError: If they are wrong, or the objective cannot be split so.
    """
    if score is not None:
        return Rows(objective, score, splits).outer_splits()
    source = objective_for(objective, space, directions)
    if not isinstance(source, SupportsNestedCV):
        raise HpoBridgeError(
            f"is missing: objective {source.describe()} cannot be split once more by "
            "itself, as cross_validated can",
            "score",
            fix="give score(trial, train, test)",
        )
    return source.outer_loop(splits).splits(seed)


@dataclass(frozen=True)
class Rows:
    """Functions of rows as objectives of outer splits, for data of any kind.

    Attributes:
        objective: Called with a trial and the rows of the training part.
        score: Called with a trial, the rows of the training part, and those of the test part.
        splits: ``(train, test)`` of each split: indices, or whatever the functions take.
    """

    objective: Callable[[Trial, Any], Any]
    score: Callable[[Trial, Any, Any], Any]
    splits: Sequence[tuple[Any, Any]]

    def outer_splits(self) -> list[OuterSplit]:
        """The outer splits.

        Raises:
            HpoBridgeError: If they are not two or more pairs.
        """
        return list(self._made())

    def _made(self) -> Iterator[OuterSplit]:
        for name, function in (("objective", self.objective), ("score", self.score)):
            if not callable(function):
                raise HpoBridgeError(f"found {short(function)}, expected a function", name)
        pairs = list(self.splits) if isinstance(self.splits, Iterable) else [self.splits]
        if len(pairs) < 2 or any(not _is_pair(pair) for pair in pairs):
            found = short(pairs)
            raise HpoBridgeError(f"found {found}, expected two or more (train, test)", "splits")
        for train, test in pairs:
            yield OuterSplit(
                FunctionObjective(_On(self.objective, train)),
                FunctionObjective(_On(self.score, train, test)),
                identity_of(train, test),
            )


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2


class _On:
    """A function of a trial, with the rows that it works on."""

    def __init__(self, function: Callable[..., Any], *rows: Any) -> None:
        self._call = function
        self._rows = rows
        name = getattr(function, "__qualname__", type(function).__qualname__)
        self.__qualname__, self.__module__ = name, getattr(function, "__module__", "?")

    def __call__(self, trial: Trial) -> Any:
        return self._call(trial, *self._rows)


def identity_of(*rows: Any) -> str:
    """Return a digest that identifies rows, taken of plain lists.

    >>> identity_of([0, 1], [2]) == identity_of((0, 1), (2,)) != identity_of([0], [1, 2])
    True
    """
    plain = [each.tolist() if hasattr(each, "tolist") else each for each in rows]
    return blake2b(as_json(plain).encode(), digest_size=8).hexdigest()
