"""`mlc runs`: what ran on this machine, one run in full, and how to get rid of runs."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from .. import streams
from ..request import OK
from .here import Misuse, asked, existing, guarded, named, opened, paper, shown, state_folder, told, typed
from .machine import swept

if TYPE_CHECKING:
    from typing import Any

    from ...local.store import Run, Store
    from ...view.board import Board
    from ..request import Request
    from ..request_here import Here


def runs(request: Request) -> int:
    """List, show or remove runs, and return the exit code."""
    return guarded(_runs, request)


def _runs(request: Request) -> int:
    here = asked(request)
    if here.remove or here.prune:
        if here.names or here.json:
            raise Misuse("`--remove` and `--prune` print no runs: leave out what is to be printed")
        with contextlib.closing(opened(here)) as store:
            return _tidy(store, here)
    if here.names:
        with contextlib.closing(opened(here)) as store:
            return _show(store, here)
    found = existing(here)
    if found is None:
        return _list(None, here)
    with contextlib.closing(found) as store:
        return _list(store, here)


# --- all --------------------------------------------------------------------------------------------------------------------


def _list(store: Store | None, here: Here) -> int:
    found = store.runs() if store else []
    if here.json:
        return _json({"version": 1, "runs": [_plain(store, run) for run in found] if store else []})
    if store is None or not found:
        streams.tell(f"no runs in `{shown(state_folder(here))}` yet: `mlc run` makes one")
        return OK
    rows = [
        (run.name, run.project, _when(run.started), _took(run), (state := _state(store, run), _STYLES[state]), run.runner) for run in found
    ]
    return told(paper().table(("RUN", "PROJECT", "STARTED", "TIME", "STATE", "RUNNER"), rows, right=("TIME",)))


_STYLES = {"Succeeded": "green", "Failed": "bold red", "Stopped": "yellow", "Killed": "yellow", "Running": "cyan"}


def _state(store: Store, run: Run) -> str:
    """The phase of a run, in a word more: `Killed` where its process is gone without a word."""
    return "Killed" if run.phase == "Running" and not store.active(run.name) else run.phase


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _took(run: Run) -> str:
    from ...view.words import duration

    return duration(run.seconds) if run.ended else ""


def _json(found: object) -> int:
    import json

    return told(json.dumps(found, indent=2) + "\n")


def _plain(store: Store, run: Run) -> dict[str, Any]:
    return {
        "run": run.name,
        "id": run.id,
        "project": run.project,
        "spec": run.spec,
        "environment": run.environment,
        "locked": run.locked,
        "params": dict(run.params),
        "runner": run.runner,
        "state": _state(store, run),
        "reasons": list(run.reasons),
        "started": run.started,
        "ended": run.ended or None,
        "seconds": run.seconds if run.ended else None,
        "folder": str(run.folder),
    }


# --- one --------------------------------------------------------------------------------------------------------------------


def _show(store: Store, here: Here) -> int:
    from ...view.end import Hints, failures, whole
    from ...view.past import board_of, tails

    run = named(store, here, here.names[0])
    if here.json:
        return _json({"version": 1, **_plain(store, run), **_inside(store, run, board_of(store, run))})
    board = board_of(store, run)
    board.phase = _state(store, run)
    lines = tails(store, run, failures(board))
    going = store.active(run.name)
    hints = Hints(
        resume=typed(here, "run", "--resume", run.name) if run.phase != "Succeeded" and not going else "",
        logs={name: typed(here, "logs", run.name, name) for name in lines},
    )
    return told(whole(board, paper(), lines, hints, everything=True))


def _inside(store: Store, run: Run, board: Board) -> dict[str, Any]:
    from ...view.past import place_of
    from ...view.records import measured

    metrics = [
        {"task": one.task, "metric": one.name, **measured(one.number or one.text, one.thresholds)}
        for one in store.written(run.name, "metric")
    ]
    over = store.tasks(run.name)
    names = {task.name for task in over}
    riders = {step for steps in board.riders.values() for step in steps}
    open_tasks = [
        task for task in board.tasks.values() if task.name not in names and not (task.name in riders and task.name in board.items)
    ]
    return {
        "tasks": [
            {
                "task": task.name,
                "state": task.state,
                "reason": task.reason,
                "attempts": task.attempts,
                "reused": task.reused,
                "item": task.item,
                "started": task.started or None,
                "ended": task.ended or None,
            }
            for task in over
        ]
        + [
            {
                "task": task.name,
                "state": board.state_of(task.name),
                "reason": task.reason,
                "attempts": task.attempt,
                "reused": "",
                "item": task.item,
                "started": task.began or None,
                "ended": task.ended or None,
            }
            for task in open_tasks
        ],
        "values": [{"task": one.task, "value": one.name, "text": one.text} for one in store.written(run.name, "value")],
        "metrics": metrics,
        "artifacts": [
            {"task": made.task, "artifact": made.name, "size": made.size, "path": str(place_of(store, run, made))}
            for made in store.made(run.name)
        ],
    }


# --- none -------------------------------------------------------------------------------------------------------------------


def _tidy(store: Store, here: Here) -> int:
    from ...local.store import StateError

    found = [named(store, here, name) for name in here.remove]
    going = [run.name for run in found if store.active(run.name)]
    if going:
        raise Misuse(f"`{going[0]}` is running: end it first")
    for run in found:
        problem = swept(store, run)
        if problem:
            raise StateError(f"what `{run.name}` left when it was killed cannot be ended: {problem}")
        store.remove(run.name)
        streams.tell(f"removed {run.name}")
    if here.prune:
        if not store.sweep():
            raise StateError("a run is going: artifacts are not removed while it makes some")
        streams.tell("removed artifacts that no run has any more")
    return OK
