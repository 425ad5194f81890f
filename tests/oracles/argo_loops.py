"""Loops of a Workflow: the template of the list, the template of an item, and the list itself.

Facts: argo-workflows workflow/controller (operator.go, processItem and processAggregateNodeOutputs; dag.go), v1alpha1/item.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from .exprlang import Expression, best, doubling, flowing, output, raises, shown, stored, undecoded
from .syntax import EXPR, Node, SyntaxFault, parse, path

if TYPE_CHECKING:
    from .argolint import Lint, Scope

ITEMS, ITEM = "x-items", "x-item"
_TAG = re.compile(r"\{\{(item|inputs\.parameters)\.([-\w]+)\}\}")
_ARTIFACT = re.compile(r"\{\{inputs\.artifacts\.([-\w]+)\}\}")
_OUTPUT = re.compile(r"\{\{tasks\.([-\w]+)\.outputs\.parameters\.([-\w]+)\}\}")
_ALL = {"parameter": "{{tasks.x-item.outputs.parameters}}", "default": "[]"}
_STORES = {("s3", "key"), ("gcs", "key"), ("oss", "key"), ("azure", "blob")}


def listing(lint: Lint, template: dict[str, Any], place: str) -> Iterator[str]:
    """The template `x-loop-NAME`: one task for all items, which are texts by now."""
    name = template["name"].removeprefix("x-loop-")
    tasks = template["dag"]["tasks"]
    task = tasks[0]
    here = f"{place}.dag.tasks[{task['name']}]"
    if len(tasks) > 1 or task["name"] != ITEM:
        yield f"{place}.dag.tasks: are not the one task of a loop"
        return
    if task["template"] != f"x-item-{name}":
        yield f"{here}.template: {task['template']} is not that of an item of {name}"
        return
    if "withParam" not in task:
        yield f"{here}: runs over no items"
    # a task with items that is skipped counts as Succeeded for the steps behind it
    yield from (f"{here}.{key}: belongs to the task of the whole loop" for key in ("depends", "when") if key in task)
    yield from lint.given(task, lint.templates.get(task["template"], {}), here)
    inputs = names(template, "inputs", "parameters")
    used: set[str] = set()
    for argument in task.get("arguments", {}).get("parameters", ()):
        tag = _TAG.fullmatch(argument["value"])
        where = f"{here}.arguments.parameters[{argument['name']}].value"
        if tag is None:
            yield f"{where}: {argument['value']!r} is neither of the item nor of the loop"
            continue
        if tag[2] != argument["name"]:
            yield f"{where}: takes {tag[2]} for {argument['name']}"
        if tag[1] != "item":
            used.add(tag[2])
            if tag[2] not in inputs or tag[2] == ITEMS:
                yield f"{where}: the loop is not given {tag[2]}"
    if "withParam" in task and ITEMS not in inputs:
        yield f"{place}.inputs.parameters: there is no list"
    yield from (f"{place}.dag: does not use its input {one}" for one in inputs if one not in used and one != ITEMS)
    collected = template.get("outputs", {}).get("parameters", [])
    if [(one["name"], one["valueFrom"]) for one in collected] not in ([], [(ITEMS, _ALL)]):
        yield f"{place}.outputs.parameters: are not all outputs of all items, or nothing where there are none"
    if bool(collected) != bool(lint.outputs(template, ITEM, "parameters")):
        yield f"{place}.outputs.parameters: are there where no item has any, or are not there"


def item(lint: Lint, template: dict[str, Any], place: str) -> Iterator[str]:
    """What the template `x-item-NAME` gives to those outside: each item must have it, and somebody must read it."""
    loop = template["name"].removeprefix("x-item-")
    if "parallelism" in template:
        yield f"{place}.parallelism: is of one item"
    for port in template.get("outputs", {}).get("parameters", ()):
        here = f"{place}.outputs.parameters[{port['name']}]"
        source = port["valueFrom"]
        if "default" in source:
            yield f"{here}.valueFrom.default: would stand for a step that did not write it"
        kind = "parameters" if "parameter" in source else "artifacts"
        if kind == "parameters":
            found = _OUTPUT.fullmatch(source["parameter"])
            step, name = found.groups() if found else ("", "")
        else:
            step, name = yield from _stored(source["expression"], f"{here}.valueFrom.expression")
        if name not in lint.outputs(template, step, kind):
            yield f"{here}.valueFrom: {step or 'nobody'} has no output {name} among its {kind}"
        elif port["name"] != f"{step}_{name}":
            yield f"{here}: carries {name} of {step}"
        elif one := next((one for one in (step, *lint.before(template, step)) if "when" in lint.task(template, one)), None):
            yield f"{here}: is not there where {one} is skipped"
        if port["name"] not in lint.read.get(loop, ()):
            yield f"{here}: nobody reads it"


def _stored(text: str, place: str) -> Generator[str, None, tuple[str, str]]:
    """The step and the artifact whose key this gives."""
    try:
        artifacts, kinds, message = stored(parse(text, EXPR))
    except SyntaxFault as fault:
        yield f"{place}: {fault}"
        return "", ""
    found = next(iter(artifacts), ())
    if len(artifacts) != 1 or found[:1] + found[2:4] != ("tasks", "outputs", "artifacts") or kinds != _STORES:
        yield f"{place}: is not the key of one artifact in every kind of store"
        return "", ""
    if message != f"the store of artifact {found[4]} has no keys":
        yield f"{place}: says {message!r} of {found[4]}"
    return found[1], found[4]


def argument(lint: Lint, task: dict[str, Any], name: str, text: str, scope: Scope, place: str) -> Iterator[str]:
    """What the task of a loop hands into it: the list, or what an output outside is, under its name."""
    fields = columns(lint, task)
    if name == ITEMS and not text.startswith("{{="):
        yield from _constant(text, fields, place)
        return
    found = Expression(text, scope)
    yield from (f"{place}: {problem}" for problem in found.problems)
    if found.tree is None or found.problems:
        return
    if found.type != "string":
        yield f"{place}: is a {found.type}, not a text"
    yield from (f"{place}: doubles the $ of {shown(names)} before it is in a container" for names in _doubled(found.tree))
    passing = _passing(found.tree)
    if passing is None:
        yield f"{place}: does not look for double braces, which every level would replace"
    elif name == ITEMS:
        yield from _computed(passing, fields, place)
    else:
        carried = {f"x-{one[1]}_{one[4]}" for one in made_of(passing)}
        if carried != {name}:
            yield f"{place}: carries {', '.join(sorted(carried)) or 'nothing'}"
    yield from lint.selected(found, place)


def chosen(lint: Lint, text: str, scope: Scope, name: str, place: str) -> Iterator[str]:
    """The key of the artifact of the best item: greater or less than the best so far, never the later one of equals."""
    found = Expression(text, scope)
    yield from (f"{place}: {problem}" for problem in found.problems)
    if found.tree is None or found.problems:
        return
    choice = best(found.tree)
    if choice is None or choice[0] not in ("<", ">"):
        yield f"{place}: does not choose the best of the items"
        return
    step, _, artifact = choice[1].partition("_")
    if name not in (artifact, *(f"x-best-{number}" for number in range(1, 100))):
        yield f"{place}: takes {artifact} of {step} for {name}"
    if choice[1] not in scope.keys:
        yield f"{place}: {choice[1]} is no key of an artifact"
    yield from lint.selected(found, place)


def picked(lint: Lint, dag: dict[str, Any], name: str) -> str:
    """The artifact that arrives in an item's template as `name`."""
    arguments = lint.outside(dag).get("arguments", {}).get("artifacts", ())
    key = next((one["s3"]["key"] for one in arguments if one["name"] == name and "s3" in one), "")
    choice = best(parse(key[4:-3], EXPR)) if key else None
    return choice[1].partition("_")[2] if choice else name


