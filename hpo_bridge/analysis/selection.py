"""The choice of a study's configuration: the best one, or the simplest that is about as good."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.record import TrialRecord, TrialState
from ..engine.failures import no_complete_trial
from ..errors import SelectionError, SpaceError, counted, nearest, short
from ..space import Space
from ..space.expressions import Expression
from ..space.values import unboxed
from ..store import Store
from .paired import folds_of, paired_difference

BEST = "best"
ONE_STANDARD_ERROR = "one_standard_error"
RULES = (BEST, ONE_STANDARD_ERROR)

TRIED = 200
"""At how many random points an expression of ``simplest`` is tried out."""
LISTED = 10
"""How many trials an explanation lists."""
REMEDY = "return hpo_bridge.Measured(value, standard_error), or use Folded or cross_validated"


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
        """A checked rule; see :meth:`hpo_bridge.Study.select` for the arguments.

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


@dataclass(frozen=True)
class Selection:
    """The trial chosen by a rule, with the reason.

    Attributes:
        rule: The rule's name.
        trial: The chosen trial.
        best: The trial with the best value.
        within: The numbers of the trials that count as good as the best, itself among them.
        threshold: The value that a trial had to reach, in the objective's own direction;
            ``None`` where there is no single one: for rule ``best``, and where ``paired``.
        explanation: All of this in one line.
    """

    rule: str
    trial: TrialRecord
    best: TrialRecord
    within: tuple[int, ...]
    threshold: float | None
    explanation: str

    @property
    def number(self) -> int:
        """The chosen trial's number."""
        return self.trial.number

    @property
    def params(self) -> Mapping[str, Any]:
        """The chosen trial's parameters."""
        return self.trial.params

    @property
    def values(self) -> Mapping[str, float] | None:
        """The chosen trial's values."""
        return self.trial.values

    def __str__(self) -> str:
        return self.explanation


def select_trial(
    rule: SelectionRule, best: TrialRecord, complete: Iterable[TrialRecord], objectives: Objectives
) -> Selection:
    """Choose among a study's complete trials by a rule.

    Args:
        rule: The rule.
        best: The trial with the best value.
        complete: All complete trials, by number.
        objectives: What is measured: a single objective.

    Raises:
        SelectionError: If the best has no standard error, or no folds where ``paired``.
    """
    if rule.name == BEST:
        text = f"trial {best.number} has the best value"
        return Selection(BEST, best, best, (best.number,), None, text)
    if rule.paired:
        return _select_paired(rule, best, complete, objectives)
    return _select_unpaired(rule, best, complete, objectives)


def select_in(store: Store, study: str, objectives: Objectives, rule: SelectionRule) -> Selection:
    """Choose among the complete trials of a stored study; see :func:`select_trial`."""
    check_single(objectives)
    ((name, sign),) = objectives.signs.items()
    best = store.best(study, name, sign)
    if best is None:
        raise no_complete_trial(store, study)
    return select_trial(rule, best, store.trials(study, [TrialState.COMPLETE]), objectives)


def check_single(objectives: Objectives) -> None:
    """Raises SelectionError for several objectives."""
    if len(objectives) > 1:
        raise SelectionError(
            "a study with several objectives has no best trial to select",
            fix="choose one of its front",
        )


def _select_unpaired(
    rule: SelectionRule, best: TrialRecord, complete: Iterable[TrialRecord], objectives: Objectives
) -> Selection:
    (name,) = objectives.names
    error = (best.standard_errors or {}).get(name)
    value = (best.values or {})[name]
    if error is None:
        raise SelectionError(f"trial {best.number}, the best, has no standard error: {REMEDY}")
    limit = objectives.sign * value + rule.errors * error
    ranked = [
        (rule.key(trial.params), loss, trial.number, trial)
        for trial in complete
        if (loss := _loss(trial, objectives)) <= limit
    ]
    text = f"best: trial {best.number}, {name} {value:.6g} ± {error:.3g}; threshold {{}}"
    threshold = objectives.sign * limit
    return _choose_simplest(rule, best, ranked, threshold, text.format(f"{threshold:.6g}"))


def _select_paired(
    rule: SelectionRule, best: TrialRecord, complete: Iterable[TrialRecord], objectives: Objectives
) -> Selection:
    of_best, value = folds_of(best), best.value
    if of_best is None:
        raise SelectionError(
            f"trial {best.number}, the best, has no folds of which its value is the mean",
            "paired",
            fix="report one fold a step, as hpo_bridge.Folded and cross_validated do",
        )
    ranked, unpaired = [], 0
    for trial in complete:
        folds = folds_of(trial)
        if folds is None or folds.keys() != of_best.keys():
            unpaired += 1
            continue
        worse, error = paired_difference(folds, of_best, objectives.sign)
        if worse <= rule.errors * error or trial.number == best.number:
            loss = _loss(trial, objectives)
            ranked.append((rule.key(trial.params), loss, trial.number, trial))
    text = f"best: trial {best.number}, {objectives.names[0]} {value:.6g}; in pairs on its folds"
    if unpaired:
        text += f", {counted(unpaired, 'trial')} without the same folds left out"
    return _choose_simplest(rule, best, ranked, None, text)


def _loss(trial: TrialRecord, objectives: Objectives) -> float:
    losses = objectives.losses(trial.values)
    assert losses is not None
    return losses[0]


def _choose_simplest(
    rule: SelectionRule,
    best: TrialRecord,
    ranked: list[tuple[tuple[float, ...], float, int, TrialRecord]],
    threshold: float | None,
    text: str,
) -> Selection:
    """The simplest; of equally simple ones the best, then the first."""
    trial = min(ranked, key=lambda entry: entry[:3])[3]
    within = tuple(number for _, _, number, _ in ranked)
    listed = ", ".join(map(str, within[:LISTED])) + (", …" if len(within) > LISTED else "")
    errors = f"{rule.errors:g} standard error{'' if rule.errors == 1 else 's'}"
    order = ", ".join(expression.text for expression in rule.simplest)
    explanation = (
        f"trial {trial.number} is the simplest (by {order}) of {len(within)} within {errors} "
        f"of the best ({listed}); {text}"
    )
    return Selection(rule.name, trial, best, within, threshold, explanation)
