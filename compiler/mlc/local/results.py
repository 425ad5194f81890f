"""What tasks left: for those that read it in the same run, and in the form in which it is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..expr.evaluate import Unreadable, number
from ..expr.write import written as as_written
from .artifacts import Kept
from .conditions import thresholds
from .events import MetricRead
from .store import AttemptRecord, Finished, Made, Task, Written

if TYPE_CHECKING:
    from ..ir import Best, Input
    from .events import State
    from .files import Collected
    from .nodes import Node


class Results:
    """Artifacts of the tasks of a run, by task and name, and those from outside, by name."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], Kept] = {}
        self.external: dict[str, Kept] = {}
        self.loops: dict[str, Node] = {}
        """The loops that are over, by name."""

    def inputs(self, node: Node) -> dict[str, Kept | None]:
        """What a task finds of each input: None for one that was left out. Raises `Unreadable` where there is no best."""
        return {port.name: self._input(node, port) for port in node.step.inputs}

    def _input(self, node: Node, port: Input) -> Kept | None:
        if port.external is not None:
            return self.external[port.external.name]
        if port.best is not None:
            return self.made.get((f"{port.producer}[{self._best(port.best)}]", port.name))
        producer = node.scope.task(port.producer) if port.producer in node.scope.nodes else port.producer
        return self.made.get((producer, port.name))

    def _best(self, best: Best) -> int:
        """The number of the best item of a loop; the first of equals."""
        ref = best.metric
        numbers = [float(number(ref.metric, item.texts[ref.step, ref.metric.name], ref)) for item in self.loops[best.loop].items]
        if not numbers:
            raise Unreadable(f"loop `{best.loop}` had no items, so none of them has the best `{as_written(ref)}`")
        return numbers.index(max(numbers) if best.highest else min(numbers))

    def finished(self, node: Node, result: Collected, attempt: AttemptRecord, at: float) -> Finished:
        """The record of a task whose attempt succeeded, which is known from now on."""
        step = node.step
        texts = {(step.name, name): text for name, text in result.texts.items()}
        node.scope.texts.update(texts)
        written = [Written(node.task, "value", port.name, result.texts[port.name]) for port in step.values]
        for metric in step.metrics:
            numeral, stand = thresholds(step.name, metric, node.scope.facts, node.scope)
            written.append(Written(node.task, "metric", metric.name, result.texts[metric.name], numeral, stand))
        made = tuple(Made(node.task, name, *kept) for name, kept in result.made.items())
        self.made.update({(node.task, name): kept for name, kept in result.made.items()})
        return Finished(record(node, "Succeeded", at), tuple(written), made, attempt)

    def taken(self, node: Node, found: Finished, run: str, reused: str, at: float) -> Finished:
        """The record of a task that takes the result of an earlier one, of `run`, which is known from now on."""
        step = node.step
        node.scope.texts.update({(step.name, one.name): one.text for one in found.written})
        self.made.update({(node.task, one.name): Kept(one.kind, one.digest, one.size) for one in found.made})
        numbered = {metric.name: thresholds(step.name, metric, node.scope.facts, node.scope) for metric in step.metrics}
        written = [replace(one, task=node.task) for one in found.written]
        written = [
            replace(one, number=numbered[one.name][0], thresholds=numbered[one.name][1]) if one.name in numbered else one for one in written
        ]
        origin = found.task.origin or f"{run}/{found.task.name}"
        mine = record(node, "Succeeded", at)
        # one that is not to run has none of its own: what it was made from still tells whether the step has changed since
        stands_for = mine.fingerprint or found.task.fingerprint
        task = replace(mine, reused=reused, attempts=0, started=at, origin=origin, fingerprint=stands_for)
        return Finished(task, tuple(written), tuple(replace(one, task=node.task) for one in found.made))


def record(node: Node, state: State, at: float, reason: str = "") -> Task:
    """The record of a task that ended."""
    return Task(
        name=node.task,
        step=node.unit.name,
        state=state,
        reason=reason,
        attempts=node.attempts,
        fingerprint=node.fingerprint,
        key=node.key,
        started=node.started,
        ended=at,
        item=node.scope.item,
    )


def read(finished: Finished) -> list[MetricRead]:
    """What is told of a task's metrics."""
    return [MetricRead(one.task, one.name, one.number or one.text, one.thresholds) for one in finished.written if one.kind == "metric"]
