"""A run, from its first step to its end: starts what is ready, as many attempts at once as it may, and keeps what they leave.

One thread (`run`'s caller) decides, writes and tells; each attempt has a thread of its own (work.py) that only sends messages. There is
no polling: the thread sleeps until a message comes or the pause before an attempt is over.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import queue
import shutil
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ..ir import flat, loops_of, steps_of
from .artifacts import Objects
from .engine import Engine
from .events import Line, RunEnded, RunStarted
from .job import Place
from .naming import named
from .params import filled, problems
from .resume import claims_of, gone_on
from .reuse import Earlier, Refused, part
from .store import AttemptRecord, Made
from .work import Assignment, Fetched, Handle, Over, Started, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..ir import Pipeline
    from .events import Listener
    from .job import Runner, Surroundings
    from .nodes import Node
    from .reuse import Part
    from .store import Finished, Run, Store

__all__ = ["Clock", "Control", "Options", "Phase", "Refused", "run"]

Phase = Literal["Succeeded", "Failed", "Stopped"]

_LINES = 10_000
"""Lines of logs that may wait to be told, before the programs that print them have to wait."""


class Control:
    """What others may ask of a run while it goes: from a signal handler, or from any thread."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        """What the scheduler's thread waits for. Its `put` may be called in a signal handler."""

    def stop(self) -> None:
        """End the running attempts, and the run with `Stopped`. Asked for a second time: at once."""
        self.inbox.put("stop")


class Clock:
    """The time, for the pauses between attempts."""

    def now(self) -> float:
        """Seconds, from wherever."""
        return time.monotonic()

    def wait(self, inbox: queue.SimpleQueue[object], until: float | None) -> object:
        """The next message; None where there is none until then."""
        try:
            return inbox.get(timeout=None if until is None else max(0.0, until - self.now()))
        except queue.Empty:
            return None


@dataclass(frozen=True)
class Options:
    """What a run is asked to be.

    `params` are the texts that the run gives (`params.problems` checks them); defaults are filled in here. With `resume` that run goes
    on, and its own parameters and part of the project count. `only` and `first` (`--from`) name a step that a new run is for, all else is
    taken from `using`, or from the latest run that has it. `jobs` is how many attempts may run at once, 0 for one per CPU.
    `spec`, `environment`, `overrides`, `around` and `locked` are kept with the run, so that it can go on with the same. `notes` are what
    people should know before it, those of the runner where it is None.
    """

    surroundings: Surroundings
    params: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 0
    resume: Run | None = None
    only: str = ""
    first: str = ""
    using: Run | None = None
    spec: str = ""
    environment: str = ""
    overrides: tuple[str, ...] = ()
    around: tuple[str, ...] = ()
    locked: bool = False
    notes: tuple[str, ...] | None = None
    control: Control = field(default_factory=Control)
    clock: Clock = field(default_factory=Clock)


def run(pipeline: Pipeline, runner: Runner, store: Store, options: Options, listener: Listener) -> Phase:
    """Run a project, and say how it ended.

    Raises `Refused` for what cannot be asked (exit 2), `store.StateError` and OSError for what cannot be read or written (exit 3).
    Where it raises, the attempts that were running are ended.
    """
    resumed = options.resume
    given = resumed.params if resumed else options.params
    wrong = problems(pipeline, given, limits=False)
    if resumed and resumed.phase == "Succeeded":
        wrong.append(f"run `{resumed.name}` has succeeded: there is nothing to go on with")
    if wrong:
        raise Refused(*wrong)
    pipeline = named(pipeline, filled(pipeline, given))
    steps = {**dict.fromkeys(flat(pipeline), ""), **dict(_riders(pipeline))}
    if resumed is None:
        chosen = part(pipeline, store, only=options.only, first=options.first, using=options.using)
        one = store.create(
            pipeline.name,
            params=given,
            runner=runner.name,
            spec=options.spec,
            environment=options.environment,
            overrides=options.overrides,
            around=options.around,
            only=options.only,
            first=options.first,
            source=chosen.source.name if chosen.source else "",
            steps=steps,
            locked=options.locked,
        )
        with store.shared(), store.lock(one.name):
            return _Scheduler(pipeline, runner, store, options, listener, one, chosen, Earlier()).run()
    with store.shared(), store.lock(resumed.name):
        spent = store.spent(resumed)  # before what a killed process left is said to have ended now
        chosen, earlier = gone_on(pipeline, runner, store, options.surroundings, resumed)
        return _Scheduler(
            pipeline, runner, store, options, listener, store.reopen(resumed, runner.name, steps, spent), chosen, earlier
        ).run()