def harmless(lint: Lint, dag: dict[str, Any], names: tuple[str, ...], single: bool) -> bool:
    """Whether what is handed into an item cannot hold what would be expanded: known texts, and numbers. `single`: `$` stay as they are."""
    if names[:2] != ("inputs", "parameters"):
        return False
    source = next((one["value"] for one in lint.inside(dag).get("arguments", {}).get("parameters", ()) if one["name"] == names[2]), "")
    given = {one["name"]: one["value"] for one in lint.outside(dag).get("arguments", {}).get("parameters", ())}
    if source == f"{{{{item.{names[2]}}}}}":
        texts = [json.dumps(value) for value in known(given.get(ITEMS, ""), names[2])]
        return bool(texts) and not any("{{" in text or (single and "$" in text) for text in texts)
    handed = Expression(given.get(names[2], ""), lambda _: "string")
    return handed.tree is not None and not handed.exposed()


def encoded(lint: Lint, dag: dict[str, Any], tree: Node) -> Iterator[str]:
    """Texts of items arrive as the inside of JSON strings (item.go, String)."""
    given = {one["name"]: one["value"] for one in lint.outside(dag).get("arguments", {}).get("parameters", ())}
    fields = {("inputs", "parameters", name): name for name in columns(lint, lint.outside(dag))}
    listed = given.get(ITEMS, "")
    if listed.startswith("{{="):
        raw: list[tuple[str, ...]] = [names for names in flowing(tree) if names in fields]
    else:
        raw = list(undecoded(tree, [names for names, name in fields.items() if any(map(_odd, known(listed, name)))]))
    yield from (f"takes {shown(names)}, the inside of a JSON string, as it is" for names in dict.fromkeys(raw))


