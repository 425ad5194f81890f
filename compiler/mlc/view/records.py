"""A run as JSON lines, for programs: one object a line, each with `event` and `at` (seconds since the epoch)."""

from __future__ import annotations

import json
import math
import time
from typing import TYPE_CHECKING

from ..local.events import Line, MetricRead, Note, Produced, RunEnded, RunStarted, TaskChanged
from .board import Board

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..local.events import Event

VERSION = 1
"""Of the form, in the first line. Keys and events may be added; what is there keeps its meaning."""


class JsonView:
    """Takes events in and writes a JSON object for each."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.time) -> None:
        self.board = Board()
        self._write = write
        self._clock = clock

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        now = self._clock()
        self.board.take(event, now)
        if isinstance(event, Line) and event.text.endswith("\r"):
            return  # it comes again, as a whole
        self._write(as_json({"at": now, **record(event)}))


def as_json(found: dict[str, Any]) -> str:
    """An object as a line; `event` first, then the time."""
    ordered = {"event": found["event"], **found} if "event" in found else found
    return json.dumps(ordered, ensure_ascii=True, allow_nan=False) + "\n"


def record(event: Event) -> dict[str, Any]:
    """An event as plain data."""
    match event:
        case RunStarted():
            riders = dict(event.riders)
            return {
                "event": "run-started",
                "version": VERSION,
                "run": event.run,
                "project": event.project,
                "runner": event.runner,
                "folder": event.folder,
                "resumed": event.resumed,
                "steps": [{"name": name, "waits_for": list(before), "rides_along": riders.get(name)} for name, before in event.tasks],
                "notes": list(event.notes),
            }
        case TaskChanged():
            return {
                "event": "task",
                "at": event.at,
                "task": event.task,
                "state": event.state,
                "attempt": event.attempt,
                "attempts": event.attempts,
                "reason": event.reason,
                "reused": event.reused,
                "retry_in": event.retry_in,
                "item": event.item,
            }
        case MetricRead():
            return {
                "event": "metric",
                "task": event.task,
                "metric": event.metric,
                **measured(event.text, event.thresholds),
            }
        case Produced():
            return {"event": "artifact", "task": event.task, "artifact": event.artifact, "path": event.path, "size": event.size}
        case Note():
            return {"event": "note", "text": event.text}
        case Line():
            return {"event": "line", "task": event.task, "attempt": event.attempt, "text": event.text}
        case RunEnded():
            return {"event": "run-ended", "at": event.at, "run": event.run, "phase": event.phase, "reasons": list(event.reasons)}


def measured(text: str, thresholds: Sequence[tuple[str, bool | None]]) -> dict[str, Any]:
    """What a metric is, and how its thresholds stand, as plain data."""
    return {"text": text, "value": number(text), "thresholds": [{"threshold": words, "held": held} for words, held in thresholds]}


def number(text: str) -> float | int | None:
    """The number that a text of a metric is; None where it is none, or one that JSON cannot hold."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return found if math.isfinite(found) else None
