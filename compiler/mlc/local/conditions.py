"""Whether a step runs, and how its metrics stand, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..expr.evaluate import Number, Unreadable, holds, number, value
from ..expr.write import written
from ..ir import Compare, MetricRef, OuterRef, ValueRef, references

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from ..expr.evaluate import Facts
    from ..ir import Condition, Expr, Metric, Step

_WORDS = {">=": "min", "<=": "max", ">": "above", "<": "below"}
_MISSED = {">=": "is below", "<=": "is above", ">": "is not above", "<": "is not below"}


def decided(conditions: Sequence[Condition], facts: Facts) -> str:
    """Why a step is skipped; "" where it runs. Every condition is asked. Raises `Unreadable`."""
    why = [_why(condition.expr, facts) for condition in conditions if not holds(condition.expr, facts)]
    return "; ".join(why)


def _why(expr: Expr, facts: Facts) -> str:
    """Why a condition does not hold."""
    left = _inner(expr.left) if isinstance(expr, Compare) else None
    if isinstance(expr, Compare) and isinstance(left, MetricRef) and expr.op in _MISSED:
        return f"{left.step}: {left.metric.name} {_shown(left, facts)} {_MISSED[expr.op]} {_shown(expr.right, facts)}"
    read = dict.fromkeys(map(_inner, references(expr)))
    if list(read) == [expr]:
        return f"`{written(expr)}` is false"
    known = ", ".join(f"{written(ref)} is {_shown(ref, facts)}" for ref in read)
    return f"`{written(expr)}` does not hold" + (f": {known}" if known else "")


def _inner(expr: Expr) -> Expr:
    return expr.ref if isinstance(expr, OuterRef) else expr


def _shown(expr: Expr, facts: Facts) -> str:
    found = value(expr, facts)
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str):
        return repr(found)
    return found.text if isinstance(found, Number) else f"{found:.15g}"


def thresholds(step: str, metric: Metric, facts: Facts, known: Container[str]) -> tuple[str, tuple[tuple[str, bool | None], ...]]:
    """The number of a metric as its file has it ("" for none), and how its thresholds stand: None for what nobody can decide (yet).

    `known` are the steps whose values and metrics are there.
    """
    ref = MetricRef(step, metric)
    try:
        found = number(metric, facts.texts[step, metric.name], ref).text
    except Unreadable:
        found = ""
    stand: list[tuple[str, bool | None]] = []
    for threshold in metric.thresholds:
        inner = [_inner(one) for one in references(threshold.bound)]
        there = all(one.step in known for one in inner if isinstance(one, (ValueRef, MetricRef)))
        held: bool | None = None
        words = f"{_WORDS[threshold.op]} {written(threshold.bound)}"
        if there:
            try:
                words = f"{_WORDS[threshold.op]} {_shown(threshold.bound, facts)}"
                held = holds(Compare(threshold.op, ref, threshold.bound), facts)
            except Unreadable:
                held = None
        stand.append((words, held))
    return found, tuple(stand)


def missed(step: Step, facts: Facts, succeeded: Container[str]) -> tuple[str, ...]:
    """Why a step that succeeded fails the run: thresholds with `on_miss: fail` that are missed, or that cannot be decided.

    Where a step that a threshold is compared with did not succeed, there is nothing to decide.
    """
    tests = [
        Compare(threshold.op, MetricRef(step.name, metric), threshold.bound)
        for metric in step.metrics
        if metric.on_miss == "fail"
        for threshold in metric.thresholds
    ]
    read = [ref.step for test in tests for ref in map(_inner, references(test)) if isinstance(ref, (MetricRef, ValueRef))]
    if not all(name in succeeded for name in read):
        return ()
    found = []
    for test in tests:
        try:
            if not holds(test, facts):
                found.append(f"{_why(test, facts)} (on_miss: fail)")
        except Unreadable as unreadable:
            found.append(f"{unreadable} (on_miss: fail)")
    return tuple(found)
