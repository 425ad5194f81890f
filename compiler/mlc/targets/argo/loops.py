"""A loop: three templates, however many items it has.

The task called like the step is a plain one: it carries `depends` and `when`, for a task with items that is skipped counts as
Succeeded (controller/dag.go). Its template `x-loop-STEP` holds one task with `withParam`, whose template `x-item-STEP` is a DAG of the
step and of those that ride along; that DAG computes the texts of its steps, as a task with items sees `item` but, before 3.6, nothing
else in an expression (controller/operator.go, processItem).

What comes out of the loop is one parameter, `x-items`: for each item a mapping of texts, in item order. Argo collects single
parameters as well, but turns texts into lists and mappings where each of them could be one (aggregatedJSONValueList).
"""

from __future__ import annotations

import json

from ...ir import EachRef, ListRef, MetricRef, OuterRef, Step, references
from ...record import replace
from .arguments import FLOAT, INT, called, not_of
from .expressions import every, found, quoted
from .expressions import raw as plain
from .groups import dag
from .templates import artifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from ...ir import Best, Group, Input, Loop, Ref, Store, ValueRef

_ITEMS = "x-items"
_ITEM = "x-item"
_BRACES = "('{' + '{')"


def task(group: Group, archives: Mapping[str, Any]) -> dict[str, Any]:
    """The task of a loop in the DAG around it; `archives` says how artifacts that `best` chooses were stored."""
    made: dict[str, Any] = {"name": group.name, "template": f"x-loop-{group.name}"}
    if group.after:
        made["depends"] = " && ".join(f"{name}.Succeeded" for name in group.after)
    if group.conditions:
        made["when"] = "{{= " + every([condition.expr for condition in group.conditions]) + " }}"
    parameters = [{"name": _ITEMS, "value": _items(group)}]
    parameters += [{"name": name, "value": _handed(ref)} for name, ref in _outer(group).items()]
    artifacts = [artifact(port, name, archives) for name, port in _artifacts(group).items()]
    return {**made, "arguments": {key: value for key, value in (("parameters", parameters), ("artifacts", artifacts)) if value}}


def templates(group: Group, store: Store | None, shown: bool) -> list[dict[str, Any]]:
    """The templates of a loop: the list, one item, and the steps of the item; `shown` as in `dag`."""
    loop = _loop(group)
    outer = list(_outer(group))
    columns = [_name(column) for column in loop.columns]
    artifacts = [{"name": name} for name in _artifacts(group)]
    given: dict[str, Any] = {
        "parameters": [
            *({"name": name, "value": "{{item." + name + "}}"} for name in columns),
            *({"name": name, "value": "{{inputs.parameters." + name + "}}"} for name in outer),
        ],
        "artifacts": [{"name": name, "from": "{{inputs.artifacts." + name + "}}"} for name in _artifacts(group)],
    }
    each = {"name": _ITEM, "template": f"x-item-{group.name}", "arguments": {key: value for key, value in given.items() if value}}
    listing: dict[str, Any] = {
        "name": f"x-loop-{group.name}",
        "inputs": _interface([_ITEMS, *outer], artifacts),
        "outputs": {"parameters": [_collected()]} if _results(group) else {},
        "parallelism": loop.parallel,
        "dag": {"failFast": False, "tasks": [{**each, "withParam": "{{inputs.parameters." + _ITEMS + "}}"}]},
    }
    outputs = {"parameters": list(_results(group).values())} if _results(group) else {}
    item = dag(f"x-item-{group.name}", group.children, store, shown, _interface([*columns, *outer], artifacts), outputs)
    return [{key: value for key, value in listing.items() if value}, *item]


