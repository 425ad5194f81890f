"""`foreach`, `parallel` and `each`: what a loop runs over, which steps are in it, and the groups that they become.

A loop is one node of the project's graph: what one of its steps waits for outside, the whole loop waits for, and who waits for one of
its steps waits for all of them. Imported only by projects that have a loop.
"""

from __future__ import annotations

import json
from itertools import product

from ..diagnostics.model import Related
from ..ir import (
    Compare,
    Condition,
    EachRef,
    Group,
    In,
    ListRef,
    Logic,
    Loop,
    MetricRef,
    Not,
    OuterRef,
    ParamRef,
    Text,
    ValueRef,
    references,
    type_of,
)
from ..record import replace
from ..scalars import source_text
from .names import check_alike, check_ours
from .params import type_of_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ..diagnostics.model import Path
    from ..ir import Container, Expr, Input, Ref, Step, Type
    from .context import Context
    from .merge import Merged

    Edges = dict[str, dict[str, Path]]
    Column = dict[str, EachRef]
    Source = ParamRef | ValueRef | ListRef
    Sources = dict[str, tuple[Source, Path]]
    """The lists that loops run over where only a run knows them, and where that is written."""
    Names = dict[tuple[str, MetricRef | None], str]
    """What an artifact from outside is called inside a loop: by its name, and the metric that chooses the item."""

KEYS = ("foreach", "each", "parallel")
_MOST = 10_000
"""Items of a loop. Engines keep the state of each in one object of at most some megabytes."""
_NUMBERS = frozenset(("int", "float"))


def declare(context: Context, steps: Sequence[Merged]) -> Sources:
    """Say which step is in which loop, and what its items are; expressions of steps are bound after it."""
    named = {step.name: step for step in steps}
    for step in steps:
        _form(context, step)
        if loop := _loop_of(context, step, named):
            context.inside[step.name] = loop
    sources: Sources = {}
    for step in steps:
        if step.get("foreach") is not None:
            context.items[step.name] = _items(context, step, sources)
    return sources


def _form(context: Context, step: Merged) -> None:
    if "each" in step.data and "foreach" in step.data:
        help = "a step has items of its own, or rides along a loop: leave one of them out"
        context.report("MLC209", "`foreach` and `each` exclude each other", step.where("each"), at="key", help=help)
    elif "parallel" in step.data and "foreach" not in step.data and not step.incomplete:
        help = "write it in the step that has the `foreach`"
        message = f"`parallel` goes with `foreach`, which step `{step.name}` does not have"
        context.report("MLC209", message, step.where("parallel"), at="key", help=help)


def _loop_of(context: Context, step: Merged, named: Mapping[str, Merged]) -> str:
    """The loop that a step is in, "" for none (or a finding). A step may ride along with one that rides along."""
    seen = {step.name: None}  # in order
    at = step
    while at.get("foreach") is None:
        along = at.get("each")
        if along is None:
            if at is not step and not at.incomplete:
                help = "name a step that has a `foreach`, or one that rides along"
                context.report("MLC326", f"step `{at.name}` is no loop, so `{step.name}` cannot ride along", step.where("each"), help=help)
            return ""
        path = at.where("each")
        if along in seen:
            if along == step.name == next(name for name in named if name in seen):
                trail = " -> ".join(f"`{name}`" for name in (*seen, step.name))
                message = f"step `{step.name}` rides along with itself" if len(seen) == 1 else f"steps ride along with each other: {trail}"
                context.report("MLC302", message, step.where("each"), help="name a step that has a `foreach`")
            return ""
        seen[along] = None
        if along not in named:
            if at is step:
                apart = context.apart(along)
                if apart:
                    context.report("MLC311", apart[0], path, help=apart[1])
                else:
                    message = f"step `{step.name}` rides along `{along}`, which does not exist"
                    context.unknown("MLC301", message, path, along, named, "name a step that has a `foreach`")
            return ""
        at = named[along]
    return at.name