def _riders(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """The steps that ride along a loop, each with the loop."""
    return ((step.name, loop.name) for loop in loops_of(pipeline) for step in steps_of(loop) if step.name != loop.name)


class _Scheduler:
    def __init__(
        self,
        pipeline: Pipeline,
        runner: Runner,
        store: Store,
        options: Options,
        listener: Listener,
        run: Run,
        chosen: Part,
        earlier: Earlier,
    ) -> None:
        self.pipeline, self.runner, self.store, self.listener, self.record = pipeline, runner, store, listener, run
        self.surroundings, self.clock, self.inbox = options.surroundings, options.clock, options.control.inbox
        self.jobs = options.jobs or os.cpu_count() or 1
        self.resumed = options.resume is not None
        self.notes = tuple(runner.notes(pipeline)) if options.notes is None else options.notes
        self.claims = claims_of(pipeline)
        self.room = threading.Semaphore(_LINES)
        objects = Objects(store.folder / "objects")
        self.worker = Worker(runner, options.surroundings, objects, self.post)
        params = filled(pipeline, run.params)
        self.engine = Engine(pipeline, run, params, options.surroundings, store, objects, listener, chosen, earlier)
        self.pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="mlc")
        self.running: dict[str, Node] = {}
        self.fetching = 0
        """Artifacts from outside that are on their way. Nobody waits for them in the end."""
        self.identities: dict[tuple[str, int], AttemptRecord] = {}
        """The attempts that are running, by task and number."""
        self.unread: deque[object] = deque()
        self.pauses: list[tuple[float, tuple[int, int], Node]] = []
        self.stopped = 0
        """How often somebody asked to stop."""

    def post(self, message: object) -> None:
        """Send a message to the scheduler's thread. Whoever floods it with lines has to wait."""
        if isinstance(message, Line):
            self.room.acquire()
        self.inbox.put(message)

    def run(self) -> Phase:
        """The run, from the first step to the last."""
        engine, name = self.engine, self.record.name
        try:
            self.surroundings.make_claims(name, self.claims)
            tasks = tuple((step.name, step.after) for step in flat(self.pipeline).values())
            folder = str(self.record.folder)
            riders = tuple(_riders(self.pipeline))
            self.listener(RunStarted(name, self.pipeline.name, self.runner.name, folder, self.resumed, tasks, self.notes, riders))
            engine.begin()
            self.start()
            while not self.over():
                self.receive()
                self.take()
                self.start()
            phase = self.phase()
            if phase != "Stopped":
                self.store.forget(name, [task.name for task in self.store.tasks(name) if task.name not in engine.seen])
            at = time.time()
            self.store.end(name, phase, at, engine.reasons)
        except BaseException:
            self.abandon()
            raise
        finally:
            self.pool.shutdown()
        if phase != "Stopped":
            self.remove_claims()
        self.listener(RunEnded(name, phase, at, tuple(engine.reasons)))
        return phase

    def over(self) -> bool:
        """Whether nothing goes on any more, and nothing will."""
        if self.running:
            return False
        if not (self.engine.over or self.stopped or self.pauses or self.fetching):
            raise AssertionError("nothing goes on, and the run is not over")
        return self.engine.over or bool(self.stopped)

    def phase(self) -> Phase:
        """How the run ended."""
        if not self.engine.over:
            return "Stopped"
        return "Failed" if self.engine.failed else "Succeeded"

    # --- starting

    def start(self) -> None:
        """Start what is ready, as far as there is room."""
        if self.stopped:
            return
        engine = self.engine
        for name, (external, uri) in list(engine.wanted.items()):
            del engine.wanted[name]
            self.fetching += 1
            folder = self.record.folder / ".fetched"
            folder.mkdir(exist_ok=True)
            shutil.rmtree(folder / name, ignore_errors=True)
            fetch = threading.Thread(target=self.worker.fetch, args=(name, external, uri, folder / name), daemon=True)
            fetch.start()  # none of the pool's: Python waits for those before it exits, and a download may take long
        room = self.jobs - len(self.running)
        nodes = [heapq.heappop(engine.ready)[1] for _ in range(min(room, len(engine.ready)))]
        if nodes:
            self.launch(nodes)

    def launch(self, nodes: Sequence[Node]) -> None:
        """Start an attempt of each. It is on record before there is anything to find."""
        for node in nodes:
            if not node.made:
                node.attempts = self.store.last_attempt(self.record.name, node.task)
                node.started = time.time()
                node.since = self.clock.now()
            node.attempts += 1
            node.made += 1
            self.identities[node.task, node.attempts] = AttemptRecord(node.task, node.attempts, "", time.time())
        self.store.attempted(self.record.name, [self.identities[node.task, node.attempts] for node in nodes])
        for node in nodes:
            self.pool.submit(self.worker.perform, self.assignment(node))
            self.running[node.task] = node
            self.engine.change(node, "Running", self.engine.again(node) if node.made == 1 else "", attempt=node.attempts)

    def assignment(self, node: Node) -> Assignment:
        """What the next attempt of a task is about."""
        engine, step = self.engine, node.step
        folder = self.store.attempt_folder(self.record.name, node.task, node.attempts)
        place = Place(self.record.name, self.record.id, node.task, node.attempts, folder)
        programs = engine.programs(node, lambda port, name, path: self.runner.path(step, folder, port.removesuffix("s"), name, path))
        inputs = engine.results.inputs(node)
        delivered = tuple((port, kept) for port in step.inputs if (kept := inputs[port.name]) is not None)
        node.handle = Handle()
        return Assignment(place, step, programs, engine.images(node, programs), delivered, engine.outputs(node.task), node.handle)

    # --- messages

    def receive(self) -> None:
        """Wait for messages, or for the end of a pause, and take in all that came."""
        first = self.clock.wait(self.inbox, self.pauses[0][0] if self.pauses else None)
        if first is not None:
            self.unread.append(first)
            with contextlib.suppress(queue.Empty):
                while len(self.unread) < _BATCH:
                    self.unread.append(self.inbox.get_nowait())
        while self.pauses and self.pauses[0][0] <= self.clock.now():
            self.engine.put(heapq.heappop(self.pauses)[2])

    def take(self) -> None:
        """Deal with messages. What ended is on the disk before anything follows from it, all of it at once."""
        finished: list[tuple[Node, Finished]] = []
        failed: list[tuple[Node, Over]] = []
        changed: dict[tuple[str, int], AttemptRecord] = {}
        fetched: list[Fetched] = []
        while self.unread:
            message = self.unread.popleft()
            match message:
                case Line():
                    self.room.release()
                    self.listener(message)
                case Started(task=task, number=number, identity=identity):
                    changed[task, number] = self.identities[task, number] = replace(self.identities[task, number], identity=identity)
                case Over(task=task, number=number):
                    node = self.running.pop(task)
                    if message.fault is not None:
                        raise message.fault
                    at = time.time()
                    attempt = replace(self.identities.pop((task, number)), ended=at, exit=message.exit, message=message.reason)
                    changed.pop((task, number), None)
                    if message.result is not None:
                        finished.append((node, self.engine.results.finished(node, message.result, attempt, at)))
                    else:
                        changed[task, number] = attempt
                        failed.append((node, message))
                case Fetched():
                    self.fetching -= 1
                    if message.fault is not None:
                        raise message.fault
                    fetched.append(message)
                case "stop":
                    self.stop()
                case str():
                    self.engine.note(message)
        if changed:
            self.store.attempted(self.record.name, changed.values())
        if finished:
            self.store.finish(self.record.name, [one for _, one in finished])
        for node, one in finished:
            self.engine.finished(node, one)
        for node, over in failed:
            self.judge(node, over)
        for found in fetched:
            if found.kept is not None:
                self.store.fetched(self.record.name, Made("", found.name, *found.kept))
            self.engine.fetched(found.name, found.kept, found.reason)
        self.engine.settle()

    def judge(self, node: Node, over: Over) -> None:
        """Whether an attempt that failed is followed by another one, and when."""
        retry = node.step.retry
        if over.cause == "stopped" or self.stopped:
            self.engine.change(node, "Stopped", attempt=node.attempts)
            return
        again = retry is not None and node.made <= retry.limit and over.cause in _AGAIN[retry.on]
        if retry is None or not again:
            self.engine.gave_up(node, over.reason)
            return
        pause = retry.backoff_duration * (float(retry.backoff_factor) if retry.backoff_factor else 1.0) ** (node.made - 1)
        due = self.clock.now() + pause
        if retry.backoff_max and due > node.since + retry.backoff_max:
            self.engine.gave_up(node, f"{over.reason}; the time for all attempts together is over")
            return
        self.engine.change(node, "Retrying", over.reason, attempt=node.attempts, retry_in=pause)
        heapq.heappush(self.pauses, (due, node.order, node))

    # --- the end

    def stop(self) -> None:
        """Somebody wants the run to end."""
        self.stopped += 1
        for node in self.running.values():
            if node.handle is not None:
                node.handle.stop(now=self.stopped > 1)
        for _, _, node in self.pauses:
            self.engine.change(node, "Stopped", node.reason)
        self.pauses.clear()

    def abandon(self) -> None:
        """End what is running, for nobody can write or tell any more what becomes of it."""
        for node in self.running.values():
            if node.handle is not None:
                node.handle.stop(now=True)
        while self.running:
            match self.unread.popleft() if self.unread else self.inbox.get():
                case Line():
                    self.room.release()
                case Over(task=task):
                    self.running.pop(task, None)

    def remove_claims(self) -> None:
        """The claims that were made for the run end with it."""
        try:
            self.surroundings.remove_claims(self.record.name, self.claims)
        except OSError as error:
            self.engine.note(f"a claim of the run cannot be removed: {error}")


_BATCH = 1_000
_AGAIN = {"failure": ("failure",), "error": ("lost",), "always": ("failure", "lost")}
