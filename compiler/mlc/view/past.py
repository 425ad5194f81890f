"""A run that is over, or that another process drives, as the store knows it: read into the same board that events fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..local.events import MetricRead, Produced, RunEnded, RunStarted, TaskChanged
from .board import Board

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from ..local.events import Event
    from ..local.store import AttemptRecord, Made, Run, Store, Task

_TAIL = 10  # lines of the log of a task that failed
_TAIL_BYTES = 64 << 10


def board_of(store: Store, run: Run) -> Board:
    """Where a run stands."""
    board = Board()
    for event in _events(store, run):
        board.take(event, run.started)
    if run.ended:
        board.began = run.ended - run.seconds  # the pauses of one that went on do not count
    return board


def _events(store: Store, run: Run) -> Iterable[Event]:
    tasks = {task.name: task for task in store.tasks(run.name)}
    attempts: dict[str, list[AttemptRecord]] = {}
    for attempt in store.attempts(run.name):
        attempts.setdefault(attempt.task, []).append(attempt)
    # of a step that its project no longer has, what it was is forgotten when the run goes on
    names = [name for name in dict.fromkeys([*tasks, *attempts]) if name in tasks or not run.steps or name.partition("[")[0] in run.steps]
    steps = dict.fromkeys([*run.steps, *(name.partition("[")[0] for name in names)])
    going_on = store.active(run.name)
    riders = tuple((step, loop) for step, loop in run.steps.items() if loop)
    yield RunStarted(run.name, run.project, run.runner, str(run.folder), False, tuple((step, ()) for step in steps), (), riders)
    metrics, made = _by_task(store.written(run.name, "metric")), _by_task(store.made(run.name))
    for name in names:
        task = tasks.get(name)
        if task is None:
            going = attempts[name][-1]
            yield TaskChanged(name, "Running", going.started, going.number)
            if going.ended or not going_on:
                yield TaskChanged(name, "Stopped", going.ended, going.number)
            continue
        if task.started:
            yield TaskChanged(name, "Running", task.started, item=task.item)
        yield from (MetricRead(name, one.name, one.number or one.text, one.thresholds) for one in metrics.get(name, ()))
        yield from (Produced(name, one.name, str(place_of(store, run, one)), one.size) for one in made.get(name, ()))
        yield _ended(task)
    if not going_on:
        yield RunEnded(run.name, run.phase if run.phase != "Running" else "Stopped", run.ended, run.reasons)


def _by_task(found: Iterable[Any]) -> dict[str, list[Any]]:
    by: dict[str, list[Any]] = {}
    for one in found:
        by.setdefault(one.task, []).append(one)
    return by


def _ended(task: Task) -> TaskChanged:
    # how many attempts there might have been is not known
    return TaskChanged(task.name, task.state, task.ended, task.attempts, reason=task.reason, reused=task.reused, item=task.item)


def place_of(store: Store, run: Run, made: Made) -> Path:
    """Where to look at an artifact."""
    return store.folder_of(run.name) / made.task / "outputs" / made.name


def tails(store: Store, run: Run, tasks: Iterable[str]) -> dict[str, list[str]]:
    """The last lines of the logs of tasks, of their last attempts; none where there is no log."""
    found: dict[str, list[str]] = {}
    for task in tasks:
        attempts = store.attempts(run.name, task)
        found[task] = tail(store.attempt_folder(run.name, task, attempts[-1].number) / "log") if attempts else []
    return found


def tail(log: Path) -> list[str]:
    """The last lines of a log; none where there is none."""
    try:
        with log.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - _TAIL_BYTES))
            data = file.read()
    except OSError:
        return []
    return [line for line in data.decode("utf-8", "replace").split("\n") if line.strip()][-_TAIL:]