# --- items --------------------------------------------------------------------------------------------------------------------


def _items(context: Context, step: Merged, sources: Sources) -> dict[str, Column | None]:
    """What `each.` may be followed by, in the steps of a loop."""
    declared: Mapping[str, Any] = step.get("foreach")
    places = {name: step.where("foreach", name) for name in declared}
    check_ours(context, places)
    check_alike(context, places)
    found: dict[str, Column | None] = {}
    count = 1
    for name, entry in declared.items():
        if isinstance(entry, str):
            if len(declared) > 1:
                help = "write constants, or make the combinations in a step that gives one list"
                message = "a list that is known only at run time is the only name of its `foreach`"
                context.report("MLC325", message, places[name], help=help)
            found[name] = _run_time(context, step, name, entry, places[name], sources)
        else:
            found[name] = _constants(context, name, entry, places[name])
            count *= len(entry)
    if count > _MOST:
        help = "split the project, or give each item more to do"
        context.report("MLC206", f"the loop has {count:,} items, more than {_MOST:,}", step.where("foreach"), at="key", help=help)
    seen: dict[str, str] = {}
    for column in (ref.column for fields in found.values() for ref in (fields or {}).values()):
        other = seen.setdefault(column.replace(".", "-"), column)
        if other != column:
            help = "rename one of them: engines join a name and a field by `-`"
            context.report("MLC306", f"`each.{other}` and `each.{column}` are too much alike", places[column.split(".")[0]], help=help)
    return found


def _constants(context: Context, name: str, items: Sequence[Any], path: Path) -> Column | None:
    """The fields of a list of constants: "" for items that have none (or for the whole of those that have). None after a finding."""
    maps = [item for item in items if isinstance(item, dict)]
    if not maps:
        return {"": _column(context, name, items, [(*path, index) for index in range(len(items))])}
    fields = maps[0].keys()
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            help = "items of one name are all plain values, or all mappings with the same fields"
            related = (Related((*path, items.index(maps[0])), "a mapping"),)
            context.report(
                "MLC325", f"item {index + 1} of `{name}` is no mapping, as others are", (*path, index), related=related, help=help
            )
            return None
        if item.keys() != fields or not item:
            odd = sorted(item.keys() ^ fields)
            what = f"differ in `{odd[0]}`" if odd else "have no fields"
            help = "give every item the same fields"
            context.report("MLC325", f"items 1 and {index + 1} of `{name}` {what}", (*path, index), help=help)
            return None
    check_alike(context, {field: (*path, 0, field) for field in fields})
    texts = tuple(dict.fromkeys(source_text(item) for item in items))
    columns = {"": EachRef(name, "dict", texts)}
    for field in fields:
        places = [(*path, index, field) for index in range(len(items))]
        columns[field] = _column(context, f"{name}.{field}", [item[field] for item in items], places)
    return columns


def _column(context: Context, column: str, values: Sequence[Any], places: Sequence[Path]) -> EachRef:
    kinds = [type_of_value(value) for value in values]
    kind: Type = "float" if set(kinds) == _NUMBERS else kinds[0]
    for value, found, place in zip(values, kinds, places, strict=True):
        if value is None:
            context.report("MLC325", f"an item of `{column}` is empty", place, help="write a value, or leave the item out")
        elif found != kind and not {found, kind} <= _NUMBERS:
            related = (Related(places[0], f"{kind}, the first of them"),)
            help = "put quotes around all of them to make them texts, or write values of one type"
            context.report("MLC325", f"items of `{column}` are of different types: {kind} and {found}", place, related=related, help=help)
            break
    return EachRef(column, kind, tuple(dict.fromkeys(map(source_text, values))))


