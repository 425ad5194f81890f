"""What happens in a run, as the scheduler tells it: for the live view, the plain log and `--json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

State = Literal["Waiting", "Running", "Retrying", "Succeeded", "Skipped", "Failed", "NotRun", "Stopped"]
"""Of a task. `Stopped`: the run was interrupted while it ran. `NotRun`: something before it failed."""


@dataclass(frozen=True)
class RunStarted:
    """A run begins, or goes on. `tasks` are the steps in topological order, each with the names of those that it waits for.

    `riders` are the steps that ride along a loop, each with the loop. They have states of their items only: where the loop has none (it
    was skipped, did not run, or its list is empty) nothing is told of them.
    """

    run: str
    project: str
    runner: str
    folder: str
    resumed: bool
    tasks: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...] = ()
    riders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class TaskChanged:
    """A task is in another state. Items of a loop (`train[2]`) appear when the loop starts.

    `attempt` counts from 1; `reused` says where a result came from instead of an attempt ("", `cache`, or the name of a run).
    `reason` says in words why it was skipped, failed or did not run, or why a step of a resumed run runs again; "" otherwise. `at` is
    seconds since the epoch. `item` says what an item of a loop runs for, such as `lr=0.1 depth=3`, "" for other tasks.
    """

    task: str
    state: State
    at: float
    attempt: int = 0
    attempts: int = 0
    reason: str = ""
    reused: str = ""
    retry_in: float = 0.0
    item: str = ""


@dataclass(frozen=True)
class MetricRead:
    """A metric of a task that succeeded, and whether each of its thresholds held: `(text such as "above 0.8", held)`.

    Told for results that are reused, too, before the `TaskChanged` that says so. `held` is None for a threshold that
    cannot be decided. `text` is the number as the program wrote it, or what was there instead.
    """

    task: str
    metric: str
    text: str
    thresholds: tuple[tuple[str, bool | None], ...]


@dataclass(frozen=True)
class Produced:
    """An output of a task that succeeded is in the store, where a person can look at it: `path`, a file or folder of this machine.

    Told for results that are reused, too, before the `TaskChanged` that says so. `size` is in bytes.
    """

    task: str
    artifact: str
    path: str
    size: int


@dataclass(frozen=True)
class Note:
    """A sentence for people, about no task in particular: lower case, no full stop."""

    text: str


@dataclass(frozen=True)
class Line:
    """A line of a task's log, secrets masked. With a carriage return at its end: one that the program is still writing over."""

    task: str
    attempt: int
    text: str


@dataclass(frozen=True)
class RunEnded:
    """The run is over: `Succeeded`, `Failed`, or `Stopped` (interrupted; it can be resumed).

    `reasons` say why it failed, beside steps that did: `train: accuracy 0.7 is not above 0.8 (on_miss: fail)`.
    """

    run: str
    phase: Literal["Succeeded", "Failed", "Stopped"]
    at: float
    reasons: tuple[str, ...] = ()


Event = RunStarted | TaskChanged | MetricRead | Produced | Note | Line | RunEnded

if TYPE_CHECKING:
    Listener = Callable[[Event], None]
    """Called from the scheduler's one thread, in order; `Line` too."""
