"""Loops of a PipelineSpec: the group of the list, the group of an item, and the list itself.

Facts: kubeflow/pipelines backend/src/v2 (compiler/argocompiler/dag.go, iteratorTask; driver/dag.go; driver/resolve.go, CollectInputs).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .cellang import asked
from .kfp_containers import ports
from .syntax import CEL, Node, SyntaxFault, parse, path

if TYPE_CHECKING:
    from .irlint import Lint

ITEMS, ITEM, LIST = "x-items", "x-item", "x-list"
_LOOP, _ITEM = "components.comp-x-loop-", "components.comp-x-item-"


def components(place: str, name: str) -> tuple[str, ...]:
    """The components that a task of a group may run."""
    if place.startswith(_LOOP):
        return (f"comp-x-item-{place.removeprefix(_LOOP)}",)
    return (f"comp-{name}", f"comp-x-loop-{name}")


def iterated(task: dict[str, Any]) -> set[str]:
    """The inputs that the engine itself reads of a task that iterates."""
    iterator = task.get("parameterIterator")
    return {iterator["itemInput"], iterator["items"]["inputParameter"]} if iterator else set()


def task(lint: Lint, place: str, name: str, found: dict[str, Any], component: dict[str, Any], here: str) -> Iterator[str]:
    """A task, as far as it has to do with loops."""
    inner = place.startswith(_LOOP)
    if not inner:
        yield from (f"{here}.{key}: belongs to the task in a loop" for key in ("parameterIterator", "iteratorPolicy") if key in found)
        if found["componentRef"]["name"] == f"comp-x-loop-{name}":
            yield from _list(lint, found, component, here)
        return
    if "parameterIterator" not in found:
        yield f"{here}: runs over no items"
    if (name, found["taskInfo"]["name"]) != (ITEMS, ITEMS):
        yield f"{here}.taskInfo.name: is not the task's own name, by which the driver finds it"
    # what depends on an iterator whose condition is false still runs
    yield from (f"{here}.{key}: belongs to the task of the whole loop" for key in ("dependentTasks", "triggerPolicy") if key in found)
    types = {key: one["parameterType"] for key, one in ports(component, "input", "parameters").items()}
    if (types.get(ITEM), types.get(LIST)) != ("STRING", "LIST"):
        yield f"{here}: runs over a {types.get(LIST)} of {types.get(ITEM)}"


def _list(lint: Lint, found: dict[str, Any], component: dict[str, Any], here: str) -> Iterator[str]:
    """The list of a loop: constant texts; or what a run makes, which may be empty only where nobody asks for values of its items."""
    source = found.get("inputs", {}).get("parameters", {}).get(LIST, {})
    place = f"{here}.inputs.parameters.{LIST}"
    if not source:
        yield f"{place}: there is no list"
    if "runtimeValue" in source:
        items = source["runtimeValue"]["constant"]
        columns = list(items[0]) if items and isinstance(items[0], dict) else []
        for number, one in enumerate(items):
            if not columns or not isinstance(one, dict) or list(one) != columns or not all(isinstance(text, str) for text in one.values()):
                yield f"{place}: item {number} is {one!r}, no mapping of texts like the first"
        if not items:
            yield f"{place}: is empty"
    elif component.get("outputDefinitions"):
        condition = found.get("triggerPolicy", {}).get("condition", "false")
        tests = (one.parts for one in parse(condition, CEL).walk() if one.kind == "choice")
        sizes = [test.parts[0].parts for test, *_ in tests if test.kind == "binary" and test.parts[0].kind == "call"]
        if not any(path(size[0]) == ("size",) for size in sizes):
            yield f"{here}.triggerPolicy.condition: does not ask whether the list is empty, and the driver collects from no iteration"


def column(lint: Lint, place: str, key: str, source: dict[str, Any]) -> Iterator[str]:
    """What a step takes of its item: the whole of it, or what it has under the name of the input."""
    if not place.startswith(_ITEM) or not key.startswith("each."):
        yield "carries x-item"
        return
    name = key.removeprefix("each.")
    known = _constants(lint, place.removeprefix(_ITEM))
    wanted = name if known is not None else name.partition(".")[2]
    if known is not None and any(wanted not in one for one in known):
        yield f"asks for {wanted}, which an item has not"
    selector = source.get("parameterExpressionSelector")
    found = ""
    if selector is not None:
        try:
            tree = parse(selector, CEL)
        except SyntaxFault:
            return
        found = tree.parts[1].text if tree.kind == "index" else "nothing"
    if found != wanted:
        yield f"carries {found or 'the whole item'}, not {wanted or 'the whole item'}"


def _constants(lint: Lint, loop: str) -> list[dict[str, Any]] | None:
    outer, caller = lint.callers.get(f"comp-x-loop-{loop}", ("", ""))
    found = lint.dags[outer]["dag"]["tasks"][caller] if outer else {}
    source = found.get("inputs", {}).get("parameters", {}).get(LIST, {})
    return [one for one in source["runtimeValue"]["constant"] if isinstance(one, dict)] if "runtimeValue" in source else None


def printed(place: str, source: dict[str, Any], made: str, target: str | None) -> bool:
    """Whether the driver prints a number of a step of the same item as a text: it is a number only to be collected as one."""
    return place.startswith(_ITEM) and "taskOutputParameter" in source and made.startswith("NUMBER") and target == "STRING"


def outputs(lint: Lint, dag: dict[str, Any], place: str) -> Iterator[str]:
    """What a group gives to those outside: lists, each of one output of all items."""
    listing = place.startswith(_LOOP)
    if listing and list(dag["dag"]["tasks"]) != [ITEMS]:
        yield f"{place}.dag.tasks: are not the one task of a loop"
    given = dag["dag"].get("outputs", {}).get("parameters", {})
    types = ports(dag, "output", "parameters") if place != "root" else {}
    if list(given) != list(types):
        yield f"{place}.outputDefinitions: are not what its dag.outputs are"
        return
    if given and not listing and not place.startswith(_ITEM):
        yield f"{place}.dag.outputs: belong to a loop"
        return
    for name, source in given.items():
        here = f"{place}.dag.outputs.parameters.{name}"
        step, key = source["valueFromParameter"]["producerSubtask"], source["valueFromParameter"]["outputParameterKey"]
        made = ports(lint.producer(step, dag["dag"]["tasks"]), "output", "parameters").get(key)
        if made is None:
            yield f"{here}: comes from {step}.{key}, which does not exist"
        elif (key if listing else f"{step}.{key}") != name:
            yield f"{here}: carries {key if listing else f'{step}.{key}'}"
        elif types[name]["parameterType"] != "LIST":
            yield f"{here}: is a {types[name]['parameterType']}"
        elif not listing and (one := next((one for one in _before(dag, step) if _skipped(dag, one)), None)):
            yield f"{here}: is not there where {one} is skipped"
        if not any(name in _taken(other, place) for other in lint.dags.values()):
            yield f"{here}: nobody reads it"


def _taken(dag: dict[str, Any], place: str) -> Iterator[str]:
    """The outputs of a group that a DAG reads."""
    component = place.removeprefix("components.")
    callers = [name for name, found in dag["dag"]["tasks"].items() if found["componentRef"]["name"] == component]
    for found in dag["dag"]["tasks"].values():
        for source in found.get("inputs", {}).get("parameters", {}).values():
            if source.get("taskOutputParameter", {}).get("producerTask") in callers:
                yield source["taskOutputParameter"]["outputParameterKey"]
    for source in dag["dag"].get("outputs", {}).get("parameters", {}).values():
        if source["valueFromParameter"]["producerSubtask"] in callers:
            yield source["valueFromParameter"]["outputParameterKey"]


def _before(dag: dict[str, Any], name: str) -> list[str]:
    """A task, what it waits for, and what that waits for."""
    seen = [name]
    for one in seen:
        seen += [other for other in dag["dag"]["tasks"].get(one, {}).get("dependentTasks", ()) if other not in seen]
    return seen


def _skipped(dag: dict[str, Any], name: str) -> list[Node]:
    condition = dag["dag"]["tasks"].get(name, {}).get("triggerPolicy", {}).get("condition")
    try:
        return asked(parse(condition, CEL)) if condition else []
    except SyntaxFault:
        return []