def _run_time(context: Context, step: Merged, name: str, text: str, path: Path, sources: Sources) -> Column | None:
    """The fields of a list that only a run knows, as far as a default says what they are; None where nothing does."""
    source = _source(context, step, text, path)
    if source is not None:
        sources[step.name] = (source, path)
    if isinstance(source, ListRef):
        return {"": EachRef(name, source.value.type, ())}
    if not isinstance(source, ParamRef) or not source.param.default:
        return None
    items = json.loads(source.param.default)
    fields = items[0].keys() if items and isinstance(items[0], dict) else ()
    if not items or not all((isinstance(item, dict) and item.keys() == fields) if fields else not isinstance(item, dict) for item in items):
        return None
    columns: Column = {"": EachRef(name, "dict", ())} if fields else {}
    for field in fields or ("",):
        kinds = {type_of_value(item[field] if field else item) for item in items}
        column = f"{name}.{field}" if field else name
        known = len(kinds) == 1 or kinds == _NUMBERS
        columns[field] = EachRef(column, ("float" if len(kinds) > 1 else kinds.pop()) if known else "string", (), known)
    return columns


def _source(context: Context, step: Merged, text: str, path: Path) -> Source | None:
    """The list that an expression of `foreach` gives; None (and a finding) where it gives none."""
    stripped = text.strip()
    if not (stripped.startswith("${{") and stripped.endswith("}}")):
        inside = f"${{{{ {stripped} }}}}" if "." in stripped else f"[{stripped}]"
        help = f"write a list, or an expression in quotes: `{inside}`"
        context.report("MLC325", "`foreach` takes a list, this is a text", path, help=help)
        return None
    context.at(step.name, once=True)
    expr = context.expression(text, (text.index("${{") + 3, text.rindex("}}")), path, context.scope("`foreach`"))
    if isinstance(expr, (ParamRef, ValueRef, ListRef)) and type_of(expr) == "list":
        return expr
    if expr is not None:
        help = "refer to a parameter or a value of type list"
        context.report("MLC305", "`foreach` takes a list, this expression gives none", path, help=help)
    return None


def _loop(context: Context, step: Merged, used: Sequence[EachRef], sources: Sources) -> Loop:
    """The items of a loop as targets print them; `used` is what its steps use of them."""
    declared: Mapping[str, Any] = step.get("foreach")
    path = step.where("foreach")
    parallel = step.get("parallel") or 0
    if step.name in sources:
        name = next(iter(declared))
        columns = {ref.column: ref for ref in used} or {name: EachRef(name, "string", (), known=False)}
        return Loop(tuple(columns.values()), None, sources[step.name][0], parallel, path)
    whole = {ref.column for ref in used}
    columns = {
        ref.column: ref
        for fields in context.items[step.name].values()
        for field, ref in (fields or {}).items()
        if field or len(fields or {}) == 1 or ref.column in whole
    }
    rows = tuple(
        tuple(_text(chosen, column) for column in columns)
        for chosen in (dict(zip(declared, combination, strict=True)) for combination in product(*declared.values()))
    )
    return Loop(tuple(columns.values()), rows, None, parallel, path)


def _text(chosen: Mapping[str, Any], column: str) -> str:
    name, dot, field = column.partition(".")
    return source_text(chosen[name][field] if dot else chosen[name])


# --- groups -------------------------------------------------------------------------------------------------------------------


def lifted(context: Context, steps: Sequence[Merged], resolved: Mapping[str, tuple[Step, Mapping[str, Path]]], sources: Sources) -> Edges:
    """The edges of steps with loops as one node each: what goes out of a loop starts at its first step, what comes in ends at each."""
    members: dict[str, list[str]] = {}
    for name, loop in context.inside.items():
        members.setdefault(loop, []).append(name)
    found: Edges = {name: {} for name in resolved}
    for step in steps:
        before = dict(resolved[step.name][1])
        loop = context.inside.get(step.name, "")
        if loop:
            before = {**_watched(resolved[step.name][0], members[loop]), **before}
        if step.name in sources and not isinstance(sources[step.name][0], ParamRef):
            ref, path = sources[step.name]
            before.setdefault(ref.step, path)  # type: ignore[union-attr]
        if loop and loop != step.name:
            before.setdefault(step.get("each"), step.where("each"))
        for earlier, path in before.items():
            other = context.inside.get(earlier, "")
            if loop and loop == other:
                found[step.name].setdefault(earlier, path)
                continue
            for one in members[other] if other else (earlier,):
                found[loop or step.name].setdefault(one, path)
    return found


