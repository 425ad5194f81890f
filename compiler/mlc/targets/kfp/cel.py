"""Conditions in CEL, as the driver evaluates them (backend/src/v2/expression/expression.go).

Strict: a list is built before `all` or `exists` looks at it, so every operand is evaluated and one that errs fails the run; CEL's own
`&&` and `||` swallow an error when the other side decides. Numbers are doubles throughout: that is what parameters and JSON are in CEL.
"""

from __future__ import annotations

import json

from ...ir import Compare, In, Literal, Logic, MetricRef, Not, ParamRef, PathRef, RunRef, ValueRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ...ir import Condition, Expr, Param

_UNSAFE = frozenset("\\'\"$\u00ad\u2028\u2029\ufeff")


def quoted(text: str) -> str:
    """A CEL string. Escaped: what ends it, `$` (the driver gets the condition in an argument, which a kubelet reads), `{{` (Argo)."""
    parts = [_escape(char) if char in _UNSAFE or not char.isprintable() else char for char in text]
    for at in range(len(parts) - 1):
        if text[at] == text[at + 1] == "{":
            parts[at] = _escape("{")
    return f"'{''.join(parts)}'"


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def literal(value: Any) -> str:
    """Plain data in CEL; numbers become doubles."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, (int, float)):
        return number(str(value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(str(key))}: {literal(item)}" for key, item in value.items()) + "}"
    return "[" + ", ".join(literal(item) for item in value) + "]"


def number(text: str) -> str:
    """A JSON number as a CEL double, in its own digits."""
    return text if any(mark in text for mark in ".eE") else text + ".0"


def condition(conditions: Sequence[Condition], params: Sequence[Param]) -> str:
    """All conditions of a step, and that its params keep to their `choices`, `min` and `max`: an error where one does not."""
    parts = [limits(param) for param in params]
    parts.extend(expression(each.expr) for each in conditions)
    return parts[0] if len(parts) == 1 else _strict(parts, "all")


def expression(expr: Expr) -> str:
    """An expression; what is no number, or no boolean, where one is needed is an error."""
    match expr:
        case Literal(type="int" | "float", text=text):
            return number(text)
        case Literal(value=value):
            return literal(value)
        case Compare(op=op, left=left, right=right):
            return f"({expression(left)} {op} {expression(right)})"
        case In(left=left, options=options):
            return f"({expression(left)} in [{', '.join(expression(option) for option in options)}])"
        case Not(operand=operand):
            return f"!({expression(operand)})"
        case Logic(op=op, operands=operands):
            return _strict([expression(operand) for operand in operands], "all" if op == "and" else "exists")
        case ParamRef(param=param):
            return _input(param.name)  # the driver checked its type (driver/resolve.go)
        case RunRef(name=name):
            return _input(f"x-run.{name}")
        case MetricRef(step=step, metric=metric):
            from .bind import lookup

            found = f"parseJson({_input(f'{step}.{metric.name}')}){lookup(metric)}"
            return _typed(found, "double", f"step {step}: metric {metric.name} is no number")
        case ValueRef(step=step, value=value) if value.type in ("int", "float", "bool"):
            kind = "bool" if value.type == "bool" else "double"
            text = "neither true nor false" if value.type == "bool" else "no number"
            return _typed(f"parseJson({_input(f'{step}.{value.name}')})", kind, f"step {step}: value {value.name} is {text}")
        case ValueRef(step=step, value=value):
            return _input(f"{step}.{value.name}")
        case PathRef(path=path):
            return quoted(path)


def limits(param: Param) -> str:
    """True where the param keeps to its `choices`, `min` and `max`, an error that says so where it does not."""
    given = _input(param.name)
    checks: list[str] = []
    if param.choices:
        values = param.choices if param.type == "string" else [json.loads(choice) for choice in param.choices]
        checks.append(f"{given} in {literal(list(values))}")
    if param.minimum is not None:
        checks.append(f"{given} >= {number(param.minimum)}")
    if param.maximum is not None:
        checks.append(f"{given} <= {number(param.maximum)}")
    holds = checks[0] if len(checks) == 1 else _strict(checks, "all")
    return f"({holds} ? true : {_error(f'parameter {param.name} is outside its limits')})"


def _strict(parts: list[str], macro: str) -> str:
    return f"[{', '.join(parts)}].{macro}(c, c)"


def _typed(value: str, kind: str, message: str) -> str:
    return f"(type({value}) == {kind} ? {value} : {_error(message)})"


def _error(message: str) -> str:
    """An error when evaluated. The name of a key that a map does not have is what CEL repeats in its message."""
    return "{}[" + quoted(message) + "]"


def _input(name: str) -> str:
    return f"inputs.parameter_values['{name}']"
