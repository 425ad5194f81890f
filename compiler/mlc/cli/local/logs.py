"""`mlc logs`: what the steps of a run printed."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from .. import streams
from ..request import OK
from .here import Misuse, asked, guarded, named, opened, tasks_of, typed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ...local.store import AttemptRecord, Run, Store
    from ..request import Request
    from ..request_here import Here

_PERIOD = 0.2  # seconds between two looks at a log that grows
_CHUNK = 1 << 20


def logs(request: Request) -> int:
    """Print logs, and return the exit code."""
    return guarded(_logs, request)


def _logs(request: Request) -> int:
    here = asked(request)
    with contextlib.closing(opened(here)) as store:
        run = named(store, here, here.names[0])
        if not here.task:
            if here.attempt:
                raise Misuse("`--attempt` is of one task: name it")
            return _several(store, run, here, "")
        own = any(attempt.task == here.task for attempt in store.attempts(run.name))
        if not own and any(task.startswith(f"{here.task}[") for task in tasks_of(store, run)):
            if here.attempt:
                raise Misuse(f"`{here.task}` is a loop: name an item, such as `{here.task}[0]`")
            return _several(store, run, here, f"{here.task}[")
        return _one(store, run, here)


# --- one task, as it is -------------------------------------------------------------------------------------------------------


def _one(store: Store, run: Run, here: Here) -> int:
    number = here.attempt
    while not (attempts := store.attempts(run.name, here.task)) and here.follow and _goes_on(store, run, here.task):
        time.sleep(_PERIOD)
    if not attempts:
        return _none(store, run, here)
    numbers = [attempt.number for attempt in attempts]
    if number and number not in numbers:
        raise Misuse(f"`{here.task}` of `{run.name}` has no attempt {number}: it made {', '.join(map(str, numbers))}")
    shown = number or numbers[-1]
    position = 0
    while True:
        # asked before the last look, so that nothing is missed
        over = not here.follow or not _attempt_goes_on(store, run, here.task, shown)
        for data in _from(_log(store, run, here.task, shown), position):
            position += len(data)
            if not streams.pour(data):
                return OK
        if not over:
            time.sleep(_PERIOD)
            continue
        later = [attempt.number for attempt in store.attempts(run.name, here.task) if attempt.number > shown]
        if here.follow and not number and later:
            shown, position = later[0], 0
        elif here.follow and not number and _goes_on(store, run, here.task):
            time.sleep(_PERIOD)  # it is to be tried again
        else:
            return OK


def _none(store: Store, run: Run, here: Here) -> int:
    """Say why a task has no log."""
    from ...diagnostics.suggest import did_you_mean

    result = store.result(run.name, here.task)
    if result is None:
        begun = tasks_of(store, run)
        hint = did_you_mean(here.task, begun) or f"`{typed(here, 'runs', run.name)}` lists what ran"
        raise Misuse(f"nothing called `{here.task}` has begun in `{run.name}`: {hint}")
    task = result.task
    log = store.log(run.name, task.name) if task.origin else None
    if log is not None:
        streams.tell(f"`{task.name}` of `{run.name}` is the result of `{task.origin}`, which printed:")
        for data in _from(log, 0):
            if not streams.pour(data):
                break
        return OK
    why = "the run of which its result is is no longer there" if task.origin else task.state + (f", {task.reason}" if task.reason else "")
    streams.tell(f"`{task.name}` printed nothing in `{run.name}`: {why}")
    return OK


def _attempt_goes_on(store: Store, run: Run, task: str, number: int) -> bool:
    ended = any(attempt.number == number and attempt.ended for attempt in store.attempts(run.name, task))
    return not ended and _goes_on(store, run, task)


def _goes_on(store: Store, run: Run, task: str) -> bool:
    """Whether more may come of a task."""
    return store.result(run.name, task) is None and store.active(run.name)


def _log(store: Store, run: Run, task: str, number: int) -> Path:
    return store.attempt_folder(run.name, task, number) / "log"


def _from(log: Path, position: int) -> Iterator[bytes]:
    """What a log has from a position on, in pieces; nothing where there is none."""
    try:
        file = log.open("rb")
    except FileNotFoundError:  # the program is about to start, or somebody tidied up
        return
    with file:
        file.seek(position)
        while data := file.read(_CHUNK):
            yield data


# --- several, line by line ----------------------------------------------------------------------------------------------------


def _several(store: Store, run: Run, here: Here, prefix: str) -> int:
    """Every attempt of every task with this prefix, in the order of their starts, each line with the task."""
    positions: dict[tuple[str, int], int] = {}
    column = 0
    while True:
        goes_on = here.follow and store.active(run.name)
        attempts = [attempt for attempt in store.attempts(run.name) if attempt.task.startswith(prefix)]
        column = max([column, *(len(_label(attempt)) for attempt in attempts)])
        for attempt in attempts:
            key = (attempt.task, attempt.number)
            text, positions[key] = _lines(_log(store, run, *key), positions.get(key, 0), partial=not goes_on)
            if text and streams.show("".join(f"{_label(attempt):<{column}} | {line}\n" for line in text)) is not None:
                return OK
        if not goes_on:
            return OK
        time.sleep(_PERIOD)


def _label(attempt: AttemptRecord) -> str:
    return attempt.task if attempt.number == 1 else f"{attempt.task} ({attempt.number})"


def _lines(log: Path, position: int, *, partial: bool) -> tuple[list[str], int]:
    """The lines of a log from a position on, and the position after them; with `partial`, also one that is not ended."""
    from ...view.words import plain_line

    data = b"".join(_from(log, position))
    if not partial:
        data = data[: data.rfind(b"\n") + 1]
    return [
        plain_line(line) for line in data.decode("utf-8", "replace").split("\n")[: None if data[-1:] not in (b"\n", b"") else -1]
    ], position + len(data)
