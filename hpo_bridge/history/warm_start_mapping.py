"""An earlier study's trials in a new study's words, and what of them does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..contracts.directions import Objectives
from ..contracts.gradients import Slope
from ..contracts.record import Direction, TrialRecord, TrialState
from ..errors import HpoBridgeError, KeyPath, SpaceError, nearest, short
from ..space import Space
from ..space.expressions import Expression
from ..store import Store
from ..store.event_parts import AdoptedTrial, Reports, TrialResult
from .import_mapping import UnmappableTrial

NOTHING = object()
"""Stands for a value that is not given."""


@dataclass(frozen=True)
class ValueRule:
    """The origin of a parameter's value.

    Attributes:
        text: A parameter of the earlier study, or an expression over them; ``None`` if the
            value is always the same.
        value: What it is without ``text``, and where that cannot be had.
        written: As the user wrote it.
    """

    text: str | None
    value: Any = NOTHING
    written: Any = None


def parse_rule(given: Any, path: KeyPath) -> ValueRule:
    """A rule as a study file has it: a text, ``{value: …}``, or ``{from: text, value: …}``.

    Raises:
        HpoBridgeError: With the path, if it is none of these.
    """
    if isinstance(given, str) and given.strip():
        return ValueRule(given.strip(), written=given)
    keys = set(given) if isinstance(given, Mapping) else set()
    text = given.get("from") if keys else None
    if not keys or not keys <= {"from", "value"} or ("from" in keys and not isinstance(text, str)):
        expected = "expected a name, an expression, {value: …} or {from: …, value: …}"
        raise HpoBridgeError(f"found {short(given)}, {expected}", *path)
    return ValueRule(text, given.get("value", NOTHING), dict(given))


@dataclass(frozen=True)
class EarlierStudy:
    """One earlier study, and how its words are those of the new one.

    Attributes:
        study: Its name.
        store: Where it is: a URL or an open store; ``None`` for the new study's own.
        map: New parameter to where its value comes from.
        values: New objective to the earlier one's name, with ``-`` before it for the negative.
        ignore: Parameters of the earlier study that may be left out.
    """

    study: str
    store: str | Store | None = None
    map: Mapping[str, ValueRule] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()

    def identity(self) -> dict[str, Any]:
        """Return what identifies the earlier study, as plain data; its store may move."""
        return {
            "study": self.study, "map": {name: rule.written for name, rule in self.map.items()},
            "values": dict(self.values), "ignore": list(self.ignore),
        }  # fmt: skip


class WarmStartMapper:
    """Carries trials over from one study to another.

    Args:
        definition: The earlier study's.
        source: What the user says of it.
        path: Where that stands, for what is wrong with it.
        space: The new study's space.
        objectives: What it measures.

    Raises:
        HpoBridgeError: If a parameter or an objective comes from nowhere, is lost, or means the
            opposite.
    """

    def __init__(
        self, definition: Mapping[str, Any], source: EarlierStudy, path: KeyPath, space: Space,
        objectives: Objectives,
    ) -> None:  # fmt: skip
        self._space, self._path = space, path
        self._earlier = definition["space"]
        self._rules: dict[str, ValueRule] = {}
        self._expressions: dict[str, Expression] = {}
        self._used: set[str] = set()
        self._take(source)
        self._check_left_out(source)
        self._values = _objectives(definition["directions"], source, path, objectives)
        first = next(iter(self._values.values()))
        self._sign = first[1] if first[0] == next(iter(definition["directions"])) else None

    def _take(self, source: EarlierStudy) -> None:
        """Finds out where each parameter comes from."""
        known = [*self._space, *self._space.constants]
        for name in source.map:
            if name not in known:
                raise HpoBridgeError(
                    "is no parameter of the new study"
                    f"{nearest(name, known)}; it has {', '.join(known)}",
                    *self._path,
                    "map",
                    name,
                )
        for name in known:
            rule = source.map.get(name)
            if rule is None and name in self._earlier:
                rule = ValueRule(name)
            if rule is None and name in self._space.constants:
                continue
            if rule is None:
                there = ", ".join(self._earlier)
                raise HpoBridgeError(
                    f"study {source.study!r} has no parameter {name!r} (it has {there})",
                    *self._path,
                    "map",
                    fix=(
                        f"say where it comes from, such as map: {{{name}: OTHER}}, or which "
                        f"value it had there: map: {{{name}: {{value: …}}}}"
                    ),
                )
            self._rules[name] = rule
            self._compile(name, rule)

    def _compile(self, name: str, rule: ValueRule) -> None:
        if rule.text is None:
            return
        if rule.text in self._earlier:
            self._used.add(rule.text)
            return
        try:
            expression = Expression(rule.text)
            expression.check_names(list(self._earlier))
        except SpaceError as error:
            raise HpoBridgeError(f"{error}", *self._path, "map", name) from None
        self._expressions[name] = expression
        self._used.update(expression.names)

    def _check_left_out(self, source: EarlierStudy) -> None:
        """A parameter that varied there must not get lost without a word."""
        for name in source.ignore:
            if name not in self._earlier:
                hint = nearest(name, list(self._earlier))
                raise HpoBridgeError(
                    f"study {source.study!r} has no parameter {name!r}{hint}",
                    *self._path,
                    "ignore",
                )
        for name, declared in self._earlier.items():
            if isinstance(declared, Mapping) and name not in (*self._used, *source.ignore):
                raise HpoBridgeError(
                    f"parameter {name!r} of study {source.study!r} is none of the "
                    f"new study: map it, or write ignore: [{name}] if its trials may be taken "
                    "whatever it was",
                    *self._path,
                )

    def map(self, trial: TrialRecord) -> AdoptedTrial:
        """The trial in the new study's words.

        Raises:
            Unfit: If it is no trial of the new study.
        """
        params = self._params(trial.params)
        if trial.state is TrialState.PRUNED and self._sign is None:
            raise UnmappableTrial("pruned by another objective", "")
        values = estimate = None
        reports: Reports = ()
        if self._sign is not None:
            reports = tuple((step, self._sign * value) for step, value in trial.reports)
            if trial.estimate is not None:
                estimate = self._sign * trial.estimate
        if trial.values is not None:
            found = trial.values
            values = {n: sign * found[old] for n, (old, sign) in self._values.items()}
        result = TrialResult(trial.state, values, self._gradients(trial), estimate, reports)
        return AdoptedTrial(trial.number, params, result)

    def _gradients(self, trial: TrialRecord) -> dict[str, Slope] | None:
        """Derivatives with respect to parameters that go over as they are."""
        slopes, sign = trial.gradients, self._sign
        direct = {rule.text: name for name, rule in self._rules.items()}
        if slopes is None or sign is None or self._expressions or not set(slopes) <= set(direct):
            return None
        return {
            direct[name]: [sign * each for each in slope]
            if isinstance(slope, (list, tuple))
            else sign * slope
            for name, slope in slopes.items()
        }

    def _params(self, found: Mapping[str, Any]) -> dict[str, Any]:
        point: dict[str, Any] = {}
        try:
            for name, parameter in self._space.items():
                if self._space.is_active(name, point):
                    try:
                        point[name] = parameter.check(self._value(name, found))
                    except SpaceError as error:
                        raise error.under(name) from None
            for name in self._space.constants:
                if name in self._rules:
                    point[name] = self._value(name, found)
            return self._space.check(point)
        except SpaceError as error:
            where = error.path[0] if error.path else ""
            reason = f"{where}: {error.kind}" if where else error.kind
            raise UnmappableTrial(reason, str(error)) from None

    def _value(self, name: str, found: Mapping[str, Any]) -> Any:
        rule = self._rules[name]
        if rule.text is None:
            return rule.value
        try:
            if name in self._expressions:
                return self._expressions[name](found)
            return found[rule.text]
        except KeyError:
            if rule.value is not NOTHING:
                return rule.value
            raise UnmappableTrial(f"{name}: a parameter is missing", "") from None
        except (ArithmeticError, TypeError, ValueError) as error:
            raise UnmappableTrial(f"{name}: cannot be computed", str(error)) from None


def _objectives(
    there: Mapping[str, str], source: EarlierStudy, path: KeyPath, objectives: Objectives
) -> dict[str, tuple[str, float]]:
    """New objective to the earlier one's name, and the factor to its values."""
    for name in source.values:
        if name not in objectives.names:
            hint = nearest(name, objectives.names)
            raise HpoBridgeError(
                f"is no objective of the new study{hint}; it has {', '.join(objectives.names)}",
                *path,
                "values",
                name,
            )
    found = {}
    for name, own in objectives.directions.items():
        written = source.values.get(name, name)
        sign, earlier = (1.0, written) if written in there else (-1.0, written.removeprefix("-"))
        if earlier not in there:
            raise HpoBridgeError(
                f"study {source.study!r} has no objective {earlier!r}"
                f"{nearest(earlier, list(there))} (it has {', '.join(there)})",
                *path,
                "values",
                fix=(
                    f"say which one is {name!r}, such as values: {{{name}: {next(iter(there))}}}"
                ),
            )
        same = Direction(there[earlier]) is own
        if same != (sign > 0):
            right = earlier if same else f"-{earlier}"
            raise HpoBridgeError(
                f"{earlier!r} is {there[earlier]}d there, {name!r} is {own.value}d here",
                *path,
                "values",
                name,
                fix=f"write {name}: {right} to take {'it as it is' if same else 'its negative'}",
            )
        found[name] = (earlier, sign)
    return found
