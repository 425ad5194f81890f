"""Bound expressions as the language writes them, for people."""

from __future__ import annotations

import json

from ..ir import Compare, In, Literal, Logic, MetricRef, Not, ParamRef, PathRef, RunRef, ValueRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Expr


def written(expr: Expr) -> str:
    """An expression as the language writes it, with parentheses around every operand that is itself an operation."""
    match expr:
        case Literal(type=kind, text=text):
            return json.dumps(text, ensure_ascii=False) if kind == "string" else text
        case ParamRef(param=param):
            return f"params.{param.name}"
        case ValueRef(step=step, value=value):
            return f"steps.{step}.values.{value.name}"
        case MetricRef(step=step, metric=metric):
            return f"steps.{step}.metrics.{metric.name}"
        case PathRef(port=port, name=name):
            return f"{port}.{name}"
        case RunRef(name=name):
            return f"run.{name}"
        case Compare(op=op, left=left, right=right):
            return f"{_inner(left)} {op} {_inner(right)}"
        case In(left=left, options=options):
            return f"{_inner(left)} in [{', '.join(written(option) for option in options)}]"
        case Not(operand=operand):
            return f"not {_inner(operand)}"
        case Logic(op=op, operands=operands):
            return f" {op} ".join(_inner(operand) for operand in operands)


def _inner(expr: Expr) -> str:
    return f"({written(expr)})" if isinstance(expr, (Compare, In, Not, Logic)) else written(expr)
