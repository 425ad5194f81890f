"""The graph of a run: steps and loops in their scopes, what they wait for, and what is known in each scope."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..expr.evaluate import Facts
from ..ir import EachRef, Group, Step, references, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..ir import Pipeline
    from .events import State
    from .work import Handle

OVER = frozenset(("Succeeded", "Skipped", "Failed", "NotRun"))
"""The states in which a task stays."""


@dataclass(eq=False)
class Node:
    """A step, in a loop once for each item, or a loop as a whole, which is called like its first step.

    `order` is the place of the step in the project and the number of the item: what is ready starts in this order.
    """

    task: str
    unit: Step | Group
    scope: Scope
    order: tuple[int, int]
    waiting: int
    state: State = "Waiting"
    before: list[Node] = field(default_factory=list)
    """Who waits for it."""
    reason: str = ""
    started: float = 0.0
    fingerprint: str = ""
    key: str = ""
    attempts: int = 0
    """Those made, with those of the run before it went on."""
    made: int = 0
    """Those of them since the run began or went on: what a retry counts."""
    since: float = 0.0
    """When the first of these was started, by the scheduler's clock."""
    handle: Handle | None = None
    items: list[Scope] = field(default_factory=list)
    """Of a loop: the scopes of its items, from the first to the last one begun."""
    rows: list[dict[str, str]] = field(default_factory=list)
    """Of a loop: what its items are."""
    going: int = 0
    """Of a loop: items that have begun and are not over."""
    bad: int = 0
    """Of a loop: items that failed."""

    @property
    def step(self) -> Step:
        """The step of a node that is none of a loop."""
        if isinstance(self.unit, Group):
            raise AssertionError(self.task)
        return self.unit


@dataclass(eq=False)
class Scope:
    """Where steps stand side by side: the run, the item of a loop, or `finally`. `open` counts the nodes that are not over."""

    facts: Facts
    texts: dict[tuple[str, str], str]
    loop: Node | None = None
    index: int = -1
    item: str = ""
    """What the item is, for people: `lr=0.1 depth=3`."""
    nodes: dict[str, Node] = field(default_factory=dict)
    open: int = 0

    def task(self, step: str) -> str:
        """What the task of a step of this scope is called."""
        return step if self.index < 0 else f"{step}[{self.index}]"

    def __contains__(self, step: object) -> bool:
        """Whether a step or loop of this scope, or of one around it, has succeeded."""
        if step in self.nodes:
            return self.nodes[str(step)].state == "Succeeded"
        return self.loop is not None and step in self.loop.scope


def populate(scope: Scope, group: Group, orders: Mapping[str, int]) -> None:
    """Fill a scope with the nodes of a group."""
    for unit in group.children:
        node = Node(scope.task(unit.name), unit, scope, (orders[unit.name], scope.index), len(unit.after))
        scope.nodes[unit.name] = node
        for name in unit.after:
            scope.nodes[name].before.append(node)
    scope.open = len(scope.nodes)


def item_scope(loop: Node, index: int, row: Mapping[str, str]) -> Scope:
    """The scope of an item: what is known around the loop is known there, too."""
    outer = loop.scope.facts
    texts: dict[tuple[str, str], str] = {}
    facts = Facts(outer.params, outer.run, ChainMap(texts, loop.scope.texts), outer.lists, row)
    return Scope(facts, texts, loop, index, item_words(row))


def item_words(row: Mapping[str, str]) -> str:
    """What an item is, for people: `lr=0.1 depth=3`. A field is left out where the whole is there."""
    return " ".join(f"{name}={text}" for name, text in row.items() if "." not in name or name.partition(".")[0] not in row)


def orders(pipeline: Pipeline) -> dict[str, int]:
    """The place of every step in the project."""
    return {step.name: place for place, step in enumerate(pipeline.steps)}


def units(pipeline: Pipeline) -> dict[str, Step | Group]:
    """The steps and loops of a project that are in no other, by name, those of `finally` last."""
    return {unit.name: unit for group in (pipeline.run, pipeline.final) if group for unit in group.children}


def members(unit: Step | Group) -> tuple[Step, ...]:
    """The step itself, or the steps of a loop."""
    return steps_of(unit) if isinstance(unit, Group) else (unit,)


def used_columns(loop: Group) -> frozenset[str]:
    """What the steps of a loop use of its items."""
    return frozenset(ref.column for step in steps_of(loop) for ref in _refs(step) if isinstance(ref, EachRef))


def _refs(step: Step) -> Iterator[object]:
    for text in step.bound:
        yield from text.references
    for condition in step.conditions:
        yield from references(condition.expr)
    for metric in step.metrics:
        for threshold in metric.thresholds:
            yield from references(threshold.bound)


def downstream(pipeline: Pipeline, names: frozenset[str]) -> frozenset[str]:
    """Of steps and loops, by name: these, all that depends on one of them, and `finally` where one of them stands before it.

    A step of a loop stands for the whole loop.
    """
    found: set[str] = set()
    for unit in pipeline.run.children:
        inside = {step.name for step in members(unit)}
        if inside & names or found.intersection(unit.after):
            found.add(unit.name)
    everything = bool(found)
    for unit in pipeline.final.children if pipeline.final else ():
        if everything or unit.name in names or found.intersection(unit.after):
            found.add(unit.name)
    return frozenset(found)


def upstream(pipeline: Pipeline, names: frozenset[str]) -> frozenset[str]:
    """The steps and loops that one of these depends on, by name, without these."""
    known = units(pipeline)
    found: set[str] = set()
    waiting = [name for name in names if name in known]
    while waiting:
        for name in known[waiting.pop()].after:
            if name not in found:
                found.add(name)
                waiting.append(name)
    return frozenset(found - names)
