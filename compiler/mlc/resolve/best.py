"""`best`: which item of a loop an artifact is taken from. Imported only by projects that have a loop."""

from __future__ import annotations

from ..ir import Best, MetricRef
from ..record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..diagnostics.model import Path
    from ..ir import Input, Threshold
    from .context import Context
    from .merge import Merged


def chosen(
    context: Context, step: Merged, port: Input, best: str | None, limits: Mapping[str, Mapping[str, tuple[Threshold, ...]]]
) -> Input:
    """The input, with the item that it is taken from where a loop makes one for each."""
    loop = context.inside.get(port.producer, "")
    path = (*port.origin, "best")
    if loop and loop != context.inside.get(step.name):
        if best is None:
            help = f"take the one of the best item, `{port.name}: {{path: {port.path}, best: METRIC}}`, or ride along, `each: {loop}`"
            message = f"`{port.name}` is made for every item of loop `{loop}`, and step `{step.name}` is outside of it"
            context.report("MLC324", message, port.origin, at="key", help=help)
            return port
        metric = _metric(context, loop, port.producer, best, path)
        if metric is None:
            return port
        bounds = {threshold.op for threshold in limits[metric.step].get(metric.metric.name, ())}
        highest = bool(bounds & {">", ">="}) or not bounds
        return replace(port, best=Best(loop, metric, highest, path))
    if best is not None:
        why = "the step is in the same loop and gets its own item's" if loop else f"step `{port.producer}` is in no loop"
        context.report("MLC324", f"`{port.name}` has no best: {why}", path, at="key", help=f"leave `best` out: `{port.name}: {port.path}`")
    return port


def _metric(context: Context, loop: str, producer: str, best: str, path: Path) -> MetricRef | None:
    """The metric that `best` names: `METRIC` of the artifact's own step or of the only step of the loop that has it, or `STEP.METRIC`."""
    members = [name for name, other in context.inside.items() if other == loop]
    wanted, dot, name = best.rpartition(".")
    having = [member for member in members if name in context.metrics[member] and (not dot or member == wanted)]
    if producer in having:
        having = [producer]
    if len(having) == 1:
        return MetricRef(having[0], context.metrics[having[0]][name])
    if having:
        listed = " and ".join(f"`{one}`" for one in having)
        help = f"say which: `{having[0]}.{name}`"
        context.report("MLC304", f"`{name}` is a metric of several steps of loop `{loop}`: {listed}", path, help=help)
        return None
    known = {metric for member in members for metric in context.metrics[member]}
    known |= {f"{member}.{metric}" for member in members for metric in context.metrics[member]} if dot else set()
    help = f"declare it under the `metrics` of `{producer}`, or of a step that rides along"
    context.unknown("MLC304", f"no step of loop `{loop}` has a metric `{best}`", path, best, sorted(known), help)
    return None
