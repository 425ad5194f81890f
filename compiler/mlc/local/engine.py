"""The states of a run: what is ready, what becomes of it, and what follows from that. It starts nothing itself and waits for nothing.

docs/language.md, "What it means, on every target", is what this does; tests/conformance/model.py says the same in other words.
"""

from __future__ import annotations

import heapq
import shutil
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from ..expr.evaluate import Facts, Unreadable, items, text
from ..ir import Group, steps_of
from .artifacts import Kept
from .conditions import decided, missed
from .events import Note, Produced, TaskChanged
from .nodes import OVER, Node, Scope, item_scope, orders, populate, used_columns
from .programs import cache_key, containers, filled, fingerprint, in_container
from .results import Results, read, record
from .reuse import cached
from .store import Finished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..expr.evaluate import Place
    from ..ir import External, Pipeline
    from .artifacts import Objects
    from .events import Listener, State
    from .job import Surroundings
    from .programs import Filled
    from .reuse import Earlier, Part
    from .store import Run, Store


class Engine:
    """A run of a project. `ready` is what may be started, the first first; `wanted` are artifacts from outside that are asked for."""

    def __init__(
        self,
        pipeline: Pipeline,
        run: Run,
        params: Mapping[str, str],
        surroundings: Surroundings,
        store: Store,
        objects: Objects,
        listener: Listener,
        part: Part,
        earlier: Earlier,
    ) -> None:
        self.pipeline, self.run = pipeline, run
        self.results = Results()
        self.ready: list[tuple[tuple[int, int], Node]] = []
        self.wanted: dict[str, tuple[External, str]] = {}
        self.over = False
        self.failed = False
        self.reasons: list[str] = []
        self.seen: set[str] = set()
        """The tasks that are over."""
        self._params, self._surroundings, self.store, self._objects, self._listener = params, surroundings, store, objects, listener
        self.part, self.earlier = part, earlier
        self._final = frozenset(step.name for step in steps_of(pipeline.final)) if pipeline.final else frozenset()
        self._orders = orders(pipeline)
        self._lists: dict[tuple[str, str], list[str]] = {}
        self._todo: deque[Node] = deque()
        self._top: dict[str, Node] = {}
        self._fetching: dict[str, list[Node]] = {}
        self._kept: list[Finished] = []
        """What is to be written when all is decided that can be."""

    # --- from outside

    def begin(self) -> None:
        """Decide what can be decided before anything runs."""
        for made in self.store.external(self.run.name):
            self.results.external[made.name] = Kept(made.kind, made.digest, made.size)
        self._open(self._scope({}), self.pipeline.run)
        self.settle()

    def settle(self) -> None:
        """Decide all that can be decided now."""
        while self._todo:
            self._look_at(self._todo.popleft())
        if self._kept:
            kept, self._kept = self._kept, []
            self.keep(kept)

    def finished(self, node: Node, finished: Finished) -> None:
        """An attempt of a task succeeded, and its record is on the disk."""
        self._tell(finished)
        self._end(node, "Succeeded")

    def gave_up(self, node: Node, reason: str) -> None:
        """The attempts of a task are used up."""
        self._end(node, "Failed", reason)

    def fetched(self, name: str, kept: Kept | None, reason: str) -> None:
        """An artifact from outside is there, or is not to be had."""
        nodes = self._fetching.pop(name)
        if kept is not None:
            self.results.external[name] = kept
        for node in nodes:
            if node.state in OVER:
                continue  # another of its artifacts was not to be had
            if kept is None:
                self._end(node, "Failed", f"artifact `{name}` is not to be had: {reason}")
            elif not any(node in waiting for waiting in self._fetching.values()):
                self._prepare(node)

    def put(self, node: Node) -> None:
        """A task may be started."""
        heapq.heappush(self.ready, (node.order, node))

    def outputs(self, task: str) -> Path:
        """The folder in which the artifacts of a task can be looked at."""
        return self.run.folder / task / "outputs"

    def change(self, node: Node, state: State, reason: str = "", *, attempt: int = 0, retry_in: float = 0.0, reused: str = "") -> None:
        """A task is in another state, which is told."""
        node.state, node.reason = state, reason
        limit = 0
        if not isinstance(node.unit, Group):
            limit = node.attempts - node.made + 1 + (node.unit.retry.limit if node.unit.retry else 0)
        self._listener(
            TaskChanged(node.task, state, time.time(), attempt, limit if attempt else 0, reason, reused, retry_in, node.scope.item)
        )

    def note(self, text: str) -> None:
        """Tell a sentence."""
        self._listener(Note(text))

    def state_of(self, unit: str) -> State:
        """The state of a step or loop that is in no other."""
        return self._top[unit].state if unit in self._top else "Waiting"

    # --- what a trial leaves out

    def keep(self, finished: list[Finished]) -> None:
        """Write what was decided and can be decided again for nothing."""
        self.store.finish(self.run.name, finished, lasting=any(one.task.state == "Succeeded" for one in finished))

    def forget(self, tasks: list[str]) -> None:
        """Take back what is known of tasks that are to be done again, for good: whoever comes next must not find it."""
        self.store.forget(self.run.name, tasks)

    def show(self, finished: Finished) -> None:
        """Have the artifacts of a task where a person can look at them."""
        outputs = self.outputs(finished.task.name)
        if finished.task.reused:
            shutil.rmtree(outputs, ignore_errors=True)  # of an attempt that nobody saw ending
        for made in finished.made:
            self._objects.show(made.kind, made.digest, outputs / made.name)
            self._listener(Produced(made.task, made.name, str(outputs / made.name), made.size))

    # --- a node

    def _scope(self, run: Mapping[str, str]) -> Scope:
        texts: dict[tuple[str, str], str] = {}
        known = {"id": self.run.id, "name": self.run.name, **run}
        return Scope(Facts(self._params, known, texts, self._lists, {}), texts)

    def _open(self, scope: Scope, group: Group) -> None:
        populate(scope, group, self._orders)
        if scope.loop is None:
            self._top.update(scope.nodes)
        self._todo.extend(node for node in scope.nodes.values() if not node.waiting)

    def _look_at(self, node: Node) -> None:
        """Everything that a node waits for is over."""
        if node.scope.loop is None and self._is_taken(node):
            return
        for state, follows, words in (
            ("Failed", "NotRun", "failed"),
            ("NotRun", "NotRun", "did not run"),
            ("Skipped", "Skipped", "was skipped"),
        ):
            name = next((name for name in node.unit.after if node.scope.nodes[name].state == state), "")
            if name:
                self._end(node, follows, f"`{node.scope.task(name)}` {words}")  # type: ignore[arg-type]
                return
        try:
            why = decided(node.unit.conditions, node.scope.facts)
            if why:
                self._end(node, "Skipped", why)
            elif isinstance(node.unit, Group):
                self._open_loop(node, node.unit)
            else:
                self._prepare(node)
        except Unreadable as unreadable:
            self._end(node, "Failed", str(unreadable))

    def _prepare(self, node: Node) -> None:
        """A step is to run, unless its result is there already."""
        step = node.step
        facts = node.scope.facts
        try:
            missing = [
                port.external for port in step.inputs if port.external is not None and port.external.name not in self.results.external
            ]
            programs = self.programs(node)
            if missing:
                for external in missing:
                    self._fetching.setdefault(external.name, []).append(node)
                    self.wanted[external.name] = (external, text(external.uri, facts, in_container))
                return
            inputs = self.results.inputs(node)
        except Unreadable as unreadable:
            self._end(node, "Failed", str(unreadable))
            return
        node.fingerprint = self._fingerprint(node, programs, inputs)
        node.key = cache_key(self.pipeline.name, step, facts.item)
        done = self.earlier.result(node, self._objects)
        if done is not None:
            self._take(node, done, self.run.name)
            return
        found = cached(node, self.store, self._objects)
        dropped = self.earlier.drop(node, self._final)
        if dropped:
            self.forget(dropped)
        if found is not None:
            self._take(node, found[1], found[0], "cache")
            return
        self.put(node)

    def _fingerprint(self, node: Node, programs: Sequence[Filled], inputs: Mapping[str, Kept | None]) -> str:
        facts = node.scope.facts
        more = [*facts.item.values(), facts.run.get("status", "")]
        return fingerprint(node.step, programs, self.images(node, programs), inputs, self._surroundings.identity, more)

    def programs(self, node: Node, place: Place = in_container) -> tuple[Filled, ...]:
        """What the containers of a task run, with the paths that `place` gives. Raises `Unreadable`."""
        facts, step = node.scope.facts, node.step
        return tuple(filled(one, lambda given: text(given, facts, place)) for one in containers(step))

    def images(self, node: Node, programs: Sequence[Filled]) -> tuple[str, ...]:
        """The images of the containers of a task on this machine."""
        images = (node.step.image, *(container.image for container in node.step.beside))
        return tuple(self._surroundings.image(image, program.image) for image, program in zip(images, programs, strict=True))

    def again(self, node: Node) -> str:
        """Why a task of a run that goes on is done again; "" where it had not been done."""
        return self.earlier.again.get(node.task, "")

    def _take(self, node: Node, found: Finished, run: str, reused: str = "") -> None:
        """A task takes the result of an earlier one, or its own of before the same run went on."""
        reused = reused or run
        finished = self.results.taken(node, found, run, reused, time.time())
        if run == self.run.name and reused != "cache":
            node.attempts = found.task.attempts
            finished = replace(finished, task=found.task)
        if finished != found:  # of its own, only the thresholds may be others
            self._kept.append(finished)
        self._tell(finished)
        self._end(node, "Succeeded", reused=reused)

    def _tell(self, finished: Finished) -> None:
        """What a task that succeeded has measured and made."""
        for event in read(finished):
            self._listener(event)
        self.show(finished)

    def _end(self, node: Node, state: State, reason: str = "", reused: str = "") -> None:
        """A node is over; who waits for nothing else now is looked at next."""
        self.change(node, state, reason, attempt=0 if reused else node.attempts, reused=reused)
        self.seen.add(node.task)
        if state != "Succeeded" or isinstance(node.unit, Group):
            self._kept.append(Finished(record(node, state, time.time(), reason)))
        for other in node.before:
            other.waiting -= 1
            if not other.waiting:
                self._todo.append(other)
        node.scope.open -= 1
        if not node.scope.open:
            self._close(node.scope)

    # --- scopes

    def _close(self, scope: Scope) -> None:
        """All nodes of a scope are over."""
        found = [
            f"{node.task}: {why.removeprefix(f'{node.unit.name}: ')}"
            for node in scope.nodes.values()
            if node.state == "Succeeded" and not isinstance(node.unit, Group)
            for why in missed(node.unit, scope.facts, scope)
        ]
        self.reasons.extend(found)
        bad = bool(found) or any(node.state == "Failed" for node in scope.nodes.values())
        if scope.loop is not None:
            loop = scope.loop
            loop.going -= 1
            loop.bad += bad
            self._next_items(loop)
            return
        self.failed = self.failed or bad
        final = self.pipeline.final
        if final is not None and "status" not in scope.facts.run:
            self._open(self._scope({"status": "Failed" if self.failed else "Succeeded"}), final)
        else:
            self.over = True

    def _open_loop(self, node: Node, group: Group) -> None:
        loop = group.loop
        if loop is None:
            raise AssertionError(group.name)  # a group of this kind has one
        node.rows = items(loop, node.scope.facts, used_columns(group))
        node.started = time.time()
        self.change(node, "Running")
        for index, row in enumerate(node.rows):
            scope = item_scope(node, index, row)
            for step in steps_of(group):
                self._listener(TaskChanged(scope.task(step.name), "Waiting", node.started, item=scope.item))
        self._next_items(node)

    def _next_items(self, node: Node) -> None:
        """Begin as many items as may go at once; end the loop where there are none left."""
        group = node.unit
        if not isinstance(group, Group) or group.loop is None:
            raise AssertionError(node.task)
        while len(node.items) < len(node.rows) and (not group.loop.parallel or node.going < group.loop.parallel):
            scope = item_scope(node, len(node.items), node.rows[len(node.items)])
            node.items.append(scope)
            node.going += 1
            self._open(scope, group)
        if node.going:
            return
        for ref in group.lists:
            self._lists[ref.step, ref.value.name] = [
                item.texts[ref.step, ref.value.name] for item in node.items if (ref.step, ref.value.name) in item.texts
            ]
        self.results.loops[group.name] = node
        why = f"{node.bad} of {len(node.items)} items failed" if node.bad else ""
        self._end(node, "Failed" if node.bad else "Succeeded", why)

    # --- parts of a project

    def _is_taken(self, node: Node) -> bool:
        """Whether a step or a loop is no part of what runs; it is over then."""
        name, source = node.unit.name, self.part.source
        if name in self.part.left:
            self._end(node, "Skipped", self.part.why)
        elif name not in self.part.taken or source is None:
            return False
        elif isinstance(node.unit, Group):
            self._take_loop(node, node.unit, source)
        else:
            found = self.store.result(source.name, node.task)
            if found is None:
                raise AssertionError(node.task)
            if source.name != self.run.name and found.task.fingerprint and self._differs(node, found):
                self.note(f"`{node.task}` has changed since `{source.name}`, and its result there is taken all the same")
            self._take(node, found, source.name)
        return True

    def _differs(self, node: Node, found: Finished) -> bool:
        """Whether a step that is not to run is another one than it was; False where nobody can say before it runs."""
        try:
            return self._fingerprint(node, self.programs(node), self.results.inputs(node)) != found.task.fingerprint
        except (Unreadable, KeyError):
            return False

    def _take_loop(self, node: Node, group: Group, source: Run) -> None:
        """All items of a loop as they were in another run."""
        members = {step.name for step in group.children}
        tasks = [task for task in self.store.tasks(source.name) if task.step in members and task.name != task.step]
        heads = [task for task in tasks if task.step == group.name]
        node.rows = [{} for _ in heads]
        self.change(node, "Running")
        for index in range(len(heads)):
            scope = item_scope(node, index, {})
            populate(scope, group, self._orders)
            scope.open += 1  # nothing follows from the ends of its tasks
            node.items.append(scope)
            for inner in scope.nodes.values():
                inner.before.clear()
            for inner in scope.nodes.values():
                found = self.store.result(source.name, inner.task)
                if found is None:
                    raise AssertionError(inner.task)
                scope.item = found.task.item
                if found.task.state == "Succeeded":
                    self._take(inner, found, source.name)
                else:
                    self._end(inner, found.task.state, found.task.reason)
        self._next_items(node)
