"""Conditions in CEL, as the driver evaluates them (backend/src/v2/expression/expression.go).

Strict: a list is built before `all` or `exists` looks at it, so every operand is evaluated and one that errs fails the run; CEL's own
`&&` and `||` swallow an error when the other side decides. Numbers are doubles throughout: that is what parameters and JSON are in CEL.
"""

from __future__ import annotations

import json

from ...ir import Compare, EachRef, In, ListRef, Literal, Logic, MetricRef, Not, OuterRef, ParamRef, PathRef, RunRef, ValueRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ...ir import Condition, Expr, Param, Ref

_INT = "-?[0-9]+"
_FLOAT = "-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?"
_SPACE = "[ \t\r\n]*"  # of JSON
_UNSAFE = frozenset("\\'\"$\u00ad\u2028\u2029\ufeff")


def quoted(text: str) -> str:
    """A CEL string. Escaped: what ends it, `$` (the driver gets the condition in an argument, which a kubelet reads), `{{` (Argo).

    And characters on which Argo's templates may break (`lowering.text.unquotable`), by their numbers: what is printable varies with Python.
    """
    parts = [_escape(char) if char < " " or "\x7f" <= char <= "\xa0" or char > "\uffff" or char in _UNSAFE else char for char in text]
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


def condition(
    conditions: Sequence[Condition],
    asked: Sequence[Param],
    used: Sequence[Param] = (),
    files: Sequence[Ref] = (),
    others: Sequence[str] = (),
) -> str:
    """When a step runs, and an error where that cannot be told, or where it would run with a text that is not what it must be.

    Its conditions come first, with the limits of the params in them (`asked`): all of them, whatever the others say. Only if they hold,
    what goes into its texts: params (`used`) keep to their limits, `files` hold what they must, and so do `others`, which are tests by
    `filled` and `legal`. "" where there is nothing to check.
    """
    whether = [*(limits(param) for param in asked), *(expression(each.expr) for each in conditions)]
    texts = [*(limits(param) for param in used), *(typed(ref) for ref in files), *others]
    if whether and texts:
        return f"{_strict(whether, 'all')} ? {_strict(texts, 'all')} : false"
    return _strict(whether or texts, "all") if whether or texts else ""


def missed(tests: Sequence[tuple[Compare, str]], params: Sequence[Param]) -> str:
    """False where every test holds, an error with its message where one does not, or where a param is outside its limits."""
    parts = [f"!{limits(param)}" for param in params]
    parts.extend(f"({expression(test)} ? false : {_error(message)})" for test, message in tests)
    return parts[0] if len(parts) == 1 else _strict(parts, "exists")


def typed(ref: Ref) -> str:
    """True where a text from a file may stand in another text, an error that says so where it may not: the rules of the Argo target.

    Numbers keep their text there, so it is the text that must be one. On the way to the program Argo would replace `{{`, and `$$` and
    `$(X)` by the kubelet: the launcher gets the text in its command (driver/driver.go, `--executor_input`).
    """
    match ref:
        case OuterRef(ref=made):
            return typed(made)
        case MetricRef(step=step, metric=metric):
            given, called, kind = _input(f"{step}.{metric.name}"), f"step {step}: metric {metric.name}", "metric"
        case ValueRef(step=step, value=value):
            given, called, kind = _input(f"{step}.{value.name}"), f"step {step}: value {value.name}", value.type
        case ListRef(step=step, value=value):
            given, called, kind = _input(f"{step}.{value.name}"), f"step {step}: value {value.name}", "list"
        case EachRef(column=column, type=item):
            given, called, kind = _input(f"each.{column}"), f"each.{column}", item
        case _:
            raise AssertionError(ref)
    if isinstance(ref, MetricRef) and (ref.metric.key or ref.metric.format == "kfp-v1"):
        from .bind import lookup

        holds, problem = f"type(parseJson({given}){lookup(ref.metric)}) == double", "is no number"
    elif kind == "metric":
        holds, problem = f"{given}.matches({quoted(f'^{_SPACE}{_FLOAT}{_SPACE}$')})", "is no number"
    elif kind in ("int", "float"):
        form = _INT if kind == "int" else _FLOAT
        holds, problem = f"{given}.matches({quoted(f'^{form}$')})", "is no number"
    elif kind == "bool":
        holds, problem = f"{given} in ['true', 'false']", "is neither true nor false"
    else:
        found = ", ".join(quoted(mark) for mark in ("{{", "$$", "$("))
        holds, problem = f"[{found}].all(c, !{given}.contains(c))", "contains double braces, a double dollar sign or $("
    return f"({holds} ? true : {_error(f'{called} {problem}')})"


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
        case ValueRef(step=step, value=value) | ListRef(step=step, value=value):
            return _input(f"{step}.{value.name}")
        case EachRef(column=column, type=kind) if kind in ("int", "float", "bool"):
            text = "neither true nor false" if kind == "bool" else "no number"
            return _typed(f"parseJson({_input(f'each.{column}')})", "bool" if kind == "bool" else "double", f"each.{column} is {text}")
        case EachRef(column=column):
            return _input(f"each.{column}")
        case OuterRef(ref=ref):
            return expression(ref)
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
    return f"({_strict(checks, 'all')} ? true : {_error(f'parameter {param.name} is outside its limits')})"


def filled(name: str, message: str) -> str:
    """True where a list has something in it, an error where it is empty."""
    return f"(size({_input(name)}) > 0 ? true : {_error(message)})"


def legal(param: Param, what: str, *, volume: bool) -> str:
    """True where a param can be the name of an object, an error that names `what` for it where it cannot; a `volume` is called like it."""
    label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    given, most = _input(param.name), 63 if volume else 253
    form = f"^{label}$" if volume else f"^{label}([.]{label})*$"
    message = f"{what}: parameter {param.name} makes no legal name of {'a volume' if volume else 'an object'}"
    return f"({_strict([f'{given}.matches({quoted(form)})', f'size({given}) <= {most}'], 'all')} ? true : {_error(message)})"


def _strict(parts: list[str], macro: str) -> str:
    return parts[0] if len(parts) == 1 else f"[{', '.join(parts)}].{macro}(c, c)"


def _typed(value: str, kind: str, message: str) -> str:
    return f"(type({value}) == {kind} ? {value} : {_error(message)})"


def _error(message: str) -> str:
    """An error when evaluated. The name of a key that a map does not have is what CEL repeats in its message."""
    return "{}[" + quoted(message) + "]"


def _input(name: str) -> str:
    return f"inputs.parameter_values['{name}']"