def _watched(step: Step, inside: Sequence[str]) -> dict[str, Path]:
    """The steps outside of a loop that bounds of `on_miss: fail` read: what looks at them is in the loop, and cannot wait by itself."""
    bounds = [threshold for metric in step.metrics if metric.on_miss == "fail" for threshold in metric.thresholds]
    refs = [(ref, threshold.origin) for threshold in bounds for ref in references(threshold.bound)]
    return {ref.step: path for ref, path in refs if isinstance(ref, (MetricRef, ValueRef)) and ref.step not in inside}


def assemble(
    context: Context, merged: Sequence[Merged], resolved: Mapping[str, Step], edges: Edges, sources: Sources, ordered: Sequence[str]
) -> tuple[Step | Group, ...]:
    """The steps and loops of a group, in order. Only for steps without a fault."""
    rank = {name: index for index, name in enumerate(ordered)}
    inside = context.inside
    units: list[Step | Group] = []
    groups: dict[str, list[Step]] = {}
    for name in ordered:
        step, loop = resolved[name], inside.get(name, "")
        beside = tuple(sorted((one for one in edges[name] if loop and inside.get(one) == loop), key=rank.__getitem__))
        others = {inside.get(one, one) for one in edges[name] if not loop or inside.get(one) != loop}
        after = tuple(sorted(others, key=rank.__getitem__))
        if not loop:
            units.append(replace(step, after=after))
        elif name == loop:
            groups[loop] = [replace(step, after=beside, conditions=())]
            units.append(Group("loop", loop, (step,), step.origin, None, after, step.conditions))
        else:
            groups[loop].append(replace(step, after=beside))
    lists, picks = _wanted(context, units, groups, sources)
    named = {step.name: step for step in merged}
    found: list[Step | Group] = []
    for unit in units:
        if isinstance(unit, Group):
            children = groups[unit.name]
            loop_of = _loop(
                context, named[unit.name], [ref for step in children for ref, _ in _places(step) if isinstance(ref, EachRef)], sources
            )
            wanted = (lists.get(unit.name, ()), picks.get(unit.name, ()))
            unit = replace(unit, children=_inner_steps(children), loop=loop_of, lists=wanted[0], picks=wanted[1])
        found.append(unit)
    return tuple(found)


def _wanted(
    context: Context, units: Sequence[Step | Group], groups: Mapping[str, Sequence[Step]], sources: Sources
) -> tuple[dict[str, tuple[ListRef, ...]], dict[str, tuple[Input, ...]]]:
    """What steps take from loops that they are not in, by loop. What an item may not have is refused."""
    unsure = {name for steps in groups.values() for name in _unsure(steps)}
    lists: dict[str, dict[ListRef, None]] = {}
    picks: dict[str, dict[tuple[str, MetricRef], Input]] = {}

    def sure(step: str, what: str, path: Path) -> None:
        if step in unsure:
            help = "let the step run for every item, and write a value that says what it found"
            context.report("MLC324", f"{what} cannot be collected: step `{step}` may be skipped for some items", path, help=help)

    for unit in units:
        refs = [place for step in (groups[unit.name] if isinstance(unit, Group) else (unit,)) for place in _places(step)]
        if isinstance(unit, Group):
            refs += [(ref, condition.origin) for condition in unit.conditions for ref in references(condition.expr)]
            refs += [sources[unit.name]] if unit.name in sources else []
        for ref, path in refs:
            if isinstance(ref, ListRef):
                lists.setdefault(ref.loop, {}).setdefault(ref)
                sure(ref.step, f"value `{ref.value.name}`", path)
        for step in groups[unit.name] if isinstance(unit, Group) else (unit,):
            for port in step.inputs:
                if port.best is not None:
                    picks.setdefault(port.best.loop, {}).setdefault((port.name, port.best.metric), port)
                    sure(port.producer, f"artifact `{port.name}`", port.best.origin)
                    if port.best.metric.step != port.producer:
                        sure(port.best.metric.step, f"metric `{port.best.metric.metric.name}`", port.best.origin)
    return {loop: tuple(refs) for loop, refs in lists.items()}, {loop: tuple(ports.values()) for loop, ports in picks.items()}


