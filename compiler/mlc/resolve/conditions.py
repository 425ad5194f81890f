"""`needs`, `gate` and `when`: what must have happened before a step may run."""

from __future__ import annotations

from ..ir import Compare, Condition, Literal, MetricRef, type_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..diagnostics.model import Path
    from ..ir import Threshold
    from .context import Context
    from .merge import Merged


def named_steps(context: Context, step: Merged, key: str, known: Iterable[str]) -> dict[str, Path]:
    """The steps that `needs` or `gate` names, with the path of each name."""
    declared = step.get(key)
    if key == "gate" and declared is not None and context.final:
        help = "write a condition: `when: run.status == 'Succeeded'`"
        context.report("MLC311", "a step of `finally` has no `gate`: it runs whatever happened", step.where("gate"), at="key", help=help)
        return {}
    if declared is None:
        return {}
    path = step.where(key)
    entries = {declared: path} if isinstance(declared, str) else {name: (*path, index) for index, name in enumerate(declared)}
    for name in [name for name in entries if name not in context.values]:
        if apart := context.apart(name):
            context.report("MLC311", apart[0], entries.pop(name), help=apart[1])
            continue
        if "," in name:
            help = f"several steps are a list: `{key}: [{', '.join(part.strip() for part in name.split(','))}]`"
        elif "." in name or " " in name:
            help = f"`{key}` takes names of steps; conditions go into `when`"
        else:
            help = "name a step of this project, or leave it out"
        verb = "needs" if key == "needs" else "is gated by"
        context.unknown("MLC301", f"step `{step.name}` {verb} `{name}`, which does not exist", entries.pop(name), name, known, help)
    return entries


def gates(
    context: Context, step: Merged, named: Mapping[str, Path], thresholds: Mapping[str, Mapping[str, tuple[Threshold, ...]]]
) -> list[Condition]:
    """One condition for each threshold of the gating steps. A threshold that was refused has been reported: it is not missing."""
    found: list[Condition] = []
    for name, path in named.items():
        if context.inside and context.inside.get(name, "") not in ("", context.inside.get(step.name)):
            help = f"let a step with this gate ride along, `each: {context.inside[name]}`: it runs for the items that hold"
            message = f"the gate of `{step.name}` is `{name}`, whose metrics belong to the items of a loop"
            context.report("MLC312", message, path, help=help)
            continue
        comparisons = [
            Compare(threshold.op, MetricRef(name, context.metrics[name][metric]), threshold.bound)
            for metric, bounds in thresholds[name].items()
            for threshold in bounds
        ]
        if not comparisons and not _refused(context, name):
            help = f"give a metric of `{name}` a threshold (`min`, `max`, `above` or `below`), or use `needs` for order alone"
            context.report("MLC312", f"the gate of `{step.name}` is `{name}`, which has no thresholds", path, help=help)
        found.extend(Condition(comparison, "gate", path) for comparison in comparisons)
    return found


def _refused(context: Context, name: str) -> bool:
    """Whether something about the metrics of a step was reported, wherever they stand."""
    origins = {metric.origin for metric in context.metrics[name].values()}
    return any(finding.path[: len(origin)] == origin for finding in context.findings for origin in origins)


def when(context: Context, step: Merged) -> list[Condition]:
    """`when` as a condition; `${{ }}` around the whole of it may be left out."""
    text = step.get("when")
    path = step.where("when")
    if text is None:
        return []
    if isinstance(text, bool):
        return [Condition(Literal(text, "bool", "true" if text else "false"), "when", path)]
    start, end = 0, len(text)
    stripped = text.strip()
    if stripped.startswith("${{"):
        from ..expr.parse import closing

        start = text.index("${{") + 3
        end = closing(text, start)
        if end < 0 or text[end + 2 :].strip():
            help = "write one expression: `when: params.deploy and steps.train.metrics.accuracy > 0.9`"
            context.report("MLC310", "`when` takes one expression, with no text around it", path, help=help)
            return []
    expr = context.expression(text, (start, end), path, context.scope("`when`"))
    if expr is None:
        return []
    if type_of(expr) != "bool":
        from ..expr.bind import article, used_as

        expr = used_as("bool", expr)
    if type_of(expr) != "bool":
        examples = {"string": "== 'prod'", "int": "> 0", "float": "> 0.5"}
        operator = examples.get(type_of(expr))
        whole = text[start:end].strip()
        help = f"compare it with something: `{whole} {operator}`" if operator else "declare a value of type `bool` that says what you need"
        context.report("MLC305", f"`when` takes a condition, this is {article(type_of(expr))}", path, within=(start, end), help=help)
        return []
    return [Condition(expr, "when", path)]
