"""MLC511: an `or` of which one side reads a step that may be skipped.

What depends on a skipped step is skipped, on every target, before its condition is asked. So `params.force or steps.tune.metrics.gain > 0`
is not true where `force` is and `tune` was skipped: the other side of the `or` never counts then.
"""

from __future__ import annotations

from ..diagnostics.model import Finding
from ..ir import Compare, In, Logic, MetricRef, Not, ValueRef, references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..ir import Expr, Pipeline, Step
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn once of each `when`, unless the step says by `needs`, `gate` or `inputs` that it waits for the other one anyway."""
    skippable: set[str] = set()
    for step in pipeline.steps:
        if step.conditions or skippable.intersection(step.after):
            skippable.add(step.name)
    for step in pipeline.steps:
        for condition in step.conditions:
            if condition.kind != "when":
                continue
            said = _said(document, step)
            name = next((name for name in _one_sided(condition.expr) if name in skippable and name not in said), None)
            if name is not None:
                message = f"where step `{name}` is skipped, so is `{step.name}`, whatever the other side of the `or` says"
                help = f"if that is meant, say `needs: {name}`; otherwise let a step that always runs write what `{step.name}` asks for"
                findings.append(Finding("MLC511", message, condition.origin, help=help))


def _one_sided(expr: Expr) -> Iterator[str]:
    """The steps that some, but not all sides of an `or` read."""
    match expr:
        case Logic(op=op, operands=operands):
            if op == "or":
                sides = [_steps(operand) for operand in operands]
                for side in sides:
                    yield from (name for name in side if not all(name in other for other in sides))
            for operand in operands:
                yield from _one_sided(operand)
        case Not(operand=inner) | In(left=inner):
            yield from _one_sided(inner)
        case Compare(left=left, right=right):
            yield from _one_sided(left)
            yield from _one_sided(right)


def _steps(expr: Expr) -> dict[str, None]:
    return {ref.step: None for ref in references(expr) if isinstance(ref, (MetricRef, ValueRef))}


def _said(document: Document, step: Step) -> set[str]:
    """The steps that a step waits for by another key than `when`."""
    written = document.data[str(step.origin[0])][step.name] or {}
    said = {read.producer for read in step.inputs}
    for key in ("needs", "gate"):
        names = written.get(key) or ()
        said.update((names,) if isinstance(names, str) else names)
    return said
