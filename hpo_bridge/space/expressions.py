"""Constraint expressions: arithmetic and comparisons over parameters, and nothing else.

The text is parsed with :mod:`ast` and walked by a small interpreter that knows the nodes
listed here. There is no ``eval``, no attribute access, no call but of the functions named.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import SpaceError, nearest

MAX_LENGTH = 1000
"""Longest expression, in characters."""
MAX_DEPTH = 150
"""Deepest nesting."""
MAX_BITS = 1024
"""Largest integer that a power or a product may reach, in bits: keeps ``9**9**9`` away."""
MAX_DIGITS = 30
"""Most digits that ``round`` may be asked for."""


def _within_limits(result: Any) -> Any:
    if isinstance(result, int) and result.bit_length() > MAX_BITS:
        raise OverflowError("the result is too large")
    return result


def _number(value: Any) -> Any:
    """Keeps arithmetic to numbers: ``'a' * 10**9`` is a mistake, or an attack."""
    if not isinstance(value, (int, float)):
        raise TypeError(f"cannot calculate with {value!r}")
    return value


def _power(base: Any, exponent: Any) -> Any:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and exponent > 0 and base.bit_length() * exponent > MAX_BITS:
        raise OverflowError("the result is too large")
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("a root of a negative number")
    return result


def _round(value: Any, digits: int = 0) -> Any:
    """To whole numbers, or to ``digits`` after the point; few, as before it they are costly."""
    if not isinstance(digits, int) or abs(digits) > MAX_DIGITS:
        raise TypeError(f"cannot round to {digits!r} digits")
    return round(_number(value), digits) if digits else round(_number(value))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "min": min, "max": max, "round": _round, "len": len,
    "sqrt": math.sqrt, "log": math.log, "log2": math.log2, "log10": math.log10,
    "exp": math.exp, "floor": math.floor, "ceil": math.ceil,
}  # fmt: skip
"""The functions that an expression may call."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: _power,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_EQUALITIES = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: lambda a: -_number(a),
    ast.UAdd: lambda a: +_number(a),
    ast.Not: operator.not_,
}

Compiled = Callable[[Mapping[str, Any]], Any]


class Expression:
    """An expression over named values.

    Args:
        text: For example ``"batch_size * layers <= 512"`` or
            ``"optimizer == 'sgd' or lr < 0.01"``. Known are numbers, strings, lists, ``True``,
            ``False``, ``None``, the parameters' names, ``+ - * / // % **``, comparisons
            (chained too, ``in`` and ``not in`` a list), ``and or not``, ``a if b else c``, and
            the functions of :data:`FUNCTIONS`.

    Raises:
        SpaceError: If the text is not such an expression.

    Example:
        >>> Expression("a * b <= 10")({"a": 2, "b": 5})
        True
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text.strip():
            raise SpaceError(f"found {text!r}, expected an expression such as 'a * b <= 10'")
        if len(text) > MAX_LENGTH:
            raise SpaceError(f"longer than {MAX_LENGTH} characters")
        self.text = text.strip()
        try:
            tree = ast.parse(self.text, mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            reason = getattr(error, "msg", None) or type(error).__name__
            raise SpaceError(f"{self.text!r} is not an expression: {reason}") from None
        names: dict[str, None] = {}
        self._run = _compile(tree.body, names, self.text, 0)
        self.names = tuple(names)
        self.equalities = tuple(
            frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name))
            for node in ast.walk(tree)
            if isinstance(node, ast.Compare)
            and any(isinstance(op, _EQUALITIES) for op in node.ops)
        )
        """The names in each comparison by ``==``, ``!=``, ``in`` and ``not in``."""

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """The expression's value for the given values of its names.

        Raises:
            ArithmeticError, TypeError, ValueError: As the operations do.
        """
        return self._run(values)

    def check_names(self, known: Sequence[str]) -> None:
        """Raises :class:`SpaceError` if a name is not among ``known``."""
        for name in self.names:
            if name not in known:
                hint = nearest(name, list(known))
                raise SpaceError(f"{self.text!r} names {name!r}, which is no parameter{hint}")

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def _compile(node: ast.expr, names: dict[str, None], text: str, depth: int) -> Compiled:
    """Turns a node into a function of the values; anything unknown is refused."""
    if depth > MAX_DEPTH:
        raise SpaceError(f"{text[:40]!r}… is nested too deeply")

    def compiled(child: ast.expr) -> Compiled:
        return _compile(child, names, text, depth + 1)

    if isinstance(node, ast.Constant) and isinstance(
        node.value, (int, float, str, bool, type(None))
    ):
        value = node.value
        if isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise SpaceError(f"{text!r}: the number is too large")
        return lambda values: value
    if isinstance(node, ast.Name):
        name = node.id
        names[name] = None
        return lambda values: values[name]
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [compiled(item) for item in node.elts]
        return lambda values: [item(values) for item in items]
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        unary, operand = _UNARY[type(node.op)], compiled(node.operand)
        return lambda values: unary(operand(values))
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _binary(_BINARY[type(node.op)], compiled(node.left), compiled(node.right))
    if isinstance(node, ast.BoolOp):
        return _boolean(isinstance(node.op, ast.And), [compiled(v) for v in node.values])
    if isinstance(node, ast.Compare):
        operators = [_COMPARE.get(type(op)) for op in node.ops]
        if None not in operators:
            operands = [compiled(node.left), *map(compiled, node.comparators)]
            return _comparison(operators, operands)  # type: ignore[arg-type]
    if isinstance(node, ast.IfExp):
        test, body, other = compiled(node.test), compiled(node.body), compiled(node.orelse)
        return lambda values: body(values) if test(values) else other(values)
    if isinstance(node, ast.Call):
        return _call(node, compiled, text)
    raise SpaceError(f"{text!r}: {_source(text, node)!r} is not allowed in an expression")


def _source(text: str, node: ast.expr) -> str:
    """The part of the text that a node stands for; unparsing a deep one could overflow."""
    return ast.get_source_segment(text, node) or type(node).__name__


def _binary(operation: Callable[[Any, Any], Any], left: Compiled, right: Compiled) -> Compiled:
    def run(values: Mapping[str, Any]) -> Any:
        return _within_limits(operation(_number(left(values)), _number(right(values))))

    return run


def _boolean(is_and: bool, operands: list[Compiled]) -> Compiled:
    if is_and:
        return lambda values: all(operand(values) for operand in operands)
    return lambda values: any(operand(values) for operand in operands)


def _comparison(operators: list[Callable[[Any, Any], Any]], operands: list[Compiled]) -> Compiled:
    def run(values: Mapping[str, Any]) -> Any:
        left = operands[0](values)
        for compare, operand in zip(operators, operands[1:], strict=True):
            right = operand(values)
            if not compare(left, right):
                return False
            left = right
        return True

    return run


def _call(node: ast.Call, compiled: Callable[[ast.expr], Compiled], text: str) -> Compiled:
    if not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or node.keywords:
        known = ", ".join(FUNCTIONS)
        raise SpaceError(f"{text!r}: {_source(text, node)!r} is not allowed; functions: {known}")
    function = FUNCTIONS[node.func.id]
    arguments = [compiled(argument) for argument in node.args]
    return lambda values: function(*(argument(values) for argument in arguments))