def known(text: str, column: str) -> list[Any]:
    """The constants of a column; none where only a run knows them."""
    try:
        items = [] if text.startswith("{{=") else json.loads(text)
    except ValueError:
        return []
    return [one[column] for one in items if column in one] if isinstance(items, list) else []


def names(template: dict[str, Any], side: str, kind: str) -> list[str]:
    """The names of a template's ports."""
    return [port["name"] for port in template.get(side, {}).get(kind, ())]


def columns(lint: Lint, task: dict[str, Any]) -> list[str]:
    """What an item of the loop of a task is asked for."""
    tasks = lint.templates.get(task.get("template", ""), {}).get("dag", {}).get("tasks", [{}])
    tags = (_TAG.fullmatch(one["value"]) for one in tasks[0].get("arguments", {}).get("parameters", ()))
    return [tag[2] for tag in tags if tag and tag[1] == "item"]


def _constant(text: str, columns: list[str], place: str) -> Iterator[str]:
    try:
        items = json.loads(text)
    except ValueError:
        yield f"{place}: is no JSON"
        return
    if not isinstance(items, list) or not items:
        yield f"{place}: is no list of something"
        return
    kinds: dict[str, type] = {}
    for number, one in enumerate(items):
        if not isinstance(one, dict) or list(one) != columns:
            yield f"{place}: item {number} is not of {', '.join(columns)}"
            return
        for name, value in one.items():
            if not isinstance(value, (str, list, dict)) or kinds.setdefault(name, type(value)) is not type(value):
                yield f"{place}: {name} of item {number} is {value!r}, of another kind than it must be"
            if "{{" in json.dumps(value):
                yield f"{place}: {name} of item {number} has double braces"


def _computed(passing: Node, columns: list[str], place: str) -> Iterator[str]:
    """`toJson(map(LIST, {NAME: TEXT, ...}))`, LIST `type(fromJSON(TEXT)) == 'array' ? fromJSON(TEXT) : ends the run`"""
    listed = passing.parts[1] if passing.kind == "call" and path(passing.parts[0]) == ("toJson",) else passing
    if listed.kind != "call" or path(listed.parts[0]) != ("map",) or listed.parts[-1].kind != "map":
        yield f"{place}: is no list of mappings of texts"
        return
    read = listed.parts[1]
    if read.kind != "choice" and not any(path(part) == ("toJson",) for part in read.walk()):  # of another loop's values, a list is made
        yield f"{place}: is not asked whether it is a list, and a text is its bytes for `map`"
    fields = listed.parts[2]
    made = [part.text for part in fields.parts[::2]]
    if made != columns:
        yield f"{place}: makes items of {', '.join(made)}, not of {', '.join(columns)}"
    for name, value in zip(made, fields.parts[1::2], strict=True):
        looked = {part.parts[1].text for part in value.walk() if part.kind == "index" and part.parts[0].kind == "item"}
        _, _, field = name.partition("-")
        if looked != ({field} if field else set()):
            yield f"{place}: makes {name} of {', '.join(sorted(looked)) or 'the item'}"


def _passing(tree: Node) -> Node | None:
    """Of `T contains '{{' ? ends the run : T` the T."""
    if tree.kind == "choice" and (tree.parts[0].kind, tree.parts[0].text) == ("binary", "contains") and raises(tree.parts[1]):
        return tree.parts[2]
    return None


def _odd(value: Any) -> bool:
    return isinstance(value, str) and json.dumps(value, ensure_ascii=False) != f'"{value}"'


def _doubled(tree: Node) -> Iterator[tuple[str, ...]]:
    for part in tree.walk():
        if doubling(part):
            yield path(part.parts[1])


def made_of(node: Node) -> Iterator[tuple[str, ...]]:
    """The outputs that something is made of."""
    names = output(node)
    if names[:1] == ("tasks",) and names[4:] != (ITEMS,):
        yield names
    elif not names:
        for part in node.parts:
            yield from made_of(part)