def raw(ref: EachRef | ListRef | OuterRef) -> str:
    """The text behind a reference that has to do with a loop."""
    match ref:
        case OuterRef(ref=outside):
            return f"inputs.parameters['{_outer_name(outside)}']"
        case EachRef(texts=texts):
            text = f"inputs.parameters['{_name(ref)}']"
            # a text with a quote or a backslash arrives as the inside of a JSON string (v1alpha1/item.go, String)
            return f"fromJSON('\"' + {text} + '\"')" if _escaped(ref, texts) else text
        case ListRef(loop=loop, step=step, value=value):
            written = f"#['{step}_{value.name}']"
            wrong = f"asInt({quoted(f'value {value.name} of step {step} {not_of(value.type)}')})"
            form = {
                "string": written,
                "int": f"({written} matches {INT} ? asInt({written}) : {wrong})",
                "float": f"({written} matches {FLOAT} ? asFloat({written}) : {wrong})",
                "bool": f"({written} in ['true', 'false'] ? {written} == 'true' : {wrong})",
                "list": f"(type(fromJSON({written})) == 'array' ? fromJSON({written}) : {wrong})",
                "dict": f"(type(fromJSON({written})) == 'map' ? fromJSON({written}) : {wrong})",
            }[value.type]
            return f"toJson(map({_all(loop)}, {form}))"


def picked(port: Input, best: Best, name: str, archive: Mapping[str, Any]) -> dict[str, Any]:
    """The argument that hands over the artifact of the best item: the key under which its pod stored it.

    A key alone is completed by the run's repository, whatever kind that is (v1alpha1/workflow_types.go, Relocate).
    """
    number = found(f"fromJSON(#['{best.metric.step}_{best.metric.metric.name}'])", best.metric.metric)
    pairs = f"map({_all(best.loop)}, [{number} + 0, #['{port.producer}_{port.name}']])"
    chosen = f"reduce({pairs}, #[0] {'>' if best.highest else '<'} #acc[0] ? # : #acc)[1]"
    none = quoted(f"loop {best.loop} had no items, so none of them is the best")
    key = "{{= len(" + _all(best.loop) + f") == 0 ? asInt({none}) : {chosen}" + " }}"
    return {"name": name, "archive": archive, "s3": {"key": key}}


def items_text(loop: Loop) -> str:
    """The constant items of a loop as JSON, one a line, each a mapping of texts; lists and mappings stand in it as such."""
    rows = [
        "{" + ", ".join(f"{_string(_name(column))}: {_value(column, text)}" for column, text in zip(loop.columns, row, strict=True)) + "}"
        for row in loop.rows or ()
    ]
    return "[\n  " + ",\n  ".join(rows) + "\n]"


def _value(column: EachRef, text: str) -> str:
    return text if column.type in ("list", "dict") else _string(text)


def _string(text: str) -> str:
    """A JSON string, its text as it is as far as it can be read."""
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in json.dumps(text, ensure_ascii=False))


def _escaped(column: EachRef, texts: tuple[str, ...]) -> bool:
    """Whether a text of the column arrives as the inside of a JSON string."""
    if not texts:
        return column.type in ("string", "list", "dict")
    return column.type == "string" and any(_string(text)[1:-1] != text for text in texts)


def _loop(group: Group) -> Loop:
    if group.loop is None:
        raise AssertionError(group.name)  # a group of this kind has one
    return group.loop


def _name(column: EachRef) -> str:
    return column.column.replace(".", "-")


def _all(loop: str) -> str:
    return f"fromJSON(tasks['{loop}'].outputs.parameters['{_ITEMS}'])"


def _interface(names: list[str], artifacts: list[dict[str, str]]) -> dict[str, Any]:
    parts = (("parameters", [{"name": name} for name in names]), ("artifacts", artifacts))
    return {key: value for key, value in parts if value}


def _collected() -> dict[str, Any]:
    """All outputs of all items; a loop without items has none."""
    return {"name": _ITEMS, "valueFrom": {"parameter": "{{tasks." + _ITEM + ".outputs.parameters}}", "default": "[]"}}