def _unsure(steps: Sequence[Step]) -> set[str]:
    """The steps of a loop that may be skipped for an item."""
    found: set[str] = set()
    for step in steps:
        if step.conditions or found.intersection(step.after):
            found.add(step.name)
    return found


def _places(step: Step) -> Iterator[tuple[Ref, Path]]:
    for text in step.texts:
        for ref in text.references:
            yield ref, text.origin
    for condition in step.conditions:
        for ref in references(condition.expr):
            yield ref, condition.origin
    for metric in step.metrics:
        for threshold in metric.thresholds:
            for ref in references(threshold.bound):
                yield ref, threshold.origin


# --- what comes from outside --------------------------------------------------------------------------------------------------


def _inner_steps(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of a loop: what they take from outside comes in as an input of the loop."""
    inside = {step.name for step in steps}
    names: Names = {}
    for port in (port for step in steps for port in step.inputs if _outside(port, inside)):
        metric = port.best.metric if port.best else None
        names.setdefault((port.name, metric), f"x-best-{len(names) + 1}" if metric else port.name)
    return tuple(_inner(step, inside, names) for step in steps)


def _outside(port: Input, inside: set[str]) -> bool:
    return port.external is not None or (bool(port.producer) and port.producer not in inside)


def _inner(step: Step, inside: set[str], names: Names) -> Step:
    def text(given: Text) -> Text:
        if not given.references:
            return given
        return Text(tuple(piece if isinstance(piece, str) else _ref(piece, inside) for piece in given.pieces), given.origin)

    def program(of: Step | Container) -> dict[str, Any]:
        command = None if of.command is None else tuple(map(text, of.command))
        env = tuple(replace(one, value=text(one.value)) if isinstance(one.value, Text) else one for one in of.env)
        return {"command": command, "args": tuple(map(text, of.args)), "env": env}

    return replace(
        step,
        **program(step),
        init=tuple(replace(one, **program(one)) for one in step.init),
        sidecars=tuple(replace(one, **program(one)) for one in step.sidecars),
        conditions=tuple(Condition(_expr(one.expr, inside), one.kind, one.origin) for one in step.conditions),
        metrics=tuple(
            replace(
                metric,
                thresholds=tuple(replace(threshold, bound=_expr(threshold.bound, inside)) for threshold in metric.thresholds),
            )
            for metric in step.metrics
        ),
        inputs=tuple(
            port if not _outside(port, inside) else replace(port, outer=names[port.name, port.best.metric if port.best else None])
            for port in step.inputs
        ),
    )


def _ref(ref: Ref, inside: set[str]) -> Ref:
    if isinstance(ref, ListRef) or (isinstance(ref, (ValueRef, MetricRef)) and ref.step not in inside):
        return OuterRef(ref)
    return ref


def _expr(expr: Expr, inside: set[str]) -> Expr:
    match expr:
        case Compare(op=op, left=left, right=right):
            return Compare(op, _expr(left, inside), _expr(right, inside))
        case In(left=left, options=options):
            return In(_expr(left, inside), options)
        case Not(operand=operand):
            return Not(_expr(operand, inside))
        case Logic(op=op, operands=operands):
            return Logic(op, tuple(_expr(operand, inside) for operand in operands))
        case ValueRef() | MetricRef() | ListRef():
            return _ref(expr, inside)
    return expr
