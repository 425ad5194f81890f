"""A loop: two groups, however many items it has.

The task called like the step is a plain group: it carries the condition, for dependents of an iterator task whose condition is false
still run (argocompiler/dag.go, iteratorTask). In it stands one task, `x-items`, that iterates over the group of the step and of those
that ride along. A value of theirs that others use is an output of both groups; the driver collects it from all iterations, in order
(driver/resolve.go, CollectInputs), but finds nothing where there are none.

Items are texts, or what JSON makes of them; the driver prints a number as a text where a text is asked for.
"""

from __future__ import annotations

from ...ir import EachRef, ListRef, OuterRef, ParamRef, RunClaim, Step, references
from . import cel
from .bind import Binding, limited, output
from .bind import operand as plain
from .groups import passed, tasks_of
from .platform import claim_input
from .tasks import artifact, component_name, producer, schema

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from typing import Any

    from ...ir import Group, Input, Loop, Ref

_ITEM = "x-item"
_LIST = "x-list"
_ITEMS = "x-items"


def add(
    group: Group, parameters: Mapping[str, tuple[Binding, ...]], components: dict[str, Any], executors: dict[str, Any]
) -> dict[str, Any]:
    """The task of a loop in the DAG around it; `parameters` are the inputs of all steps, by name. Adds the components of its groups."""
    loop = _loop(group)
    inner = {binding.name: binding for binding in _inner(group)}
    outer = {**inner, **{binding.name: binding for binding in map(plain, _asked(group))}}
    ports = {port.outer: port for step in _steps(group) for port in step.inputs if port.outer}
    lists: list[str] = []
    # the list is an input, also a constant one: every driver of an item is given the task that iterates, and the status keeps them all
    source = {"runtimeValue": {"constant": items_of(loop)}} if loop.source is None else plain(loop.source).source
    inner[_LIST] = outer[_LIST] = Binding(_LIST, "LIST", source)
    if loop.source is not None and group.lists:
        message = f"loop {group.name}: the list is empty, and KFP has no empty lists of values"
        lists.append(cel.filled(_LIST, message))
    condition = cel.condition(group.conditions, tuple(limited(_asked(group)).values()), others=lists)

    item = f"x-item-{group.name}"
    given = [*inner.values(), Binding(_ITEM, "STRING", {})]
    steps = tasks_of(group.children, parameters, components, executors)
    components[component_name(item)] = _dag(steps, given, ports, group.lists, lambda ref: (ref.step, ref.value.name))

    iterator = _task(_ITEMS, item, {name: {"componentInputArtifact": name} for name in ports}, passed(inner))
    iterator["parameterIterator"] = {"itemInput": _ITEM, "items": {"inputParameter": _LIST}}
    if loop.parallel:
        iterator["iteratorPolicy"] = {"parallelismLimit": loop.parallel}
    listing = f"x-loop-{group.name}"
    every = list(outer.values())
    components[component_name(listing)] = _dag({_ITEMS: iterator}, every, ports, group.lists, lambda ref: (_ITEMS, _output_name(ref)))

    after = {*group.after, *(producer(port) for port in ports.values())}
    sources = {name: binding.source for name, binding in outer.items()}
    title = next(_steps(group)).title
    task = _task(title or group.name, listing, {name: artifact(port) for name, port in ports.items()}, sources, after)
    if condition:
        task["triggerPolicy"] = {"condition": condition}
    return task


def _task(
    name: str, component: str, artifacts: Mapping[str, Any], parameters: Mapping[str, Any], after: Collection[str] = ()
) -> dict[str, Any]:
    task: dict[str, Any] = {"taskInfo": {"name": name}, "componentRef": {"name": component_name(component)}}
    if after:
        task["dependentTasks"] = sorted(after)
    inputs = {key: dict(sorted(given.items())) for key, given in (("artifacts", artifacts), ("parameters", parameters)) if given}
    return {**task, "inputs": inputs} if inputs else task


def operand(ref: EachRef | ListRef | OuterRef) -> Binding:
    """The input that carries a reference that has to do with a loop."""
    match ref:
        case OuterRef(ref=outside):
            binding = plain(outside)
            return Binding(binding.name, binding.type, {"componentInputParameter": binding.name})
        case ListRef(loop=loop, step=step, value=value):
            return Binding(f"{step}.{value.name}", "STRING", output(loop, _output_name(ref)))
        case EachRef(column=column, texts=texts):
            key = column if texts else column.partition(".")[2]
            source = {"componentInputParameter": _ITEM}
            if key:
                source["parameterExpressionSelector"] = f"parseJson(string_value)[{cel.quoted(key)}]"
            return Binding(f"each.{column}", "STRING", source)


def items_of(loop: Loop) -> list[dict[str, str]]:
    """The constant items of a loop, each a mapping of texts."""
    names = [column.column for column in loop.columns]
    return [dict(zip(names, row, strict=True)) for row in loop.rows or ()]


def _loop(group: Group) -> Loop:
    if group.loop is None:
        raise AssertionError(group.name)  # a group of this kind has one
    return group.loop


def _steps(group: Group) -> Iterator[Step]:
    return (child for child in group.children if isinstance(child, Step))


def _asked(group: Group) -> list[Ref]:
    return [ref for condition in group.conditions for ref in references(condition.expr)]


def _output_name(ref: ListRef) -> str:
    return f"{ref.step}.{ref.value.name}"


def _inner(group: Group) -> Iterator[Binding]:
    """What the steps of a loop take from outside: params, what other steps wrote, and claims made for the run."""
    for step in _steps(group):
        refs = [ref for text in step.bound for ref in text.references]
        refs += [ref for condition in step.conditions for ref in references(condition.expr)]
        bounds = (threshold.bound for metric in step.metrics if metric.on_miss == "fail" for threshold in metric.thresholds)
        refs += [ref for bound in bounds for ref in references(bound)]
        for ref in refs:
            if isinstance(ref, (ParamRef, OuterRef)):
                yield plain(ref.ref if isinstance(ref, OuterRef) else ref)
        for mount in step.mounts:
            if isinstance(mount.volume, RunClaim) and not mount.volume.workspace:
                name = claim_input(mount.volume.name)
                yield Binding(name, "STRING", {"componentInputParameter": name})


def _dag(
    tasks: dict[str, Any],
    parameters: Sequence[Binding],
    ports: dict[str, Input],
    lists: Sequence[ListRef],
    producer: Callable[[ListRef], tuple[str, str]],
) -> dict[str, Any]:
    """The component of one of the groups; `producer` says which task of it, and which output of that, gives a value."""
    inputs: dict[str, Any] = {}
    if ports:
        inputs["artifacts"] = {name: {"artifactType": schema(ports[name].type)} for name in sorted(ports)}
    if parameters:
        inputs["parameters"] = {binding.name: {"parameterType": binding.type} for binding in sorted(parameters, key=lambda one: one.name)}
    made: dict[str, Any] = {"inputDefinitions": inputs} if inputs else {}
    body: dict[str, Any] = {}
    if lists:
        made["outputDefinitions"] = {"parameters": {_output_name(ref): {"parameterType": "LIST"} for ref in lists}}
        sources = {_output_name(ref): producer(ref) for ref in lists}
        body["outputs"] = {
            "parameters": {
                name: {"valueFromParameter": {"producerSubtask": step, "outputParameterKey": key}} for name, (step, key) in sources.items()
            }
        }
    return {**made, "dag": {**body, "tasks": tasks}}
