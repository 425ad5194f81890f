"""MLC511: an `or` of which one side reads a step that may be skipped.

What depends on a skipped step is skipped, on every target, before its condition is asked. So `params.force or steps.tune.metrics.gain > 0`
is not true where `force` is and `tune` was skipped: the other side of the `or` never counts then.
"""

from __future__ import annotations

from ..diagnostics.model import Finding
from ..ir import Compare, Group, In, Logic, MetricRef, Not, OuterRef, ValueRef, references

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..ir import Expr, Pipeline, Step
    from ..source import Document


def check(document: Document, pipeline: Pipeline, findings: list[Finding]) -> None:
    """Warn once of each `when`, unless the step says by `needs`, `gate` or `inputs` that it waits for the other one anyway."""
    for group in (pipeline.run, pipeline.final):
        if group:
            _look(document, group.children, frozenset(), findings)


def _look(document: Document, children: Sequence[Step | Group], outside: frozenset[str], findings: list[Finding]) -> None:
    """Look at the conditions of a group's steps and loops; `outside` of it these may be skipped."""
    skippable: set[str] = set(outside)
    for child in children:
        skippable.discard(child.name)  # the first step of a loop is called like the loop
        if child.conditions or skippable.intersection(child.after):
            skippable.add(child.name)
    for child in children:
        for condition in child.conditions:
            if condition.kind != "when":
                continue
            said = _said(document, child)
            name = next((name for name in _one_sided(condition.expr) if name in skippable and name not in said), None)
            if name is not None:
                message = f"where step `{name}` is skipped, so is `{child.name}`, whatever the other side of the `or` says"
                help = f"if that is meant, say `needs: {name}`; otherwise let a step that always runs write what `{child.name}` asks for"
                findings.append(Finding("MLC511", message, condition.origin, help=help))
        if isinstance(child, Group):
            _look(document, child.children, frozenset(skippable), findings)


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
    refs = (ref.ref if isinstance(ref, OuterRef) else ref for ref in references(expr))
    return {ref.step: None for ref in refs if isinstance(ref, (MetricRef, ValueRef))}


def _said(document: Document, child: Step | Group) -> set[str]:
    """The steps that a step, or the first of a loop, waits for by another key than `when`."""
    step = child.children[0] if isinstance(child, Group) else child
    written = document.data[str(child.origin[0])][child.name] or {}
    said = {read.producer for read in step.inputs} if not isinstance(step, Group) else set()
    for key in ("needs", "gate"):
        names = written.get(key) or ()
        said.update((names,) if isinstance(names, str) else names)
    return said
