"""The rule that chooses a configuration, checked before anything runs."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SelectionError, SpaceError, nearest, short
from ..space import Space
from ..space.expressions import Expression
from ..space.values import unboxed

BEST = "best"
ONE_STANDARD_ERROR = "one_standard_error"
RULES = (BEST, ONE_STANDARD_ERROR)
TRIED = 200
"""Number of random points at which an expression of ``simplest`` is tried out."""


@dataclass(frozen=True)
class SelectionRule:
    """A rule for choosing a configuration; built and checked by :meth:`of`.

    Attributes:
        name: ``best`` or ``one_standard_error``.
        simplest: What is simple, by which trials are compared in turn; smaller is simpler.
        errors: How many standard errors are allowed.
        paired: Whether the standard error is that of the difference to the best on the same
            folds.
    """

    name: str = BEST
    simplest: tuple[Expression, ...] = ()
    errors: float = 1.0
    paired: bool = False

    @classmethod
    def of(
        cls,
        space: Space,
        rule: Any = BEST,
        *,
        simplest: Any = (),
        errors: Any = 1.0,
        paired: Any = False,
    ) -> SelectionRule:
        """A checked rule; see :func:`hpo_bridge.analysis.select` for the arguments.

        Raises:
            SelectionError: With the path of what is wrong: ``rule``, ``simplest.0``, ….
        """
        if not isinstance(rule, str) or rule not in RULES:
            hint = nearest(str(rule), RULES)
            raise SelectionError(
                f"found {short(rule)}, expected {' or '.join(RULES)}{hint}", "rule"
            )
        if rule == BEST:
            for key, value, plain in (
                ("simplest", simplest, ()), ("errors", errors, 1.0), ("paired", paired, False),
            ):  # fmt: skip
                if not isinstance(value, type(plain)) or value != plain:
                    raise SelectionError(f"is for rule {ONE_STANDARD_ERROR} alone", key)
            return cls()
        paired, errors = unboxed(paired), unboxed(errors)
        if not isinstance(paired, bool):
            raise SelectionError(f"found {short(paired)}, expected true or false", "paired")
        number = isinstance(errors, (int, float)) and not isinstance(errors, bool)
        if not number or not 0 <= errors < math.inf:
            raise SelectionError(f"found {short(errors)}, expected a number from 0 on", "errors")
        return cls(rule, _expressions(simplest, space), float(errors), paired)

    @classmethod
    def from_mapping(cls, space: Space, selection: Any) -> SelectionRule:
        """The rule of a mapping of arguments; the best trial for ``None``.

        Raises:
            SelectionError: With the path of what is wrong, from ``selection`` on.
        """
        if selection is not None and not isinstance(selection, Mapping):
            raise SelectionError(f"found {short(selection)}, expected a mapping", "selection")
        keys = ("rule", "simplest", "errors", "paired")
        for key in selection or ():
            if key not in keys:
                problem = f"unknown key, accepted: {', '.join(keys)}{nearest(str(key), keys)}"
                raise SelectionError(problem, "selection", str(key))
        return cls.of(space, **dict(selection or {}))

    def key(self, params: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the sort key of a configuration's simplicity; smaller is simpler.

        An expression over an inactive parameter gives minus infinity, the simplest.

        Raises:
            SelectionError: If an expression cannot be computed there, or gives no number.
        """
        return tuple(
            _compute(expression, params, str(position))
            for position, expression in enumerate(self.simplest)
        )


def _expressions(texts: Any, space: Space) -> tuple[Expression, ...]:
    """The expressions, each tried out on random points of the space."""
    if isinstance(texts, str) or not isinstance(texts, Sequence) or not texts:
        found = "none" if texts in ((), []) else short(texts)
        expected = "expected what makes a configuration simple, smaller first, such as"
        raise SelectionError(
            f"found {found}, {expected} [max_depth, -min_samples_leaf]", "simplest"
        )
    found_here = []
    for position, text in enumerate(texts):
        try:
            expression = Expression(text)
            expression.check_names([*space, *space.constants])
        except SpaceError as error:
            raise SelectionError(error.problem, "simplest", position, fix=error.fix) from None
        found_here.append(expression)
    rule = SelectionRule(ONE_STANDARD_ERROR, tuple(found_here))
    rng = random.Random(0)
    for _ in range(TRIED):
        rule.key(space.decode([rng.random() for _ in range(space.dimension)]))
    return rule.simplest


def _compute(expression: Expression, params: Mapping[str, Any], position: str) -> float:
    try:
        value = expression(params)
    except KeyError:
        return -math.inf
    except (ArithmeticError, TypeError, ValueError) as error:
        problem = f"{expression.text!r} cannot be computed at {short(dict(params))}: {error}"
        raise SelectionError(problem, "simplest", position) from None
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        problem = f"{expression.text!r} gives {short(value)}, expected a number, or true or false"
        raise SelectionError(problem, "simplest", position)
    return float(value)
