"""Bound expressions as the language writes them, for people."""

from __future__ import annotations

import json

from ..ir import Compare, EachRef, In, ListRef, Literal, Logic, MetricRef, Not, OuterRef, ParamRef, PathRef, RunRef, ValueRef, loops_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..ir import Expr, Input, Pipeline


def written(expr: Expr) -> str:
    """An expression as the language writes it, with parentheses around every operand that is itself an operation."""
    match expr:
        case Literal(type=kind, text=text):
            return json.dumps(text, ensure_ascii=False) if kind == "string" else text
        case ParamRef(param=param):
            return f"params.{param.name}"
        case ValueRef(step=step, value=value) | ListRef(step=step, value=value):
            return f"steps.{step}.values.{value.name}"
        case MetricRef(step=step, metric=metric):
            return f"steps.{step}.metrics.{metric.name}"
        case EachRef(column=column):
            return f"each.{column}"
        case OuterRef(ref=ref):
            return written(ref)
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


def taken(read: Input) -> str:
    """What a step reads, and of which item of a loop: `model (lowest loss)`, or `model (highest check.auc)` by another step's metric."""
    if read.best is None:
        return read.name
    metric = read.best.metric
    name = metric.metric.name if metric.step == read.producer else f"{metric.step}.{metric.metric.name}"
    return f"{read.name} ({'highest' if read.best.highest else 'lowest'} {name})"


def rounds(pipeline: Pipeline) -> dict[str, str]:
    """What the steps of loops run for, in words: `for each lr, seed of 6 items, 2 at once`."""
    found: dict[str, str] = {}
    for group in loops_of(pipeline):
        loop = group.loop
        if loop is None:
            continue
        found.update({step.name: f"for each item of {group.name}" for step in group.children})
        names = ", ".join(dict.fromkeys(column.column.partition(".")[0] for column in loop.columns))
        items = (
            written(loop.source) if loop.source is not None else f"{len(loop.rows or ())} item{'' if len(loop.rows or ()) == 1 else 's'}"
        )
        found[group.name] = f"for each {names} of {items}" + (f", {loop.parallel} at once" if loop.parallel else "")
    return found
