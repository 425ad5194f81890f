"""Where a run stands: events go in, and every view reads from here what it shows."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..diagnostics.render import visible
from ..local.events import Line, MetricRead, Note, Produced, RunEnded, RunStarted, TaskChanged
from .words import OVER

if TYPE_CHECKING:
    from ..local.events import Event, State

_RECENT = 50


@dataclass
class Task:
    """A step, or an item of a loop, as it stands. Times are seconds since the epoch, 0.0 where they have not come yet.

    `began` is the start of the first attempt, `since` that of the present state. `line` is the last line of its log.
    """

    name: str
    state: State = "Waiting"
    since: float = 0.0
    began: float = 0.0
    ended: float = 0.0
    attempt: int = 0
    attempts: int = 0
    reason: str = ""
    reused: str = ""
    retry_at: float = 0.0
    item: str = ""
    line: str = ""
    metrics: list[MetricRead] = field(default_factory=list)
    artifacts: list[Produced] = field(default_factory=list)

    @property
    def step(self) -> str:
        """The name of its step."""
        return self.name.partition("[")[0]

    @property
    def number(self) -> int:
        """Which item of its loop it is, -1 where it is none."""
        _, bracket, rest = self.name.partition("[")
        return int(rest[:-1]) if bracket else -1


class Board:
    """The run as the events told it so far. Tasks are steps in topological order, then items in the order in which they came up."""

    def __init__(self) -> None:
        self.run = ""
        self.project = ""
        self.runner = ""
        self.resumed = False
        self.notes: list[str] = []
        self.began = 0.0
        self.phase = ""
        self.reasons: tuple[str, ...] = ()
        self.ended = 0.0
        self.tasks: dict[str, Task] = {}
        self.steps: tuple[str, ...] = ()
        self.waits_for: dict[str, tuple[str, ...]] = {}
        self.riders: dict[str, list[str]] = {}
        """Of each loop: the steps that ride along."""
        self.items: dict[str, list[str]] = {}
        """Of each step with items: their names."""
        self.counts: Counter[State] = Counter()
        """Of all tasks; a step with items counts as these."""
        self.item_counts: dict[str, Counter[State]] = {}
        self.active: dict[str, Task] = {}
        """What runs or is to be retried; a step with items is not among them."""
        self.failed: dict[str, Task] = {}
        self.recent: deque[Task] = deque(maxlen=_RECENT)
        """What ended last."""

    @property
    def total(self) -> int:
        """How many tasks there are, as far as is known."""
        return sum(self.counts.values())

    @property
    def over(self) -> int:
        """How many tasks will not change any more."""
        return sum(number for state, number in self.counts.items() if state in OVER)

    def take(self, event: Event, now: float) -> None:
        """Take an event in, which came at `now`."""
        match event:
            case RunStarted():
                self.run, self.project, self.runner = event.run, event.project, event.runner
                self.resumed, self.began = event.resumed, now
                self.notes.extend(event.notes)
                self.steps = tuple(name for name, _ in event.tasks)
                self.waits_for = dict(event.tasks)
                for step, loop in event.riders:
                    self.riders.setdefault(loop, []).append(step)
                self.tasks = {name: Task(name, since=now) for name in self.steps}
                self.counts = Counter({"Waiting": len(self.steps)})
            case TaskChanged():
                self._change(event)
                if event.state in OVER and event.task not in self.items:
                    for step in self.riders.get(event.task, ()):  # of a loop that has no items
                        self._change(replace(event, task=step))
            case Line():
                self._task(event.task).line = event.text
            case MetricRead():
                self._task(event.task).metrics.append(event)
            case Produced():
                self._task(event.task).artifacts.append(event)
            case Note():
                self.notes.append(event.text)
            case RunEnded():
                self.phase, self.ended, self.reasons = event.phase, event.at, event.reasons

    def _task(self, name: str) -> Task:
        task = self.tasks.get(name)
        if task is None:
            task = self.tasks[name] = Task(name)
            if task.number >= 0:
                if task.step not in self.items:
                    self._make_loop(task.step)
                self.items[task.step].append(name)
                self.item_counts[task.step][task.state] += 1
            self.counts[task.state] += 1
        return task

    def _make_loop(self, step: str) -> None:
        """From now on a step is counted by its items."""
        self.items[step] = []
        self.item_counts[step] = Counter()
        whole = self.tasks.get(step)
        if whole is not None:
            self.counts[whole.state] -= 1
            self.active.pop(step, None)
            self.failed.pop(step, None)

    def _change(self, event: TaskChanged) -> None:
        task = self._task(event.task)
        leaf = event.task not in self.items
        if leaf:
            for counted in (self.counts, *([self.item_counts[task.step]] if task.number >= 0 else [])):
                counted[task.state] -= 1
                counted[event.state] += 1
        if event.state == "Running" and event.attempt <= 1:  # it begins, perhaps once more
            task.began, task.ended = event.at, 0.0
            task.metrics.clear()
            task.artifacts.clear()
        if event.state in ("Running", "Retrying"):
            task.began = task.began or event.at
        task.state, task.since, task.reason, task.reused = event.state, event.at, visible(event.reason), event.reused
        task.attempt, task.attempts = event.attempt or task.attempt, event.attempts or task.attempts
        task.retry_at = event.at + event.retry_in if event.state == "Retrying" else 0.0
        task.item = visible(event.item) or task.item
        if event.state in OVER:
            task.ended = event.at
        if not leaf:
            return
        if event.state in ("Running", "Retrying"):
            self.active[task.name] = task
        else:
            self.active.pop(task.name, None)
        if event.state == "Failed":
            self.failed[task.name] = task
        else:
            self.failed.pop(task.name, None)
        if event.state in OVER:
            self.recent.append(task)

    def state_of(self, name: str) -> State:
        """The state of a task; of a step that rides along a loop, what its items are taken together."""
        task = self.tasks[name]
        if task.number >= 0:
            return task.state
        if task.state == "Running" and self.phase not in ("", "Running"):
            return "Stopped"  # a loop: it has no end of its own when the run is stopped
        if task.state != "Waiting" or name not in self.item_counts:
            return task.state
        counts = self.item_counts[name]
        if any(counts[state] for state in ("Running", "Retrying")) or (counts["Waiting"] and counts["Waiting"] < sum(counts.values())):
            return "Running"
        # the worst of what became of its items, if anything did
        worst: tuple[State, ...] = ("Waiting", "Failed", "Stopped", "NotRun", "Succeeded", "Skipped")
        return next((state for state in worst if counts[state]), "Waiting")