def _results(group: Group) -> dict[str, dict[str, Any]]:
    """What an item gives to those outside: parameters of its DAG. Values, and for the best item metrics and keys of artifacts."""
    made: dict[str, dict[str, Any]] = {}

    def give(step: str, name: str, source: dict[str, str]) -> None:
        made.setdefault(f"{step}_{name}", {"name": f"{step}_{name}", "valueFrom": source})

    for ref in group.lists:
        give(ref.step, ref.value.name, _output(ref.step, ref.value.name))
    for port in group.picks:
        if port.best is not None:
            metric = port.best.metric
            give(metric.step, metric.metric.name, _output(metric.step, metric.metric.name))
            stored = f"fromJSON(toJson(tasks['{port.producer}'].outputs.artifacts['{port.name}']))"
            keys = " ?? ".join(f"{stored}{key}" for key in ("['s3']?.key", "['gcs']?.key", "['oss']?.key", "['azure']?.blob"))
            give(port.producer, port.name, {"expression": f"{keys} ?? asInt('the store of artifact {port.name} has no keys')"})
    return made


def _output(step: str, name: str) -> dict[str, str]:
    return {"parameter": "{{tasks." + step + ".outputs.parameters." + name + "}}"}


def _outer(group: Group) -> dict[str, ValueRef | MetricRef | ListRef]:
    """What the steps of a loop take from outside, by the name of the parameter that carries it in."""
    made = (ref.ref for child in group.children for ref in _references(child) if isinstance(ref, OuterRef))
    return {_outer_name(ref): ref for ref in made}


def _references(child: Step | Group) -> Iterator[Ref]:
    if isinstance(child, Step):
        for text in child.texts:
            yield from text.references
        for condition in child.conditions:
            yield from references(condition.expr)
        for metric in child.metrics:
            for threshold in metric.thresholds if metric.on_miss == "fail" else ():
                yield from references(threshold.bound)


def _outer_name(ref: ValueRef | MetricRef | ListRef) -> str:
    return f"x-{ref.step}_{ref.metric.name if isinstance(ref, MetricRef) else ref.value.name}"


def _handed(ref: ValueRef | MetricRef | ListRef) -> str:
    return _guarded(plain(ref), called(ref))


def _guarded(text: str, name: str) -> str:
    """A text on its way into a loop: double braces, which every level would replace, end the run."""
    message = quoted(f"{name} contains double braces")
    return "{{= " + f"map([{text}], # contains {_BRACES} ? asInt({message}) : #)[0]" + " }}"


def _artifacts(group: Group) -> dict[str, Input]:
    """The artifacts that the steps of a loop take from outside, by the name of the input that carries them in."""
    ports = (port for child in group.children if isinstance(child, Step) for port in child.inputs if port.outer and port.external is None)
    return {port.outer: replace(port, outer="") for port in ports}


def _items(group: Group) -> str:
    """The list: a constant, or an expression that makes a list of mappings of texts of what only a run knows."""
    loop = _loop(group)
    if loop.source is None:
        return items_text(loop)
    fields = ", ".join(f"{quoted(_name(column))}: {_field(column)}" for column in loop.columns)
    text = plain(loop.source)
    found = f"fromJSON({text})"
    if not isinstance(loop.source, ListRef):  # `map` takes the bytes of a text, and nothing of a mapping
        found = f"(type({found}) == 'array' ? {found} : asInt({quoted(f'{called(loop.source)} is not a list')}))"
    return _guarded(f"toJson(map({found}, ({{{fields}}})))", called(loop.source))


def _field(column: EachRef) -> str:
    """One field of an item, or the item, as a text."""
    _, dot, field = column.column.partition(".")
    if not dot:
        return "(type(#) == 'string' ? # : toJson(#))"
    missing = quoted(f"an item of {column.column.partition('.')[0]} has no field {field}")
    given = f"#[{quoted(field)}]"
    return f"(type({given}) == 'string' ? {given} : {given} == nil ? asInt({missing}) : toJson({given}))"
