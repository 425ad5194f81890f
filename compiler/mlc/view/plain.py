"""The plain log of a run: one line for what a program prints and for each change of a state, with the time of day."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..diagnostics.render import visible
from ..local.events import Line, MetricRead, Note, RunEnded, RunStarted, TaskChanged
from .board import Board
from .words import count, duration, origin, plain_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..local.events import Event

_WIDEST = 24


class PlainView:
    """Takes events in and writes lines."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.time) -> None:
        self.board = Board()
        self._write = write
        self._clock = clock
        self._column = 0

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        now = self._clock()
        self.board.take(event, now)
        match event:
            case RunStarted():
                self._column = min(_WIDEST, max((len(name) for name, _ in event.tasks), default=0))
                again = " goes on" if event.resumed else ""
                self._say(now, f"{event.run}{again}: {count(len(event.tasks), 'step')}, {event.runner}")
                for note in event.notes:
                    self._say(now, visible(note))
            case Note():
                self._say(now, visible(event.text))
            case Line() if not event.text.endswith("\r"):
                text = plain_line(event.text)
                self._say(now, f"{event.task:<{self._column}} | {text}".rstrip())
            case TaskChanged():
                said = self._change(event)
                if said:
                    self._say(event.at, said)
            case MetricRead():
                self._say(now, f"{event.task:<{self._column}}   {metric(event)}")
            case RunEnded():
                for reason in event.reasons:
                    self._say(event.at, visible(reason))

    def _say(self, at: float, text: str) -> None:
        self._write(f"{time.strftime('%H:%M:%S', time.localtime(at))} {text}\n")

    def _change(self, event: TaskChanged) -> str:
        """What is said of a change; "" where it is nothing to say: what waits, has nothing to say."""
        task = self.board.tasks[event.task]
        nth = f" (attempt {event.attempt} of {event.attempts})" if event.attempts > 1 else ""
        why = f": {task.reason}" if task.reason else ""
        of = f" ({task.item})" if task.item and event.state == "Running" else ""
        took = f" after {duration(task.ended - task.began)}" if task.began else ""
        said = {
            "Running": f"started{of}{nth if event.attempt > 1 else ''}{why}",
            "Retrying": f"failed{nth}{why}; again in {duration(event.retry_in)}",
            "Succeeded": origin(event.reused, self.board.run) if event.reused else f"succeeded{took}",
            "Failed": f"failed{took}{nth}{why}",
            "Stopped": f"stopped{took}{why}",
            "Skipped": f"skipped{why}",
            "NotRun": f"not run{why}",
        }.get(event.state, "")
        return f"{event.task:<{self._column}}   {said}" if said else ""


def metric(event: MetricRead) -> str:
    """A metric against its thresholds: `accuracy 0.93 above 0.8 ok`."""
    against = ", ".join(f"{text} {held_word(held)}" for text, held in event.thresholds)
    return f"{event.metric} {plain_line(event.text)} {against}".rstrip()


def held_word(held: bool | None) -> str:
    """Whether a threshold held, in a word."""
    return {True: "ok", False: "missed", None: "cannot be decided"}[held]
